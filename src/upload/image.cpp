#include "gateway/upload/image.hpp"

#include <algorithm>

namespace gateway::upload {

namespace {

// Start of image, and the FF of the marker that follows: without it the two bytes are too common.
constexpr unsigned char jpeg_magic[] = {0xff, 0xd8, 0xff};
constexpr unsigned char png_magic[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

}  // namespace

std::string_view media_type(ImageType type) {
  switch (type) {
    case ImageType::jpeg: return "image/jpeg";
    case ImageType::png: return "image/png";
    case ImageType::unknown: break;
  }
  return {};
}

Result<> ImageWalker::feed(std::span<char const> bytes) {
  while (type() == ImageType::unknown && !bytes.empty()) {
    GW_CHECK(sniff(static_cast<unsigned char>(bytes.front())));
    bytes = bytes.subspan(1);
  }
  if (auto* jpeg = std::get_if<JpegWalker>(&walker_)) return jpeg->feed(bytes);
  if (auto* png = std::get_if<PngWalker>(&walker_)) return png->feed(bytes);
  return {};
}

Result<> ImageWalker::sniff(unsigned char byte) {
  magic_[magic_size_++] = byte;
  auto const begins = [this](std::span<unsigned char const> magic) {
    return magic_size_ <= magic.size() && std::equal(magic_, magic_ + magic_size_, magic.begin());
  };
  if (begins(jpeg_magic)) {
    if (magic_size_ < std::size(jpeg_magic)) return {};
    return walker_.emplace<JpegWalker>(max_pixels_).feed({reinterpret_cast<char const*>(magic_ + 2), 1});
  }
  if (!begins(png_magic)) return Failure{Code::file_type_not_allowed};
  if (magic_size_ == std::size(png_magic)) walker_.emplace<PngWalker>(max_pixels_);
  return {};
}

Result<> ImageWalker::finish() const {
  if (auto const* jpeg = std::get_if<JpegWalker>(&walker_)) return jpeg->finish();
  if (auto const* png = std::get_if<PngWalker>(&walker_)) return png->finish();
  return Failure{magic_size_ == 0 ? Code::file_empty : Code::file_type_not_allowed};
}

ImageType ImageWalker::type() const {
  if (std::holds_alternative<JpegWalker>(walker_)) return ImageType::jpeg;
  return std::holds_alternative<PngWalker>(walker_) ? ImageType::png : ImageType::unknown;
}

ImageSize ImageWalker::size() const {
  if (auto const* jpeg = std::get_if<JpegWalker>(&walker_)) return jpeg->size();
  if (auto const* png = std::get_if<PngWalker>(&walker_)) return png->size();
  return {};
}

}  // namespace gateway::upload
