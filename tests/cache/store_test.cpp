#include "gateway/cache/store.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include "cache/support.hpp"

namespace gateway::cache {
namespace {

using namespace test;

TEST(Store, ServesWhatWasLanded) {
  Store store({.memory = 1 << 20});
  auto const q = ask_for("key");
  auto reply = ask(store, q, Use::fresh);
  ASSERT_EQ(reply.kind, Reply::Kind::lead);
  land(store, *reply.flight, "body", {});
  reply = ask(store, q, Use::fresh);
  ASSERT_EQ(reply.kind, Reply::Kind::hit);
  EXPECT_EQ(reply.entry->body(), "body");
  EXPECT_EQ(store.metrics().entries, 1u);
  EXPECT_EQ(ask(store, ask_for("another"), Use::fresh).kind, Reply::Kind::lead);
}

TEST(Store, OneFlightForAllWhoAskMeanwhile) {
  Store store({.memory = 1 << 20, .max_waiters = 1000});
  auto const q = ask_for("key");
  auto const lead = ask(store, q, Use::fresh);
  ASSERT_EQ(lead.kind, Reply::Kind::lead);
  std::vector<std::shared_ptr<Woken>> waiters;
  for (int i = 0; i < 1000; ++i) {
    waiters.push_back(std::make_shared<Woken>());
    ASSERT_EQ(ask(store, q, Use::fresh, waiters.back()).kind, Reply::Kind::wait);
  }
  EXPECT_EQ(ask(store, q, Use::fresh, std::make_shared<Woken>()).kind, Reply::Kind::crowded);
  land(store, *lead.flight, "body", {});
  for (auto const& waiter : waiters) {
    ASSERT_TRUE(waiter->outcome);
    EXPECT_EQ(waiter->outcome->answer->body(), "body");
    EXPECT_TRUE(waiter->outcome->stored);
  }
}

TEST(Store, AFlightFromBeforeAnInvalidationIsNotJoinedAndNotStored) {
  Store store({.memory = 1 << 20});
  auto const subject = submission_subject("s1");
  auto const q = ask_for("key", {subject});
  auto const old = ask(store, q, Use::fresh);
  auto const early = std::make_shared<Woken>();
  ASSERT_EQ(ask(store, q, Use::fresh, early).kind, Reply::Kind::wait);
  store.invalidations().invalidate(subject);
  auto const fresh = ask(store, q, Use::fresh, std::make_shared<Woken>());
  ASSERT_EQ(fresh.kind, Reply::Kind::lead) << "who asks after the change gets a question of their own";
  land(store, *old.flight, "old", {subject});
  ASSERT_TRUE(early->outcome) << "who asked before it is answered all the same";
  EXPECT_EQ(early->outcome->answer->body(), "old");
  EXPECT_FALSE(early->outcome->stored);
  land(store, *fresh.flight, "new", {subject});
  auto const hit = ask(store, q, Use::fresh);
  ASSERT_EQ(hit.kind, Reply::Kind::hit);
  EXPECT_EQ(hit.entry->body(), "new");
}

TEST(Store, AnAnswerThatShowsMoreThanWasAskedSuitsOnlyWhoJoinedBeforeTheChange) {
  Store store({.memory = 1 << 20});
  auto const shown = submission_subject("shown");
  auto const q = ask_for("list");
  auto const before = store.invalidations().now();
  auto const lead = ask(store, q, Use::fresh);
  store.invalidations().invalidate(shown);
  auto const after = store.invalidations().now();
  auto const waiter = std::make_shared<Woken>();
  ASSERT_EQ(ask(store, q, Use::fresh, waiter).kind, Reply::Kind::wait) << "the question does not name it";
  land(store, *lead.flight, "list", {shown});
  ASSERT_TRUE(waiter->outcome);
  EXPECT_TRUE(store.suits(*waiter->outcome->answer, before));
  EXPECT_FALSE(store.suits(*waiter->outcome->answer, after));
  EXPECT_FALSE(waiter->outcome->stored);
}

TEST(Store, AnEarlierQuestionNeverReplacesTheAnswerToALaterOne) {
  Store store({.memory = 1 << 20});
  auto q = ask_for("key");
  auto const first = ask(store, q, Use::refetch);
  q.alone = true;
  auto const second = ask(store, q, Use::refetch);
  ASSERT_EQ(second.kind, Reply::Kind::lead);
  land(store, *second.flight, "later", {});
  EXPECT_FALSE(land(store, *first.flight, "earlier", {})->stored);
  EXPECT_EQ(store.find(q)->body(), "later");
}

TEST(Store, AStaleEntryIsRefreshedOnce) {
  Store store({.memory = 1 << 20});
  auto const q = ask_for("key");
  land(store, *ask(store, q, Use::fresh).flight, "one", {});
  auto const first = ask(store, q, Use::stale);
  ASSERT_EQ(first.kind, Reply::Kind::stale);
  ASSERT_TRUE(first.flight);
  auto const second = ask(store, q, Use::stale);
  ASSERT_EQ(second.kind, Reply::Kind::stale);
  EXPECT_FALSE(second.flight) << "somebody refreshes it already";
  EXPECT_EQ(second.entry->body(), "one");
  land(store, *first.flight, "two", {});
  EXPECT_EQ(ask(store, q, Use::fresh).entry->body(), "two");
}

TEST(Store, AFailureIsGivenToAllAndStoredForNobody) {
  Store store({.memory = 1 << 20});
  auto const q = ask_for("key");
  auto const lead = ask(store, q, Use::fresh);
  auto const waiter = std::make_shared<Woken>();
  ask(store, q, Use::fresh, waiter);
  auto outcome = std::make_shared<Outcome>();
  outcome->failure = Failure{Code::upstream_reset};
  store.land(*lead.flight, outcome, false);
  ASSERT_TRUE(waiter->outcome);
  EXPECT_EQ(waiter->outcome->failure->code, Code::upstream_reset);
  EXPECT_EQ(ask(store, q, Use::fresh).kind, Reply::Kind::lead);
}

TEST(Store, SweepingDropsWhatIsInvalidatedOrTooOld) {
  Store store({.memory = 1 << 20});
  auto const subject = submission_subject("s");
  land(store, *ask(store, ask_for("a"), Use::fresh).flight, "a", {subject});
  land(store, *ask(store, ask_for("b"), Use::fresh).flight, "b", {}, Instant(std::chrono::seconds(5)));
  land(store, *ask(store, ask_for("c"), Use::fresh).flight, "c", {});
  auto const full = store.ledger().used();
  store.invalidations().invalidate(subject);
  store.sweep(Instant(std::chrono::seconds(6)));
  EXPECT_EQ(store.metrics().entries, 1u);
  EXPECT_LT(store.ledger().used(), full);
  EXPECT_TRUE(store.find(ask_for("c")));
}

TEST(Store, AnEntryThatIsBeingSentStaysOnTheLedger) {
  Store store({.memory = 1 << 20});
  auto const q = ask_for("key");
  auto const before = store.ledger().used();
  land(store, *ask(store, q, Use::fresh).flight, std::string(100'000, 'x'), {});
  auto held = ask(store, q, Use::fresh).entry;
  store.invalidations().invalidate_all();
  EXPECT_FALSE(store.find(q));
  EXPECT_GE(store.ledger().used(), before + 100'000);
  EXPECT_EQ(held->body().size(), 100'000u);
  held.reset();
  EXPECT_EQ(store.ledger().used(), before);
}

TEST(Store, ScanOfKeysAskedOnceLeavesWhatIsInUse) {
  Store store({.memory = 4 << 20});
  auto const put = [&](std::string const& key) {
    auto const reply = ask(store, ask_for(key), Use::fresh);
    if (reply.flight) land(store, *reply.flight, std::string(2000, 'x'), {});
  };
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 200; ++i) put("used" + std::to_string(i));
  for (int i = 0; i < 20'000; ++i) {
    put("scan" + std::to_string(i));
    if (i % 50 == 0) put("used" + std::to_string(i / 50 % 200));
  }
  int kept = 0;
  for (int i = 0; i < 200; ++i) kept += static_cast<bool>(store.find(ask_for("used" + std::to_string(i))));
  EXPECT_EQ(kept, 200);
  EXPECT_LE(store.ledger().used(), store.ledger().limit());
  EXPECT_GT(store.metrics().evictions, 10'000u);
}

// The ledger against what the allocator really gave, in a process where nothing was allocated and freed before.
[[noreturn, maybe_unused]] void compare_with_the_allocator() {
  auto const before = ::mallinfo2();
  Store store({.memory = 32 << 20});
  std::mt19937_64 random(7);
  for (int i = 0; i < 8000; ++i) {
    auto const reply = ask(store, ask_for("key" + std::to_string(i)), Use::fresh);
    land(store, *reply.flight, std::string(random() % 4000, 'x'), {submission_subject("s")});
  }
  auto const after = ::mallinfo2();
  auto const allocated = static_cast<double>(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd);
  auto const counted = static_cast<double>(store.ledger().used());
  bool const good = store.ledger().used() <= store.ledger().limit() && std::abs(allocated - counted) < 0.02 * counted;
  std::fprintf(stderr, "%.0f bytes allocated, %.0f counted\n", allocated, counted);
  std::_Exit(good ? 0 : 1);
}

TEST(StoreDeathTest, TheLedgerCountsWhatIsAllocated) {
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)  // whose allocators have other overheads
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(compare_with_the_allocator(), testing::ExitedWithCode(0), "allocated");
#endif
}

}  // namespace
}  // namespace gateway::cache
