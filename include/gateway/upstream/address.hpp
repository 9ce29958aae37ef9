#pragma once
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gateway::upstream {

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};
using AddressList = std::vector<Address>;

// All stream addresses of a name. Blocks (getaddrinfo): never on a worker. Empty when the name does not resolve.
AddressList resolve(std::string const& host, std::uint16_t port);
bool same_addresses(AddressList const& a, AddressList const& b);

}  // namespace gateway::upstream
