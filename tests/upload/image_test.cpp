#include "gateway/upload/image.hpp"

#include <gtest/gtest.h>

#include <map>
#include <type_traits>

#include "support/random.hpp"
#include "upload/image_cases.hpp"
#include "upload/image_reference.hpp"

namespace {

using namespace gateway;
using test::PictureVerdict;
using test::walk;
using test::pictures::Case;
using test::pictures::most_pixels;
using upload::ImageType;
namespace jpeg = test::jpeg;
namespace pictures = test::pictures;
namespace png = test::png;

// Nothing of a picture is kept: a walker owns no memory and is small.
static_assert(std::is_trivially_copyable_v<upload::ImageWalker> && sizeof(upload::ImageWalker) <= 128);

ImageType type_by_magic(std::string const& bytes) {
  if (bytes.starts_with("\xff\xd8\xff")) return ImageType::jpeg;
  return bytes.starts_with(png::signature) ? ImageType::png : ImageType::unknown;
}

// Whole, byte by byte and split at every offset.
void check(Case const& item) {
  SCOPED_TRACE(item.name + ": " + test::shown(item.bytes));
  PictureVerdict expected{item.token, 0, type_by_magic(item.bytes), item.width, item.height};
  if (item.token == "image_too_many_pixels") expected.detail = static_cast<std::int64_t>(item.max_pixels);
  EXPECT_EQ(walk(item.bytes, {}, item.max_pixels).verdict, expected);
  auto const single = walk(item.bytes, test::every_offset(item.bytes.size()), item.max_pixels);
  EXPECT_EQ(single.verdict, expected);
  EXPECT_EQ(single.fed, item.bytes.size() - item.behind) << "the byte that decides";
  for (std::size_t cut = 0; cut <= item.bytes.size(); ++cut)
    ASSERT_EQ(walk(item.bytes, {cut}, item.max_pixels).verdict, expected) << "split at " << cut;
  test::PictureReference const reference(item.bytes, item.max_pixels);
  EXPECT_EQ(reference.verdict(), expected) << "the reader of whole files";
  EXPECT_EQ(reference.read_bytes(), single.fed) << "the reader of whole files";
}

TEST(Image, GoodJpegs) {
  for (auto const& item : pictures::good_jpegs()) check(item);
}
TEST(Image, BadFrames) {
  for (auto const& item : pictures::bad_frames()) check(item);
}
TEST(Image, BadJpegs) {
  for (auto const& item : pictures::bad_jpegs()) check(item);
}
TEST(Image, GoodPngs) {
  for (auto const& item : pictures::good_pngs()) check(item);
}
TEST(Image, BadHeaders) {
  for (auto const& item : pictures::bad_headers()) check(item);
}
TEST(Image, BadPngs) {
  for (auto const& item : pictures::bad_pngs()) check(item);
}
TEST(Image, OtherFiles) {
  for (auto const& item : pictures::strangers()) check(item);
}

TEST(Image, MediaTypes) {
  EXPECT_EQ(upload::media_type(ImageType::jpeg), "image/jpeg");
  EXPECT_EQ(upload::media_type(ImageType::png), "image/png");
  EXPECT_EQ(upload::media_type(ImageType::unknown), "");
}

TEST(Image, TypeAndSizeAreKnownAsSoonAsTheBytesAllow) {
  struct Known {
    std::string bytes;
    std::size_t magic, header;
  };
  auto const jpeg_header = (jpeg::start + pictures::app0 + jpeg::tables).size() + 4 + 6;
  for (auto const& known : {Known{jpeg::picture(), 3, jpeg_header}, Known{png::picture(), 8, 8 + 8 + 13}}) {
    upload::ImageWalker walker(most_pixels);
    for (std::size_t fed = 1; fed <= known.bytes.size(); ++fed) {
      ASSERT_TRUE(walker.feed({&known.bytes[fed - 1], 1}));
      EXPECT_EQ(walker.type() != ImageType::unknown, fed >= known.magic) << fed;
      EXPECT_EQ(walker.size().pixels(), fed >= known.header ? 128u : 0u) << fed;
    }
  }
}

// The same code wherever a good picture is cut off.
TEST(Image, EachTruncationIsNamed) {
  auto all = pictures::good_jpegs();
  for (auto& item : pictures::good_pngs()) all.push_back(std::move(item));
  for (auto const& item : all) {
    auto const magic = type_by_magic(item.bytes) == ImageType::jpeg ? 3u : 8u;
    for (std::size_t size = 0; size < item.bytes.size(); ++size) {
      auto const expected = size == 0 ? "file_empty" : size < magic ? "file_type_not_allowed" : "image_truncated";
      ASSERT_EQ(walk(std::string_view(item.bytes).substr(0, size), {}, item.max_pixels).verdict.token, expected)
          << item.name << " cut to " << size;
    }
    EXPECT_EQ(walk(item.bytes + "x", {}, item.max_pixels).verdict.token, "image_trailing_data") << item.name;
  }
}

std::vector<std::size_t> random_cuts(test::Random& random, std::size_t size) {
  std::vector<std::size_t> cuts;
  auto const longest = random.chance(2) ? 9 : size / 2 + 1;
  // No step now and then: an empty piece.
  for (std::size_t at = random.below(longest); at < size; at += random.chance(8) ? 0 : 1 + random.below(longest))
    cuts.push_back(at);
  return cuts;
}

// As large as segments and chunks get in real files, in the pieces in which sockets deliver.
TEST(Image, LargePictures) {
  test::Random random("large pictures");
  auto noise = random.bytes(300'000);
  std::replace(noise.begin(), noise.end(), '\xff', '\xfe');
  auto entropy = noise;
  for (std::size_t at = 100; at + 1 < entropy.size(); at += 1 + random.below(500))
    entropy[at] = '\xff', entropy[at + 1] = random.chance(5) ? static_cast<char>(0xd0 + random.below(8)) : '\0';
  // Replacing may have put the second half of one pair behind the first half of the next; those are fill bytes.
  auto const large_jpeg = jpeg::start + jpeg::segment(0xe1, noise.substr(0, 65'533)) +
                          jpeg::segment(0xe2, noise.substr(0, 65'533)) + pictures::frame +
                          jpeg::scan(3, entropy + 'e') + jpeg::end;
  std::vector<std::string> parts{png::signature, pictures::ihdr, png::chunk("iCCP", noise.substr(0, 100'000))};
  for (std::size_t at = 0; at < noise.size(); at += 60'000)
    parts.push_back(png::chunk("IDAT", noise.substr(at, 60'000)));
  parts.push_back(png::end);
  std::string large_png;
  for (auto const& part : parts) large_png += part;
  auto damaged = large_png;
  damaged[large_png.size() / 2] = static_cast<char>(damaged[large_png.size() / 2] ^ 4);
  for (int round = 0; round < 20; ++round) {
    ASSERT_EQ(walk(large_jpeg, random_cuts(random, large_jpeg.size()), most_pixels).verdict.token, "ok");
    ASSERT_EQ(walk(large_png, random_cuts(random, large_png.size()), most_pixels).verdict.token, "ok");
    ASSERT_EQ(walk(damaged, random_cuts(random, damaged.size()), most_pixels).verdict.token, "image_malformed");
  }
}

std::string mutant(test::Random& random, std::vector<Case> const& all) {
  auto bytes = all[random.below(all.size())].bytes;
  for (auto changes = 1 + random.below(4); changes > 0 && !bytes.empty(); --changes) {
    auto const at = random.below(bytes.size());
    auto const size = 1 + random.below(12);
    switch (random.below(6)) {
      case 0: bytes[at] = random.byte(); break;
      case 1: bytes[at] = static_cast<char>(bytes[at] ^ 1 << random.below(8)); break;
      case 2: bytes.insert(at, random.chance(2) ? "\xff" : random.bytes(1)); break;
      case 3: bytes.erase(at, size); break;
      case 4: bytes.insert(random.below(bytes.size()), bytes.substr(at, size)); break;
      default:
        auto const& other = all[random.below(all.size())].bytes;
        if (!other.empty()) bytes.replace(at, std::string::npos, other.substr(random.below(other.size())));
    }
  }
  if (!random.chance(4) && bytes.starts_with(png::signature)) png::mend_checksums(bytes);
  return bytes;
}

TEST(Image, MutantsAreJudgedAlikeInAnySplitAndByTheReaderOfWholeFiles) {
  test::Random random("picture mutants");
  std::vector<Case> all;
  for (auto const& list : {pictures::good_jpegs(), pictures::bad_jpegs(), pictures::good_pngs(), pictures::bad_pngs()})
    all.insert(all.end(), list.begin(), list.end());
  std::map<std::string, int> seen;
  for (int i = 0; i < 20'000; ++i) {
    auto const bytes = mutant(random, all);
    std::uint64_t const limit = random.chance(8) ? 10 : most_pixels;
    test::PictureReference const reference(bytes, limit);
    auto const single = walk(bytes, test::every_offset(bytes.size()), limit);
    ASSERT_EQ(single.verdict, reference.verdict()) << test::shown(bytes);
    ASSERT_EQ(single.fed, reference.read_bytes()) << test::shown(bytes);
    ASSERT_EQ(walk(bytes, {}, limit).verdict, single.verdict) << test::shown(bytes);
    for (int split = 0; split < 3; ++split)
      ASSERT_EQ(walk(bytes, random_cuts(random, bytes.size()), limit).verdict, single.verdict)
          << test::shown(bytes);
    ++seen[single.verdict.token];
  }
  for (auto token : {"ok", "file_type_not_allowed", "image_malformed", "image_truncated", "image_trailing_data",
                     "image_dimensions_invalid", "image_too_many_pixels"})
    EXPECT_GT(seen[token], 0) << token << " never came: the mutants are too tame";
}

}  // namespace
