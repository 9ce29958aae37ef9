#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gateway {

// Who is at the other end of a caller's connection. IPv4-mapped IPv6 addresses are stored as IPv4.
struct Peer {
  enum class Family : std::uint8_t { unknown, v4, v6, unix_socket };
  Family family = Family::unknown;
  std::array<unsigned char, 16> address{};  // network order; the first four bytes for v4
  std::uint16_t port = 0;
  std::uint32_t uid = 0;  // of a unix socket's peer

  static constexpr std::size_t max_text = 64;
  // "10.1.2.3", "2001:db8::1" or "unix:1000", into a buffer of max_text bytes.
  std::string_view write(char* out) const;
};

// A block of addresses; 0..32 or 0..128 leading bits count.
struct Cidr {
  Peer::Family family = Peer::Family::v4;
  std::array<unsigned char, 16> address{};
  int bits = 0;

  // "10.0.0.0/8", "::1/128", or a single address. Host bits below the prefix must be zero. IPv4 blocks are written as
  // such: an IPv4-mapped one could never match.
  static std::optional<Cidr> parse(std::string_view text);
  bool contains(Peer const& peer) const;
  bool operator==(Cidr const&) const = default;
};

}  // namespace gateway
