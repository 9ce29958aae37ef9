#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/upload/image.hpp"
#include "support/text.hpp"
#include "upload/image_pictures.hpp"

// A second opinion on pictures: reads the whole file from front to back, keeps no state between bytes, and has nothing
// of the walkers' code. Both must say the same at the same byte.
namespace gateway::test {

struct PictureVerdict {
  std::string token;  // "ok" or the reason code
  std::int64_t detail = 0;
  upload::ImageType type = upload::ImageType::unknown;
  std::uint32_t width = 0, height = 0;
  bool operator==(PictureVerdict const&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, PictureVerdict const& verdict) {
  return out << verdict.token << " " << verdict.detail << " [" << upload::media_type(verdict.type) << "] "
             << verdict.width << "x" << verdict.height;
}

struct Walked {
  PictureVerdict verdict;
  std::size_t fed = 0;  // bytes up to the end of the piece that was refused
};

// Feeds `bytes` in the pieces that the offsets `cuts` make, each in a buffer of exactly its size.
inline Walked walk(std::string_view bytes, std::vector<std::size_t> const& cuts, std::uint64_t max_pixels) {
  upload::ImageWalker walker(max_pixels);
  std::size_t begin = 0;
  Result<> result;
  for (std::size_t i = 0; i <= cuts.size() && result; ++i) {
    auto const end = i < cuts.size() ? cuts[i] : bytes.size();
    ExactCopy const piece(bytes.substr(begin, end - begin));
    result = walker.feed({piece.view().data(), piece.size()});
    begin = end;
  }
  if (result) result = walker.finish();
  auto const size = walker.size();
  return {{token_of(result), result ? 0 : result.error().detail, walker.type(), size.width, size.height}, begin};
}

inline std::vector<std::size_t> every_offset(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

class PictureReference {
 public:
  PictureReference(std::string_view bytes, std::uint64_t max_pixels) : bytes_(bytes), max_pixels_(max_pixels) {
    try {
      read();
      if (at_ < bytes_.size()) {
        ++at_;
        throw Code::image_trailing_data;
      }
      verdict_.token = "ok";
    } catch (Code code) {
      verdict_.token = traits_of(code).token;
      if (code == Code::image_too_many_pixels) verdict_.detail = static_cast<std::int64_t>(max_pixels_);
    }
  }
  PictureVerdict const& verdict() const { return verdict_; }
  std::size_t read_bytes() const { return at_; }  // up to and including the one that decided

 private:
  void read() {
    if (bytes_.empty()) throw Code::file_empty;
    auto const& magic = bytes_[0] == '\xff' ? "\xff\xd8\xff" : png::signature;
    for (char expected : magic) {
      if (at_ == bytes_.size()) throw Code::file_type_not_allowed;
      if (bytes_[at_++] != expected) throw Code::file_type_not_allowed;
    }
    if (magic.size() == 3) {
      verdict_.type = upload::ImageType::jpeg;
      at_ = 2;
      read_jpeg();
    } else {
      verdict_.type = upload::ImageType::png;
      read_png();
    }
  }

  std::uint32_t number(std::size_t bytes) {
    std::uint32_t value = 0;
    for (; bytes > 0; --bytes) {
      if (at_ == bytes_.size()) throw Code::image_truncated;
      value = value << 8 | static_cast<unsigned char>(bytes_[at_++]);
    }
    return value;
  }
  std::string_view text(std::size_t size) {
    auto const from = at_;
    at_ = std::min(bytes_.size(), at_ + size);
    if (at_ - from < size) throw Code::image_truncated;
    return bytes_.substr(from, size);
  }
  static void need(bool holds, Code code = Code::image_malformed) {
    if (!holds) throw code;
  }
  void judge(std::uint32_t width, std::uint32_t height) {
    verdict_.width = width;
    verdict_.height = height;
    need(width >= 1 && width <= 65535 && height >= 1 && height <= 65535, Code::image_dimensions_invalid);
    need(std::uint64_t{width} * height <= max_pixels_, Code::image_too_many_pixels);
  }

  void read_jpeg() {
    std::uint32_t components = 0;
    bool scanned = false;
    for (auto code = marker(); code != 0xd9 || !scanned;) {
      bool const frame = code >= 0xc0 && code <= 0xc2;
      need(frame || code == 0xc4 || code == 0xcc || (code >= 0xda && code <= 0xdd) || (code >= 0xe0 && code <= 0xef) ||
           code == 0xfe);
      if (frame) need(components == 0);
      if (code == 0xda) need(components != 0);
      if (code == 0xdc) need(scanned);
      auto const length = number(2);
      need(length >= (frame ? 8u : code == 0xda ? 3u : code == 0xdc ? 4u : 2u));
      if (frame) {
        components = read_frame(code, length);
      } else if (code == 0xda) {
        auto const chosen = number(1);
        need(chosen >= 1 && chosen <= components && length == 6 + 2 * chosen);
        text(length - 3);
        scanned = true;
        code = marker_in_scan();
        continue;
      } else if (code == 0xdc) {
        need(number(2) == verdict_.height && length == 4);
      } else {
        text(length - 2);
      }
      code = marker();
    }
  }
  std::uint32_t read_frame(std::uint32_t code, std::uint32_t length) {
    auto const precision = number(1), height = number(2), width = number(2), components = number(1);
    need(precision == 8 || (precision == 12 && code != 0xc0));
    need((components == 1 || components == 3 || components == 4) && length == 8 + 3 * components);
    judge(width, height);
    auto const parts = text(3 * components);
    for (std::size_t i = 0; i < parts.size(); i += 3) {
      auto const sampling = static_cast<unsigned char>(parts[i + 1]), table = static_cast<unsigned char>(parts[i + 2]);
      need(sampling / 16 >= 1 && sampling / 16 <= 4 && sampling % 16 >= 1 && sampling % 16 <= 4 && table <= 3);
    }
    return components;
  }
  std::uint32_t marker() {
    need(number(1) == 0xff);
    std::uint32_t code = 0xff;
    while (code == 0xff) code = number(1);
    return code;
  }
  std::uint32_t marker_in_scan() {
    for (;;) {
      while (number(1) != 0xff) {
      }
      std::uint32_t code = 0xff;
      while (code == 0xff) code = number(1);
      if (code != 0 && (code < 0xd0 || code > 0xd7)) return code;
    }
  }

  void read_png() {
    static constexpr std::string_view allowed[] = {"\1\2\4\10\20", "", "\10\20", "\1\2\4\10", "\10\20", "", "\10\20"};
    std::string before;  // one letter a chunk: h, p, d, or a for any ancillary one
    std::uint32_t color = 0;
    for (bool ended = false; !ended;) {
      auto const length = number(4);
      need(length < 0x8000'0000);
      auto const begin = at_;
      auto const type = text(4);
      for (char c : type) need((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
      need((type == "IHDR") == before.empty());
      if (type == "IHDR") {
        need(length == 13);
        auto const width = number(4), height = number(4), depth = number(1);
        color = number(1);
        auto const compression = number(1), filter = number(1), interlace = number(1);
        need(color <= 6 && allowed[color].find(static_cast<char>(depth)) != std::string_view::npos);
        need(compression == 0 && filter == 0 && interlace <= 1);
        judge(width, height);
        before += 'h';
      } else if (type == "PLTE") {
        need(before.find_first_of("pd") == std::string::npos && color != 0 && color != 4);
        need(length >= 3 && length <= 768 && length % 3 == 0);
        before += 'p';
      } else if (type == "IDAT") {
        need(before.find('d') == std::string::npos || before.back() == 'd');
        need(color != 3 || before.find('p') != std::string::npos);
        before += 'd';
      } else if (type == "IEND") {
        need(before.find('d') != std::string::npos && length == 0);
        ended = true;
      } else {
        need(type[0] >= 'a');
        before += 'a';
      }
      if (type != "IHDR") text(length);
      auto const covered = bytes_.substr(begin, at_ - begin);
      auto const checksum = number(4);
      need(type[0] >= 'a' || checksum == slow_crc(covered));
    }
  }

  std::string_view bytes_;
  std::uint64_t max_pixels_;
  std::size_t at_ = 0;
  PictureVerdict verdict_;
};

}  // namespace gateway::test
