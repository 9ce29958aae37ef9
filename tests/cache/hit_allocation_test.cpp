#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "cache/fields_of.hpp"
#include "gateway/cache/cache_status.hpp"
#include "gateway/cache/etag.hpp"
#include "gateway/cache/freshness.hpp"
#include "gateway/cache/vary.hpp"

// Sanitizers have allocation functions of their own.
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)

namespace {
thread_local std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace gateway::cache {
namespace {

using namespace std::chrono_literals;

TEST(HitAllocation, TheCounterCounts) {
  auto const before = allocations;
  std::string const long_text(100, 'x');
  EXPECT_GT(allocations, before) << long_text.size();
}

// Everything that this side of the cache does for a hit, with conditions and directives of each kind.
TEST(HitAllocation, ThereIsNone) {
  auto const request =
      test::fields_of({{"cache-control", "max-age=600, min-fresh=\"1\", max-stale, foo=\"bar\""},
                       {"pragma", "no-cache"},
                       {"accept", "application/json, text/plain;q=0.5, application/something-quite-long+json"},
                       {"accept-language", "ko-KR, en-US;q=0.8, en;q=0.7, de;q=0.5, fr;q=0.4, es;q=0.3"},
                       {"if-none-match", "\"0\", W/\"ba7816bf8f01cfea414140de5dae2223\""},
                       {"if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"}});
  auto const by = Vary(test::fields_of({{"vary", "accept, accept-language, origin"}}));
  auto const values = by.values(request);
  StoredTimes const stored{Instant(1s), 10min, 0s, true};
  auto const before = allocations;
  auto const directives = request_directives(request);
  auto const judged = judge(stored, directives, Instant(5s), {10s, 5min});
  bool const same = by.matches(values, request);
  bool const known = not_modified(request, {"\"ba7816bf8f01cfea414140de5dae2223\"", 784111777}, 1'790'000'000);
  CacheStatusText const status({.hit = true, .ttl = judged.ttl, .detail = "a-detail-of-thirty-two-bytes-now"});
  AgeText const age(judged.age);
  auto const after = allocations;
  EXPECT_EQ(after, before);
  EXPECT_EQ(judged.verdict, Verdict::fresh);
  EXPECT_TRUE(same);
  EXPECT_TRUE(known);
  EXPECT_EQ(status.view(), "argos-gateway; hit; ttl=596; detail=a-detail-of-thirty-two-bytes-now");
  EXPECT_EQ(age.view(), "4");
}

}  // namespace
}  // namespace gateway::cache

#endif
