#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/upload/fields.hpp"

// Single values: pure functions over bytes.
namespace gateway::upload {

// A byte below 0x20 or 0x7f; tab, LF and CR do not count when `lines` are allowed.
bool has_control_byte(std::string_view text, bool lines);
// Nothing, or only blanks, tabs and line ends.
bool is_blank(std::string_view text);

bool is_id(std::string_view text);
bool is_email(std::string_view text);
bool is_alpha3(std::string_view text);
bool is_count(std::string_view text);
bool is_choice(std::string_view text, std::string_view choices);
// As the number yyyymmdd, whose order is that of the days.
std::optional<std::uint32_t> parse_date(std::string_view text);

// Undoes the encoding of queries and forms: %XX is a byte, '+' a blank. Empty when a '%' lacks its two hex digits.
std::optional<std::string> form_decode(std::string_view text);

// What is wrong with a value under its rule, to be said of the field ("must be a date ..."); empty when nothing is.
// Never contains bytes of the value.
std::string judge_value(FieldRule const& rule, std::string_view value, bool truncated);

}  // namespace gateway::upload
