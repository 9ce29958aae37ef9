#include "gateway/cache/etag.hpp"

#include <gtest/gtest.h>

#include "cache/fields_of.hpp"
#include "support/random.hpp"
#include "support/text.hpp"

namespace gateway::cache {
namespace {

using test::fields_of;
constexpr std::int64_t now = 1'790'000'000;

std::string tag_of(std::string_view body) { return std::string(BodyTag({&body, 1}).view()); }
bool has(std::string_view list, std::string_view etag = "\"a\"") {
  return not_modified(fields_of({{"if-none-match", list}}), {etag, std::nullopt}, now);
}

TEST(Rfc9110_8_8_3, ATagOfTheBodyIsHalfOfItsSha256) {
  // FIPS 180-2, appendix B.1
  EXPECT_EQ(tag_of("abc"), "\"ba7816bf8f01cfea414140de5dae2223\"");
  EXPECT_EQ(tag_of(""), "\"e3b0c44298fc1c149afbf4c8996fb924\"");
  EXPECT_NE(tag_of("abc"), tag_of("abd"));
  auto const parsed = parse_entity_tag(tag_of("abc"));
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->weak);
}

TEST(Rfc9110_8_8_3, ATagDoesNotDependOnThePiecesOfTheBody) {
  std::string_view const pieces[] = {"a", "", "bc"};
  EXPECT_EQ(BodyTag(pieces).view(), tag_of("abc"));
  EXPECT_EQ(BodyTag({}).view(), tag_of(""));
}

TEST(Rfc9110_8_8_3, WhatIsAnEntityTag) {
  for (std::string_view text : {"\"\"", "\"xyzzy\"", "W/\"xyzzy\"", "W/\"\"", "\"a,b\"", "\"!#\x80\xff~\"", "\"a\\\""})
    EXPECT_TRUE(parse_entity_tag(text)) << test::shown(text);
  EXPECT_TRUE(parse_entity_tag("W/\"x\"")->weak);
  EXPECT_EQ(parse_entity_tag("W/\"x\"")->opaque, "\"x\"");
  for (std::string_view text : {"", "xyzzy", "\"", "\"x", "x\"", "w/\"x\"", "W\"x\"", "W/x", "\"a b\"", "\"a\"b\"",
                                "\"a\x7f\"", "\"a\t\"", "'a'", "*", "\"a\" ", " \"a\"", "\"a\", \"b\""})
    EXPECT_FALSE(parse_entity_tag(text)) << test::shown(text);
}

TEST(Rfc9110_8_8_3, OfTheVendorOneWellFormedTagIsTaken) {
  EXPECT_EQ(vendor_tag(fields_of({{"ETag", "W/\"x\""}})), "W/\"x\"");
  EXPECT_EQ(vendor_tag(fields_of({{"ETag", "x"}})), "");
  EXPECT_EQ(vendor_tag(fields_of({})), "");
  EXPECT_EQ(vendor_tag(fields_of({{"ETag", "\"x\""}, {"ETag", "\"y\""}})), "");
}

TEST(Rfc9110_13_1_2, ComparisonIsWeak) {
  EXPECT_TRUE(has("\"a\"", "\"a\""));
  EXPECT_TRUE(has("W/\"a\"", "\"a\""));
  EXPECT_TRUE(has("\"a\"", "W/\"a\""));
  EXPECT_TRUE(has("W/\"a\"", "W/\"a\""));
  EXPECT_FALSE(has("\"A\"", "\"a\""));
  EXPECT_FALSE(has("\"a\"", "\"ab\""));
  EXPECT_FALSE(has("\"ab\"", "\"a\""));
}

TEST(Rfc9110_13_1_2, OneOfAListIsEnough) {
  EXPECT_TRUE(has("\"x\", \"a\""));
  EXPECT_TRUE(has("\"a\",\"x\""));
  EXPECT_TRUE(has(" ,, \"x\" ,\tW/\"a\" ,"));
  EXPECT_FALSE(has("\"x\", \"y\""));
  EXPECT_FALSE(has("\"x,\"")) << "a comma between quotes separates nothing";
  EXPECT_TRUE(has("\"x,\", \"a\""));
  EXPECT_TRUE(has("\"p\", \"q,r\"", "\"q,r\""));
  EXPECT_TRUE(not_modified(fields_of({{"If-None-Match", "\"x\""}, {"If-None-Match", "\"a\""}}), {"\"a\"", {}}, now));
}

TEST(Rfc9110_13_1_2, TheStarHoldsForWhateverIsStored) {
  EXPECT_TRUE(has("*"));
  EXPECT_TRUE(has("*", ""));
  EXPECT_FALSE(has("\"x\", *"));
  EXPECT_FALSE(has("*, \"a\""));
  EXPECT_FALSE(has("\"*\""));
  EXPECT_FALSE(not_modified(fields_of({{"If-None-Match", "*"}, {"If-None-Match", "\"x\""}}), {"\"a\"", {}}, now));
}

TEST(Rfc9110_13_1_2, MalformedListsGiveTheWholeAnswer) {
  for (std::string_view list : {"", "a", "\"a", "a\"", "\"a\" \"a\"", "\"a\"\"a\"", "\"a\"; q=1", "w/\"a\"", "\"a\", b",
                                "b, \"a\"", "\"a\", \"b", "W/ \"a\""})
    EXPECT_FALSE(has(list)) << list;
  EXPECT_FALSE(not_modified(fields_of({{"If-None-Match", "\"a\""}, {"If-None-Match", "oops"}}), {"\"a\"", {}}, now));
  EXPECT_FALSE(has("\"\"", "")) << "what has no tag equals none";
}

constexpr std::string_view monday = "Mon, 07 Nov 1994 08:49:37 GMT", sunday = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::int64_t sunday_s = 784111777;

TEST(Rfc9110_13_1_3, IfModifiedSinceIsComparedWithLastModified) {
  auto const since = [](std::string_view text, std::optional<std::int64_t> modified) {
    return not_modified(fields_of({{"If-Modified-Since", text}}), {"\"a\"", modified}, now);
  };
  EXPECT_TRUE(since(sunday, sunday_s));
  EXPECT_TRUE(since(monday, sunday_s));
  EXPECT_FALSE(since(sunday, sunday_s + 1));
  EXPECT_TRUE(since("Sunday, 06-Nov-94 08:49:37 GMT", sunday_s));
  EXPECT_FALSE(since("whenever", sunday_s));
  EXPECT_FALSE(since("", sunday_s));
  EXPECT_FALSE(since(monday, std::nullopt));
  EXPECT_FALSE(
      not_modified(fields_of({{"If-Modified-Since", monday}, {"If-Modified-Since", monday}}), {"", sunday_s}, now));
}

TEST(Rfc9110_13_1_3, IfModifiedSinceDoesNotCountBesideIfNoneMatch) {
  EXPECT_FALSE(
      not_modified(fields_of({{"If-None-Match", "\"x\""}, {"If-Modified-Since", monday}}), {"\"a\"", sunday_s}, now));
  EXPECT_FALSE(
      not_modified(fields_of({{"If-Modified-Since", monday}, {"If-None-Match", "rubbish"}}), {"\"a\"", sunday_s}, now));
  EXPECT_TRUE(
      not_modified(fields_of({{"If-Modified-Since", "x"}, {"If-None-Match", "\"a\""}}), {"\"a\"", sunday_s}, now));
}

TEST(Rfc9111_4_3_2, WithoutConditionsThereIsNo304) {
  EXPECT_FALSE(not_modified(fields_of({}), {"\"a\"", sunday_s}, now));
}

TEST(Rfc9110_8_8_2_2, LastModifiedCountsWhenItIsOlderThanItsDate) {
  auto const dependable = [](std::string_view modified, std::string_view date) {
    return dependable_last_modified(fields_of({{"Last-Modified", modified}, {"Date", date}}), now);
  };
  EXPECT_EQ(dependable(sunday, monday), sunday_s);
  EXPECT_EQ(dependable(sunday, "Sun, 06 Nov 1994 08:49:38 GMT"), sunday_s);
  EXPECT_FALSE(dependable(sunday, sunday));
  EXPECT_FALSE(dependable(monday, sunday));
  EXPECT_FALSE(dependable("x", monday));
  EXPECT_FALSE(dependable(sunday, "x"));
  EXPECT_FALSE(dependable_last_modified(fields_of({{"Last-Modified", sunday}}), now));
  EXPECT_FALSE(dependable_last_modified(
      fields_of({{"Last-Modified", sunday}, {"Last-Modified", sunday}, {"Date", monday}}), now));
}

// Lists that hold the tag among others do, in whatever form; and a stray byte outside the quotes makes none of them
// hold.
TEST(EtagProperty, ListsOfTagsAreReadAsBuilt) {
  test::Random random("EtagProperty.ListsOfTagsAreReadAsBuilt");
  for (int round = 0; round < 20'000; ++round) {
    auto const wanted = "\"" + random.word("ab,\\/W*\x80", random.below(4)) + "\"";
    bool held = false;
    std::string list;
    for (auto left = 1 + random.below(5); left > 0; --left) {
      auto const tag = random.chance(3) ? wanted : "\"" + random.word("ab,\\/W*\x80", random.below(4)) + "\"";
      held |= tag == wanted;
      list += random.word(" \t,", random.below(3)) + (random.chance(3) ? "W/" : "") + tag +
              random.word(" \t", random.below(2)) + ",";
    }
    test::ExactCopy const copy(list);
    ASSERT_EQ(has(copy.view(), wanted), held) << "seed " << random.seed() << ": " << test::shown(list);
    ASSERT_FALSE(has(list + "x", wanted)) << "seed " << random.seed() << ": " << test::shown(list);
    auto broken = list;
    broken[random.below(broken.size())] = random.byte();
    test::ExactCopy const broken_copy(broken);
    if (has(broken_copy.view(), wanted))
      ASSERT_NE(broken.find(wanted), std::string::npos) << "seed " << random.seed() << ": " << test::shown(broken);
  }
}

}  // namespace
}  // namespace gateway::cache
