// Pictures. The first byte chooses the limit, the cuts, and whether the checksums of a PNG are made right. Holds that
// the verdict does not depend on the cuts, that a reader of whole files says the same at the same byte, and that a
// picture that is taken ends where it ends.
#include <sstream>

#include "require.hpp"
#include "upload/image_reference.hpp"

namespace {

using namespace gateway;
using fuzz::require;

std::string shown(test::PictureVerdict const& verdict, test::PictureVerdict const& other) {
  std::ostringstream out;
  out << verdict << " or " << other;
  return out.str();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  unsigned const choice = data[0];
  std::string bytes(reinterpret_cast<char const*>(data) + 1, size - 1);
  if ((choice & 1) != 0 && bytes.starts_with(test::png::signature)) test::png::mend_checksums(bytes);
  std::uint64_t const max_pixels = (choice & 2) != 0 ? 1000 : 50'000'000;

  auto const whole = test::walk(bytes, {}, max_pixels).verdict;
  std::vector<std::size_t> cuts;
  for (std::size_t at = 1 + choice / 4 % 5; at < bytes.size();
       at += 1 + (static_cast<unsigned char>(bytes[at]) + choice) % 29)
    cuts.push_back(at);
  auto const pieces = test::walk(bytes, cuts, max_pixels).verdict;
  require(pieces == whole, "the verdict does not depend on the cuts:", shown(pieces, whole));
  auto const single = test::walk(bytes, test::every_offset(bytes.size()), max_pixels);
  require(single.verdict == whole, "the verdict is the same byte by byte:", shown(single.verdict, whole));
  test::PictureReference const reference(bytes, max_pixels);
  require(reference.verdict() == whole, "the reader of whole files agrees:", shown(reference.verdict(), whole));
  require(reference.read_bytes() == single.fed, "it is refused at the same byte");
  if (whole.token != "ok") return 0;
  require(whole.width > 0 && whole.height > 0 && std::uint64_t{whole.width} * whole.height <= max_pixels,
          "a picture that is taken has a size within the limit");
  require(test::walk(bytes.substr(0, bytes.size() - 1), {}, max_pixels).verdict.token == "image_truncated",
          "a picture without its last byte is truncated");
  require(test::walk(bytes + '\0', {}, max_pixels).verdict.token == "image_trailing_data",
          "a picture with one byte more has a tail");
  return 0;
}
