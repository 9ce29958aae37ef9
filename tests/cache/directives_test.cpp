#include "gateway/cache/directives.hpp"

#include <gtest/gtest.h>

#include "cache/fields_of.hpp"
#include "support/random.hpp"
#include "support/text.hpp"

namespace gateway::cache {
namespace {

using test::fields_of;

RequestDirectives asked(std::string_view value) { return request_directives(fields_of({{"cache-control", value}})); }
ResponseDirectives said(std::string_view value) { return response_directives(fields_of({{"cache-control", value}})); }
ResponseDirectives targeted(std::string_view value, std::string_view other = "max-age=7") {
  return response_directives(fields_of({{"Argos-Gateway-Cache-Control", value}, {"Cache-Control", other}}));
}

TEST(Rfc9111_5_2, NamesHaveAnyCaseAndBlanksStandAroundCommas) {
  auto const request = asked("  No-Cache ,\tNO-STORE,only-IF-cached , max-AGE=5");
  EXPECT_TRUE(request.no_cache);
  EXPECT_TRUE(request.no_store);
  EXPECT_TRUE(request.only_if_cached);
  EXPECT_EQ(request.max_age, Seconds(5));
  auto const response = said("PUBLIC,,  , Must-Revalidate ,proxy-revalidate,must-understand,No-Store,private,no-cache");
  EXPECT_TRUE(response.public_ && response.must_revalidate && response.proxy_revalidate && response.must_understand);
  EXPECT_TRUE(response.no_store && response.private_ && response.no_cache);
  EXPECT_FALSE(response.malformed) << "empty elements are allowed";
}

TEST(Rfc9111_5_2, ArgumentsMayBeTokensOrQuotedStrings) {
  EXPECT_EQ(asked("max-age=\"5\"").max_age, Seconds(5));
  EXPECT_EQ(said("s-maxage=\"17\", max-age=4").s_maxage, Seconds(17));
  EXPECT_EQ(said("s-maxage=\"17\", max-age=4").max_age, Seconds(4));
}

TEST(Rfc9111_5_2, WhatStandsInAQuotedStringIsNoDirective) {
  auto const response = said(R"(ext="no-store, private, max-age=1 \", no-cache", max-age=9)");
  EXPECT_FALSE(response.no_store || response.private_ || response.no_cache || response.malformed);
  EXPECT_EQ(response.max_age, Seconds(9));
  EXPECT_FALSE(asked("ext=\"no-cache, no-store\"").no_cache);
}

TEST(Rfc9111_5_2, AQuotedStringWithoutItsEndHidesNothing) {
  auto const response = said("ext=\"a, no-store, private");
  EXPECT_TRUE(response.no_store && response.private_ && response.malformed);
  auto const request = asked("ext=\"a, no-cache, max-age=3");
  EXPECT_TRUE(request.no_cache);
  EXPECT_EQ(request.max_age, Seconds(3));
}

TEST(Rfc9111_5_2_3, UnknownDirectivesAreIgnored) {
  EXPECT_EQ(asked("community=\"UCI\", foo, bar=1, max-ages=1, xmax-age=2, no-cachex"), RequestDirectives());
  EXPECT_EQ(said("community=\"UCI\", foo, bar=1, max-ages=1, s-maxage2=2, no-stores, immutable"), ResponseDirectives());
}

TEST(Rfc9111_4_2_1, OfRepeatedDirectivesTheMostRestrictiveCounts) {
  auto const request = request_directives(fields_of({{"Cache-Control", "max-age=9, min-fresh=1, max-stale"},
                                                     {"X", "max-age=1"},
                                                     {"cache-control", "max-age=4, min-fresh=3, max-stale=8"},
                                                     {"CACHE-CONTROL", "max-age=5, min-fresh=2, max-stale=9"}}));
  EXPECT_EQ(request.max_age, Seconds(4));
  EXPECT_EQ(request.min_fresh, Seconds(3));
  EXPECT_EQ(request.max_stale, Seconds(8));
  EXPECT_FALSE(request.any_stale);
  auto const response = response_directives(
      fields_of({{"Cache-Control", "max-age=9, s-maxage=2"}, {"Cache-Control", "max-age=3, s-maxage=5"}}));
  EXPECT_EQ(response.max_age, Seconds(3));
  EXPECT_EQ(response.s_maxage, Seconds(2));
}

TEST(Rfc9111_4_2_1, WhatIsNoNumberLeavesNoLifetime) {
  for (std::string_view value :
       {"max-age", "max-age=", "max-age=x", "max-age=-1", "max-age=1.5", "max-age=+5", "max-age=5s", "max-age= 5",
        "max-age =5", "max-age=5 6", "max-age=\"5", "max-age='5'", "max-age=\"\"", "max-age=\" 5\"",
        "max-age=5;max-age=9", "max-age=0x10", "max-age=9, max-age=x"}) {
    EXPECT_EQ(said(value).max_age, Seconds(0)) << value;
    EXPECT_EQ(asked(value).max_age, Seconds(0)) << value;
  }
  EXPECT_EQ(said("s-maxage=a").s_maxage, Seconds(0));
  EXPECT_EQ(asked("min-fresh=a").min_fresh, max_delta);
  EXPECT_EQ(asked("min-fresh").min_fresh, max_delta);
  EXPECT_EQ(asked("max-stale=a").max_stale, Seconds(0));
  EXPECT_EQ(asked("max-stale=").max_stale, Seconds(0));
  EXPECT_EQ(asked("max-stale x").max_stale, Seconds(0));
}

TEST(Rfc9111_4_2_1, ADirectiveWithRubbishBehindItStillCounts) {
  EXPECT_TRUE(said("private; max-age=100").private_);
  EXPECT_TRUE(said("private; max-age=100").malformed);
  EXPECT_TRUE(said("no-store foo").no_store);
  EXPECT_TRUE(said("no-cache = \"set-cookie\"").no_cache);
  EXPECT_TRUE(said("=5, @, \"\"").malformed);
  EXPECT_TRUE(response_directives(fields_of({{"Cache-Control", "a;b"}, {"Cache-Control", "max-age=5"}})).malformed)
      << "a good line does not make up for another";
}

TEST(Rfc9111_1_2_2, NumbersEndAt2ToThe31) {
  for (std::string_view digits : {"2147483648", "2147483649", "9223372036854775807", "9223372036854775808",
                                  "99999999999999999999999999999999999999999999"}) {
    auto const value = "max-age=" + std::string(digits);
    EXPECT_EQ(said(value).max_age, max_delta) << digits;
    EXPECT_EQ(asked(value).max_age, max_delta) << digits;
  }
  EXPECT_EQ(said("max-age=2147483647").max_age, Seconds(2147483647));
  EXPECT_EQ(said("max-age=0000000000000000000000000000000000005").max_age, Seconds(5));
}

TEST(Rfc9111_5_2_1_2, MaxStaleHasANumberOrNone) {
  EXPECT_TRUE(asked("max-stale").any_stale);
  EXPECT_FALSE(asked("max-stale").max_stale);
  EXPECT_EQ(asked("max-stale=60").max_stale, Seconds(60));
  EXPECT_FALSE(asked("max-stale=60").any_stale);
}

TEST(Rfc9111_5_2_2, NoCacheAndPrivateWithFieldNamesConcernTheWholeAnswer) {
  EXPECT_TRUE(said("no-cache=\"set-cookie, x\"").no_cache);
  EXPECT_TRUE(said("private=\"x-user\"").private_);
  EXPECT_TRUE(said("no-cache=x").no_cache);
  EXPECT_FALSE(said("no-cache=\"set-cookie, x\"").malformed);
}

TEST(Rfc9111_5_4, PragmaCountsOnlyWithoutCacheControl) {
  EXPECT_TRUE(request_directives(fields_of({{"Pragma", "no-cache"}})).no_cache);
  EXPECT_TRUE(request_directives(fields_of({{"Pragma", "foo=\"a, b\", No-Cache"}})).no_cache);
  EXPECT_FALSE(request_directives(fields_of({{"Pragma", "foo"}})).no_cache);
  EXPECT_FALSE(request_directives(fields_of({{"Pragma", "no-cache"}, {"Cache-Control", "max-age=5"}})).no_cache);
  EXPECT_FALSE(request_directives(fields_of({{"Cache-Control", ""}, {"Pragma", "no-cache"}})).no_cache);
  EXPECT_EQ(response_directives(fields_of({{"Pragma", "no-cache"}})), ResponseDirectives())
      << "it means nothing in an answer";
}

TEST(RequestDirectives, IndifferentIsExactlyWhatSaysNothingOfStoredAnswers) {
  EXPECT_TRUE(request_directives({}).indifferent());
  EXPECT_TRUE(asked("no-store, foo").indifferent());
  for (std::string_view value : {"no-cache", "only-if-cached", "max-stale", "max-stale=1", "max-age=1", "min-fresh=1"})
    EXPECT_FALSE(asked(value).indifferent()) << value;
}

TEST(Rfc9213_2_2, TheTargetedFieldTakesThePlaceOfCacheControl) {
  auto const out = targeted("max-age=60, must-revalidate", "no-store, max-age=1");
  EXPECT_TRUE(out.targeted && out.must_revalidate);
  EXPECT_FALSE(out.no_store);
  EXPECT_EQ(out.max_age, Seconds(60));
  auto const lines = response_directives(fields_of({{"argos-gateway-cache-control", "max-age=60"},
                                                    {"argos-gateway-cache-control", ""},
                                                    {"argos-gateway-cache-control", "max-age=30, no-cache"}}));
  EXPECT_EQ(lines.max_age, Seconds(30)) << "the last of a key holds, over all lines";
  EXPECT_TRUE(lines.no_cache);
}

TEST(Rfc9213_2_2, FieldsForOthersAreIgnored) {
  auto const out = response_directives(fields_of({{"CDN-Cache-Control", "no-store"},
                                                  {"Cloudflare-CDN-Cache-Control", "private"},
                                                  {"Cache-Control", "max-age=5"}}));
  EXPECT_FALSE(out.no_store || out.private_ || out.targeted);
  EXPECT_EQ(out.max_age, Seconds(5));
}

TEST(Rfc9213_2_1, AnEmptyOrUnreadableTargetedFieldIsAbsent) {
  for (std::string_view value : {"",
                                 " ",
                                 "max-age",
                                 "MAX-AGE=60",
                                 "max-age=60,",
                                 ",max-age=60",
                                 "max-age=60,,no-store",
                                 "max-age= 60",
                                 "max-age=60 no-store",
                                 "max-age=60; no-store=",
                                 "no-store, max-age=1234567890123456",
                                 "a=\"b",
                                 "a=\"\\b\"",
                                 "a=(1 2",
                                 "a=(1,2)",
                                 "a=?2",
                                 "a=:x",
                                 "a=1.",
                                 "a=1.2345",
                                 "a=1234567890123.1",
                                 "a=(\"x\"\"y\")",
                                 "a=-",
                                 "a=\"\x80\"",
                                 "=1",
                                 "a=1\t;b",
                                 "1a"}) {
    if (value == "max-age") continue;  // readable: see below
    EXPECT_FALSE(targeted(value).targeted) << value;
    EXPECT_EQ(targeted(value).max_age, Seconds(7)) << value;
  }
  auto const broken_line = response_directives(
      fields_of({{"Argos-Gateway-Cache-Control", "no-store"}, {"Argos-Gateway-Cache-Control", "="}}));
  EXPECT_FALSE(broken_line.targeted || broken_line.no_store) << "one line makes the whole field unreadable";
}

TEST(Rfc9213_2_1, MembersAreReadAsADictionary) {
  auto const all = targeted(
      "no-store ,\tprivate=\"x\";p;q=1;r=\"s\", no-cache=(\"a\" b;c  1.5 ?0), proxy-revalidate=?1,must-understand, "
      "public=:YWI=:, s-maxage=9;x=-1, *x=*/a:b, y=-12.345");
  EXPECT_TRUE(all.targeted && all.no_store && all.private_ && all.no_cache && all.proxy_revalidate &&
              all.must_understand && all.public_);
  EXPECT_EQ(all.s_maxage, Seconds(9));
  EXPECT_FALSE(targeted("no-store, no-store=?0").no_store);
  EXPECT_FALSE(targeted("private=?0, no-cache=?0, must-revalidate=?0").private_);
  EXPECT_EQ(targeted("max-age=999999999999999").max_age, max_delta);
  for (std::string_view value :
       {"max-age", "max-age=-1", "max-age=1.5", "max-age=\"60\"", "max-age=sixty", "max-age=60, max-age=?0"}) {
    EXPECT_TRUE(targeted(value).targeted) << value;
    EXPECT_EQ(targeted(value).max_age, Seconds(0)) << value;
  }
}

// Values built from pieces and broken in places. What holds for each: a value behind or before which no-store stands as
// a line of its own has no-store, and a value can add directives but take none away.
TEST(DirectivesProperty, NoValueTakesADirectiveAway) {
  test::Random random("DirectivesProperty.NoValueTakesADirectiveAway");
  std::string_view const pieces[] = {"max-age",     "=",
                                     "5",           ",",
                                     " ",           "\t",
                                     "\"",          "\\",
                                     "no-store",    "no-cache",
                                     "private",     "s-maxage=3",
                                     ";",           "max-stale",
                                     "min-fresh=4", "99999999999999999999",
                                     "-1",          "(",
                                     ")",           "?1",
                                     ":",           "only-if-cached",
                                     "\x80",        "W/",
                                     "x=\"a, b\""};
  for (int round = 0; round < 20'000; ++round) {
    std::string value;
    for (auto left = random.below(12); left > 0; --left) {
      value += pieces[random.below(std::size(pieces))];
      if (random.chance(8)) value += random.byte();
    }
    test::ExactCopy const copy(value);
    auto const where = "seed " + std::to_string(random.seed()) + ": " + test::shown(value);
    auto const alone = request_directives(fields_of({{"Cache-Control", copy.view()}}));
    auto const more = request_directives(
        fields_of({{"Cache-Control", copy.view()}, {"Cache-Control", "no-cache, max-age=2, min-fresh=6"}}));
    ASSERT_TRUE(more.no_cache) << where;
    ASSERT_TRUE(more.max_age && *more.max_age <= Seconds(2) && *more.max_age >= Seconds(0)) << where;
    ASSERT_TRUE(more.min_fresh && *more.min_fresh >= Seconds(6) && *more.min_fresh <= max_delta) << where;
    ASSERT_EQ(more.no_store, alone.no_store) << where;
    ASSERT_EQ(more.only_if_cached, alone.only_if_cached) << where;
    ASSERT_EQ(more.max_stale, alone.max_stale) << where;
    auto const answer =
        response_directives(fields_of({{"Cache-Control", "no-store, max-age=2"}, {"Cache-Control", copy.view()}}));
    ASSERT_TRUE(answer.no_store && answer.max_age && *answer.max_age <= Seconds(2)) << where;
    auto const vendor = targeted(copy.view(), "private, max-age=7");
    if (!vendor.targeted) ASSERT_TRUE(vendor.private_ && vendor.max_age == Seconds(7)) << where;
  }
}

}  // namespace
}  // namespace gateway::cache
