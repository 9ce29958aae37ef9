#pragma once
#include <arpa/inet.h>

#include <stdexcept>
#include <string>

#include "gateway/base/peer.hpp"

namespace gateway::test {

inline Peer peer_at(std::string const& address) {
  Peer peer;
  bool const v6 = address.find(':') != std::string::npos;
  peer.family = v6 ? Peer::Family::v6 : Peer::Family::v4;
  if (::inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), peer.address.data()) != 1)
    throw std::invalid_argument(address);
  peer.port = 40000;
  return peer;
}

inline Peer unix_peer(std::uint32_t uid) {
  Peer peer;
  peer.family = Peer::Family::unix_socket;
  peer.uid = uid;
  return peer;
}

}  // namespace gateway::test
