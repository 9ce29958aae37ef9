#include "gateway/http/body.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "support/random.hpp"
#include "support/text.hpp"

namespace gateway::test {
namespace {

using http::BodyReader;
using http::Framing;
using Kind = Framing::Kind;

struct Read {
  std::string token;  // "done", "more" or the reason code
  std::string data;
  std::string rest;  // what follows the body
};

// Reads `bytes` as a connection would: each piece behind what the last one left over.
Read read_body(Framing framing, std::string_view bytes, std::size_t piece) {
  BodyReader reader(framing);
  Read read{"more", "", ""};
  while (!bytes.empty()) {
    auto const now = bytes.substr(0, piece);
    bytes.remove_prefix(now.size());
    if (reader.done()) {
      read.rest += now;
      continue;
    }
    ExactCopy buffer(now);
    auto const taken = reader.take({buffer.data(), buffer.size()});
    if (!taken) return {token_of(taken), "", ""};
    read.data.append(buffer.data(), taken->data);
    if (taken->consumed < buffer.size()) {
      EXPECT_TRUE(reader.done()) << "only a finished body leaves bytes alone";
    }
    read.rest.append(buffer.data() + taken->consumed, buffer.size() - taken->consumed);
  }
  EXPECT_EQ(reader.total(), read.data.size());
  if (reader.done()) read.token = "done";
  return read;
}

TEST(BodyReader, WithoutABodyIsDoneAtOnceAndTakesNothing) {
  for (Framing framing : {Framing{}, Framing{Kind::none, 0}, Framing{Kind::length, 0}}) {
    BodyReader reader(framing);
    EXPECT_TRUE(reader.done());
    char bytes[] = "GET / HTTP/1.1\r\n";
    auto const taken = reader.take(bytes);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->consumed, 0u);
    EXPECT_EQ(taken->data, 0u);
    EXPECT_TRUE(reader.on_end());
  }
  EXPECT_TRUE(BodyReader().done());
}

TEST(BodyReader, CountsALengthDownAndStopsAtIt) {
  for (std::size_t piece : {1, 2, 3, 5, 7, 100}) {
    auto const read = read_body({Kind::length, 10}, "0123456789GET /", piece);
    EXPECT_EQ(read.token, "done") << piece;
    EXPECT_EQ(read.data, "0123456789") << piece;
    EXPECT_EQ(read.rest, "GET /") << piece;
  }
  BodyReader reader({Kind::length, 10});
  EXPECT_EQ(reader.wanted(), 10u);
  char bytes[4] = {'a', 'b', 'c', 'd'};
  ASSERT_TRUE(reader.take(bytes));
  EXPECT_EQ(reader.wanted(), 6u);
  EXPECT_EQ(reader.total(), 4u);
  EXPECT_FALSE(reader.done());
  EXPECT_FALSE(reader.on_end()) << "cut off";
}

TEST(BodyReader, TakesLengthsBeyondFourGigabytes) {
  BodyReader reader({Kind::length, std::uint64_t{1} << 40});
  std::string bytes(70000, 'x');
  auto const taken = reader.take(bytes);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->data, bytes.size());
  EXPECT_EQ(reader.wanted(), (std::uint64_t{1} << 40) - 70000);
}

TEST(BodyReader, ReadsToTheEndOfTheConnectionWhenAskedTo) {
  BodyReader reader({Kind::until_close, 0});
  char bytes[] = {'a', 'b'};
  auto const taken = reader.take(bytes);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->data, 2u);
  EXPECT_EQ(taken->consumed, 2u);
  EXPECT_FALSE(reader.done());
  EXPECT_EQ(reader.wanted(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(reader.on_end());
  EXPECT_TRUE(reader.done());
}

TEST(BodyReader, DecodesChunksInPlace) {
  std::string const wire = "5;x\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nX: y\r\n\r\nGET /";
  for (std::size_t piece = 1; piece <= wire.size(); ++piece) {
    auto const read = read_body({Kind::chunked, 0}, wire, piece);
    EXPECT_EQ(read.token, "done") << piece;
    EXPECT_EQ(read.data, "hello world") << piece;
    EXPECT_EQ(read.rest, "GET /") << piece;
  }
  BodyReader reader({Kind::chunked, 0});
  EXPECT_FALSE(reader.on_end()) << "a chunked body ends with its last chunk";
}

TEST(BodyReader, PassesOnWhatTheChunkReaderRefuses) {
  for (std::size_t piece : {1, 2, 5, 100}) {
    EXPECT_EQ(read_body({Kind::chunked, 0}, "1\r\nxy\r\n0\r\n\r\n", piece).token, "bad_chunk");
    EXPECT_EQ(read_body({Kind::chunked, 0}, "1\r\nx\r\n0\r\nHost: y\r\n\r\n", piece).token, "bad_trailer");
  }
}

TEST(BodyReader, AnEmptyReadChangesNothing) {
  for (auto kind : {Kind::length, Kind::chunked, Kind::until_close}) {
    BodyReader reader({kind, 3});
    auto const taken = reader.take({});
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->consumed, 0u);
    EXPECT_FALSE(reader.done());
  }
}

TEST(BodyProperty, AnyBodyInAnyFramingAndAnyPiecesComesOutWhole) {
  Random random("BodyProperty.RoundTrip");
  for (int round = 0; round < 3000; ++round) {
    auto const data = random.bytes(1 + random.below(2000));
    auto const tail = random.bytes(random.below(30));
    bool const chunked = random.chance(2);
    std::string wire = data;
    if (chunked) {
      wire.clear();
      for (std::size_t done = 0; done < data.size();) {
        auto const size = std::min(data.size() - done, 1 + random.below(300));
        wire += std::string(http::ChunkHead(size).view()) + data.substr(done, size) + "\r\n";
        done += size;
      }
      wire += http::last_chunk;
    }
    auto const framing = chunked ? Framing{Kind::chunked, 0} : Framing{Kind::length, data.size()};
    auto const read = read_body(framing, wire + tail, 1 + random.below(random.chance(3) ? 5 : 1500));
    ASSERT_EQ(read.token, "done") << "seed " << random.seed();
    ASSERT_EQ(read.data, data) << "seed " << random.seed();
    ASSERT_EQ(read.rest, tail) << "seed " << random.seed();
  }
}

}  // namespace
}  // namespace gateway::test
