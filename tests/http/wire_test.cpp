#include "support/wire.hpp"

#include <gtest/gtest.h>

#include "support/heads.hpp"

// The wire table against scanner, parser and judge: each case whole, byte by byte and split at every offset.
namespace gateway::test {
namespace {

// Reasons that these three give; others are given later, to a head that they take.
std::set<std::string> const head_reasons = {
    "bad_request_line",      "bad_field",          "bad_host",        "bad_content_length",
    "bad_transfer_encoding", "conflicting_length", "bad_target",      "target_too_long",
    "unsupported_version",   "head_too_large",     "too_many_fields", "unsupported_expectation"};

bool is_right(WireCase const& wire, Verdict const& verdict) {
  if (wire.first.count(verdict.token) != 0) return true;
  if (verdict.token != "ok") return false;
  for (auto const& reason : wire.first)
    if (head_reasons.count(reason) == 0) return true;
  return false;
}

void check_every_way(WireCase const& wire) {
  auto const whole = read_request(wire.raw);
  EXPECT_TRUE(is_right(wire, whole)) << wire.name << ": " << whole << " for " << shown(wire.raw);
  // Nothing beyond the limit of a head is looked at.
  auto const size = std::min(wire.raw.size(), default_limits.bytes + 1);
  EXPECT_EQ(read_request(wire.raw, every_byte(size)), whole) << wire.name << ", byte by byte: " << shown(wire.raw);
  std::size_t differing = 0;
  for (std::size_t at = 1; at < size; ++at) {
    auto const split = read_request(wire.raw.substr(0, size), {at});
    if (split == whole) continue;
    if (++differing == 1) ADD_FAILURE() << wire.name << ", split at " << at << ": " << split << ", whole: " << whole;
  }
  EXPECT_EQ(differing, 0u) << wire.name;
}

TEST(WireTable, EachHeadGetsItsVerdictHoweverItArrives) {
  auto const cases = wire_cases("cases.json");
  ASSERT_GE(cases.size(), 200u);
  for (auto const& wire : cases) check_every_way(wire);
}

TEST(WireTable, BodiesAndPipelinesBeginWithHeadsThatAreJudgedAsWritten) {
  auto const cases = wire_cases("bodies.json");
  ASSERT_GE(cases.size(), 50u);
  for (auto const& wire : cases) {
    auto const whole = read_request(wire.raw);
    EXPECT_TRUE(is_right(wire, whole) ||
                (wire.first.count("bad_chunk") + wire.first.count("bad_trailer") > 0 && whole.token == "ok"))
        << wire.name << ": " << whole;
    EXPECT_EQ(read_request(wire.raw, every_byte(std::min<std::size_t>(wire.raw.size(), 2048))), whole) << wire.name;
  }
}

}  // namespace
}  // namespace gateway::test
