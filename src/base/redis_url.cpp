#include "gateway/base/redis_url.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "gateway/base/ascii.hpp"

namespace gateway {
namespace {

constexpr std::uint32_t max_database = 65535;  // more than any server is configured for
constexpr std::size_t max_host = 253, max_credential = 512;

RedisUrlResult wrong(std::string problem, std::string remedy) { return {std::nullopt, std::move(problem), std::move(remedy)}; }

bool is_plain_in_credentials(char c) {
  return is_alnum(c) || std::string_view("-._~!$&'()*+,;=:").find(c) != std::string_view::npos;
}

// Percent-decodes; false when something stands there that should have been encoded, or an encoding is broken.
bool decode(std::string_view text, std::string& out) {
  out.reserve(text.size());  // so that no shorter copy of a password stays behind in memory
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      int const high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      int const low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return false;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else if (is_plain_in_credentials(text[i])) {
      out += text[i];
    } else {
      return false;
    }
  }
  return true;
}

bool is_v4(std::string const& host) {
  in_addr ignored{};
  return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1;
}

bool is_v6(std::string const& host) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

// A name whose last label is a number is an address to every resolver, and must then be a whole one.
bool ends_in_number(std::string_view host) {
  auto const label = host.substr(host.rfind('.') + 1);
  return !label.empty() && std::all_of(label.begin(), label.end(), is_digit);
}

bool is_name(std::string_view host) {
  if (host.empty() || host.size() > max_host || host.front() == '.' || host.find("..") != std::string_view::npos) return false;
  return std::all_of(host.begin(), host.end(), [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

RedisUrlResult take_credentials(std::string_view text, RedisUrl& url) {
  auto const colon = text.find(':');
  if (colon == std::string_view::npos)
    return wrong("has a user but no password", "write redis://:password@host or redis://user:password@host");
  std::string password;
  bool const good = decode(text.substr(0, colon), url.user) && decode(text.substr(colon + 1), password);
  url.password = Secret::take(std::move(password));
  if (!good)
    return wrong("has a user or a password with characters that a URL does not allow there",
                 "percent-encode them: @ is %40, / is %2F, # is %23, ? is %3F, % is %25, a blank is %20");
  if (url.password.empty()) return wrong("has an empty password", "write the password behind the colon, or leave both and the @ out");
  if (url.user.size() > max_credential || url.password.size() > max_credential)
    return wrong("has a user or a password of more than 512 bytes", "use shorter ones");
  return {};
}

RedisUrlResult take_place(std::string_view text, RedisUrl& url) {
  std::string_view rest;
  if (text.starts_with('[')) {
    auto const end = text.find(']');
    url.host = text.substr(1, end == std::string_view::npos ? end : end - 1);
    if (end == std::string_view::npos || !is_v6(url.host))
      return wrong("has brackets without an IPv6 address in them", "write for instance redis://[::1]:6379");
    url.is_address = true;
    rest = text.substr(end + 1);
  } else {
    auto const colon = text.find(':');
    url.host = text.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
    if (url.host.empty()) return wrong("names no host", "write redis://host:port");
    if (rest.substr(std::min<std::size_t>(1, rest.size())).find(':') != std::string_view::npos)
      return wrong("has more than one colon behind the host", "put an IPv6 address in brackets: redis://[::1]:6379");
    if (!is_name(url.host)) return wrong("has a host that is no name and no address", "write redis://host:port");
    url.is_address = is_v4(url.host);
    if (!url.is_address && ends_in_number(url.host))
      return wrong("has a host that looks like an IPv4 address but is none", "write four numbers from 0 to 255");
  }
  if (rest.empty()) return {};
  if (rest.front() != ':') return wrong("has something between the host and the port", "write redis://host:port");
  auto const port = parse_decimal<std::uint32_t>(rest.substr(1));
  if (!port || *port == 0 || *port > 65535) return wrong("has a port that is no number from 1 to 65535", "write redis://host:6379");
  url.port = static_cast<std::uint16_t>(*port);
  return {};
}

}  // namespace

RedisUrlResult RedisUrl::parse(std::string_view text) {
  RedisUrl url;
  auto const scheme = text.find("://");
  auto const name = text.substr(0, scheme == std::string_view::npos ? 0 : scheme);
  url.tls = iequals(name, "rediss");
  if (!url.tls && !iequals(name, "redis"))
    return wrong("does not begin with redis:// or rediss://", "write redis://host:port, or rediss://host:port for TLS");
  text.remove_prefix(scheme + 3);

  auto const end = std::min(text.find_first_of("/?#"), text.size());
  auto authority = text.substr(0, end), path = text.substr(end);
  if (path.find('@') != std::string_view::npos)
    return wrong("has a password with a /, ? or # in it", "percent-encode them: / is %2F, ? is %3F, # is %23");
  if (path.find_first_of("?#") != std::string_view::npos)
    return wrong("has a query or a fragment", "end it behind the number of the database");

  if (auto const at = authority.rfind('@'); at != std::string_view::npos) {
    if (auto bad = take_credentials(authority.substr(0, at), url); !bad.problem.empty()) return bad;
    authority.remove_prefix(at + 1);
  }
  if (auto bad = take_place(authority, url); !bad.problem.empty()) return bad;

  if (path.size() > 1) {
    auto const database = parse_decimal<std::uint32_t>(path.substr(1));
    if (!database || *database > max_database)
      return wrong("has something behind the host that is no number of a database", "write redis://host:port/0");
    url.database = *database;
  }
  return {std::move(url), {}, {}};
}

std::string RedisUrl::place() const {
  bool const v6 = host.find(':') != std::string::npos;
  return (tls ? "rediss://" : "redis://") + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port) + "/" +
         std::to_string(database);
}

}  // namespace gateway
