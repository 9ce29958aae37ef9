#pragma once
#include <cstdint>
#include <string_view>

namespace gateway {

// Whether bytes are well-formed UTF-8 (Unicode table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF),
// judged as they come, in any split.
class Utf8Check {
 public:
  // False as soon as the text cannot be UTF-8 any more; then it must not be fed again.
  constexpr bool feed(std::string_view text) {
    for (char c : text)
      if (!step(static_cast<unsigned char>(c))) return false;
    return true;
  }
  // Whether the text may end here.
  constexpr bool complete() const { return missing_ == 0; }

 private:
  constexpr bool step(unsigned char c) {
    if (missing_ > 0) {
      if (c < low_ || c > high_) return false;
      low_ = 0x80;
      high_ = 0xbf;
      --missing_;
      return true;
    }
    if (c < 0x80) return true;
    if (c < 0xc2 || c > 0xf4) return false;
    missing_ = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    low_ = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    high_ = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    return true;
  }

  std::uint8_t missing_ = 0;              // continuation bytes
  unsigned char low_ = 0x80, high_ = 0xbf;  // bounds of the next one
};

// U+FEFF, which many decoders strip from the front of a text.
inline constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

constexpr bool is_utf8(std::string_view text) {
  Utf8Check check;
  return check.feed(text) && check.complete();
}

}  // namespace gateway
