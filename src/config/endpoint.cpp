#include <arpa/inet.h>

#include "gateway/base/ascii.hpp"
#include "gateway/config/config.hpp"

namespace gateway::config {
namespace {

// Splits "host:port" or "[v6]:port"; the port may be missing when `default_port` is not 0.
bool split_authority(std::string_view text, std::string& host, std::uint16_t& port, std::uint16_t default_port) {
  std::string_view rest;
  if (text.starts_with('[')) {
    auto const end = text.find(']');
    if (end == std::string_view::npos) return false;
    host = text.substr(1, end - 1);
    unsigned char ignored[16];
    if (::inet_pton(AF_INET6, host.c_str(), ignored) != 1) return false;
    rest = text.substr(end + 1);
  } else {
    auto const colon = text.find(':');
    host = text.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
    if (host.empty() || host.size() > 253) return false;
    for (char c : host)
      if (!is_alnum(c) && c != '-' && c != '.' && c != '_') return false;
  }
  if (rest.empty()) {
    port = default_port;
    return default_port != 0;
  }
  auto const number = rest.front() == ':' ? parse_decimal<std::uint32_t>(rest.substr(1)) : std::nullopt;
  if (!number || *number > 65535) return false;
  port = static_cast<std::uint16_t>(*number);
  return true;
}

}  // namespace

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  Endpoint endpoint;
  if (text.starts_with("unix:")) {
    endpoint.is_unix = true;
    endpoint.host = text.substr(5);
    // sun_path holds 108 bytes with its terminating zero.
    if (endpoint.host.empty() || endpoint.host.front() != '/' || endpoint.host.size() > 107) return std::nullopt;
    return endpoint;
  }
  if (!split_authority(text, endpoint.host, endpoint.port, 0)) return std::nullopt;
  return endpoint;
}

std::string Endpoint::text() const {
  if (is_unix) return "unix:" + host;
  bool const v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<UpstreamUrl> UpstreamUrl::parse(std::string_view text) {
  UpstreamUrl url;
  if (text.starts_with("https://")) {
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    url.tls = false;
    url.port = 80;
    text.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  auto const slash = text.find('/');
  auto const authority = text.substr(0, slash);
  if (!split_authority(authority, url.host, url.port, url.port) || url.port == 0) return std::nullopt;
  url.host_header = authority;
  if (slash != std::string_view::npos) url.path = text.substr(slash);
  while (url.path.ends_with('/')) url.path.pop_back();
  for (char c : url.path)
    if (!is_alnum(c) && c != '/' && c != '-' && c != '_' && c != '.') return std::nullopt;
  return url;
}

bool UpstreamUrl::is_loopback() const {
  return host == "localhost" || host == "::1" || (host.starts_with("127.") && Cidr::parse(host).has_value());
}

}  // namespace gateway::config
