#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>

namespace gateway::bench {

/// Where a request has its number, and an answer the number of its question.
inline constexpr std::string_view counter_mark = "NNNNNNNNNNNN";

inline bool same_ignoring_case(std::string_view left, std::string_view right_lower) {
  return std::ranges::equal(left, right_lower, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
  });
}

/// Length of the head including its empty line, when all of it is there.
inline std::optional<std::size_t> head_size(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  return end + 4;
}

inline std::string_view start_line(std::string_view head) { return head.substr(0, head.find("\r\n")); }

/// Calls visit(name, value) for every field of a complete head.
template <class Visitor>
void for_each_field(std::string_view head, Visitor visit) {
  std::size_t at = head.find("\r\n") + 2;
  while (at + 2 < head.size()) {
    const std::size_t end = head.find("\r\n", at);
    const std::string_view line = head.substr(at, end - at);
    at = end + 2;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    visit(line.substr(0, colon), value);
  }
}

inline std::optional<std::size_t> parse_length(std::string_view text) {
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return length;
}

}  // namespace gateway::bench
