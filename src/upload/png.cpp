#include <isa-l/crc.h>

#include <algorithm>

#include "image_bytes.hpp"

namespace gateway::upload {

namespace {

constexpr std::uint8_t head_bytes = 8;  // length and type
constexpr std::uint8_t checksum_bytes = 4;
constexpr std::uint32_t ihdr_bytes = 13;
constexpr std::uint32_t most_palette_bytes = 3 * 256;
constexpr std::uint32_t most_content_bytes = 0x7fff'ffff;

consteval std::uint32_t type_of(char const (&name)[5]) {
  std::uint32_t type = 0;
  for (int i = 0; i < 4; ++i) type = type << 8 | static_cast<unsigned char>(name[i]);
  return type;
}
constexpr auto ihdr = type_of("IHDR"), plte = type_of("PLTE"), idat = type_of("IDAT"), iend = type_of("IEND");

enum Color : unsigned char { gray = 0, rgb = 2, indexed = 3, gray_alpha = 4, rgb_alpha = 6 };

Failure malformed() { return {Code::image_malformed}; }

bool is_letter(unsigned char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// Table 11.1 of the standard.
bool allowed_depth(unsigned char color, unsigned char depth) {
  bool const deep = depth == 8 || depth == 16;
  bool const shallow = depth == 1 || depth == 2 || depth == 4;
  if (color == gray) return shallow || deep;
  if (color == indexed) return shallow || depth == 8;
  return deep && (color == rgb || color == gray_alpha || color == rgb_alpha);
}

}  // namespace

Result<> PngWalker::feed(std::span<char const> bytes) {
  auto const* at = reinterpret_cast<unsigned char const*>(bytes.data());
  auto const* const end = at + bytes.size();
  while (at != end) {
    switch (state_) {
      case State::chunk_head:
        fixed_[kept_++] = *at++;
        if (kept_ == 4 && big_endian_32(fixed_) > most_content_bytes) return malformed();
        if (kept_ == head_bytes) GW_CHECK(begin_chunk());
        break;
      case State::content: {
        auto const size = std::min<std::size_t>(static_cast<std::size_t>(end - at), left_);
        take_content(at, size);
        at += size;
        if (left_ != 0) break;
        if (phase_ == Phase::nothing) GW_CHECK(judge_header());
        kept_ = 0;
        state_ = State::checksum;
        break;
      }
      case State::checksum:
        fixed_[kept_++] = *at++;
        if (kept_ == checksum_bytes) GW_CHECK(end_chunk());
        break;
      case State::ended: return Failure{Code::image_trailing_data};
    }
  }
  return {};
}

Result<> PngWalker::finish() const {
  if (state_ != State::ended) return Failure{Code::image_truncated};
  return {};
}

Result<> PngWalker::begin_chunk() {
  auto const* const name = fixed_ + 4;
  if (!std::all_of(name, name + 4, is_letter)) return malformed();
  auto const type = big_endian_32(name);
  if ((phase_ == Phase::nothing) != (type == ihdr)) return malformed();  // first, and once
  left_ = big_endian_32(fixed_);
  critical_ = (name[0] & 0x20) == 0;  // an upper-case letter
  if (critical_) {
    GW_CHECK(place_critical(type));
    checksum_ = crc32_gzip_refl(0, reinterpret_cast<unsigned char const*>(name), 4);
  } else if (phase_ == Phase::data) {
    phase_ = Phase::past_data;
  }
  last_ = type == iend;
  kept_ = 0;
  state_ = left_ != 0 ? State::content : State::checksum;
  return {};
}

Result<> PngWalker::place_critical(std::uint32_t type) {
  switch (type) {
    case ihdr: return left_ == ihdr_bytes ? Result<>() : malformed();
    case plte:
      if (phase_ != Phase::header || color_ == gray || color_ == gray_alpha) return malformed();
      if (left_ == 0 || left_ > most_palette_bytes || left_ % 3 != 0) return malformed();
      phase_ = Phase::palette;
      return {};
    case idat:
      if (phase_ == Phase::past_data || (phase_ == Phase::header && color_ == indexed)) return malformed();
      phase_ = Phase::data;
      return {};
    case iend:
      if (left_ != 0 || (phase_ != Phase::data && phase_ != Phase::past_data)) return malformed();
      return {};
    default: return malformed();
  }
}

void PngWalker::take_content(unsigned char const* bytes, std::size_t size) {
  // Only IHDR comes in this phase.
  if (phase_ == Phase::nothing) {
    std::copy_n(bytes, size, fixed_ + kept_);
    kept_ = static_cast<std::uint8_t>(kept_ + size);
  }
  if (critical_) checksum_ = crc32_gzip_refl(checksum_, reinterpret_cast<unsigned char const*>(bytes), size);
  left_ -= static_cast<std::uint32_t>(size);
}

Result<> PngWalker::judge_header() {
  auto const depth = fixed_[8], color = fixed_[9], compression = fixed_[10], filter = fixed_[11],
             interlace = fixed_[12];
  if (!allowed_depth(color, depth) || compression != 0 || filter != 0 || interlace > 1) return malformed();
  size_ = {big_endian_32(fixed_), big_endian_32(fixed_ + 4)};
  GW_CHECK(judge_size(size_, max_pixels_));
  color_ = color;
  phase_ = Phase::header;
  return {};
}

Result<> PngWalker::end_chunk() {
  if (critical_ && big_endian_32(fixed_) != checksum_) return malformed();
  kept_ = 0;
  state_ = last_ ? State::ended : State::chunk_head;
  return {};
}

}  // namespace gateway::upload
