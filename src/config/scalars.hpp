#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gateway::config {

// "16KiB", "10MiB", "2GiB", "512B", "512": bytes.
std::optional<std::uint64_t> parse_size(std::string_view text);
// "250ms", "3s", "10m", "1h".
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// "50/s", "600/m", "1000/h".
bool is_rate(std::string_view text);
// "a, b" as the default column of the tables writes lists.
std::vector<std::string> split_list(std::string_view text);
// The candidate nearest to `word`, empty when none is near.
std::string nearest(std::string_view word, std::vector<std::string_view> const& candidates);
// Replaces ${NAME} by the environment; false and the name when one is not set.
bool expand_environment(std::string& text, std::string& missing);

std::string format_size(std::uint64_t bytes);
std::string format_duration(std::chrono::milliseconds value);

}  // namespace gateway::config
