#pragma once
#include <cstdint>
#include <string_view>

// Names of parts, parameters and members, as the laxest of readers compares them. PHP writes `_` for `.`, a blank and `[`;
// ASP.NET and many readers of JSON ignore case, Go's even takes U+017F for an s and U+212A for a k. Two names that meet
// under any of this are one name here, so that no reader finds twice, or as known, what was taken for something else.
namespace gateway::upload {

constexpr char fold(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c + ('a' - 'A'));
  return c == '.' || c == ' ' || c == '[' ? '_' : c;
}

// Takes the next character off a name that is not empty.
constexpr char take_folded(std::string_view& name) {
  constexpr std::string_view long_s = "\xc5\xbf", kelvin = "\xe2\x84\xaa";
  bool const is_s = name.starts_with(long_s), is_k = name.starts_with(kelvin);
  char const c = is_s ? 's' : is_k ? 'k' : fold(name.front());
  name.remove_prefix(is_s ? long_s.size() : is_k ? kelvin.size() : 1);
  return c;
}

// Below zero, zero or above it, as `a` stands before, with or behind `b`.
constexpr int compare_folded(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    auto const left = static_cast<unsigned char>(take_folded(a)), right = static_cast<unsigned char>(take_folded(b));
    if (left != right) return left < right ? -1 : 1;
  }
  return static_cast<int>(!a.empty()) - static_cast<int>(!b.empty());
}
constexpr bool same_folded(std::string_view a, std::string_view b) { return compare_folded(a, b) == 0; }

struct FoldedLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return compare_folded(a, b) < 0; }
};

constexpr std::uint64_t folded_hash(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  while (!name.empty()) hash = (hash ^ static_cast<unsigned char>(take_folded(name))) * 0x100000001b3;
  return hash;
}

// What a sentence about names that meet says behind it.
inline constexpr std::string_view folding_rule = "capitals and small letters are the same, and so are '.' and '_'";

}  // namespace gateway::upload
