#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/secret.hpp"

namespace gateway {

struct RedisUrlResult;

// redis://[[user]:password@]host[:port][/database], or rediss:// for TLS. An IPv6 address stands in brackets; what user
// and password hold besides letters, digits and -._~!$&'()*+,;=: is percent-encoded.
struct RedisUrl {
  bool tls = false;
  std::string host;  // without brackets
  bool is_address = false;  // the host is an IPv4 or IPv6 address, no name
  std::uint16_t port = 6379;
  std::uint32_t database = 0;
  std::string user;  // empty: the server's default user
  Secret password;

  static RedisUrlResult parse(std::string_view text);
  // The URL without user and password, for the log.
  std::string place() const;
};

// Either a URL or what is wrong with the text and what to do about it. Neither sentence repeats any of the text: where
// one that is not understood ends its password is not known.
struct RedisUrlResult {
  std::optional<RedisUrl> url;
  std::string problem, remedy;
};

}  // namespace gateway
