#include <algorithm>
#include <cstring>
#include <utility>

#include "gateway/base/ascii.hpp"
#include "gateway/upload/multipart.hpp"

namespace gateway::upload {
namespace {

// RFC 2046 section 5.1.1, without the blank that it allows inside.
bool is_boundary_char(char c) { return is_alnum(c) || std::string_view("'()+_,-./:=?").find(c) != std::string_view::npos; }

struct Parameter {
  std::string_view name, value;
  bool quoted = false;
};

// One `; name=value` off the front of `rest`. The quotes of a value are taken off; a quoted value has no escapes.
Result<Parameter> next_parameter(std::string_view& rest) {
  Failure const malformed{Code::content_type_malformed};
  if (rest.front() != ';') return malformed;
  rest = trim(rest.substr(1));
  auto const equals = rest.find('=');
  if (equals == 0 || equals == std::string_view::npos) return malformed;
  Parameter parameter{rest.substr(0, equals), {}};
  if (!std::all_of(parameter.name.begin(), parameter.name.end(), is_tchar)) return malformed;
  rest.remove_prefix(equals + 1);
  parameter.quoted = rest.starts_with('"');
  if (parameter.quoted) {
    auto const close = rest.find('"', 1);
    // A quote that is opened and not closed, or closed and not opened, is read by each parser in its own way.
    if (close == std::string_view::npos) return Failure{Code::boundary_malformed};
    parameter.value = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
    if (!rest.empty() && rest.front() != ';') return Failure{Code::boundary_malformed};
    return parameter;
  }
  auto const end = std::min(rest.find(';'), rest.size());
  parameter.value = rest.substr(0, end);
  rest.remove_prefix(end);
  // Blanks are for behind a `;` only: elsewhere some parsers take them for a part of the value.
  if (parameter.value.find_first_of(" \t") != std::string_view::npos) return Failure{Code::boundary_malformed};
  return parameter;
}

}  // namespace

Result<Boundary> Boundary::of_value(std::string_view value) {
  if (value.empty()) return Failure{Code::boundary_missing};
  if (value.size() > max_bytes) return Failure{Code::boundary_too_long};
  bool const allowed = std::all_of(value.begin(), value.end(), is_boundary_char);
  // Of dashes alone one cannot tell where a boundary ends and the two dashes behind the last one begin.
  if (!allowed || value.find_first_not_of('-') == std::string_view::npos) return Failure{Code::boundary_malformed};
  Boundary boundary;
  std::memcpy(boundary.text_.data(), value.data(), value.size());
  boundary.size_ = static_cast<std::uint8_t>(value.size());
  return boundary;
}

Result<Boundary> Boundary::parse(std::string_view content_type) {
  // Media types may be written in capitals, but not every parser knows that.
  constexpr std::string_view form_data = "multipart/form-data";
  if (!content_type.starts_with(form_data)) return Failure{Code::content_type_malformed};
  auto rest = content_type.substr(form_data.size());
  Boundary found;
  bool charset = false;
  while (!rest.empty()) {
    auto const parameter = next_parameter(rest);
    if (!parameter) return parameter.error();
    if (iequals(parameter->name, "charset")) {
      if (std::exchange(charset, true) || !iequals(parameter->value, "utf-8")) return Failure{Code::content_type_malformed};
      continue;
    }
    if (!iequals(parameter->name, "boundary")) return Failure{Code::content_type_malformed};
    if (found.size_ > 0) return Failure{Code::boundary_repeated};
    auto const boundary = of_value(parameter->value);
    if (!boundary) return boundary.error();
    // These bytes may only stand in a quoted value (RFC 9110 section 5.6.6); parsers end a bare one at different places.
    if (!parameter->quoted && boundary->view().find_first_of("(),/:=?") != std::string_view::npos)
      return Failure{Code::boundary_malformed};
    found = *boundary;
  }
  if (found.size_ == 0) return Failure{Code::boundary_missing};
  return found;
}

}  // namespace gateway::upload
