#include "gateway/cache/invalidation.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace gateway::cache {
namespace {

TEST(Invalidations, EndWhatWasAskedBeforeThemAndNothingElse) {
  Invalidations invalidations(1024);
  auto const subject = submission_subject("sub-1"), other = submission_subject("sub-2");
  auto const before = invalidations.now();
  EXPECT_TRUE(invalidations.holds(subject, before)) << "what was never invalidated holds";
  invalidations.invalidate(subject);
  EXPECT_FALSE(invalidations.holds(subject, before));
  EXPECT_TRUE(invalidations.holds(other, before));
  auto const after = invalidations.now();
  EXPECT_TRUE(invalidations.holds(subject, after));
  invalidations.invalidate_all();
  EXPECT_FALSE(invalidations.holds(subject, after));
  EXPECT_FALSE(invalidations.holds(other, after));
  EXPECT_TRUE(invalidations.holds(other, invalidations.now()));
  EXPECT_EQ(invalidations.count(), 2u);
}

TEST(Invalidations, SubjectsOfOneNameDifferByKind) {
  EXPECT_NE(submission_subject("a"), membership_subject("a"));
  EXPECT_EQ(submission_subject("a"), submission_subject("a"));
  // The first 64 bits of SHA-256("ssub-1"): the same on every gateway, so it may not change with a build.
  EXPECT_EQ(static_cast<std::uint64_t>(submission_subject("")), 0x043a718774c572bdull);
}

TEST(Invalidations, ATableOfOneSlotIsStillRight) {
  Invalidations invalidations(1);
  EXPECT_EQ(invalidations.bytes(), sizeof(Stamp));
  auto const asked = invalidations.now();
  invalidations.invalidate(submission_subject("a"));
  EXPECT_FALSE(invalidations.holds(submission_subject("a"), asked));
  EXPECT_FALSE(invalidations.holds(submission_subject("b"), asked)) << "they share the slot";
}

TEST(Invalidations, ALaterOneDoesNotHideOneInBetween) {
  Invalidations invalidations(16);
  std::vector<Subject> const shown = {submission_subject("s")};
  auto const asked = invalidations.now();
  EXPECT_FALSE(invalidations.any_between(shown, asked, asked));
  invalidations.invalidate(shown[0]);
  auto const joined = invalidations.now();
  EXPECT_TRUE(invalidations.any_between(shown, asked, joined));
  invalidations.invalidate(shown[0]);
  EXPECT_TRUE(invalidations.any_between(shown, asked, joined)) << "only the last one is remembered, but there was one";
  EXPECT_FALSE(invalidations.any_between(shown, asked, asked)) << "nobody who asked before both is concerned";
  EXPECT_FALSE(invalidations.any_between({}, asked, joined));
  invalidations.invalidate_all();
  EXPECT_TRUE(invalidations.any_between({}, asked, invalidations.now()));
}

// Whoever takes a stamp after a call ended may serve what it asked then; whoever took it before the call began may not.
TEST(Invalidations, HoldAcrossThreads) {
  Invalidations invalidations(16);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      auto const own = submission_subject(std::to_string(t));
      for (int i = 0; i < 50'000; ++i) {
        auto const before = invalidations.now();
        invalidations.invalidate(own);
        if (invalidations.holds(own, before)) ++wrong;
        if (invalidations.last(own) <= before) ++wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(invalidations.count(), 200'000u);
}

}  // namespace
}  // namespace gateway::cache
