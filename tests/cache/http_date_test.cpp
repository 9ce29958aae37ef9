#include "gateway/cache/http_date.hpp"

#include <gtest/gtest.h>

#include <ctime>

#include "support/random.hpp"
#include "support/text.hpp"

namespace gateway::cache {
namespace {

constexpr std::int64_t now = 1'790'000'000;  // 2026-09-21 14:13:20

std::string in_form(char const* form, std::int64_t seconds) {
  std::time_t const at = seconds;
  std::tm parts{};
  ::gmtime_r(&at, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, form, &parts)};
}

TEST(Rfc9110_5_6_7, TheThreeFormsOfTheExampleAreOneInstant) {
  for (std::string_view text :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"})
    EXPECT_EQ(parse_http_date(text, now), 784111777) << text;
}

TEST(Rfc9110_5_6_7, EachFormIsReadForEachDay) {
  test::Random random("Rfc9110_5_6_7.EachFormIsReadForEachDay");
  for (int round = 0; round < 5'000; ++round) {
    auto const at = static_cast<std::int64_t>(random.below(8'000'000'000)) - 2'000'000'000;
    ASSERT_EQ(parse_http_date(in_form("%a, %d %b %Y %H:%M:%S GMT", at), now), at) << random.seed();
    ASSERT_EQ(parse_http_date(in_form("%a %b %e %H:%M:%S %Y", at), now), at) << random.seed();
    // Within the hundred years that two digits can tell apart: 50 ahead, the rest behind.
    auto const near = now - 48ll * 365 * 86'400 + static_cast<std::int64_t>(random.below(97ull * 365 * 86'400));
    ASSERT_EQ(parse_http_date(in_form("%A, %d-%b-%y %H:%M:%S GMT", near), now), near) << random.seed();
  }
}

TEST(Rfc9110_5_6_7, TwoDigitYearsAreNeverMoreThan50YearsAhead) {
  auto const year_of = [](std::string_view text, std::int64_t at) { return in_form("%Y", *parse_http_date(text, at)); };
  EXPECT_EQ(year_of("Monday, 21-Sep-76 14:13:20 GMT", now), "2076") << "50 years to the second";
  EXPECT_EQ(year_of("Monday, 21-Sep-76 14:13:21 GMT", now), "1976") << "a second more";
  EXPECT_EQ(year_of("Monday, 01-Jan-77 00:00:00 GMT", now), "1977");
  EXPECT_EQ(year_of("Monday, 01-Jan-00 00:00:00 GMT", now), "2000");
  auto const y2099 = 4'070'908'800 + 86'400;  // 2099-01-02
  EXPECT_EQ(year_of("Monday, 01-Jan-01 00:00:00 GMT", y2099), "2101");
  EXPECT_EQ(year_of("Monday, 01-Jan-98 00:00:00 GMT", y2099), "2098");
}

TEST(Rfc9111_4_2, LettersOfDatesHaveAnyCase) {
  EXPECT_EQ(parse_http_date("sUN, 06 nOV 1994 08:49:37 gmt", now), 784111777);
  EXPECT_EQ(parse_http_date("SUNDAY, 06-NOV-94 08:49:37 GMT", now), 784111777);
}

TEST(Rfc9110_5_6_7, EverythingElseIsNoDate) {
  for (std::string_view text : {"",
                                "0",
                                "-1",
                                "Sun",
                                "Sun,",
                                "Sun, 06 Nov 1994 08:49:37",
                                "Sun, 06 Nov 1994 08:49:37 UTC",
                                "Sun, 06 Nov 1994 08:49:37 +0000",
                                "Sun, 06 Nov 1994 08:49:37 PST",
                                "Sun, 06 Nov 1994 08:49:37 GMT ",
                                " Sun, 06 Nov 1994 08:49:37 GMT",
                                "Sun, 6 Nov 1994 08:49:37 GMT",
                                "Sun, 06 Nov 94 08:49:37 GMT",
                                "Sun, 06-Nov-1994 08:49:37 GMT",
                                "Sun 06 Nov 1994 08:49:37 GMT",
                                "Sun,06 Nov 1994 08:49:37 GMT",
                                "Sun, 06 Nov 1994 24:00:00 GMT",
                                "Sun, 06 Nov 1994 08:60:37 GMT",
                                "Sun, 06 Nov 1994 08:49:61 GMT",
                                "Sun, 31 Nov 1994 08:49:37 GMT",
                                "Sun, 29 Feb 1995 08:49:37 GMT",
                                "Sun, 00 Nov 1994 08:49:37 GMT",
                                "Sun, 06 Foo 1994 08:49:37 GMT",
                                "Xxx, 06 Nov 1994 08:49:37 GMT",
                                "Sun, 06 Nov 1994 8:49:37 GMT",
                                "Sun, 06 Nov 1994 08.49.37 GMT",
                                "Sunday, 06 Nov 1994 08:49:37 GMT",
                                "Sun, 06-Nov-94 08:49:37 GMT",
                                "Sun Nov 6 08:49:37 1994",
                                "Sun Nov  6 08:49:37 94",
                                "Sun Nov  6 08:49:37 1994 GMT",
                                "Sunday Nov  6 08:49:37 1994",
                                "784111777",
                                "1994-11-06T08:49:37Z",
                                "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT"})
    EXPECT_FALSE(parse_http_date(text, now)) << text;
}

TEST(Rfc9110_5_6_7, LeapDaysAndLeapSecondsAre) {
  EXPECT_EQ(parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT", now), 1709164800);
  EXPECT_EQ(parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT", now), 1483228800);
}

TEST(HttpDateProperty, AnyChangeOfAByteIsADateOrNone) {
  test::Random random("HttpDateProperty.AnyChangeOfAByteIsADateOrNone");
  std::string_view const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                    "Sun Nov  6 08:49:37 1994"};
  int dates = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text(forms[random.below(3)]);
    auto const at = random.below(text.size());
    text[at] = random.chance(2) ? random.from("0123456789 ,:-GMTSunov") : random.byte();
    if (random.chance(4)) text.resize(random.below(text.size()));
    test::ExactCopy const copy(text);
    auto const parsed = parse_http_date(copy.view(), now);
    dates += parsed.has_value();
    // The years 0 to 9999
    if (parsed)
      ASSERT_TRUE(*parsed >= -62'167'219'200 && *parsed < 253'402'300'800)
          << random.seed() << ": " << test::shown(text);
  }
  EXPECT_GT(dates, 500);
  EXPECT_LT(dates, 19'000);
}

}  // namespace
}  // namespace gateway::cache
