#include "store/message.hpp"

#include <gtest/gtest.h>

#include "support/random.hpp"

namespace gateway::store {
namespace {

using cache::Subject;

std::string written(Kind kind, std::uint64_t sender, std::uint64_t number, std::vector<Subject> const& subjects = {}) {
  std::string out;
  write_message(kind, sender, number, subjects, out);
  return out;
}

TEST(Message, IsTheSameBytesOnEveryGateway) {
  using namespace std::string_literals;
  EXPECT_EQ(written(Kind::subjects, 0x0102030405060708, 9, {Subject{0xfffefdfcfbfaf9f8}, Subject{1}}),
            "\1\1\1\2\3\4\5\6\7\x08\0\0\0\0\0\0\0\x09\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\0\0\0\0\0\0\0\1"s);
  EXPECT_EQ(written(Kind::everything, 0, 1), "\1\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"s);
}

TEST(Message, IsReadAsItWasWritten) {
  for (auto const kind : {Kind::everything, Kind::beat, Kind::leave}) {
    auto const message = Message::read(written(kind, 7, ~std::uint64_t{0}));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->kind, kind);
    EXPECT_EQ(message->sender, 7u);
    EXPECT_EQ(message->number, ~std::uint64_t{0});
    EXPECT_TRUE(message->subjects.empty());
  }
  for (std::size_t const count : {std::size_t{1}, std::size_t{2}, Message::max_subjects}) {
    std::vector<Subject> subjects;
    for (std::size_t i = 0; i < count; ++i) subjects.push_back(Subject{i * 0x9e3779b97f4a7c15});
    auto const bytes = written(Kind::subjects, 1, 2, subjects);
    EXPECT_LE(bytes.size(), Message::max_bytes);
    auto const message = Message::read(bytes);
    ASSERT_TRUE(message) << count;
    EXPECT_EQ(message->subjects, subjects);
  }
}

TEST(Message, IsReadWholeOrNotAtAll) {
  auto const bytes = written(Kind::subjects, 1, 2, {Subject{3}, Subject{4}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // Cut between two subjects it is a shorter message; Redis keeps messages whole.
    bool const shorter = size == Message::head_bytes + 8;
    EXPECT_EQ(Message::read(std::string_view(bytes).substr(0, size)).has_value(), shorter) << size;
  }
  EXPECT_TRUE(Message::read(bytes));
  EXPECT_FALSE(Message::read(bytes + "x"));
}

TEST(Message, OfAnotherFormIsIgnored) {
  auto const changed = [](std::string bytes, std::size_t at, char value) {
    bytes[at] = value;
    return Message::read(bytes).has_value();
  };
  auto const beat = written(Kind::beat, 1, 2);
  ASSERT_TRUE(Message::read(beat));
  for (int value = 0; value < 256; ++value) {
    EXPECT_EQ(changed(beat, 0, static_cast<char>(value)), value == 1) << "version " << value;
    EXPECT_EQ(changed(beat, 1, static_cast<char>(value)), value >= 2 && value <= 4) << "kind " << value;
  }
  EXPECT_FALSE(Message::read(written(Kind::beat, 1, 0))) << "numbers begin at 1";
  EXPECT_FALSE(Message::read(written(Kind::subjects, 1, 2))) << "without subjects it says nothing";
  for (auto const kind : {Kind::everything, Kind::beat, Kind::leave})
    EXPECT_FALSE(Message::read(written(kind, 1, 2, {Subject{3}}))) << "only one kind has subjects";
  EXPECT_FALSE(Message::read(written(Kind::subjects, 1, 2, std::vector<Subject>(Message::max_subjects + 1))));
}

// Any bytes: nothing is read out of bounds (the sanitizers look), and what is understood is what would be written.
TEST(Message, OfAnyBytes) {
  test::Random random("messages");
  int understood = 0;
  for (int i = 0; i < 200'000; ++i) {
    auto bytes = random.bytes(random.below(64));
    if (!random.chance(8) && !bytes.empty()) bytes[0] = 1;
    if (!random.chance(8) && bytes.size() > 1) bytes[1] = static_cast<char>(random.below(6));
    auto const message = Message::read(bytes);
    if (!message) continue;
    ++understood;
    ASSERT_EQ(written(message->kind, message->sender, message->number, message->subjects), bytes);
  }
  EXPECT_GT(understood, 1000);
}

}  // namespace
}  // namespace gateway::store
