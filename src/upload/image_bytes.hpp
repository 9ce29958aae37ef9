#pragma once
#include <cstdint>

#include "gateway/upload/image.hpp"

// What both walkers need.
namespace gateway::upload {

inline std::uint32_t big_endian_16(unsigned char const* bytes) { return std::uint32_t{bytes[0]} << 8 | bytes[1]; }
inline std::uint32_t big_endian_32(unsigned char const* bytes) {
  return big_endian_16(bytes) << 16 | big_endian_16(bytes + 2);
}

inline Result<> judge_size(ImageSize size, std::uint64_t max_pixels) {
  if (size.width == 0 || size.height == 0 || size.width > max_image_side || size.height > max_image_side)
    return Failure{Code::image_dimensions_invalid};
  if (size.pixels() > max_pixels) return Failure{Code::image_too_many_pixels, static_cast<std::int64_t>(max_pixels)};
  return {};
}

}  // namespace gateway::upload
