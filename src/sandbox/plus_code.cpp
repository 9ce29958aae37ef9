#include "plus_code.hpp"

#include "text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace sandbox {
namespace {

std::optional<double> parse_degrees(std::string_view text) {
  double value = 0;
  text = trimmed(text);
  char const* const end = text.data() + text.size();
  auto const [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stop == end ? std::optional(value) : std::nullopt;
}

std::optional<std::pair<double, double>> parse_coordinates(std::string_view text) {
  std::size_t const comma = text.find(',');
  if (comma == std::string_view::npos) {
    return std::nullopt;
  }
  auto const latitude = parse_degrees(text.substr(0, comma));
  auto const longitude = parse_degrees(text.substr(comma + 1));
  if (!latitude || !longitude || *latitude < -90 || *latitude > 90 || *longitude < -180 || *longitude > 180) {
    return std::nullopt;
  }
  return std::pair(*latitude, *longitude);
}

/// FNV-1a: the same address gives the same code in every run.
std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (char const c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return hash;
}

/// Ten digits of base 20, latitude and longitude in turns, each pair twenty times finer than the one before; the last
/// pair counts in 1/8000 of a degree.
std::string encode(double latitude, double longitude) {
  static constexpr std::string_view alphabet = "23456789CFGHJMPQRVWX";
  constexpr std::int64_t per_degree = 8000;
  auto y = static_cast<std::int64_t>((latitude + 90) * per_degree);
  auto x = static_cast<std::int64_t>((longitude + 180) * per_degree);
  y = std::clamp<std::int64_t>(y, 0, 180 * per_degree - 1);
  x %= 360 * per_degree;
  std::string code(10, '0');
  for (std::size_t pair = 5; pair-- > 0;) {
    code[2 * pair] = alphabet[static_cast<std::size_t>(y % 20)];
    code[2 * pair + 1] = alphabet[static_cast<std::size_t>(x % 20)];
    y /= 20;
    x /= 20;
  }
  return code.insert(8, "+");
}

}  // namespace

PlusCode plus_code_of(std::string_view address) {
  PlusCode code;
  code.address = address;
  if (auto const coordinates = parse_coordinates(address)) {
    code.global = encode(coordinates->first, coordinates->second);
    code.compound = code.global.substr(4) + " Example Town";
    return code;
  }
  std::uint64_t const hash = stable_hash(address);
  code.global =
      encode(33.0 + static_cast<double>(hash % 5000) / 1000, 126.0 + static_cast<double>(hash / 5000 % 3000) / 1000);
  std::size_t const comma = address.rfind(',');
  std::string_view const place = comma == std::string_view::npos ? address : address.substr(comma + 1);
  code.compound = code.global.substr(4) + ' ' + std::string(trimmed(place));
  return code;
}

}  // namespace sandbox
