#include "gateway/cache/freshness.hpp"

#include <gtest/gtest.h>

#include "cache/fields_of.hpp"
#include "support/random.hpp"

namespace gateway::cache {
namespace {

using namespace std::chrono_literals;
using test::answer_of;
using test::fields_of;

Instant const start(1'000'000s);
// 1994-11-06 08:49:47.5, ten seconds and a half behind the date of the tests
constexpr std::string_view date = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::int64_t date_s = 784111777;
Exchanged exchanged(Duration took, std::int64_t seconds_after_date = 0, std::int64_t ns = 500'000'000) {
  return {start, start + took, (date_s + seconds_after_date) * 1'000'000'000 + ns};
}
Exchanged const at_once = exchanged(0s);

Lifetime life(std::string_view cache_control, Duration content = 10min) {
  return lifetime_of(answer_of({{"cache-control", cache_control}, {"date", date}}), content, at_once);
}

TEST(Rfc9111_4_2_3, AgeIsTheLargerOfDateAndAgeWithDelay) {
  EXPECT_EQ(corrected_initial_age(fields_of({{"Date", date}}), exchanged(0s, 10)), 10s);
  EXPECT_EQ(corrected_initial_age(fields_of({{"Date", date}, {"Age", "4"}}), exchanged(2s, 10)), 10s);
  EXPECT_EQ(corrected_initial_age(fields_of({{"Date", date}, {"Age", "9"}}), exchanged(2s, 10)), 11s);
  EXPECT_EQ(corrected_initial_age(fields_of({{"Date", date}}), exchanged(700ms)), 700ms)
      << "the delay counts without an Age";
}

TEST(Rfc9111_4_2_3, AClockAheadAndATickOnTheWayMakeNoAge) {
  EXPECT_EQ(corrected_initial_age(fields_of({{"Date", date}}), exchanged(0s, -100)), 0s);
  EXPECT_EQ(corrected_initial_age(fields_of({{"Date", date}}), exchanged(10ms, 1, 0)), 10ms);
  EXPECT_EQ(corrected_initial_age(fields_of({{"Date", date}}), exchanged(10ms, 2, 0)), 2s);
}

TEST(Rfc9111_4_2_3, TimesThatRunBackwardsMakeNoNegativeAge) {
  EXPECT_EQ(corrected_initial_age(fields_of({}), exchanged(-5s)), 0s);
  EXPECT_EQ(corrected_initial_age(fields_of({{"Age", "3"}}), exchanged(-5s)), 3s);
}

TEST(Rfc9110_6_6_1, AnAnswerWithoutAReadableDateIsOfItsArrival) {
  EXPECT_EQ(corrected_initial_age(fields_of({}), exchanged(1s, 1000)), 1s);
  EXPECT_EQ(corrected_initial_age(fields_of({{"Date", "yesterday"}}), exchanged(1s, 1000)), 1s);
}

TEST(Rfc9111_4_2_3, DatesMillenniaApartDoNotOverflow) {
  EXPECT_EQ(corrected_initial_age(fields_of({{"Date", "Sat, 01 Jan 0001 00:00:00 GMT"}}), exchanged(1s)), max_delta);
  EXPECT_EQ(corrected_initial_age(fields_of({{"Date", "Fri, 31 Dec 9999 23:59:59 GMT"}}), exchanged(1s)), 1s);
}

TEST(Rfc9111_5_1, OfSeveralAgesTheFirstCountsAndRubbishIsIgnored) {
  auto const age = [](std::string_view value) { return corrected_initial_age(fields_of({{"Age", value}}), at_once); };
  EXPECT_EQ(age("7"), 7s);
  EXPECT_EQ(age("7, 9"), 7s);
  EXPECT_EQ(corrected_initial_age(fields_of({{"Age", "7"}, {"Age", "9"}}), at_once), 7s);
  for (std::string_view value : {"", "-7", "7.5", "abc", "7s", "7 8", "x, 7", "\"7\""})
    EXPECT_EQ(age(value), 0s) << value;
  EXPECT_EQ(age("99999999999999999999999"), max_delta);
}

TEST(Rfc9111_4_2_1, SMaxageBeforeMaxAgeBeforeExpires) {
  std::string_view const later = "Sun, 06 Nov 1994 08:50:37 GMT";
  auto const fresh = [&](std::string_view control) {
    return lifetime_of(answer_of({{"cache-control", control}, {"expires", later}, {"date", date}}), 10min, at_once)
        .fresh;
  };
  EXPECT_EQ(fresh("max-age=20, s-maxage=30"), 30s);
  EXPECT_EQ(fresh("max-age=20"), 20s);
  EXPECT_EQ(fresh("max-age=90"), 90s) << "a nearer Expires does not count beside max-age";
  EXPECT_EQ(fresh("public"), 60s);
}

TEST(Rfc9111_4_2_1, TheVendorShortensAndNeverLengthens) {
  EXPECT_EQ(life("max-age=5").fresh, 5s);
  EXPECT_EQ(life("max-age=5", 2s).fresh, 2s);
  EXPECT_EQ(life("s-maxage=31536000, public, immutable", 2s).fresh, 2s);
  EXPECT_EQ(life("", 2s).fresh, 2s) << "what says nothing leaves it to the content";
  EXPECT_EQ(life("max-age=0").fresh, 0s);
  EXPECT_EQ(life("max-age=oops").fresh, 0s);
  EXPECT_EQ(life("public; max-age=60").fresh, 0s);
}

TEST(Rfc9111_5_3, ExpiresIsMeasuredFromDateAndRubbishIsThePast) {
  auto const fresh = [&](std::string_view expires) {
    return lifetime_of(answer_of({{"expires", expires}, {"date", date}}), 10min, exchanged(0s, 5)).fresh;
  };
  EXPECT_EQ(fresh("Sun, 06 Nov 1994 08:49:57 GMT"), 20s) << "not from the time of arrival";
  EXPECT_EQ(fresh("Sun, 06 Nov 2094 08:49:57 GMT"), 10min);
  for (std::string_view past : {"0", "-1", "", "never", "Sun, 06 Nov 1994 08:49:37 GMT",
                                "Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 09:49:57 PST"})
    EXPECT_EQ(fresh(past), 0s) << past;
  auto const undated = answer_of({{"expires", "Sun, 06 Nov 1994 08:49:57 GMT"}});
  EXPECT_EQ(lifetime_of(undated, 10min, exchanged(0s, 5)).fresh, 15s) << "from the arrival when there is no Date";
  std::string_view const nearer = "Sun, 06 Nov 1994 08:49:47 GMT", later = "Sun, 06 Nov 1994 08:49:57 GMT";
  EXPECT_EQ(lifetime_of(answer_of({{"date", date}, {"expires", later}, {"expires", nearer}}), 10min, at_once).fresh,
            10s);
  EXPECT_EQ(lifetime_of(answer_of({{"date", date}, {"expires", nearer}, {"expires", later}}), 10min, at_once).fresh,
            10s);
}

TEST(Rfc9213_2_2, TheTargetedFieldHidesExpires) {
  auto const head = answer_of(
      {{"argos-gateway-cache-control", "public"}, {"expires", "0"}, {"cache-control", "no-store"}, {"date", date}});
  auto const out = lifetime_of(head, 10min, at_once);
  EXPECT_EQ(out.storable, Storable::yes);
  EXPECT_EQ(out.fresh, 10min);
  EXPECT_EQ(
      lifetime_of(answer_of({{"argos-gateway-cache-control", "no-store"}, {"cache-control", "public"}}), 10min, at_once)
          .storable,
      Storable::no_store);
}

TEST(Rfc9111_3, WhatIsNotStored) {
  EXPECT_EQ(life("").storable, Storable::yes);
  EXPECT_EQ(life("no-store").storable, Storable::no_store);
  EXPECT_EQ(life("private").storable, Storable::private_);
  EXPECT_EQ(life("private=\"x\", max-age=60").storable, Storable::private_);
  auto const why = [](std::string_view name, std::string_view value, int status = 200) {
    return lifetime_of(answer_of({{name, value}}, status), 10min, at_once).storable;
  };
  EXPECT_EQ(why("Vary", "accept, *"), Storable::vary);
  EXPECT_EQ(why("Vary", "accept"), Storable::yes);
  EXPECT_EQ(why("Set-Cookie", "a=b"), Storable::set_cookie);
  EXPECT_EQ(why("Content-Range", "bytes 0-1/2"), Storable::partial);
  EXPECT_EQ(why("a", "b", 206), Storable::partial);
  for (int status : {201, 203, 204, 300, 301, 400, 404, 410, 429, 500, 503})
    EXPECT_EQ(why("cache-control", "max-age=60", status), Storable::status) << status;
}

TEST(Rfc9211_2_8, TheReasonNotToStoreIsADetail) {
  EXPECT_EQ(detail_of(Storable::yes), "");
  EXPECT_EQ(detail_of(Storable::status), "status");
  EXPECT_EQ(detail_of(Storable::no_store), "no-store");
  EXPECT_EQ(detail_of(Storable::private_), "private");
  EXPECT_EQ(detail_of(Storable::vary), "vary");
  EXPECT_EQ(detail_of(Storable::set_cookie), "set-cookie");
  EXPECT_EQ(detail_of(Storable::partial), "partial");
}

TEST(Rfc9111_5_2_2_3, MustUnderstandTakesThePlaceOfNoStore) {
  EXPECT_EQ(life("must-understand, no-store").storable, Storable::yes);
  EXPECT_EQ(lifetime_of(answer_of({{"cache-control", "must-understand, no-store"}}, 599), 10min, at_once).storable,
            Storable::status);
}

TEST(Rfc9111_5_2_2, WhoForbidsStaleAnswers) {
  for (std::string_view value : {"must-revalidate", "proxy-revalidate", "s-maxage=5", "no-cache", "no-cache=\"x\""})
    EXPECT_FALSE(life(value).may_be_stale) << value;
  for (std::string_view value : {"", "max-age=5", "public", "must-understand"})
    EXPECT_TRUE(life(value).may_be_stale) << value;
}

TEST(Rfc9111_5_2_2_4, NoCacheIsStoredAndRevalidatedEachTime) {
  auto const out = life("no-cache, max-age=60");
  EXPECT_EQ(out.storable, Storable::yes);
  EXPECT_EQ(out.fresh, 0s);
  StoredTimes const stored{start, out.fresh, out.initial_age, out.may_be_stale};
  RequestDirectives lenient;
  lenient.any_stale = true;
  auto const judged = judge(stored, lenient, start, {1h, 1h});
  EXPECT_EQ(judged.verdict, Verdict::must_fetch);
  EXPECT_FALSE(judged.usable_on_error);
}

TEST(Rfc9111_4_3_4, A304BeginsTheLifetimeAgainAndMayShortenIt) {
  auto const stored = life("max-age=60");
  auto const renewed = [&](std::string_view control) {
    return refreshed(stored, answer_of({{"cache-control", control}, {"date", date}, {"age", "2"}}, 304), 10min,
                     exchanged(1s));
  };
  EXPECT_EQ(renewed("").fresh, 60s);
  EXPECT_EQ(renewed("").initial_age, 3s);
  EXPECT_EQ(renewed("max-age=5").fresh, 5s);
  EXPECT_EQ(renewed("max-age=600").fresh, 60s);
  EXPECT_EQ(renewed("no-store").storable, Storable::no_store);
  EXPECT_FALSE(renewed("must-revalidate").may_be_stale);
  EXPECT_FALSE(refreshed(life("must-revalidate"), answer_of({}, 304), 10min, at_once).may_be_stale);
  EXPECT_EQ(refreshed(stored, answer_of({}, 304), 2s, at_once).fresh, 2s) << "the configuration may have changed";
}

// An entry that was 1 s old when it came and lives for 10 s.
StoredTimes const entry{start, 10s, 1s, true};
StaleAllowances const allowed{5s, 60s};
Judgement at(Duration later, RequestDirectives const& request = {}, StoredTimes const& stored = entry) {
  return judge(stored, request, start + later, allowed);
}
RequestDirectives asked(std::string_view value) { return request_directives(fields_of({{"cache-control", value}})); }

TEST(Rfc9111_4_2, FreshWhileTheLifetimeIsGreaterThanTheAge) {
  EXPECT_EQ(at(0s).verdict, Verdict::fresh);
  EXPECT_EQ(at(8s).age, 9s);
  EXPECT_EQ(at(8s).ttl, 1s);
  EXPECT_EQ(at(9s - 1ns).verdict, Verdict::fresh);
  EXPECT_NE(at(9s).verdict, Verdict::fresh);
  EXPECT_EQ(at(9s).ttl, 0s);
  EXPECT_EQ(at(-3s).age, 1s) << "a coarse clock may be behind the one that stored it";
}

TEST(Rfc9111_4_2_4, StaleOnlyWithinWhatIsAllowed) {
  EXPECT_EQ(at(9s).verdict, Verdict::stale_while_revalidating);
  EXPECT_EQ(at(14s).verdict, Verdict::stale_while_revalidating);
  EXPECT_EQ(at(14s + 1ns).verdict, Verdict::must_fetch);
  EXPECT_FALSE(at(14s + 1ns).by_request);
  EXPECT_TRUE(at(14s + 1ns).usable_on_error);
  EXPECT_TRUE(at(69s).usable_on_error);
  EXPECT_FALSE(at(69s + 1ns).usable_on_error);
  StoredTimes strict = entry;
  strict.may_be_stale = false;
  EXPECT_EQ(at(8s, {}, strict).verdict, Verdict::fresh);
  EXPECT_EQ(at(9s, {}, strict).verdict, Verdict::must_fetch);
  EXPECT_FALSE(at(9s, {}, strict).usable_on_error);
  EXPECT_EQ(at(9s, asked("max-stale"), strict).verdict, Verdict::must_fetch);
}

TEST(Rfc9111_4_2_4, NothingStaleWithoutAllowances) {
  EXPECT_EQ(judge(entry, {}, start + 10s, {}).verdict, Verdict::must_fetch);
  EXPECT_FALSE(judge(entry, {}, start + 10s, {}).usable_on_error);
}

TEST(Rfc9111_5_2_1_1, MaxAge) {
  EXPECT_EQ(at(4s, asked("max-age=5")).verdict, Verdict::fresh);
  auto const older = at(4s + 1ns, asked("max-age=5"));
  EXPECT_EQ(older.verdict, Verdict::must_fetch);
  EXPECT_TRUE(older.by_request);
  EXPECT_FALSE(older.usable_on_error);
  EXPECT_EQ(at(9s, asked("max-age=100")).verdict, Verdict::must_fetch) << "nothing stale beside max-age";
  EXPECT_FALSE(at(9s, asked("max-age=100")).usable_on_error);
  EXPECT_FALSE(at(9s, asked("max-age=100")).by_request) << "it would have been stale anyway";
  EXPECT_EQ(at(30s, asked("max-age=100, max-stale=50")).verdict, Verdict::stale_accepted);
  EXPECT_EQ(at(30s, asked("max-age=30, max-stale=50")).verdict, Verdict::must_fetch);
  StoredTimes const newborn{start, 10s, 0s, true};
  EXPECT_EQ(at(0s, asked("max-age=0"), newborn).verdict, Verdict::must_fetch);
}

TEST(Rfc9111_5_2_1_2, MaxStale) {
  EXPECT_EQ(at(19s, asked("max-stale=10")).verdict, Verdict::stale_accepted);
  EXPECT_EQ(at(19s + 1ns, asked("max-stale=10")).verdict, Verdict::must_fetch);
  EXPECT_FALSE(at(19s + 1ns, asked("max-stale=10")).usable_on_error) << "the caller said how stale";
  EXPECT_EQ(at(1h, asked("max-stale")).verdict, Verdict::stale_accepted);
  EXPECT_EQ(at(10s, asked("max-stale")).verdict, Verdict::stale_while_revalidating);
  EXPECT_EQ(at(11s, asked("max-stale=1")).verdict, Verdict::must_fetch) << "it limits what the configuration allows";
  EXPECT_EQ(at(8s, asked("max-stale=1")).verdict, Verdict::fresh);
}

TEST(Rfc9111_5_2_1_3, MinFresh) {
  EXPECT_EQ(at(4s, asked("min-fresh=5")).verdict, Verdict::fresh);
  EXPECT_EQ(at(4s + 1ns, asked("min-fresh=5")).verdict, Verdict::must_fetch);
  EXPECT_TRUE(at(4s + 1ns, asked("min-fresh=5")).by_request);
  EXPECT_FALSE(at(10s, asked("min-fresh=0")).usable_on_error);
  EXPECT_EQ(at(10s, asked("min-fresh=0, max-stale")).verdict, Verdict::must_fetch);
}

TEST(Rfc9111_5_2_1_4, NoCache) {
  for (auto later : {0s, 10s, 20s}) {
    auto const judged = at(later, asked("no-cache, max-stale"));
    EXPECT_EQ(judged.verdict, Verdict::must_fetch);
    EXPECT_FALSE(judged.usable_on_error);
    EXPECT_EQ(judged.by_request, later == 0s);
  }
}

TEST(Rfc9111_5_2_1_5, NoStoreDoesNotForbidWhatIsStoredAlready) {
  EXPECT_EQ(at(0s, asked("no-store")).verdict, Verdict::fresh);
}

TEST(Rfc9111_5_2_1_7, OnlyIfCached) {
  EXPECT_EQ(at(0s, asked("only-if-cached")).verdict, Verdict::fresh);
  EXPECT_EQ(at(10s, asked("only-if-cached")).verdict, Verdict::stale_while_revalidating);
  EXPECT_EQ(at(20s, asked("only-if-cached")).verdict, Verdict::unavailable);
  EXPECT_FALSE(at(20s, asked("only-if-cached")).usable_on_error);
  EXPECT_EQ(at(20s, asked("only-if-cached, max-stale=30")).verdict, Verdict::stale_accepted);
  EXPECT_EQ(at(0s, asked("only-if-cached, no-cache")).verdict, Verdict::unavailable);
  EXPECT_EQ(at(4s, asked("only-if-cached, max-age=2")).verdict, Verdict::unavailable);
  EXPECT_EQ(judge_absent(asked("only-if-cached")), Verdict::unavailable);
  EXPECT_EQ(judge_absent({}), Verdict::must_fetch);
}

// Directives only take away what may be given, apart from max-stale; and what is given is never older than allowed.
TEST(JudgeProperty, WhatIsGivenIsWithinEachLimit) {
  test::Random random("JudgeProperty.WhatIsGivenIsWithinEachLimit");
  auto const seconds = [&](std::size_t limit) { return Seconds(static_cast<std::int64_t>(random.below(limit))); };
  int given = 0;
  for (int round = 0; round < 200'000; ++round) {
    StoredTimes const stored{start, seconds(20), seconds(5), !random.chance(4)};
    StaleAllowances const stale{seconds(10), seconds(20)};
    RequestDirectives request;
    request.no_cache = random.chance(10);
    request.only_if_cached = random.chance(4);
    request.any_stale = random.chance(6);
    if (random.chance(4)) request.max_age = seconds(20);
    if (random.chance(4)) request.min_fresh = seconds(10);
    if (!request.any_stale && random.chance(4)) request.max_stale = seconds(10);
    auto const judged = judge(stored, request, start + seconds(30), stale);
    auto const where = "seed " + std::to_string(random.seed()) + ", round " + std::to_string(round);
    bool const fresh = judged.age < stored.fresh;
    ASSERT_EQ(judged.verdict == Verdict::fresh, judged.gives_stored() && fresh) << where;
    ASSERT_TRUE(!request.only_if_cached || judged.verdict != Verdict::must_fetch) << where;
    ASSERT_TRUE(request.only_if_cached || judged.verdict != Verdict::unavailable) << where;
    if (!judged.gives_stored() && !judged.usable_on_error) continue;
    ++given;
    auto const staleness = judged.age - stored.fresh;
    ASSERT_FALSE(request.no_cache) << where;
    if (request.max_age) ASSERT_LE(judged.age, *request.max_age) << where;
    if (request.min_fresh) ASSERT_GE(stored.fresh - judged.age, *request.min_fresh) << where;
    if (request.max_stale) ASSERT_LE(staleness, *request.max_stale) << where;
    if (fresh) continue;
    ASSERT_TRUE(stored.may_be_stale) << where;
    ASSERT_TRUE(staleness <= stale.while_revalidating || staleness <= stale.on_error || request.any_stale ||
                request.max_stale)
        << where;
  }
  EXPECT_GT(given, 20'000);
}

}  // namespace
}  // namespace gateway::cache
