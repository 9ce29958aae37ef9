#pragma once
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "upload/image_pictures.hpp"

// Pictures, good and bad, and what must be said of each.
namespace gateway::test::pictures {

inline constexpr std::uint64_t most_pixels = 50'000'000;

struct Case {
  std::string name;
  std::string bytes;
  std::string token = "ok";
  std::uint32_t width = 16, height = 8;
  // How many of the last bytes are behind the one that decides; the verdict must not wait for them.
  std::size_t behind = 0;
  std::uint64_t max_pixels = most_pixels;
};

inline std::string const app0 = jpeg::segment(0xe0, {"JFIF\0\1\1\0\0\1\0\1\0\0", 14});
inline std::string const frame = jpeg::Frame{}.bytes();
inline std::string const three = jpeg::start + jpeg::tables + frame;  // up to the first scan

inline std::vector<Case> good_jpegs() {
  auto const frames = [](jpeg::Frame f) { return jpeg::picture(f); };
  auto const inner = jpeg::picture({.width = 60'000, .height = 60'000});
  auto const dht = jpeg::segment(0xc4, std::string(20, '\3'));
  auto const progressive = jpeg::Frame{.code = 0xc2}.bytes();
  return {
      {"baseline, three components", frames({})},
      {"grayscale", frames({.components = 1})},
      {"CMYK", frames({.components = 4})},
      {"extended, 8 bits", frames({.code = 0xc1})},
      {"extended, 12 bits", frames({.code = 0xc1, .precision = 12})},
      {"progressive, 12 bits", frames({.code = 0xc2, .precision = 12})},
      {"progressive, several scans", jpeg::start + jpeg::tables + progressive + jpeg::scan(3) + dht + jpeg::scan(1) +
                                         jpeg::scan(1, "") + dht + dht + jpeg::scan(2, "x") + jpeg::end},
      {"4:2:0 and every table", frames({.sampling = 0x22, .table = 3})},
      {"largest sampling factors", frames({.sampling = 0x44})},
      {"largest sides", frames({.width = 65'535, .height = 762}), "ok", 65'535, 762},
      {"tallest", frames({.width = 1, .height = 65'535}), "ok", 1, 65'535},
      {"exactly the limit", frames({.width = 100, .height = 50}), "ok", 100, 50, 0, 5000},
      {"a single pixel, limit of one", frames({.width = 1, .height = 1}), "ok", 1, 1, 0, 1},
      {"EXIF with a whole picture inside", jpeg::start + jpeg::segment(0xe1, std::string("Exif\0\0", 6) + inner) +
                                               jpeg::tables + frame + jpeg::scan() + jpeg::end},
      {"end marker inside a comment",
       jpeg::start + jpeg::segment(0xfe, jpeg::end + "x") + jpeg::tables + frame + jpeg::scan() + jpeg::end},
      {"every application segment",
       [] {
         std::string bytes = jpeg::start;
         for (int code = 0xe0; code <= 0xef; ++code) bytes += jpeg::segment(code, "application");
         return bytes + frame + jpeg::scan() + jpeg::end;
       }()},
      {"empty segments",
       jpeg::start + jpeg::segment(0xfe, "") + frame + jpeg::segment(0xe5, "") + jpeg::scan() + jpeg::end},
      {"fill bytes before every marker", jpeg::start + "\xff\xff" + app0 + "\xff" + jpeg::tables + "\xff\xff\xff" +
                                             frame + "\xff" + jpeg::scan() + "\xff\xff" + jpeg::end},
      {"restart interval", three + jpeg::segment(0xdd, {"\0\4", 2}) +
                               jpeg::scan(3,
                                          "a\xff\xd0"
                                          "b\xff\xd1\xff\xd2\xff\xd3\xff\xd4\xff\xd5\xff\xd6\xff\xd7") +
                               jpeg::end},
      {"stuffed zeros", three + jpeg::scan(3, {"\xff\0\xff\0a\xff\xff\0\xff\0", 10}) + jpeg::end},
      {"filled restart marker", three + jpeg::scan(3, "a\xff\xff\xff\xd0z") + jpeg::end},
      {"no entropy-coded data", three + jpeg::scan(3, "") + jpeg::end},
      {"segments behind a scan",
       three + jpeg::scan() + jpeg::segment(0xfe, "comment") + jpeg::tables + jpeg::scan() + jpeg::end},
      {"arithmetic conditioning", three + jpeg::segment(0xcc, {"\0\0", 2}) + jpeg::scan() + jpeg::end},
      {"number of lines repeated", three + jpeg::scan() + jpeg::segment(0xdc, {"\0\x08", 2}) + jpeg::end},
  };
}

// A picture whose frame header is wrong: decided behind precision, size and number of components.
inline Case frame_case(std::string name, jpeg::Frame f, std::string token = "image_malformed",
                       std::uint64_t limit = most_pixels) {
  auto const behind = jpeg::picture(f).size() - (jpeg::start + app0 + jpeg::tables).size() - 10;
  bool const measured = token != "image_malformed";
  return {std::move(name),
          jpeg::picture(f),
          std::move(token),
          measured ? f.width : 0,
          measured ? f.height : 0,
          behind,
          limit};
}

inline std::vector<Case> bad_frames() {
  auto const content = jpeg::Frame{}.content();
  auto const malformed = [](std::string name, std::string const& bytes, std::size_t behind) {
    return Case{std::move(name), bytes, "image_malformed", 0, 0, behind};
  };
  std::vector<Case> cases{
      frame_case("width zero", {.width = 0}, "image_dimensions_invalid"),
      frame_case("height zero", {.height = 0}, "image_dimensions_invalid"),
      frame_case("one pixel too many", {.width = 5001, .height = 1}, "image_too_many_pixels", 5000),
      frame_case("far too many pixels", {.width = 65'535, .height = 65'535}, "image_too_many_pixels"),
      frame_case("baseline of 12 bits", {.precision = 12}),
      frame_case("16 bits", {.code = 0xc2, .precision = 16}),
      frame_case("no bits", {.precision = 0}),
      frame_case("no components", {.components = 0}),
      frame_case("two components", {.components = 2}),
      frame_case("five components", {.components = 5}),
      malformed("frame header one byte short", jpeg::start + jpeg::segment(0xc0, content.substr(0, 14)), 8),
      malformed("frame header one byte long", jpeg::start + jpeg::segment(0xc0, content + "x"), 10),
      malformed("frame header without components", jpeg::start + jpeg::segment(0xc0, content.substr(0, 5)), 5),
  };
  for (int sampling : {0x01, 0x10, 0x51, 0x15, 0xff})
    cases.push_back({"sampling " + std::to_string(sampling), jpeg::start + jpeg::Frame{.sampling = sampling}.bytes(),
                     "image_malformed"});
  cases.push_back({"quantisation table 4", jpeg::start + jpeg::Frame{.table = 4}.bytes(), "image_malformed"});
  cases.push_back(
      {"height zero, told behind the scan",
       jpeg::start + jpeg::Frame{.height = 0}.bytes() + jpeg::scan() + jpeg::segment(0xdc, {"\0\x08", 2}) + jpeg::end,
       "image_dimensions_invalid", 16, 0, 9 + (jpeg::scan() + jpeg::segment(0xdc, "12") + jpeg::end).size()});
  // Lossless, hierarchical and arithmetic frames, and markers that have no place before a scan.
  for (int code = 0; code < 0xff; ++code) {
    bool const allowed =
        code <= 0xff && (code == 0xc0 || code == 0xc1 || code == 0xc2 || code == 0xc4 || code == 0xcc || code == 0xdb ||
                         code == 0xdd || (code >= 0xe0 && code <= 0xef) || code == 0xfe);
    if (!allowed)
      cases.push_back(malformed("marker " + std::to_string(code), jpeg::start + jpeg::segment(code, content), 17));
  }
  return cases;
}

inline std::vector<Case> bad_jpegs() {
  std::string const malformed = "image_malformed", truncated = "image_truncated", tail = "image_trailing_data";
  auto const dnl = [](std::string_view lines) { return jpeg::segment(0xdc, lines); };
  return {
      {"end before anything", jpeg::start + jpeg::end, malformed, 0, 0},
      {"end before a frame", jpeg::start + jpeg::tables + jpeg::end, malformed, 0, 0},
      {"end before a scan", three + jpeg::end, malformed},
      {"scan before the frame", jpeg::start + jpeg::tables + jpeg::scan(), malformed, 0, 0, 19},
      {"second frame", three + frame, malformed, 16, 8, 17},
      {"second frame of another kind, behind a scan", three + jpeg::scan() + jpeg::Frame{.code = 0xc2}.bytes(),
       malformed, 16, 8, 17},
      {"second start of image", three + jpeg::start, malformed},
      {"start of image inside a scan", three + jpeg::scan() + jpeg::start + "x", malformed, 16, 8, 1},
      {"restart marker outside a scan", three + jpeg::marker(0xd0), malformed},
      {"reserved marker inside a scan", three + jpeg::scan(3, "a\xff\x01z"), malformed, 16, 8, 1},
      {"stuffed zero outside a scan", three + std::string("\xff\0", 2), malformed},
      {"garbage before a marker", jpeg::start + app0 + "x" + frame, malformed, 0, 0, 19},
      {"garbage behind segments that follow a scan", three + jpeg::scan() + jpeg::segment(0xfe, "c") + "x", malformed},
      {"length zero", jpeg::start + app0 + jpeg::marker(0xe1) + std::string(2, '\0') + "x", malformed, 0, 0, 1},
      {"length one", jpeg::start + app0 + jpeg::marker(0xfe) + std::string("\0\1", 2), malformed, 0, 0},
      {"scan of no components", three + jpeg::scan(0), malformed, 16, 8, 10},
      {"scan of more components than the frame", jpeg::start + jpeg::Frame{.components = 1}.bytes() + jpeg::scan(3, ""),
       malformed, 16, 8, 9},
      {"scan header one byte long",
       three + jpeg::segment(0xda,
                             "\1"
                             "12345x"),
       malformed, 16, 8, 6},
      {"scan header one byte short",
       three + jpeg::segment(0xda,
                             "\1"
                             "1234"),
       malformed, 16, 8, 4},
      {"scan header of length two", three + jpeg::segment(0xda, ""), malformed},
      {"number of lines before a scan", three + dnl({"\0\x08", 2}), malformed, 16, 8, 4},
      {"another number of lines", three + jpeg::scan() + dnl({"\0\x09", 2}), malformed},
      {"number of lines, one byte more", three + jpeg::scan() + dnl({"\0\x08x", 3}), malformed, 16, 8, 1},
      {"number of lines, one byte less", three + jpeg::scan() + dnl("\x08"), malformed, 16, 8, 1},
      {"one byte behind the end", jpeg::picture() + "\n", tail},
      {"zeros behind the end", jpeg::picture() + std::string(16, '\0'), tail, 16, 8, 15},
      {"a picture behind the end", jpeg::picture() + jpeg::picture(), tail, 16, 8, jpeg::picture().size() - 1},
      {"an archive behind the end", jpeg::picture() + "PK\3\4", tail, 16, 8, 3},
      {"a second end", jpeg::picture() + jpeg::end, tail, 16, 8, 1},
      {"cut inside the first marker", jpeg::start + "\xff", truncated, 0, 0},
      {"cut inside a thumbnail",
       jpeg::start + jpeg::segment(0xe1, jpeg::picture() + "rest").substr(0, jpeg::picture().size() + 4), truncated, 0,
       0},
      {"cut in a scan, behind FF", three + jpeg::scan(3, "data\xff"), truncated},
      {"end marker where a length belongs", three + jpeg::marker(0xda) + jpeg::end, truncated},
      {"end marker stuffed", three + jpeg::scan(3, {"\xff\0\xd9", 3}), truncated},
  };
}

inline std::string chunks(std::initializer_list<std::string> list) {
  auto bytes = png::signature;
  for (auto const& item : list) bytes += item;
  return bytes;
}

inline std::string const ihdr = png::Header{}.chunk();
inline std::string const indexed = png::Header{.color = 3}.chunk();
inline std::string const text = png::chunk("tEXt", "Comment\0IEND");

inline std::vector<Case> good_pngs() {
  std::vector<Case> cases{
      {"ancillary chunks everywhere", chunks({ihdr, text, png::palette, text, png::data, text, png::end})},
      {"animated", chunks({ihdr, png::chunk("acTL", "12345678"), png::chunk("fcTL", "x"), png::data,
                           png::chunk("fcTL", "x"), png::chunk("fdAT", "x"), png::end})},
      {"several IDAT, empty ones too", chunks({ihdr, png::data, png::chunk("IDAT"), png::data, png::data, png::end})},
      {"unknown ancillary chunk", chunks({ihdr, png::chunk("zzZz", "x"), png::data, png::end})},
      {"wrong checksum of an ancillary chunk", chunks({ihdr, png::damaged_chunk("tEXt", "x", 3), png::data, png::end})},
      {"largest palette", chunks({indexed, png::chunk("PLTE", std::string(768, '\1')), png::data, png::end})},
      {"smallest palette", chunks({indexed, png::chunk("PLTE", "rgb"), png::data, png::end})},
      {"suggested palette", chunks({png::Header{.color = 6}.chunk(), png::palette, png::data, png::end})},
      {"interlaced", png::picture({.interlace = 1})},
      {"longest sides", png::picture({.width = 65'535, .height = 762}), "ok", 65'535, 762},
      {"tallest", png::picture({.width = 1, .height = 65'535}), "ok", 1, 65'535},
      {"exactly the limit", png::picture({.width = 100, .height = 50}), "ok", 100, 50, 0, 5000},
  };
  static constexpr int allowed[][2] = {{0, 1}, {0, 2}, {0, 4}, {0, 8}, {0, 16}, {2, 8}, {2, 16}, {3, 1},
                                       {3, 2}, {3, 4}, {3, 8}, {4, 8}, {4, 16}, {6, 8}, {6, 16}};
  for (auto [color, depth] : allowed)
    cases.push_back({"colour " + std::to_string(color) + ", depth " + std::to_string(depth),
                     png::picture({.depth = depth, .color = color})});
  return cases;
}

// Decided with the last byte of IHDR's content; its checksum and all else is behind.
inline Case header_case(std::string name, png::Header h, std::string token = "image_malformed",
                        std::uint64_t limit = most_pixels) {
  bool const measured = token != "image_malformed";
  auto const bytes = png::picture(h);
  return {std::move(name),           bytes, std::move(token), measured ? h.width : 0, measured ? h.height : 0,
          bytes.size() - 8 - 8 - 13, limit};
}

inline std::vector<Case> bad_headers() {
  std::vector<Case> cases{
      header_case("width zero", {.width = 0}, "image_dimensions_invalid"),
      header_case("height zero", {.height = 0}, "image_dimensions_invalid"),
      header_case("too wide", {.width = 65'536, .height = 1}, "image_dimensions_invalid"),
      header_case("too high", {.width = 1, .height = 65'536}, "image_dimensions_invalid"),
      header_case("width negative", {.width = 0xffff'ffff}, "image_dimensions_invalid"),
      header_case("one pixel too many", {.width = 5001, .height = 1}, "image_too_many_pixels", 5000),
      header_case("far too many pixels", {.width = 65'535, .height = 65'535}, "image_too_many_pixels"),
      header_case("compression", {.compression = 1}),
      header_case("filter", {.filter = 64}),
      header_case("interlace", {.interlace = 2}),
  };
  static constexpr int forbidden[][2] = {{0, 0},  {0, 3}, {0, 32}, {1, 8}, {2, 1}, {2, 4},  {2, 12},
                                         {3, 16}, {4, 4}, {5, 8},  {6, 2}, {7, 8}, {255, 8}};
  for (auto [color, depth] : forbidden)
    cases.push_back(header_case("colour " + std::to_string(color) + ", depth " + std::to_string(depth),
                                {.depth = depth, .color = color}));
  return cases;
}

inline std::vector<Case> bad_pngs() {
  std::string const malformed = "image_malformed", truncated = "image_truncated", tail = "image_trailing_data";
  auto const gray = [](int color) { return png::Header{.color = color}.chunk(); };
  auto const beyond = png::chunk("IHDR", png::Header{}.content() + "x");
  std::vector<Case> cases{
      {"first chunk not IHDR", chunks({text, ihdr, png::data, png::end}), malformed, 0, 0,
       text.size() - 8 + (ihdr + png::data + png::end).size()},
      {"Apple's own variant", chunks({png::chunk("CgBI", "1234"), ihdr}), malformed, 0, 0, 8 + ihdr.size()},
      {"IHDR too long", chunks({beyond}), malformed, 0, 0, 18},
      {"IHDR too short", chunks({png::chunk("IHDR", png::Header{}.content().substr(0, 12))}), malformed, 0, 0, 16},
      {"second IHDR", chunks({ihdr, ihdr}), malformed, 16, 8, 17},
      {"chunk longer than allowed", chunks({ihdr, std::string("\x80\0\0\0tEXt", 8)}), malformed, 16, 8, 4},
      {"longest chunk", chunks({ihdr, "\x7f\xff\xff\xfftEXt"}), truncated},
      {"type with a digit", chunks({ihdr, png::chunk("tE3t")}), malformed, 16, 8, 4},
      {"type with a high bit", chunks({ihdr, png::chunk("tEX\xf4")}), malformed, 16, 8, 4},
      {"type between the alphabets", chunks({ihdr, png::chunk("t[Xt")}), malformed, 16, 8, 4},
      {"unknown critical chunk", chunks({ihdr, png::chunk("JDAT", "x")}), malformed, 16, 8, 5},
      {"critical by case alone", chunks({ihdr, png::chunk("TEXt", "x")}), malformed, 16, 8, 5},
      {"palette missing", chunks({indexed, png::data}), malformed, 16, 8, png::data.size() - 8},
      {"palette behind the data", chunks({ihdr, png::data, png::palette}), malformed, 16, 8, png::palette.size() - 8},
      {"palette between data", chunks({indexed, png::palette, png::data, png::palette}), malformed, 16, 8,
       png::palette.size() - 8},
      {"second palette", chunks({indexed, png::palette, png::palette}), malformed, 16, 8, png::palette.size() - 8},
      {"palette of a gray picture", chunks({gray(0), png::palette}), malformed, 16, 8, png::palette.size() - 8},
      {"palette of a gray picture with alpha", chunks({gray(4), png::palette}), malformed, 16, 8,
       png::palette.size() - 8},
      {"empty palette", chunks({indexed, png::chunk("PLTE")}), malformed, 16, 8, 4},
      {"palette of four bytes", chunks({indexed, png::chunk("PLTE", "rgbr")}), malformed, 16, 8, 8},
      {"palette of 257 colours", chunks({indexed, png::chunk("PLTE", std::string(771, 'c'))}), malformed, 16, 8, 775},
      {"no IDAT", chunks({ihdr, text, png::end}), malformed, 16, 8, 4},
      {"IDAT apart", chunks({ihdr, png::data, text, png::data}), malformed, 16, 8, png::data.size() - 8},
      {"IEND with content", chunks({ihdr, png::data, png::chunk("IEND", "x")}), malformed, 16, 8, 5},
      {"one byte behind the end", png::picture() + "\n", tail},
      {"a picture behind the end", png::picture() + jpeg::picture(), tail, 16, 8, jpeg::picture().size() - 1},
      {"a chunk behind the end", png::picture() + text, tail, 16, 8, text.size() - 1},
      {"an archive behind the end", png::picture() + "PK\3\4", tail, 16, 8, 3},
      {"signature alone", png::signature, truncated, 0, 0},
      {"cut before the end chunk", chunks({ihdr, png::data}), truncated},
  };
  for (std::size_t bit : {0u, 7u, 15u, 31u}) {
    auto const name = "checksum, bit " + std::to_string(bit) + ": ";
    cases.push_back({name + "IHDR", chunks({png::damaged_chunk("IHDR", png::Header{}.content(), bit)}), malformed});
    cases.push_back({name + "PLTE", chunks({ihdr, png::damaged_chunk("PLTE", "rgb", bit)}), malformed});
    cases.push_back({name + "IDAT", chunks({ihdr, png::damaged_chunk("IDAT", "rows", bit)}), malformed});
    cases.push_back({name + "empty IDAT", chunks({ihdr, png::damaged_chunk("IDAT", "", bit)}), malformed});
    cases.push_back({name + "IEND", chunks({ihdr, png::data, png::damaged_chunk("IEND", "", bit)}), malformed});
  }
  return cases;
}

inline std::vector<Case> strangers() {
  std::string const no = "file_type_not_allowed";
  auto const gif = [&](std::string name, std::string const& bytes, std::size_t decided) {
    return Case{std::move(name), bytes, no, 0, 0, bytes.size() - decided};
  };
  return {
      {"nothing", "", "file_empty", 0, 0},
      gif("GIF", "GIF89a", 1),
      gif("PDF", "%PDF-1.7", 1),
      gif("WebP", "RIFF....WEBPVP8 ", 1),
      gif("HEIC",
          std::string("\0\0\0\x18"
                      "ftypheic",
                      12),
          1),
      gif("TIFF", "MM\0*", 1),
      gif("BMP", "BM", 1),
      gif("SVG", "<svg>", 1),
      gif("UTF-8 mark", "\xef\xbb\xbf<svg>", 1),
      gif("blank before a JPEG", " " + jpeg::picture(), 1),
      gif("UTF-16 mark", "\xff\xfe<", 2),
      gif("JPEG without a marker behind its start", jpeg::start + std::string("\0\0", 2), 3),
      gif("JPEG 2000 codestream", "\xff\x4f\xff\x51", 2),
      gif("JPEG XL codestream", "\xff\x0a", 2),
      gif("MP3", "\xff\xfb\x90", 2),
      gif("MNG", "\x8aMNG\r\n\x1a\n", 1),
      gif("JNG", "\x8bJNG\r\n\x1a\n", 1),
      gif("PNG in text mode", "\x89PNG\n\x1a\n", 5),
      gif("PNG with its last byte changed", std::string("\x89PNG\r\n\x1a\r", 8), 8),
      {"first byte of a JPEG", "\xff", no, 0, 0},
      {"first two bytes of a JPEG", jpeg::start, no, 0, 0},
      {"first seven bytes of a PNG", png::signature.substr(0, 7), no, 0, 0},
  };
}

}  // namespace gateway::test::pictures
