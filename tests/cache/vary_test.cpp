#include "gateway/cache/vary.hpp"

#include <gtest/gtest.h>

#include "cache/fields_of.hpp"
#include "gateway/base/ascii.hpp"
#include "support/random.hpp"
#include "support/text.hpp"

namespace gateway::cache {
namespace {

using test::fields_of;

Vary vary(std::string_view value) { return Vary(fields_of({{"vary", value}})); }
bool meet(std::string_view name, std::string_view a, std::string_view b) {
  auto const by = vary(name);
  auto const stored = by.values(fields_of({{name, a}}));
  bool const same = by.matches(stored, fields_of({{name, b}}));
  EXPECT_EQ(same, stored == by.values(fields_of({{name, b}}))) << "two ways to compare, one result";
  return same;
}

TEST(Rfc9111_4_1, TheStarIsNotStored) {
  EXPECT_FALSE(vary("*").storable());
  EXPECT_FALSE(vary("accept, *").storable());
  EXPECT_FALSE(Vary(fields_of({{"vary", "accept"}, {"vary", "*"}})).storable());
  EXPECT_FALSE(vary("\"accept\"").storable()) << "what cannot be read may mean anything";
  EXPECT_FALSE(vary("accept language").storable());
  EXPECT_TRUE(vary("").storable());
  EXPECT_TRUE(Vary(fields_of({})).storable());
}

TEST(Rfc9111_4_1, FieldsThatAreNeverForwardedAreConstant) {
  for (std::string_view value :
       {"", "origin", "Accept-Encoding", "user-agent, cookie, authorization", "x-api-key, x-request-id"}) {
    EXPECT_TRUE(vary(value).constant()) << value;
    EXPECT_TRUE(vary(value).values(fields_of({{"origin", "a"}, {"cookie", "b"}})).empty());
    EXPECT_TRUE(vary(value).matches("", fields_of({{"accept", "a"}, {"cookie", "c"}})));
  }
  for (std::string_view value : {"accept", "Accept-Language", "CONTENT-TYPE", "origin , accept"})
    EXPECT_FALSE(vary(value).constant()) << value;
}

TEST(Rfc9111_4_1, EachNamedFieldHasToMatch) {
  auto const by = Vary(fields_of({{"Vary", "accept"}, {"Vary", "origin, accept-language"}}));
  auto const stored = by.values(fields_of({{"Accept", "a/b"}, {"Accept-Language", "ko"}, {"Origin", "x"}}));
  EXPECT_TRUE(by.matches(stored, fields_of({{"accept-language", "ko"}, {"origin", "y"}, {"accept", "a/b"}})));
  EXPECT_FALSE(by.matches(stored, fields_of({{"accept-language", "en"}, {"accept", "a/b"}})));
  EXPECT_FALSE(by.matches(stored, fields_of({{"accept-language", "ko"}, {"accept", "a/c"}})));
  EXPECT_FALSE(by.matches(stored, fields_of({{"accept-language", "ko"}})));
  EXPECT_FALSE(by.matches(stored + "x", fields_of({{"accept-language", "ko"}, {"accept", "a/b"}})));
  EXPECT_FALSE(by.matches("", fields_of({{"accept-language", "ko"}, {"accept", "a/b"}})));
}

TEST(Rfc9111_4_1, AbsentMatchesOnlyAbsent) {
  auto const by = vary("accept");
  auto const absent = by.values(fields_of({}));
  EXPECT_TRUE(by.matches(absent, fields_of({{"host", "x"}})));
  EXPECT_FALSE(by.matches(absent, fields_of({{"accept", ""}})));
  EXPECT_FALSE(by.matches(by.values(fields_of({{"accept", ""}})), fields_of({})));
  EXPECT_FALSE(by.matches(absent, fields_of({{"accept", "-"}})));
}

TEST(Rfc9111_4_1, FormsOfOneMeaningMeet) {
  EXPECT_TRUE(meet("accept", "a/b, c/d", "a/b,c/d"));
  EXPECT_TRUE(meet("accept", "a/b ,\tc/d ;q=0.5", " a/b,, c/d; q=0.5 ,"));
  EXPECT_TRUE(meet("accept", "Text/HTML;level=1", "text/html;level=1"));
  EXPECT_TRUE(meet("accept-language", "ko-KR, EN;Q=0.5", "KO-kr,en;q=0.5"));
  EXPECT_TRUE(meet("content-type", "application/JSON; charset=utf-8", "application/json;charset=utf-8"));
  auto const by = vary("accept");
  EXPECT_TRUE(
      by.matches(by.values(fields_of({{"accept", "a/b, c/d"}})), fields_of({{"accept", "a/b"}, {"accept", "c/d"}})));
  EXPECT_TRUE(by.matches(by.values(fields_of({{"accept", "a/b"}})), fields_of({{"accept", ""}, {"accept", "a/b"}})));
}

TEST(Rfc9111_4_1, DifferentMeaningsDoNot) {
  EXPECT_FALSE(meet("accept", "a/b, c/d", "c/d, a/b")) << "the order may be a preference";
  EXPECT_FALSE(meet("accept", "a/b", "a/bb"));
  EXPECT_FALSE(meet("accept", "a/b;v=X", "a/b;v=x"));
  EXPECT_FALSE(meet("accept", "a/b;v=\"a,b\"", "a/b;v=\"a, b\""));
  EXPECT_FALSE(meet("accept", "a/b;v=\"A\"", "a/b;v=\"a\""));
  EXPECT_FALSE(meet("accept", "a b", "ab"));
  EXPECT_FALSE(meet("accept", "a/b;c", "a/b,c"));
  EXPECT_FALSE(meet("accept", "a/b;v=\"x\\\"\"", "a/b;v=\"x\""));
  EXPECT_FALSE(meet("accept", "a/b;v=\"x\\\" , y\"", "a/b;v=\"x\\\",y\"")) << "an escaped quote ends nothing";
  auto const by = vary("accept");
  EXPECT_FALSE(
      by.matches(by.values(fields_of({{"accept", "\"a,b\""}})), fields_of({{"accept", "\"a"}, {"accept", "b\""}})));
}

TEST(Rfc9111_4_1, AFieldThatConnectionNamesIsNotForwardedAndSoAbsent) {
  auto const by = vary("accept");
  EXPECT_TRUE(by.matches(by.values(fields_of({})), fields_of({{"accept", "a/b"}, {"connection", "close, Accept"}})));
}

TEST(Vary, IsKeptInItsBits) {
  auto const by = vary("accept, accept-language");
  auto const request = fields_of({{"accept", "a/b"}, {"accept-language", "ko"}});
  EXPECT_EQ(Vary::of_bits(by.bits()).values(request), by.values(request));
  EXPECT_TRUE(Vary::of_bits(Vary().bits()).constant());
}

// The normal form of a normal form is itself, both ways to compare agree, and nothing but blanks, commas and case is
// lost.
TEST(VaryProperty, NormalFormsKeepTheirMeaning) {
  test::Random random("VaryProperty.NormalFormsKeepTheirMeaning");
  std::string_view const alphabet = "aAbB/*;,=q. \t\"\\-+";
  auto const essence = [](std::string_view text) {
    std::string kept;
    for (char c : text)
      if (c != ' ' && c != '\t' && c != ',') kept += to_lower(c);
    return kept;
  };
  int met = 0;
  for (int round = 0; round < 50'000; ++round) {
    auto const a = std::string(trim(random.word(alphabet, random.below(8)))),
               b = std::string(trim(random.word(alphabet, random.below(8))));
    test::ExactCopy const left(a), right(b);
    for (std::string_view name : {"accept", "accept-language"}) {
      bool const same = meet(name, left.view(), right.view());
      met += same && a != b;
      if (same)
        ASSERT_EQ(essence(a), essence(b))
            << "seed " << random.seed() << ": " << test::shown(a) << " | " << test::shown(b);
      ASSERT_TRUE(meet(name, a, a)) << "seed " << random.seed() << ": " << test::shown(a);
      // number of the field and '+' before, line feed behind
      auto const normal = vary(name).values(fields_of({{name, a}}));
      auto const inner = normal.substr(2, normal.size() - 3);
      if (inner.find('\x01') == std::string::npos)
        ASSERT_TRUE(meet(name, a, inner))
            << "seed " << random.seed() << ": " << test::shown(a) << " | " << test::shown(inner);
    }
  }
  EXPECT_GT(met, 50) << "the sample says something";
}

}  // namespace
}  // namespace gateway::cache
