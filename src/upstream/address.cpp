#include "gateway/upstream/address.hpp"

#include <netdb.h>

#include <cstring>

namespace gateway::upstream {

AddressList resolve(std::string const& host, std::uint16_t port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return {};
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> const guard(found, ::freeaddrinfo);
  AddressList list;
  for (auto const* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    Address address;
    std::memcpy(&address.bytes, entry->ai_addr, entry->ai_addrlen);
    address.size = entry->ai_addrlen;
    list.push_back(address);
  }
  return list;
}

bool same_addresses(AddressList const& a, AddressList const& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].size != b[i].size || std::memcmp(&a[i].bytes, &b[i].bytes, a[i].size) != 0) return false;
  return true;
}

}  // namespace gateway::upstream
