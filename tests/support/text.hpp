#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/failure.hpp"

namespace gateway::test {

// Bytes made readable for failure messages; long texts are cut.
inline std::string shown(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (char c : bytes.substr(0, 400)) {
    if (c == '\r')
      text += "\\r";
    else if (c == '\n')
      text += "\\n";
    else if (c >= 0x20 && c < 0x7f)
      text += c;
    else {
      auto const byte = static_cast<unsigned char>(c);
      text += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return bytes.size() > 400 ? text + "... (" + std::to_string(bytes.size()) + " bytes)" : text;
}

// A copy in an allocation of exactly its size, so that a sanitizer sees each byte read past its end.
class ExactCopy {
 public:
  explicit ExactCopy(std::string_view bytes) : bytes_(new char[bytes.size()]), size_(bytes.size()) {
    bytes.copy(bytes_.get(), size_);
  }
  std::string_view view() const { return {bytes_.get(), size_}; }
  char* data() { return bytes_.get(); }
  std::size_t size() const { return size_; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

// "ok" or the reason code.
template <class T>
std::string token_of(Result<T> const& result) {
  return result ? "ok" : std::string(result.error().traits().token);
}

}  // namespace gateway::test
