#include "gateway/http/head.hpp"

#include <cstring>

#include "gateway/base/ascii.hpp"

// A parser of our own rather than Beast's: Beast 1.81 joins folded lines, allows what section 4.2 of the wire tests
// lists, and reports one error for many causes. Beast serves as the second opinion in tests and fuzzing: what we
// accept, it must accept with the same fields.
namespace gateway::http {
namespace {

struct KnownName {
  std::string_view text;
  Name id;
};
constexpr KnownName known_names[] = {
    {"te", Name::te},
    {"age", Name::age},
    {"date", Name::date},
    {"etag", Name::etag},
    {"host", Name::host},
    {"vary", Name::vary},
    {"accept", Name::accept},
    {"cookie", Name::cookie},
    {"expect", Name::expect},
    {"pragma", Name::pragma},
    {"expires", Name::expires},
    {"trailer", Name::trailer},
    {"upgrade", Name::upgrade},
    {"location", Name::location},
    {"x-api-key", Name::x_api_key},
    {"connection", Name::connection},
    {"keep-alive", Name::keep_alive},
    {"set-cookie", Name::set_cookie},
    {"retry-after", Name::retry_after},
    {"traceparent", Name::traceparent},
    {"content-type", Name::content_type},
    {"x-request-id", Name::x_request_id},
    {"authorization", Name::authorization},
    {"cache-control", Name::cache_control},
    {"content-range", Name::content_range},
    {"if-none-match", Name::if_none_match},
    {"last-modified", Name::last_modified},
    {"content-length", Name::content_length},
    {"accept-language", Name::accept_language},
    {"content-encoding", Name::content_encoding},
    {"content-language", Name::content_language},
    {"x-amzn-requestid", Name::x_amzn_requestid},
    {"if-modified-since", Name::if_modified_since},
    {"transfer-encoding", Name::transfer_encoding},
    {"content-disposition", Name::content_disposition},
    {"argos-gateway-cache-control", Name::argos_gateway_cache_control},
};
// The longest target between a method and a version of any plausible length.
constexpr std::size_t max_request_line_bytes = max_target_bytes + 64;
constexpr std::size_t longest_known_name = 27;

// For each length, where the known names of that length begin in the table (which is sorted by length).
constexpr auto make_length_index() {
  std::array<std::uint8_t, longest_known_name + 2> first{};
  std::size_t row = 0;
  for (std::size_t length = 0; length < first.size(); ++length) {
    while (row < std::size(known_names) && known_names[row].text.size() < length) ++row;
    first[length] = static_cast<std::uint8_t>(row);
  }
  return first;
}
constexpr auto length_index = make_length_index();

// Field values: visible characters, blank, tab and obs-text; no other control byte (RFC 9110 section 5.5). Comparisons
// rather than a table: the compiler makes vector instructions of them.
bool all_value_bytes(std::string_view text) {
  unsigned bad = 0;
  for (char c : text) {
    auto const byte = static_cast<unsigned char>(c);
    bad |= (byte < 0x20 && byte != '\t') || byte == 0x7f;
  }
  return bad == 0;
}

bool all_tchars(std::string_view text) {
  bool good = !text.empty();
  for (char c : text) good &= is_tchar(c);
  return good;
}

// Takes the next line off `rest`, without its CRLF. The scanner has seen that each LF follows a CR.
std::string_view take_line(std::string_view& rest) {
  auto const* lf = static_cast<char const*>(std::memchr(rest.data(), '\n', rest.size()));
  auto const length = static_cast<std::size_t>(lf - rest.data());
  auto const line = rest.substr(0, length - 1);
  rest.remove_prefix(length + 1);
  return line;
}

Result<> parse_field(std::string_view line, Field& field) {
  auto const colon = line.find(':');
  if (colon == std::string_view::npos) return Failure{Code::bad_field};
  field.name = line.substr(0, colon);
  // Also refuses folded lines (they start with a blank) and a blank before the colon.
  if (!all_tchars(field.name)) return Failure{Code::bad_field};
  field.value = trim(line.substr(colon + 1));
  if (!all_value_bytes(field.value)) return Failure{Code::bad_field};
  field.id = name_of(field.name);
  return {};
}

Result<> parse_fields(std::string_view rest, HeadLimits limits, FieldList& fields) {
  fields.count = 0;
  while (rest.size() > 2) {
    auto const line = take_line(rest);
    if (fields.count == limits.fields || fields.count == max_head_fields)
      return Failure{Code::too_many_fields, static_cast<std::int64_t>(limits.fields)};
    GW_CHECK(parse_field(line, fields.items[fields.count]));
    ++fields.count;
  }
  return {};
}

// "HTTP/1.0" or "HTTP/1.1"; another well-formed version is refused by a name of its own.
Result<int> parse_version(std::string_view text) {
  bool const shape = text.size() == 8 && text.substr(0, 5) == "HTTP/" && is_digit(text[5]) && text[6] == '.' && is_digit(text[7]);
  if (!shape) return Failure{Code::bad_request_line};
  if (text[5] != '1' || text[7] > '1') return Failure{Code::unsupported_version};
  return text[7] - '0';
}

}  // namespace

Name name_of(std::string_view text) {
  if (text.size() > longest_known_name) return Name::other;
  for (std::size_t row = length_index[text.size()]; row < length_index[text.size() + 1]; ++row)
    if (iequals(known_names[row].text, text)) return known_names[row].id;
  return Name::other;
}

Method method_of(std::string_view token) {
  if (token == "GET") return Method::get;
  if (token == "POST") return Method::post;
  if (token == "DELETE") return Method::del;
  if (token == "HEAD") return Method::head;
  return Method::other;
}

std::string_view FieldList::first(Name id) const {
  for (auto const& field : all())
    if (field.id == id) return field.value;
  return {};
}

std::size_t FieldList::occurrences(Name id) const {
  std::size_t found = 0;
  for (auto const& field : all()) found += field.id == id;
  return found;
}

bool FieldList::is_hop_by_hop(std::string_view name) const {
  bool named = false;
  for (auto const& field : all())
    if (field.id == Name::connection) for_each_token(field.value, [&](std::string_view option) { named |= iequals(option, name); });
  return named;
}

Result<std::size_t> HeadScanner::scan(std::string_view buffer) {
  bool const request = kind_ == Kind::request;
  auto const malformed = [&] {
    return Failure{line_start_ == 0 && request ? Code::bad_request_line : Code::bad_field};
  };
  if (!buffer.empty() && (request ? !is_tchar(buffer[0]) : buffer[0] != 'H')) return Failure{Code::bad_request_line};

  auto const visible = buffer.substr(0, limits_.bytes);
  while (scanned_ < visible.size()) {
    auto const* lf = static_cast<char const*>(std::memchr(visible.data() + scanned_, '\n', visible.size() - scanned_));
    if (lf == nullptr) {
      scanned_ = visible.size();
      break;
    }
    auto const at = static_cast<std::size_t>(lf - visible.data());
    if (request && line_start_ == 0 && at > max_request_line_bytes) return Failure{Code::target_too_long, max_target_bytes};
    if (at == 0 || visible[at - 1] != '\r') return malformed();
    scanned_ = at + 1;
    if (at - line_start_ == 1) return scanned_;  // an empty line ends the head
    line_start_ = scanned_;
  }
  bool const in_target = request && line_start_ == 0;
  if (in_target && visible.size() > max_request_line_bytes) return Failure{Code::target_too_long, max_target_bytes};
  if (visible.size() == limits_.bytes)
    return Failure{in_target ? Code::target_too_long : Code::head_too_large, static_cast<std::int64_t>(limits_.bytes)};
  return 0;
}

Result<> parse_request_head(std::string_view bytes, HeadLimits limits, RequestHead& head) {
  auto const line = take_line(bytes);
  auto const first_space = line.find(' ');
  auto const last_space = line.rfind(' ');
  if (first_space == std::string_view::npos || first_space == last_space) return Failure{Code::bad_request_line};
  head.method_token = line.substr(0, first_space);
  if (!all_tchars(head.method_token)) return Failure{Code::bad_request_line};
  head.method = method_of(head.method_token);
  head.target = line.substr(first_space + 1, last_space - first_space - 1);
  auto const version = parse_version(line.substr(last_space + 1));
  if (!version) return version.error();
  head.minor_version = *version;
  if (head.target.empty() || head.target.find(' ') != std::string_view::npos) return Failure{Code::bad_request_line};
  if (head.target.size() > max_target_bytes) return Failure{Code::target_too_long, max_target_bytes};
  return parse_fields(bytes, limits, head.fields);
}

Result<> parse_response_head(std::string_view bytes, HeadLimits limits, ResponseHead& head) {
  auto const line = take_line(bytes);
  // HTTP-version SP 3DIGIT SP [reason]; the blank after the code is missing often enough to be let pass.
  if (line.size() < 12 || line[8] != ' ' || (line.size() > 12 && line[12] != ' ')) return Failure{Code::bad_request_line};
  auto const version = parse_version(line.substr(0, 8));
  if (!version) return version.error();
  head.minor_version = *version;
  auto const status = parse_decimal<int>(line.substr(9, 3));
  if (!status || *status < 100 || *status > 599) return Failure{Code::bad_request_line};
  if (!all_value_bytes(line)) return Failure{Code::bad_field};
  head.status = *status;
  return parse_fields(bytes, limits, head.fields);
}

}  // namespace gateway::http
