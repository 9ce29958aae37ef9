#include "gateway/base/peer.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "gateway/base/ascii.hpp"

namespace gateway {

std::string_view Peer::write(char* out) const {
  switch (family) {
    case Family::v4: {  // the common case, and inet_ntop is slow
      char* end = out;
      for (int i = 0; i < 4; ++i) {
        if (i > 0) *end++ = '.';
        end = std::to_chars(end, end + 3, address[static_cast<std::size_t>(i)]).ptr;
      }
      return {out, static_cast<std::size_t>(end - out)};
    }
    case Family::v6:
      ::inet_ntop(AF_INET6, address.data(), out, max_text);
      break;
    case Family::unix_socket:
      std::snprintf(out, max_text, "unix:%u", uid);
      break;
    case Family::unknown:
      std::snprintf(out, max_text, "unknown");
      break;
  }
  return out;
}

namespace {
bool bit_of(std::array<unsigned char, 16> const& address, int bit) {
  return (address[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8)) & 1;
}
}  // namespace

std::optional<Cidr> Cidr::parse(std::string_view text) {
  auto const slash = text.find('/');
  std::string const host(text.substr(0, slash));
  if (host.find('\0') != std::string::npos) return std::nullopt;
  Cidr cidr;
  cidr.family = host.find(':') == std::string::npos ? Peer::Family::v4 : Peer::Family::v6;
  int const width = cidr.family == Peer::Family::v4 ? 32 : 128;
  if (::inet_pton(width == 32 ? AF_INET : AF_INET6, host.c_str(), cidr.address.data()) != 1) return std::nullopt;
  constexpr std::array<unsigned char, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (width == 128 && std::equal(mapped.begin(), mapped.end(), cidr.address.begin())) return std::nullopt;
  cidr.bits = width;
  if (slash != std::string_view::npos) {
    auto const bits = parse_decimal<int>(text.substr(slash + 1));
    if (!bits || *bits > width) return std::nullopt;
    cidr.bits = *bits;
  }
  for (int bit = cidr.bits; bit < width; ++bit)
    if (bit_of(cidr.address, bit)) return std::nullopt;
  return cidr;
}

bool Cidr::contains(Peer const& peer) const {
  if (peer.family != family) return false;
  auto const whole = static_cast<std::size_t>(bits / 8);
  if (std::memcmp(peer.address.data(), address.data(), whole) != 0) return false;
  int const rest = bits % 8;
  if (rest == 0) return true;
  auto const mask = static_cast<unsigned char>(0xff << (8 - rest));
  return ((peer.address[whole] ^ address[whole]) & mask) == 0;
}

}  // namespace gateway
