#include "gateway/base/ascii.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <limits>
#include <string>
#include <vector>

#include "support/random.hpp"
#include "support/text.hpp"

namespace gateway::test {
namespace {

TEST(Ascii, ClassesCoverAllBytesAndNoLocale) {
  for (int byte = 0; byte < 256; ++byte) {
    char const c = static_cast<char>(byte);
    bool const ascii = byte < 128;
    EXPECT_EQ(is_digit(c), ascii && std::isdigit(byte) != 0) << byte;
    EXPECT_EQ(is_alpha(c), ascii && std::isalpha(byte) != 0) << byte;
    EXPECT_EQ(is_alnum(c), ascii && std::isalnum(byte) != 0) << byte;
    EXPECT_EQ(hex_value(c) >= 0, ascii && std::isxdigit(byte) != 0) << byte;
    EXPECT_EQ(to_lower(c), ascii ? static_cast<char>(std::tolower(byte)) : c) << byte;
    bool const token = (ascii && std::isalnum(byte) != 0) ||
                       (byte != 0 && std::string("!#$%&'*+-.^_`|~").find(c) != std::string::npos);
    EXPECT_EQ(is_tchar(c), token) << byte;
  }
  EXPECT_EQ(hex_value('0'), 0);
  EXPECT_EQ(hex_value('9'), 9);
  EXPECT_EQ(hex_value('a'), 10);
  EXPECT_EQ(hex_value('F'), 15);
}

TEST(Ascii, ComparesWithoutCaseAndWithoutReadingPastTheEnd) {
  EXPECT_TRUE(iequals("", ""));
  EXPECT_FALSE(iequals("a", ""));
  EXPECT_FALSE(iequals("chunked", "chunke"));
  EXPECT_FALSE(iequals("K", "\xe2\x84\xaa"));
  EXPECT_FALSE(iequals("@", "`"));
  EXPECT_FALSE(iequals("[", "{"));
  ExactCopy const a("Chunked"), b("cHUNKED"), c("cHUNKEE");
  EXPECT_TRUE(iequals(a.view(), b.view()));
  EXPECT_FALSE(iequals(a.view(), c.view()));
}

TEST(Ascii, TrimsBlanksAndTabsOnly) {
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim(" \ta b\t "), "a b");
  EXPECT_EQ(trim("\ra\n"), "\ra\n");
  EXPECT_EQ(trim("\xa0x\xa0"), "\xa0x\xa0");
}

TEST(Ascii, DecimalNumbersAreDigitsAndNothingElse) {
  EXPECT_EQ(parse_decimal<int>("0"), 0);
  EXPECT_EQ(parse_decimal<int>("2147483647"), 2147483647);
  EXPECT_EQ(parse_decimal<int>("007"), 7);
  EXPECT_EQ(parse_decimal<std::uint64_t>("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  for (auto bad : {"", " ", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "a", "2147483648", "99999999999999999999",
                   "\xef\xbc\x91"})
    EXPECT_FALSE(parse_decimal<int>(bad)) << bad;
  EXPECT_FALSE(parse_decimal<std::uint64_t>("18446744073709551616"));
  EXPECT_FALSE(parse_decimal<std::uint64_t>("-0"));
  EXPECT_FALSE(parse_decimal<int>(std::string_view("1\0", 2)));
}

std::vector<std::string> tokens(std::string_view list) {
  std::vector<std::string> found;
  for_each_token(list, [&](std::string_view token) { found.emplace_back(token); });
  return found;
}

TEST(Ascii, ListFieldsAreSplitAtCommas) {
  using List = std::vector<std::string>;
  EXPECT_EQ(tokens(""), List{});
  EXPECT_EQ(tokens(" , ,, "), List{});
  EXPECT_EQ(tokens("a"), List{"a"});
  EXPECT_EQ(tokens(" a ,b,\tc\t,"), (List{"a", "b", "c"}));
  EXPECT_EQ(tokens("a b,c"), (List{"a b", "c"}));
}

TEST(AsciiProperty, JoinedTokensComeBack) {
  Random random("AsciiProperty.JoinedTokensComeBack");
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> expected;
    std::string list;
    for (std::size_t count = random.below(6); count > 0; --count) {
      auto const token = random.word("abc-XYZ09", 1 + random.below(5));
      expected.push_back(token);
      list += random.word(" \t", random.below(3)) + token + random.word(" \t", random.below(3)) +
              (random.chance(3) ? ",," : ",");
    }
    ASSERT_EQ(tokens(list), expected) << "seed " << random.seed() << ": " << list;
  }
}

}  // namespace
}  // namespace gateway::test
