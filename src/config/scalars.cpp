#include "scalars.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "gateway/base/ascii.hpp"

namespace gateway::config {
namespace {
struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};
constexpr Unit size_units[] = {{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}, {"B", 1}};
constexpr Unit time_units[] = {{"ms", 1}, {"h", 3600'000}, {"m", 60'000}, {"s", 1000}};

template <std::size_t n>
std::optional<std::uint64_t> parse_with_unit(std::string_view text, Unit const (&units)[n]) {
  for (auto const& unit : units) {
    if (!text.ends_with(unit.suffix)) continue;
    auto const number = parse_decimal<std::uint64_t>(text.substr(0, text.size() - unit.suffix.size()));
    if (!number || *number > (std::uint64_t{1} << 60) / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      auto const change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}
}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  if (auto const plain = parse_decimal<std::uint64_t>(text)) return plain;
  return parse_with_unit(text, size_units);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  auto const ms = parse_with_unit(text, time_units);
  if (!ms) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*ms));
}

bool is_rate(std::string_view text) {
  auto const slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  auto const count = parse_decimal<std::uint32_t>(text.substr(0, slash));
  auto const per = text.substr(slash + 1);
  return count && *count > 0 && (per == "s" || per == "m" || per == "h");
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  for_each_token(text, [&](std::string_view item) { items.emplace_back(item); });
  return items;
}

std::string nearest(std::string_view word, std::vector<std::string_view> const& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (auto candidate : candidates) {
    auto const distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

bool expand_environment(std::string& text, std::string& missing) {
  for (std::size_t from = 0; (from = text.find("${", from)) != std::string::npos;) {
    auto const end = text.find('}', from);
    if (end == std::string::npos) return true;
    auto const name = text.substr(from + 2, end - from - 2);
    char const* value = std::getenv(name.c_str());
    if (value == nullptr) {
      missing = name;
      return false;
    }
    text.replace(from, end - from + 1, value);
    from += std::char_traits<char>::length(value);
  }
  return true;
}

std::string format_size(std::uint64_t bytes) {
  for (auto const& unit : size_units)
    if (bytes >= unit.factor && bytes % unit.factor == 0) return std::to_string(bytes / unit.factor) + std::string(unit.suffix);
  return std::to_string(bytes) + "B";
}

std::string format_duration(std::chrono::milliseconds value) {
  auto const ms = static_cast<std::uint64_t>(value.count());
  for (std::string_view suffix : {"h", "m", "s"})
    for (auto const& unit : time_units)
      if (unit.suffix == suffix && ms >= unit.factor && ms % unit.factor == 0)
        return std::to_string(ms / unit.factor) + std::string(suffix);
  return std::to_string(ms) + "ms";
}

}  // namespace gateway::config
