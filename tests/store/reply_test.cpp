#include "store/reply.hpp"

#include <gtest/gtest.h>

#include "support/random.hpp"

namespace gateway::store {
namespace {

using Next = ReplyReader::Next;

TEST(ReplyReader, ReadsWhatRedisSends) {
  ReplyReader reader;
  using namespace std::string_literals;
  ASSERT_TRUE(reader.feed("+OK\r\n-WRONGPASS no\r\n:12\r\n$-1\r\n*-1\r\n*0\r\n*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$4\r\na\r\n\0\r\n"s));
  Reply reply;
  ASSERT_EQ(reader.next(reply), Next::reply);
  EXPECT_TRUE(reply.is(Reply::Type::text) && reply.text == "OK");
  ASSERT_EQ(reader.next(reply), Next::reply);
  EXPECT_TRUE(reply.is(Reply::Type::error) && reply.text == "WRONGPASS no");
  ASSERT_EQ(reader.next(reply), Next::reply);
  EXPECT_TRUE(reply.is(Reply::Type::number) && reply.number == 12);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(reader.next(reply), Next::reply);
    EXPECT_TRUE(reply.is(Reply::Type::nil));
  }
  ASSERT_EQ(reader.next(reply), Next::reply);
  EXPECT_TRUE(reply.is(Reply::Type::list) && reply.elements.empty());
  ASSERT_EQ(reader.next(reply), Next::reply);
  ASSERT_EQ(reply.elements.size(), 3u);
  EXPECT_EQ(reply.elements[0].text, "message");
  EXPECT_EQ(reply.elements[2].text, "a\r\n\0"s);
  EXPECT_EQ(reader.next(reply), Next::nothing_yet);
}

TEST(ReplyReader, WaitsForTheRest) {
  using namespace std::string_literals;
  auto const bytes = "*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$4\r\na\r\n\0\r\n"s;
  ReplyReader reader;
  Reply reply;
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    ASSERT_TRUE(reader.feed(bytes.substr(i, 1)));
    ASSERT_EQ(reader.next(reply), Next::nothing_yet) << i;
  }
  ASSERT_TRUE(reader.feed("\n"));
  ASSERT_EQ(reader.next(reply), Next::reply);
  EXPECT_EQ(reply.elements.at(2).text, "a\r\n\0"s);
}

TEST(ReplyReader, RefusesWhatNoServerOfOursSends) {
  auto const large = [](std::size_t size) { return "$" + std::to_string(size) + "\r\n" + std::string(size, 'x') + "\r\n"; };
  struct Row {
    std::string bytes;
    Next expected;
  };
  Row const rows[] = {
      {"HTTP/1.1 400 Bad Request\r\n", Next::broken},
      {"\x15\x03\x03", Next::broken},
      {"*1\r\n*1\r\n:1\r\n", Next::broken},
      {"*9\r\n", Next::broken},
      {"*2147483647\r\n", Next::broken},
      {"*4294967297\r\n", Next::broken},
      {"*9223372036854775807\r\n", Next::broken},
      {"*-2\r\n", Next::broken},
      {"*x\r\n", Next::broken},
      {"$-2\r\n", Next::broken},
      {"$x\r\n", Next::broken},
      {":x\r\n", Next::broken},
      {":99999999999999999999\r\n", Next::broken},
      {large(ReplyReader::max_text_bytes), Next::reply},
      {large(ReplyReader::max_text_bytes + 1), Next::broken},
      {"$2147483647\r\n" + std::string(ReplyReader::max_unfinished_bytes - 100, 'x'), Next::nothing_yet},
      {"$2147483647\r\n" + std::string(ReplyReader::max_unfinished_bytes + 1, 'x'), Next::broken},
      {"+" + std::string(ReplyReader::max_unfinished_bytes + 1, 'x'), Next::broken},
  };
  for (auto const& row : rows) {
    SCOPED_TRACE(row.bytes.substr(0, 40));
    ReplyReader reader;
    Reply reply;
    ASSERT_TRUE(reader.feed(row.bytes));
    EXPECT_EQ(reader.next(reply), row.expected);
    if (row.expected != Next::broken) continue;
    EXPECT_FALSE(reader.feed("+OK\r\n"));
    EXPECT_EQ(reader.next(reply), Next::broken) << "it does not recover: nobody knows where the next reply begins";
  }
}

TEST(ReplyReader, OfAnyBytes) {
  test::Random random("replies");
  int replies = 0;
  for (int i = 0; i < 20'000; ++i) {
    ReplyReader reader;
    Reply reply;
    for (int piece = 0; piece < 8; ++piece) {
      if (!reader.feed(random.word("*$:+-0123\r\n\r\nax", random.below(24)))) break;
      Next next;
      while ((next = reader.next(reply)) == Next::reply) ++replies;
      if (next == Next::broken) break;
    }
  }
  EXPECT_GT(replies, 1000);
}

TEST(Commands, AreWrittenWithTheirLengths) {
  std::string out = "x";
  append_command({"PUBLISH", "ch", std::string_view("a\r\n\0", 4)}, out);
  EXPECT_EQ(out, std::string("x*3\r\n$7\r\nPUBLISH\r\n$2\r\nch\r\n$4\r\na\r\n\0\r\n", 36));
}

}  // namespace
}  // namespace gateway::store
