#include "store/subject_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace gateway::store {
namespace {

using cache::Subject;

TEST(SubjectQueue, GivesBackWhatItTookInOrder) {
  SubjectQueue queue(3);  // rounded up to four
  Subject subject{};
  EXPECT_FALSE(queue.pop(subject));
  for (std::uint64_t round = 0; round < 10; ++round) {
    for (std::uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(queue.push(Subject{round * 10 + i}));
    EXPECT_FALSE(queue.push(Subject{99})) << "it is bounded";
    for (std::uint64_t i = 0; i < 4; ++i) {
      ASSERT_TRUE(queue.pop(subject));
      EXPECT_EQ(subject, Subject{round * 10 + i});
    }
    EXPECT_FALSE(queue.pop(subject));
  }
}

// Four threads put in, one takes out: what was taken in comes out once, and each thread's in its order.
TEST(SubjectQueue, LosesNothingAmongThreads) {
  constexpr std::uint64_t threads = 4, each = 50'000;
  SubjectQueue queue(64);
  std::vector<std::uint64_t> accepted(threads);
  std::atomic<std::uint64_t> running{threads};
  std::vector<std::thread> pushers;
  for (std::uint64_t t = 0; t < threads; ++t)
    pushers.emplace_back([&, t] {
      for (std::uint64_t i = 1; i <= each; ++i) {
        if (queue.push(Subject{t << 32 | i})) ++accepted[t];
        else std::this_thread::yield();
      }
      --running;
    });
  std::vector<std::uint64_t> taken(threads), last(threads);
  int wrong = 0;
  for (;;) {
    bool const ending = running == 0;
    Subject subject{};
    if (!queue.pop(subject)) {
      if (ending) break;
      std::this_thread::yield();
      continue;
    }
    auto const value = static_cast<std::uint64_t>(subject);
    auto const thread = value >> 32, number = value & 0xffffffff;
    ASSERT_LT(thread, threads);
    if (number <= last[thread]) ++wrong;
    last[thread] = number;
    ++taken[thread];
  }
  for (auto& pusher : pushers) pusher.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(taken, accepted);
}

}  // namespace
}  // namespace gateway::store
