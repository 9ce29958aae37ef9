#include "gateway/http/framing.hpp"

#include <limits>
#include <optional>

#include "gateway/base/ascii.hpp"

namespace gateway::http {
namespace {

// A body longer than this cannot be meant; keeps sums of lengths from wrapping.
constexpr std::uint64_t max_content_length = std::uint64_t{1} << 62;

// uri-host [":" port] of RFC 9110 section 7.2, reduced to what host names and addresses need.
bool valid_host(std::string_view host) {
  if (host.empty() || host.size() > 260) return false;
  std::string_view name = host, port;
  bool has_port = false;
  if (host.front() == '[') {
    auto const end = host.find(']');
    if (end == std::string_view::npos) return false;
    name = host.substr(1, end - 1);
    auto const rest = host.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return false;
    has_port = !rest.empty();
    port = has_port ? rest.substr(1) : rest;
    for (char c : name)
      if (hex_value(c) < 0 && c != ':' && c != '.') return false;
  } else {
    auto const colon = host.find(':');
    has_port = colon != std::string_view::npos;
    name = host.substr(0, colon);
    port = has_port ? host.substr(colon + 1) : std::string_view{};
    for (char c : name)
      if (!is_alnum(c) && c != '-' && c != '.' && c != '_') return false;
  }
  if (name.empty()) return false;
  if (!has_port) return true;
  auto const number = parse_decimal<std::uint32_t>(port);
  return number && port.size() <= 5 && *number <= 65535;
}

struct LengthFields {
  std::size_t lengths = 0, codings = 0;
  std::string_view length, coding;
};

LengthFields collect(FieldList const& fields) {
  LengthFields found;
  for (auto const& field : fields.all()) {
    if (field.id == Name::content_length) {
      ++found.lengths;
      found.length = field.value;
    } else if (field.id == Name::transfer_encoding) {
      ++found.codings;
      found.coding = field.value;
    }
  }
  return found;
}

std::optional<std::uint64_t> parse_length(std::string_view text) {
  // "007" is a number to one parser and octal or a smuggling probe to another.
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  auto const length = parse_decimal<std::uint64_t>(text);
  if (!length || *length > max_content_length) return std::nullopt;
  return length;
}

// `Connection` options that decide persistence (RFC 9112 section 9.3).
bool is_persistent(FieldList const& fields, int minor_version) {
  bool close = false, keep_alive = false;
  for (auto const& field : fields.all())
    if (field.id == Name::connection)
      for_each_token(field.value, [&](std::string_view option) {
        close |= iequals(option, "close");
        keep_alive |= iequals(option, "keep-alive");
      });
  return !close && (minor_version >= 1 || keep_alive);
}

bool is_path_octet(int octet) {
  // Octets that another parser could turn into structure once decoded.
  return octet > 0x1f && octet != 0x7f && octet != '/' && octet != '\\' && octet != '.' && octet != '%' && octet != ';';
}

Result<> judge_path(std::string_view path) {
  std::size_t segment = 1;  // index of the first byte of the current segment
  for (std::size_t i = 1; i <= path.size(); ++i) {
    if (i == path.size() || path[i] == '/') {
      auto const text = path.substr(segment, i - segment);
      if (text == "." || text == ".." || (text.empty() && i < path.size())) return Failure{Code::bad_target};
      segment = i + 1;
      continue;
    }
    if (path[i] == '\\') return Failure{Code::bad_target};
    if (path[i] == '%') {
      int const octet = hex_value(path[i + 1]) * 16 + hex_value(path[i + 2]);
      if (!is_path_octet(octet)) return Failure{Code::bad_target};
    }
  }
  return {};
}

}  // namespace

Result<> judge_target(std::string_view target) {
  if (target.empty() || target.front() != '/') return Failure{Code::bad_target};
  for (std::size_t i = 0; i < target.size(); ++i) {
    auto const c = target[i];
    if (c <= 0x20 || c >= 0x7f || c == '#') return Failure{Code::bad_target};
    if (c == '%') {
      if (i + 2 >= target.size() || hex_value(target[i + 1]) < 0 || hex_value(target[i + 2]) < 0)
        return Failure{Code::bad_target};
    }
  }
  return judge_path(target.substr(0, target.find('?')));
}

Result<RequestFraming> judge_request(RequestHead const& head) {
  auto const hosts = head.fields.occurrences(Name::host);
  // HTTP/1.0 callers may leave Host out.
  if (hosts > 1 || (hosts == 0 && head.minor_version >= 1)) return Failure{Code::bad_host};
  if (hosts == 1 && !valid_host(head.fields.first(Name::host))) return Failure{Code::bad_host};

  RequestFraming framing;
  auto const found = collect(head.fields);
  if (found.codings > 0) {
    if (found.lengths > 0) return Failure{Code::conflicting_length};
    if (found.codings > 1 || !iequals(found.coding, "chunked") || head.minor_version < 1)
      return Failure{Code::bad_transfer_encoding};
    framing.body.kind = Framing::Kind::chunked;
  } else if (found.lengths > 0) {
    auto const length = parse_length(found.length);
    if (found.lengths > 1 || !length) return Failure{Code::bad_content_length};
    framing.body = {Framing::Kind::length, *length};
  }
  GW_CHECK(judge_target(head.target));

  framing.persistent = is_persistent(head.fields, head.minor_version);
  if (auto const expectations = head.fields.occurrences(Name::expect); expectations > 0) {
    bool const known = expectations == 1 && iequals(head.fields.first(Name::expect), "100-continue");
    if (!known) return Failure{Code::unsupported_expectation};
    // HTTP/1.0 callers do not know interim answers: the expectation is ignored (RFC 9110 section 10.1.1).
    framing.expects_continue = head.minor_version >= 1 && framing.body.has_body();
  }
  return framing;
}

Result<ResponseFraming> judge_response(ResponseHead const& head) {
  ResponseFraming framing;
  framing.persistent = is_persistent(head.fields, head.minor_version);
  auto const found = collect(head.fields);
  Failure const bad{Code::upstream_bad_response, head.status};
  bool const bodiless = head.status < 200 || head.status == 204 || head.status == 304;
  if (found.codings > 0) {
    if (found.lengths > 0 || found.codings > 1 || bodiless) return bad;
    if (!iequals(found.coding, "chunked") || head.minor_version < 1) return bad;
    framing.body.kind = Framing::Kind::chunked;
  } else if (found.lengths > 0) {
    auto const length = parse_length(found.length);
    if (found.lengths > 1 || !length) return bad;
    if (!bodiless) framing.body = {Framing::Kind::length, *length};
  } else if (!bodiless) {
    framing.body.kind = Framing::Kind::until_close;
    framing.persistent = false;
  }
  return framing;
}

}  // namespace gateway::http
