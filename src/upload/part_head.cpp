#include <algorithm>
#include <cstring>
#include <utility>

#include "gateway/base/ascii.hpp"
#include "gateway/base/utf8.hpp"
#include "gateway/upload/multipart.hpp"
#include "entities.hpp"
#include "names.hpp"

// Part headers: their lines, and what Content-Disposition and Content-Type say.
namespace gateway::upload {
namespace {

bool is_name_char(char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; }

Result<> judge_name(std::string_view name) {
  if (name.empty()) return Failure{Code::part_name_empty};
  if (name == "_charset_") return Failure{Code::part_charset_field};
  bool const plain = name.size() <= MultipartReader::max_name_bytes && std::all_of(name.begin(), name.end(), is_name_char);
  // A parser that collects parts in a plain JavaScript object loses this one.
  if (!plain || name == "__proto__") return Failure{Code::part_name_invalid};
  return {};
}

// Not: paths (some parsers cut them), control bytes, and what one parser or another decodes (`%22` and line ends from
// browsers' own escaping, `&amp;`), takes for a line end (U+2028, U+2029) or strips (a byte order mark).
bool is_plain_file_name(std::string_view name) {
  if (name.empty() || name.size() > MultipartReader::max_file_name_bytes || name == "." || name == "..") return false;
  for (unsigned char c : name)
    if (c < 0x20 || c == 0x7f || c == '/' || c == '\\') return false;
  for (std::string_view decoded : {"%22", "%0a", "%0d", "%0A", "%0D", "\xe2\x80\xa8", "\xe2\x80\xa9"})
    if (name.find(decoded) != std::string_view::npos) return false;
  return is_utf8(name) && !name.starts_with(byte_order_mark) && !has_entity(name);
}

bool is_type_char(char c) { return is_alnum(c) || std::string_view("!#$&^_.+-").find(c) != std::string_view::npos; }

template <std::size_t n>
std::string_view keep(std::array<char, n>& place, std::string_view text) {
  std::memcpy(place.data(), text.data(), text.size());
  return {place.data(), text.size()};
}

}  // namespace

// True when the empty line was there. A line of an unknown kind is the first fault, whatever is found behind it, but for
// the type of a text part: clients that write such lines (Content-Length) write that as well, and it is the same for all.
Result<bool> MultipartReader::read_head(std::span<char const>& input) {
  auto const complete = read_lines(input);
  if (!complete && line_fault_ && complete.error().code != Code::part_type_unexpected) return Failure{*line_fault_};
  return complete;
}

Result<bool> MultipartReader::read_lines(std::span<char const>& input) {
  for (std::size_t i = 0; i < input.size(); ++i) {
    char const c = input[i];
    if (++head_bytes_ > max_head_bytes) return Failure{Code::part_header_too_large, max_head_bytes};
    // A line is judged when the next one begins: only then it is known not to be folded.
    if (line_ended_) {
      if (c == ' ' || c == '\t') return Failure{Code::part_header_folded};
      line_ended_ = false;
      GW_CHECK(take_line({line_.data(), std::exchange(line_size_, 0)}));
    }
    bool const after_cr = line_size_ > 0 && line_[line_size_ - 1] == '\r';
    if (c == '\n') {
      if (!after_cr) return Failure{Code::multipart_bare_newline};
      line_ended_ = --line_size_ > 0;
      if (line_ended_) continue;
      input = input.subspan(i + 1);
      GW_CHECK(judge_head());
      state_ = State::data;
      held_size_ = 0;
      return true;
    }
    if (after_cr) return Failure{Code::multipart_bare_newline};
    if (line_size_ == 0 && (c == ' ' || c == '\t')) return Failure{Code::part_header_folded};
    line_[line_size_++] = c;
  }
  input = {};
  return false;
}

Result<> MultipartReader::take_line(std::string_view line) {
  auto const colon = line.find(':');
  Failure const malformed{Code::part_header_malformed};
  if (colon == 0 || colon == std::string_view::npos) return malformed;
  auto const name = line.substr(0, colon);
  if (!std::all_of(name.begin(), name.end(), is_tchar)) return malformed;
  auto const value = line.substr(colon + 1);
  // Exactly one blank before the value: some parsers take more for a part of it.
  if (value.size() < 2 || value[0] != ' ' || value[1] == ' ' || value.back() == ' ') return malformed;
  for (char c : value)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return malformed;
  if (iequals(name, "content-disposition")) return take_disposition(value.substr(1));
  if (iequals(name, "content-type")) return take_type(value.substr(1));
  // Told at the head's end, where the name of the part is known.
  if (!line_fault_)
    line_fault_ = iequals(name, "content-transfer-encoding") ? Code::part_transfer_encoding : Code::part_header_unknown;
  return {};
}

// `form-data; name="..."` and, for files, `; filename="..."` behind it: parsers that search for ` name=` must not find
// one inside a file name.
Result<> MultipartReader::take_disposition(std::string_view value) {
  if (std::exchange(disposition_seen_, true)) return Failure{Code::part_header_repeated};
  Failure const malformed{Code::part_disposition_malformed};
  constexpr std::string_view form_data = "form-data";
  if (!value.starts_with(form_data)) return malformed;
  value.remove_prefix(form_data.size());
  while (!value.empty()) {
    if (!value.starts_with("; ")) return malformed;
    value.remove_prefix(2);
    auto const equals = value.find('=');
    if (equals == 0 || equals == std::string_view::npos) return malformed;
    auto const parameter = value.substr(0, equals);
    if (!std::all_of(parameter.begin(), parameter.end(), is_tchar)) return malformed;
    if (parameter == "filename*") return Failure{Code::part_filename_extended};
    if (parameter != "name" && parameter != "filename") return Failure{Code::part_parameter_unknown};
    value.remove_prefix(equals + 1);
    if (!value.starts_with('"')) return malformed;
    auto const close = value.find('"', 1);
    if (close == std::string_view::npos) return malformed;
    GW_CHECK(take_parameter(parameter, value.substr(1, close - 1)));
    value.remove_prefix(close + 1);
  }
  return {};
}

Result<> MultipartReader::take_parameter(std::string_view parameter, std::string_view value) {
  bool const is_name = parameter == "name";
  if (std::exchange(is_name ? name_seen_ : file_name_seen_, true)) return Failure{Code::part_parameter_repeated};
  if (is_name) {
    if (file_name_seen_) return Failure{Code::part_disposition_malformed};
    GW_CHECK(judge_name(value));
    head_.name = keep(name_, value);
    return {};
  }
  if (!is_plain_file_name(value)) return Failure{Code::part_filename_invalid, value.empty() ? empty_file_name : 0};
  head_.file_name = keep(file_name_, value);
  head_.is_file = true;
  return {};
}

Result<> MultipartReader::take_type(std::string_view value) {
  if (std::exchange(type_seen_, true)) return Failure{Code::part_header_repeated};
  if (iequals(value.substr(0, 10), "multipart/")) return Failure{Code::part_nested};
  auto const slash = value.find('/');
  bool const whole = slash != 0 && slash != std::string_view::npos && slash + 1 < value.size() && value.size() <= max_type_bytes;
  if (!whole || !std::all_of(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(slash), is_type_char) ||
      !std::all_of(value.begin() + static_cast<std::ptrdiff_t>(slash) + 1, value.end(), is_type_char))
    type_malformed_ = true;  // which is no matter in a part that must not have one
  else
    head_.type = keep(type_, value);
  return {};
}

// The header as a whole. Whether a part is a file is what parsers disagree on most: some go by the file name, some by
// the type; only a part with both is a file for all, and only one with neither is text for all.
Result<> MultipartReader::judge_head() {
  if (!disposition_seen_) return Failure{Code::part_disposition_missing};
  if (!name_seen_) return Failure{Code::part_name_missing};
  if (!head_.is_file && type_seen_) return Failure{Code::part_type_unexpected};
  if (line_fault_) return Failure{*line_fault_};
  if (head_.is_file && !type_seen_) return Failure{Code::part_type_missing};
  if (type_malformed_) return Failure{Code::part_type_malformed};
  auto const hash = folded_hash(head_.name);
  if (std::find(names_.begin(), names_.end(), hash) != names_.end()) return Failure{Code::part_name_repeated};
  names_.push_back(hash);
  return {};
}

}  // namespace gateway::upload
