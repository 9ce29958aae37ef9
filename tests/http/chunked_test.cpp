#include "gateway/http/chunked.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>

#include "support/chunks.hpp"
#include "support/random.hpp"

namespace gateway::test {
namespace {

void expect_however_split(std::string const& bytes, Decoded const& expected, http::ChunkLimits limits = {}) {
  EXPECT_EQ(decode(bytes, {}, limits), expected) << shown(bytes);
  EXPECT_EQ(decode(bytes, every_cut(bytes.size()), limits), expected) << "byte by byte: " << shown(bytes);
  for (std::size_t at = 1; at < bytes.size(); ++at)
    EXPECT_EQ(decode(bytes, {at}, limits), expected) << "split at " << at << ": " << shown(bytes);
}

TEST(ChunkReader, ReadsLegalBodies) {
  struct Row {
    std::string bytes;
    std::string data;
  };
  Row const rows[] = {
      {"0\r\n\r\n", ""},
      {"1\r\nx\r\n0\r\n\r\n", "x"},
      {"5\r\nhello\r\n0\r\n\r\n", "hello"},
      {"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
      {"a\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
      {"A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
      {"0000000000001\r\nx\r\n0000\r\n\r\n", "x"},
      {"1;a\r\nx\r\n0\r\n\r\n", "x"},
      {"1;a=b\r\nx\r\n0;c\r\n\r\n", "x"},
      {"1;\r\nx\r\n0\r\n\r\n", "x"},
      {"1;a=\"b c;d\"\t\r\nx\r\n0\r\n\r\n", "x"},
      {"4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"},
      {"3\r\n0\r\n\r\n0\r\n\r\n", "0\r\n"},
      {"1\r\nx\r\n0\r\nX-Trailer: y\r\n\r\n", "x"},
      {"0\r\na:\r\nb: c d\r\n\r\n", ""},
      {"0\r\nX-Long-Name-That-Exceeds-Thirty-Two-Bytes-By-Far: y\r\n\r\n", ""},
  };
  for (auto const& row : rows) {
    expect_however_split(row.bytes, {"done", row.data, row.bytes.size()});
    expect_however_split(row.bytes + "GET /next HTTP/1.1\r\n", {"done", row.data, row.bytes.size()});
  }
}

TEST(ChunkReader, WaitsAtEachPlaceWhereABodyIsCutOff) {
  std::string const whole = "5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX: y\r\n\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(decode(whole.substr(0, size), {}).token, "more") << size;
}

TEST(ChunkReader, RefusesAtTheFirstWrongByte) {
  struct Row {
    std::string bytes;
    char const* token;
    std::size_t at;  // index of the byte that is refused
  };
  Row const rows[] = {
      {"\r\n", "bad_chunk", 0},
      {"\n", "bad_chunk", 0},
      {" 1\r\nx", "bad_chunk", 0},
      {"\t1\r\nx", "bad_chunk", 0},
      {"g\r\n", "bad_chunk", 0},
      {"-1\r\nx", "bad_chunk", 0},
      {"+1\r\nx", "bad_chunk", 0},
      {";a\r\n", "bad_chunk", 0},
      {"0x1\r\nx", "bad_chunk", 1},
      {"1 \r\nx", "bad_chunk", 1},
      {"1\t\r\nx", "bad_chunk", 1},
      {"1 ;a\r\nx", "bad_chunk", 1},
      {"1,a\r\nx", "bad_chunk", 1},
      {"1\nx\r\n", "bad_chunk", 1},
      {"1\rx", "bad_chunk", 2},
      {"1\r\r\nx", "bad_chunk", 2},
      {"1;a\nx", "bad_chunk", 3},
      {"1;a\rb\r\nx", "bad_chunk", 4},
      {std::string("1;a\0\r\nx", 8), "bad_chunk", 3},
      {"1;a\x7f\r\nx", "bad_chunk", 3},
      {"1;a\x80\r\nx", "bad_chunk", 3},
      {"1\r\nxy\r\n", "bad_chunk", 4},
      {"1\r\nx\n", "bad_chunk", 4},
      {"1\r\nx\r0", "bad_chunk", 5},
      {"2\r\nxy0\r\n\r\n", "bad_chunk", 5},
      {"1\r\nx\r\n\r\n", "bad_chunk", 6},
      {"1000000000000000\r\n", "bad_chunk", 15},
      {"0000000000000001\r\n", "bad_chunk", 15},
      {"ffffffffffffffff\r\n", "bad_chunk", 15},
      {"0\r\n\n", "bad_trailer", 3},
      {"0\r\n\rx", "bad_trailer", 4},
      {"0\r\n X: y\r\n\r\n", "bad_trailer", 3},
      {"0\r\n: y\r\n\r\n", "bad_trailer", 3},
      {"0\r\nX\r\n\r\n", "bad_trailer", 4},
      {"0\r\nX y: z\r\n\r\n", "bad_trailer", 4},
      {"0\r\nX : y\r\n\r\n", "bad_trailer", 4},
      {"0\r\nX: y\n\r\n", "bad_trailer", 7},
      {"0\r\nX: y\rz", "bad_trailer", 8},
      {"0\r\nX: y\r\n folded\r\n\r\n", "bad_trailer", 9},
      {std::string("0\r\nX: \0\r\n\r\n", 11), "bad_trailer", 6},
      {"0\r\nX: \x7f\r\n\r\n", "bad_trailer", 6},
      {"0\r\n\x80: y\r\n\r\n", "bad_trailer", 3},
      {"0\r\nGET / HTTP/1.1\r\n\r\n", "bad_trailer", 6},
  };
  for (auto const& row : rows) {
    auto const decoded = decode(row.bytes, {});
    EXPECT_EQ(decoded.token, row.token) << shown(row.bytes);
    EXPECT_EQ(decode(row.bytes.substr(0, row.at), {}).token, "more") << shown(row.bytes) << ": refused too early";
    EXPECT_EQ(decode(row.bytes.substr(0, row.at + 1), {}).token, row.token) << shown(row.bytes) << ": refused too late";
    for (std::size_t at = 1; at < row.bytes.size(); ++at)
      EXPECT_EQ(decode(row.bytes, {at}).token, row.token) << at << shown(row.bytes);
    EXPECT_EQ(decode(row.bytes, every_cut(row.bytes.size())).token, row.token) << shown(row.bytes);
  }
}

TEST(ChunkReader, RefusesTrailersThatFrameRouteOrAuthorise) {
  for (auto name :
       {"Content-Length", "Transfer-Encoding", "Host", "Trailer", "TE", "Connection", "Upgrade", "Content-Type",
        "Content-Encoding", "Authorization", "Cookie", "x-api-key", "Expect", "hOsT", "CONTENT-LENGTH", "X-API-KEY"}) {
    expect_however_split("0\r\n" + std::string(name) + ": 1\r\n\r\n", {"bad_trailer", "", 0});
    expect_however_split("0\r\nA: b\r\n" + std::string(name) + ":\r\n\r\n", {"bad_trailer", "", 0});
  }
  for (auto name : {"X-Host", "Hos", "Hostx", "Content_Length", "Digest", "Server-Timing"})
    EXPECT_EQ(decode("0\r\n" + std::string(name) + ": 1\r\n\r\n", {}).token, "done") << name;
}

TEST(ChunkReader, JudgesEachByteOfSizesExtensionsAndTrailers) {
  for (int byte = 0; byte < 256; ++byte) {
    std::string const c(1, static_cast<char>(byte));
    bool const hex = std::isxdigit(byte) != 0;
    EXPECT_EQ(decode(c, {}).token, hex ? "more" : "bad_chunk") << byte;
    EXPECT_EQ(decode("1" + c, {}).token, hex || c == ";" || c == "\r" ? "more" : "bad_chunk") << byte;
    EXPECT_EQ(decode("1;" + c, {}).token,
              c == "\t" || c == "\r" || (byte >= 0x20 && byte < 0x7f) ? "more" : "bad_chunk")
        << byte;
    EXPECT_EQ(decode("0\r\nX:" + c, {}).token,
              c == "\t" || c == "\r" || (byte >= 0x20 && byte != 0x7f) ? "more" : "bad_trailer")
        << byte;
  }
}

TEST(ChunkReader, BoundsExtensionsAndTrailers) {
  http::ChunkLimits const limits{8, 20, 16, 3};
  auto const chunk = [](std::size_t extension) { return "1;" + std::string(extension, 'e') + "\r\nx\r\n"; };
  std::string const end = "0\r\n\r\n";
  expect_however_split(chunk(8) + end, {"done", "x", chunk(8).size() + end.size()}, limits);
  EXPECT_EQ(decode(chunk(9) + end, {}, limits).token, "bad_chunk");
  EXPECT_EQ(decode(chunk(8) + chunk(8) + chunk(4) + end, {}, limits).token, "done");
  EXPECT_EQ(decode(chunk(8) + chunk(8) + chunk(5) + end, {}, limits).token, "bad_chunk") << "over all chunks";
  EXPECT_EQ(decode("0\r\na:\r\nb:\r\nc:\r\n\r\n", {}, limits).token, "done");
  EXPECT_EQ(decode("0\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n", {}, limits).token, "bad_trailer");
  EXPECT_EQ(decode("0\r\na:0123456789012\r\n\r\n", {}, limits).token, "done");
  EXPECT_EQ(decode("0\r\na:01234567890123\r\n\r\n", {}, limits).token, "bad_trailer");
  EXPECT_EQ(decode("0\r\n" + std::string(17, 'n'), {}, limits).token, "bad_trailer");
}

TEST(ChunkReader, HoldsTheDefaultsAgainstEndlessInput) {
  EXPECT_EQ(decode("1;" + std::string(257, 'e'), {}).token, "bad_chunk");
  std::string many;
  for (int i = 0; i < 17; ++i) many += "X: y\r\n";
  EXPECT_EQ(decode("0\r\n" + many, {}).token, "bad_trailer");
  EXPECT_EQ(decode("0\r\nX: " + std::string(5000, 'y'), {}).token, "bad_trailer");
  std::string chunks;
  for (int i = 0; i < 65; ++i) chunks += "1;" + std::string(256, 'e') + "\r\nx\r\n";
  EXPECT_EQ(decode(chunks, {}).token, "bad_chunk") << "16 KiB of extensions in all";
}

TEST(ChunkReader, TakesSizesUpToFifteenDigitsWithoutOverflow) {
  http::ChunkReader reader;
  std::string const bytes = "fffffffffffffff\r\ndata";
  auto const piece = reader.next(bytes);
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->data, "data");
  EXPECT_FALSE(reader.done());
}

TEST(ChunkReader, ConsumesNothingOnceDone) {
  http::ChunkReader reader;
  ASSERT_TRUE(reader.next("0\r\n\r\n"));
  ASSERT_TRUE(reader.done());
  auto const piece = reader.next("1\r\nx\r\n");
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->consumed, 0u);
  EXPECT_TRUE(piece->data.empty());
}

// What a chunk header is, said by searching rather than by states: where it goes wrong, or where it ends.
struct HeaderVerdict {
  enum { viable, dead, complete } kind;
  std::size_t at = 0;  // of the wrong byte, or behind the LF
  std::uint64_t size = 0;
};
HeaderVerdict judge_header(std::string const& text) {
  auto pos = text.find_first_not_of("0123456789abcdefABCDEF");
  if (pos == text.npos) return {HeaderVerdict::viable};
  if (pos == 0) return {HeaderVerdict::dead, 0};
  auto const size = std::strtoull(text.substr(0, pos).c_str(), nullptr, 16);
  if (text[pos] == ';') {
    ++pos;
    while (pos < text.size() && (text[pos] == '\t' || (text[pos] >= ' ' && text[pos] <= '~'))) ++pos;
    if (pos == text.size()) return {HeaderVerdict::viable};
  }
  if (text[pos] != '\r') return {HeaderVerdict::dead, pos};
  if (pos + 1 == text.size()) return {HeaderVerdict::viable};
  if (text[pos + 1] != '\n') return {HeaderVerdict::dead, pos + 1};
  return {HeaderVerdict::complete, pos + 2, size};
}

void check_header(std::string const& text) {
  auto const expected = judge_header(text);
  if (expected.kind == HeaderVerdict::viable) {
    ASSERT_EQ(decode(text, {}).token, "more") << shown(text);
    return;
  }
  if (expected.kind == HeaderVerdict::dead) {
    ASSERT_EQ(decode(text.substr(0, expected.at), {}).token, "more") << shown(text);
    ASSERT_EQ(decode(text.substr(0, expected.at + 1), {}).token, "bad_chunk") << shown(text);
    return;
  }
  // A complete header: the next byte is data, or begins the trailers when the size was 0.
  http::ChunkReader reader;
  auto const bytes = text.substr(0, expected.at) + "ZZ";
  auto const piece = reader.next(bytes);
  ASSERT_TRUE(piece) << shown(text);
  ASSERT_EQ(piece->data, std::string(std::min<std::uint64_t>(expected.size, 2), 'Z')) << shown(text);
}

TEST(ChunkReader, AgreesWithTheGrammarForEveryHeaderOfUpToFiveBytes) {
  std::string const alphabet("01aFgx;=\" \t\r\n-\0\x80", 16);
  std::string text;
  std::size_t checked = 0;
  std::function<void()> const grow = [&] {
    if (text.size() == 5) return;
    for (char c : alphabet) {
      text += c;
      check_header(text);
      ++checked;
      grow();
      text.pop_back();
    }
  };
  grow();
  EXPECT_EQ(checked, 16u + 16 * 16 + 16 * 16 * 16 + 16 * 16 * 16 * 16 + 16 * 16 * 16 * 16 * 16);
}

TEST(ChunkHead, WritesWhatTheReaderReads) {
  EXPECT_EQ(http::ChunkHead(1).view(), "1\r\n");
  EXPECT_EQ(http::ChunkHead(16384).view(), "4000\r\n");
  EXPECT_EQ(http::ChunkHead(0xffffffffffffffffull).view(), "ffffffffffffffff\r\n");
  for (int shift = 0; shift < 59; ++shift) {
    http::ChunkReader reader;
    auto const size = std::uint64_t{1} << shift;
    std::string const bytes = std::string(http::ChunkHead(size).view()) + "ab";
    auto const piece = reader.next(bytes);
    ASSERT_TRUE(piece) << shift;
    EXPECT_EQ(piece->data.size(), std::min<std::uint64_t>(size, 2)) << shift;
  }
}

TEST(ChunkProperty, WhatIsWrittenInRandomChunksIsReadFromRandomSplits) {
  Random random("ChunkProperty.RoundTrip");
  for (int round = 0; round < 2000; ++round) {
    auto const data = random.bytes(random.below(3000));
    std::string wire;
    for (std::size_t done = 0; done < data.size();) {
      auto const size = std::min(data.size() - done, 1 + random.below(random.chance(4) ? 3 : 700));
      wire += std::string(http::ChunkHead(size).view()) + data.substr(done, size) + std::string(http::chunk_end);
      done += size;
    }
    wire += http::last_chunk;
    auto const end = wire.size();
    wire += random.bytes(random.below(20));
    std::vector<std::size_t> cuts;
    for (std::size_t at = 0; at < wire.size(); at += 1 + random.below(random.chance(3) ? 4 : 900))
      if (at > 0) cuts.push_back(at);
    ASSERT_EQ(decode(wire, cuts), (Decoded{"done", data, end})) << "seed " << random.seed() << ", round " << round;
  }
}

TEST(ChunkProperty, MutatedBodiesGetTheSameVerdictHoweverSplit) {
  Random random("ChunkProperty.Mutations");
  std::string_view const spice("\r\n0;:a \t\0g\x80", 11);
  std::size_t refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string wire = "3;e\r\nabc\r\n1\r\nd\r\n0\r\nX: y\r\n\r\n";
    for (std::size_t edits = 1 + random.below(3); edits > 0; --edits) {
      auto const at = random.below(wire.size());
      if (random.chance(3))
        wire.erase(at, 1);
      else if (random.chance(2))
        wire.insert(at, 1, random.from(spice));
      else
        wire[at] = random.from(spice);
    }
    auto const whole = decode(wire, {});
    refused += whole.token.starts_with("bad");
    ASSERT_EQ(decode(wire, every_cut(wire.size())), whole) << "seed " << random.seed() << ": " << shown(wire);
    ASSERT_EQ(decode(wire, {1 + random.below(wire.size())}), whole) << "seed " << random.seed() << ": " << shown(wire);
  }
  EXPECT_GT(refused, 1000u);
}

}  // namespace
}  // namespace gateway::test
