#include "upload/values.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "support/random.hpp"
#include "support/text.hpp"

namespace gateway::test {
namespace {

using namespace upload;

constexpr FieldRule rule_of(Shape shape, bool required, std::uint32_t max_bytes, Place place = Place::body,
                            std::string_view choices = {}) {
  return {policy::OperationId::submit_step1, place, "field", shape, required, max_bytes, choices};
}

std::string padded(int number, std::size_t digits) {
  auto text = std::to_string(number);
  return text.size() < digits ? std::string(digits - text.size(), '0') + text : text;
}

std::string date_text(int year, int month, int day) {
  return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2);
}

TEST(Dates, ExistAsTheCalendarSays) {
  std::size_t good = 0;
  std::uint32_t last = 0;
  for (int year = 1890; year <= 2210; ++year) {
    for (int month = 0; month <= 13; ++month) {
      for (int day = 0; day <= 32; ++day) {
        std::chrono::year_month_day const reference{std::chrono::year(year),
                                                    std::chrono::month(static_cast<unsigned>(month)),
                                                    std::chrono::day(static_cast<unsigned>(day))};
        bool const expected = reference.ok() && year >= 1900 && year <= 2200;
        auto const date = parse_date(date_text(year, month, day));
        ASSERT_EQ(date.has_value(), expected) << date_text(year, month, day);
        if (!date) continue;
        ASSERT_GT(*date, last) << "numbers have the order of days";
        last = *date;
        ++good;
      }
    }
  }
  EXPECT_EQ(good, 109'938u) << "301 years of 365 days and 73 leap days";
}

TEST(Dates, HaveOneForm) {
  for (auto text : {"",           "2024-02-3",    "2024-2-03",   "24-02-03",    "2024/02/03",
                    "20240203",   "2024-02-03 ",  " 2024-02-03", "2024-02-03Z", "2024-02-03T00:00:00Z",
                    "+024-02-03", "2024-+2-03",   "2024-02- 3",  "-024-02-03",  "03-02-2024",
                    "2024-0a-03", "2024-02-0x03", "２024-02-03", "yyyy-mm-dd",  "2024--2-03"})
    EXPECT_FALSE(parse_date(text)) << text;
  EXPECT_EQ(parse_date("1991-04-02"), 19910402u);
}

TEST(Dates, RandomTextsAgreeWithTheCalendar) {
  Random random("dates");
  for (int i = 0; i < 200'000; ++i) {
    auto text = random.word("0123456789", 4) + "-" + random.word("0123", 2) + "-" + random.word("0123", 2);
    if (random.chance(3)) text[0] = random.from("12"), text[1] = random.from("90");
    if (random.chance(20)) text[random.below(text.size())] = random.byte();
    bool expected = text[4] == '-' && text[7] == '-';
    for (std::size_t at : {0u, 1u, 2u, 3u, 5u, 6u, 8u, 9u}) expected &= text[at] >= '0' && text[at] <= '9';
    if (expected) {
      auto const number = [&](std::size_t at, std::size_t size) { return std::stoi(text.substr(at, size)); };
      std::chrono::year_month_day const reference{std::chrono::year(number(0, 4)),
                                                  std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                                  std::chrono::day(static_cast<unsigned>(number(8, 2)))};
      expected = reference.ok() && number(0, 4) >= 1900 && number(0, 4) <= 2200;
    }
    ASSERT_EQ(parse_date(text).has_value(), expected) << shown(text);
  }
}

TEST(CountryCodes, AreThe249OfTheStandard) {
  std::size_t good = 0;
  std::string code(3, 'A');
  for (code[0] = 'A'; code[0] <= 'Z'; ++code[0])
    for (code[1] = 'A'; code[1] <= 'Z'; ++code[1])
      for (code[2] = 'A'; code[2] <= 'Z'; ++code[2]) good += is_alpha3(code);
  EXPECT_EQ(good, 249u);
  for (auto text :
       {"ABW", "KOR", "PRK", "USA", "DEU", "GHA", "SSD", "TWN", "HKG", "ALA", "BES", "CUW", "SXM", "UMI", "ZWE"})
    EXPECT_TRUE(is_alpha3(text)) << text;
  // Numeric, alpha-2, lower case, user-assigned, withdrawn and exceptionally reserved ones.
  for (auto text : {"",    "KR",  "410", "kor", "Kor", "KOREA", " KOR", "KOR ", "XKX",        "ZZZ",
                    "AAA", "ANT", "SCG", "YUG", "SUN", "EUE",   "UNO",  "GER",  "K\xc3\x96R", "KO\n"})
    EXPECT_FALSE(is_alpha3(text)) << text;
  EXPECT_FALSE(is_alpha3(std::string_view("KO\0", 3)));
}

TEST(Counts, AreOneTo2000InOneForm) {
  for (unsigned number = 0; number <= 11'000; ++number)
    ASSERT_EQ(is_count(std::to_string(number)), number >= 1 && number <= 2000) << number;
  for (auto text : {"", "01", "0050", "00", "+5", "-5", " 5", "5 ", "5.0", "1e3", "0x10", "five", "4294967297",
                    "18446744073709551617", "٣"})
    EXPECT_FALSE(is_count(text)) << text;
}

TEST(Emails, AreDotAtoms) {
  for (auto text : {"a@example.test", "a2@example.test", "mina.okafor@mail.example.co.kr", "o'brien+kyc@example.test",
                    "!#$%&'*+-/=?^_`{|}~@example.test", "a@1.2", "a@x.y", "1@xn--bcher-kva.example", "A@EXAMPLE.TEST",
                    "a@a-b.c--d.e"})
    EXPECT_TRUE(is_email(text)) << text;
  for (auto text : {"",
                    "@",
                    "a",
                    "a@",
                    "@example.test",
                    "a@localhost",
                    "a@example.",
                    "a@.test",
                    "a@example..test",
                    ".a@example.test",
                    "a.@example.test",
                    "a..b@example.test",
                    "a b@example.test",
                    "a@exam ple.test",
                    "a@b@example.test",
                    "\"a\"@example.test",
                    "a@[127.0.0.1]",
                    "a@-x.test",
                    "a@x-.test",
                    "a@x_y.test",
                    "a@example.test ",
                    " a@example.test",
                    "<a@example.test>",
                    "Mina <a@example.test>",
                    "a@example.test,b@example.test",
                    "a\n@example.test",
                    "a@example.test\n",
                    "m\xc3\xa9@example.test",
                    "a@\xc3\xa9.test",
                    "a:b@example.test",
                    "a;b@example.test",
                    "a(b)@example.test",
                    "a\\b@example.test"})
    EXPECT_FALSE(is_email(text)) << text;
  EXPECT_FALSE(is_email(std::string_view("a\0@example.test", 15)));
}

TEST(Emails, HaveTheirLengths) {
  std::string const local(64, 'a'), label(63, 'b');
  EXPECT_TRUE(is_email(local + "@example.test"));
  EXPECT_FALSE(is_email(local + "a@example.test"));
  EXPECT_TRUE(is_email("a@" + label + ".test"));
  EXPECT_FALSE(is_email("a@b" + label + ".test"));
  auto const three = label + "." + label + "." + label + ".";
  auto const longest = "abcdef@" + three + std::string(254 - 7 - three.size(), 'c');
  ASSERT_EQ(longest.size(), 254u);
  EXPECT_TRUE(is_email(longest));
  EXPECT_FALSE(is_email("x" + longest));
}

TEST(Ids, AreVisibleAsciiWithoutQuotes) {
  for (int c = 0; c < 256; ++c) {
    std::string const text = {'a', static_cast<char>(c)};
    bool const expected = c > 0x20 && c < 0x7f && c != '"' && c != '\'' && c != '`' && c != '\\';
    EXPECT_EQ(is_id(text), expected) << c;
  }
  EXPECT_FALSE(is_id(""));
  EXPECT_TRUE(is_id("sbx1a2b3c4d5e6"));
}

TEST(Choices, AreWholeWords) {
  for (auto text : {"kyc", "aml", "others"}) EXPECT_TRUE(is_choice(text, "kyc|aml|others")) << text;
  for (auto text : {"", "k", "KYC", "kyc|aml", "kyc ", "other", "otherss", "|"})
    EXPECT_FALSE(is_choice(text, "kyc|aml|others")) << text;
}

TEST(Texts, BlankAndControlBytes) {
  EXPECT_TRUE(is_blank(""));
  EXPECT_TRUE(is_blank(" \t\r\n"));
  EXPECT_FALSE(is_blank(" a "));
  EXPECT_FALSE(is_blank("\xc2\xa0"));
  for (int c = 0; c < 256; ++c) {
    std::string const text = {'a', static_cast<char>(c), 'b'};
    bool const control = c < 0x20 || c == 0x7f;
    EXPECT_EQ(has_control_byte(text, false), control) << c;
    EXPECT_EQ(has_control_byte(text, true), control && c != '\t' && c != '\n' && c != '\r') << c;
  }
}

TEST(FormDecoding, UndoesWhatEncodersDo) {
  EXPECT_EQ(form_decode(""), "");
  EXPECT_EQ(form_decode("a+b%20c%2Bd%2bd"), "a b c+d+d");
  EXPECT_EQ(form_decode("%00%ff%25%32%35"), std::string("\0\xff%25", 5));
  EXPECT_EQ(form_decode("\xc3\xa9&=?"), "\xc3\xa9&=?");
  for (auto text : {"%", "a%", "%4", "%%41", "%4g", "%g4", "% 4", "%+4", "%-1", "%u0041", "abc%2", "%\xc3\xa9"})
    EXPECT_FALSE(form_decode(ExactCopy(text).view())) << text;
}

TEST(FormDecoding, RoundTrip) {
  Random random("form decoding");
  for (int i = 0; i < 100'000; ++i) {
    auto const original = random.bytes(random.below(24));
    std::string encoded;
    for (char c : original) {
      if (c == ' ' && random.chance(2))
        encoded += '+';
      else if (c == '%' || c == '+' || random.chance(2)) {
        auto const digits = random.chance(2) ? "0123456789abcdef" : "0123456789ABCDEF";
        auto const byte = static_cast<unsigned char>(c);
        encoded += {'%', digits[byte >> 4], digits[byte & 15]};
      } else
        encoded += c;
    }
    ExactCopy const exact(encoded);
    ASSERT_EQ(form_decode(exact.view()), original) << shown(encoded);
  }
}

TEST(Judge, MeasuresBytesOfTexts) {
  auto const text = rule_of(Shape::text, false, 6);
  EXPECT_EQ(judge_value(text, "abcdef", false), "");
  EXPECT_EQ(judge_value(text, "abcdefg", false), "is longer than 6 bytes");
  EXPECT_EQ(judge_value(text, "abcdef", true), "is longer than 6 bytes");
  EXPECT_EQ(judge_value(text, "\xec\x84\x9c\xec\x9a\xb8", false), "");
  EXPECT_EQ(judge_value(text, "\xec\x84\x9c\xec\x9a\xb8\xec", true), "is longer than 6 bytes") << "not: is not UTF-8";
  EXPECT_EQ(judge_value(text, "\xec\x84", false), "is not UTF-8");
  // Of other shapes the form says more than the length.
  EXPECT_EQ(judge_value(rule_of(Shape::choice, true, 4, Place::body, "male|x"), "femaleX", false),
            "must be one of male, x");
  EXPECT_EQ(judge_value(rule_of(Shape::count, false, 4, Place::query), "20000", false),
            "must be a whole number from 1 to 2000, in digits without sign and leading zeros");
}

TEST(Judge, EmptyValues) {
  for (auto shape : {Shape::text, Shape::id, Shape::email, Shape::date, Shape::alpha3, Shape::count, Shape::choice}) {
    EXPECT_EQ(judge_value(rule_of(shape, false, 9, Place::body, "a"), "", false), "");
    EXPECT_EQ(judge_value(rule_of(shape, true, 9, Place::body, "a"), "", false), "must not be empty");
    EXPECT_EQ(judge_value(rule_of(shape, true, 9, Place::body, "a"), " \t", false), "must not be empty");
    EXPECT_EQ(judge_value(rule_of(shape, true, 9, Place::query, "a"), "", false), "must not be empty");
    EXPECT_EQ(judge_value(rule_of(shape, false, 9, Place::query, "a"), "", false),
              "must not be empty; leave it out instead");
    EXPECT_EQ(judge_value(rule_of(shape, false, 9, Place::query, "a"), "  ", false), "must not be empty");
  }
  EXPECT_EQ(judge_value(rule_of(Shape::text, false, 9), " \r\n", false), "")
      << "blanks are text where text is optional";
}

TEST(Judge, LineEndsOnlyInBodies) {
  auto const body = rule_of(Shape::text, false, 64), query = rule_of(Shape::text, false, 64, Place::query);
  EXPECT_EQ(judge_value(body, "1 Example-ro\r\n\tSeoul", false), "");
  EXPECT_EQ(judge_value(query, "a\tb", false), "contains a control byte");
  EXPECT_EQ(judge_value(query, "a\nb", false), "contains a control byte");
  EXPECT_EQ(judge_value(body, "a\x1b[0m", false), "contains a control byte that is neither a tab nor a line end");
  EXPECT_EQ(judge_value(body, std::string_view("a\0b", 3), false),
            "contains a control byte that is neither a tab nor a line end");
  EXPECT_NE(judge_value(rule_of(Shape::date, false, 10), "2024-01-0\n", false), "");
}

}  // namespace
}  // namespace gateway::test
