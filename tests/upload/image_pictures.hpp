#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Small pictures, built piece by piece so that each piece can be wrong. Their entropy-coded and compressed data mean
// nothing: the walkers do not decode it.
namespace gateway::test {

inline std::string big_endian(std::uint32_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xff);
  return text;
}

// Bit by bit, as the standard's annex describes it: slow, and nothing of what it checks.
inline std::uint32_t slow_crc(std::string_view bytes) {
  std::uint32_t crc = 0xffff'ffff;
  for (unsigned char byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? 0xedb8'8320 ^ crc >> 1 : crc >> 1;
  }
  return ~crc;
}

namespace jpeg {

inline std::string marker(int code) { return {'\xff', static_cast<char>(code)}; }
inline std::string const start = marker(0xd8), end = marker(0xd9);

inline std::string segment(int code, std::string_view content) {
  return marker(code) + big_endian(static_cast<std::uint32_t>(content.size()) + 2, 2) + std::string(content);
}

struct Frame {
  int code = 0xc0;
  int precision = 8;
  std::uint32_t width = 16, height = 8;
  int components = 3;
  int sampling = 0x11;
  int table = 0;

  std::string content() const {
    std::string text{static_cast<char>(precision)};
    text += big_endian(height, 2) + big_endian(width, 2) + static_cast<char>(components);
    for (int i = 1; i <= components; ++i)
      text += {static_cast<char>(i), static_cast<char>(sampling), static_cast<char>(table)};
    return text;
  }
  std::string bytes() const { return segment(code, content()); }
};

inline std::string scan(int components = 3, std::string_view data = "entropy") {
  std::string content{static_cast<char>(components)};
  for (int i = 1; i <= components; ++i) content += {static_cast<char>(i), '\0'};
  content += {'\0', '\x3f', '\0'};
  return segment(0xda, content) + std::string(data);
}

inline std::string const tables = segment(0xdb, std::string(65, '\1')) + segment(0xc4, std::string(20, '\2'));
inline std::string picture(Frame frame = {}) {
  return start + segment(0xe0, {"JFIF\0\1\1\0\0\1\0\1\0\0", 14}) + tables + frame.bytes() + scan(frame.components) +
         end;
}

}  // namespace jpeg

namespace png {

inline std::string const signature = "\x89PNG\r\n\x1a\n";

inline std::string chunk(std::string_view type, std::string_view content = {}) {
  auto const body = std::string(type) + std::string(content);
  return big_endian(static_cast<std::uint32_t>(content.size()), 4) + body + big_endian(slow_crc(body), 4);
}
// With a checksum that is wrong in one bit.
inline std::string damaged_chunk(std::string_view type, std::string_view content, std::size_t bit) {
  auto bytes = chunk(type, content);
  auto& byte = bytes[bytes.size() - 4 + bit / 8];
  byte = static_cast<char>(byte ^ 1 << bit % 8);
  return bytes;
}

struct Header {
  std::uint32_t width = 16, height = 8;
  int depth = 8, color = 2, compression = 0, filter = 0, interlace = 0;

  std::string content() const {
    auto text = big_endian(width, 4) + big_endian(height, 4);
    for (int value : {depth, color, compression, filter, interlace}) text += static_cast<char>(value);
    return text;
  }
  std::string chunk() const { return png::chunk("IHDR", content()); }
};

inline std::string const palette = chunk("PLTE", std::string(6, '\7'));
inline std::string const data = chunk("IDAT", "deflated rows");
inline std::string const end = chunk("IEND");

inline std::string picture(Header header = {}) {
  return signature + header.chunk() + (header.color == 3 ? palette : "") + data + end;
}

// Makes the checksums right of every chunk that is whole, so that mutants reach more than the first of them.
inline void mend_checksums(std::string& bytes) {
  std::size_t at = signature.size();
  while (at + 12 <= bytes.size()) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
    if (length > bytes.size() - at - 12) return;
    auto const crc = big_endian(slow_crc(std::string_view(bytes).substr(at + 4, length + 4)), 4);
    bytes.replace(at + 8 + length, 4, crc);
    at += 12 + length;
  }
}

}  // namespace png
}  // namespace gateway::test
