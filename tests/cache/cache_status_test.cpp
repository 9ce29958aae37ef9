#include "gateway/cache/cache_status.hpp"

#include <gtest/gtest.h>

namespace gateway::cache {
namespace {

using namespace std::chrono_literals;

std::string text(CacheStatus const& status) { return std::string(CacheStatusText(status).view()); }
std::string forwarded(Forward why) { return text({.forward = why}); }

TEST(Rfc9211_2_1, Hit) {
  EXPECT_EQ(text({.hit = true}), "argos-gateway; hit");
  EXPECT_EQ(text({.hit = true, .forward = Forward::stale, .forward_status = 200, .stored = true, .collapsed = true}),
            "argos-gateway; hit")
      << "a hit was not forwarded";
}

TEST(Rfc9211_2_2, EachReasonToForwardHasItsToken) {
  EXPECT_EQ(forwarded(Forward::bypass), "argos-gateway; fwd=bypass");
  EXPECT_EQ(forwarded(Forward::method), "argos-gateway; fwd=method");
  EXPECT_EQ(forwarded(Forward::uri_miss), "argos-gateway; fwd=uri-miss");
  EXPECT_EQ(forwarded(Forward::vary_miss), "argos-gateway; fwd=vary-miss");
  EXPECT_EQ(forwarded(Forward::miss), "argos-gateway; fwd=miss");
  EXPECT_EQ(forwarded(Forward::request), "argos-gateway; fwd=request");
  EXPECT_EQ(forwarded(Forward::stale), "argos-gateway; fwd=stale");
  EXPECT_EQ(forwarded(Forward::partial), "argos-gateway; fwd=partial");
  EXPECT_EQ(forwarded(Forward::none), "argos-gateway");
}

TEST(Rfc9211_2_3, ForwardStatus) {
  EXPECT_EQ(text({.forward = Forward::stale, .forward_status = 304}), "argos-gateway; fwd=stale; fwd-status=304");
}

TEST(Rfc9211_2_4, TtlIsWholeSecondsAndNegativeWhenStale) {
  EXPECT_EQ(text({.hit = true, .ttl = 376s}), "argos-gateway; hit; ttl=376");
  EXPECT_EQ(text({.hit = true, .ttl = 1999ms}), "argos-gateway; hit; ttl=1");
  EXPECT_EQ(text({.hit = true, .ttl = 0s}), "argos-gateway; hit; ttl=0");
  EXPECT_EQ(text({.hit = true, .ttl = -1ns}), "argos-gateway; hit; ttl=-1") << "stale is not ttl=0";
  EXPECT_EQ(text({.hit = true, .ttl = -412s}), "argos-gateway; hit; ttl=-412");
}

TEST(Rfc9211_2_5, Stored) {
  EXPECT_EQ(text({.forward = Forward::uri_miss, .stored = true, .ttl = 2s}),
            "argos-gateway; fwd=uri-miss; stored; ttl=2");
}

TEST(Rfc9211_2_6, Collapsed) {
  EXPECT_EQ(text({.forward = Forward::uri_miss, .collapsed = true}), "argos-gateway; fwd=uri-miss; collapsed");
}

TEST(Rfc9211_2_8, DetailIsATokenOrLeftOut) {
  EXPECT_EQ(text({.hit = true, .detail = "STALE-if/error:1"}), "argos-gateway; hit; detail=STALE-if/error:1");
  for (std::string_view detail : {"", "two words", "a;b", "a\"b", "1a", "\x80", "a,b"})
    EXPECT_EQ(text({.hit = true, .detail = detail}), "argos-gateway; hit");
  auto const longest = std::string(CacheStatusText::max_detail_bytes, 'x');
  EXPECT_EQ(text({.hit = true, .detail = longest}), "argos-gateway; hit; detail=" + longest);
  EXPECT_EQ(text({.hit = true, .detail = longest + "x"}), "argos-gateway; hit");
}

TEST(CacheStatusText, TheLongestValueFits) {
  CacheStatus longest{.forward = Forward::vary_miss,
                      .forward_status = -2147483647 - 1,
                      .stored = true,
                      .collapsed = true,
                      .ttl = Duration::min()};
  std::string const detail(CacheStatusText::max_detail_bytes, 'x');
  longest.detail = detail;
  EXPECT_EQ(
      text(longest),
      "argos-gateway; fwd=vary-miss; fwd-status=-2147483648; stored; collapsed; ttl=-9223372037; detail=" + detail);
  EXPECT_LE(text(longest).size(), 192u);
}

TEST(Rfc9111_5_1, AgeIsWholeSecondsWithinItsBounds) {
  EXPECT_EQ(AgeText(0s).view(), "0");
  EXPECT_EQ(AgeText(1999ms).view(), "1");
  EXPECT_EQ(AgeText(-5s).view(), "0");
  EXPECT_EQ(AgeText(Duration::max()).view(), "2147483648");
  EXPECT_EQ(AgeText(86'400s).view(), "86400");
}

}  // namespace
}  // namespace gateway::cache
