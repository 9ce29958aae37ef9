#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "gateway/base/failure.hpp"

// Pictures are walked while they stream: every byte passes once, nothing of a picture is kept. Libraries were no
// alternative: libjpeg finds the end of a picture only by decoding it, libpng's progressive reader inflates every row,
// and both want memory that grows with the width that a hostile header claims.
namespace gateway::upload {

enum class ImageType : std::uint8_t { unknown, jpeg, png };

// "image/jpeg", "image/png"; empty for unknown.
std::string_view media_type(ImageType type);

// What the header of a picture says; zeros until it was read.
struct ImageSize {
  std::uint32_t width = 0, height = 0;
  std::uint64_t pixels() const { return std::uint64_t{width} * height; }
};

// A side longer than this is absurd for a document; JPEG cannot express more.
inline constexpr std::uint32_t max_image_side = 65'535;

// JPEG (ITU-T T.81): segments, the frame header among them, entropy-coded data of every scan, end marker. Fed with what
// follows the start-of-image marker.
class JpegWalker {
 public:
  explicit JpegWalker(std::uint64_t max_pixels) : max_pixels_(max_pixels) {}
  Result<> feed(std::span<char const> bytes);
  Result<> finish() const;
  ImageSize size() const { return size_; }

 private:
  enum class State : std::uint8_t {
    marker,       // FF must come
    marker_code,  // the byte behind FF, or more FF that fill
    length_high,  // of a segment
    length_low,
    header,       // a segment's first bytes, which are kept and judged
    skipped,      // the rest of a segment
    scan,         // entropy-coded data
    scan_marker,  // FF inside of it
    ended,
  };
  unsigned char const* pass_scan(unsigned char const* at, unsigned char const* end);
  Result<> step(unsigned char byte);
  Result<> begin_marker(unsigned char code);
  Result<> begin_segment();
  Result<> judge_header();
  Result<> judge_frame();
  void end_segment();

  std::uint64_t max_pixels_;
  ImageSize size_;
  State state_ = State::marker;
  unsigned char code_ = 0;       // the marker of the segment
  std::uint16_t left_ = 0;       // bytes of the segment that are still to come
  std::uint8_t kept_ = 0;        // bytes in header_
  std::uint8_t wanted_ = 0;      // so many of them are judged together
  std::uint8_t components_ = 0;  // of the frame; 0 before its header
  bool scanned_ = false;         // a scan has begun
  unsigned char header_[18] = {};
};

// PNG (ISO/IEC 15948): chunks in their order, checksums of the critical ones. Fed with what follows the signature.
class PngWalker {
 public:
  explicit PngWalker(std::uint64_t max_pixels) : max_pixels_(max_pixels) {}
  Result<> feed(std::span<char const> bytes);
  Result<> finish() const;
  ImageSize size() const { return size_; }

 private:
  enum class State : std::uint8_t { chunk_head, content, checksum, ended };
  // What has come of the picture.
  enum class Phase : std::uint8_t { nothing, header, palette, data, past_data };
  Result<> begin_chunk();
  Result<> place_critical(std::uint32_t type);
  void take_content(unsigned char const* bytes, std::size_t size);
  Result<> judge_header();
  Result<> end_chunk();

  std::uint64_t max_pixels_;
  ImageSize size_;
  State state_ = State::chunk_head;
  Phase phase_ = Phase::nothing;
  unsigned char color_ = 0;
  bool critical_ = false;         // the chunk's checksum counts
  bool last_ = false;             // the chunk is IEND
  std::uint8_t kept_ = 0;         // bytes in fixed_
  std::uint32_t left_ = 0;        // bytes of the chunk's content that are still to come
  std::uint32_t checksum_ = 0;    // of its type and of the content so far
  unsigned char fixed_[13] = {};  // length and type, then the content of IHDR, then the checksum
};

// Decides by the first bytes what a file is, then walks it. Constant memory, any split of the input, no I/O.
class ImageWalker {
 public:
  explicit ImageWalker(std::uint64_t max_pixels) : max_pixels_(max_pixels) {}

  // The next bytes of the file. Fails as early as the bytes allow, and then must not be fed again:
  // file_type_not_allowed (neither JPEG nor PNG), image_malformed, image_dimensions_invalid (zero, or a side over
  // max_image_side), image_too_many_pixels (detail: max_pixels), image_trailing_data (bytes behind the picture's end).
  Result<> feed(std::span<char const> bytes);
  // The file has ended: file_empty, file_type_not_allowed, or image_truncated.
  Result<> finish() const;
  // Known once enough bytes have passed (3 for JPEG, 8 for PNG).
  ImageType type() const;
  ImageSize size() const;

 private:
  Result<> sniff(unsigned char byte);

  std::uint64_t max_pixels_;
  std::variant<std::monostate, JpegWalker, PngWalker> walker_;
  unsigned char magic_[8] = {};
  std::uint8_t magic_size_ = 0;
};

}  // namespace gateway::upload
