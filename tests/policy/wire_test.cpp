#include "support/wire.hpp"

#include <gtest/gtest.h>

#include "gateway/policy/operation.hpp"
#include "support/heads.hpp"

// The wire table once more, through everything that a head alone decides: framing, route and body rules.
namespace gateway::test {
namespace {

std::string whole_verdict(std::string const& raw) {
  http::HeadScanner scanner(http::HeadScanner::Kind::request, default_limits);
  auto const length = scanner.scan(raw);
  if (!length) return token_of(length);
  if (*length == 0) return "incomplete";
  http::RequestHead head;
  if (auto parsed = http::parse_request_head(std::string_view(raw).substr(0, *length), default_limits, head); !parsed)
    return token_of(parsed);
  auto const framing = http::judge_request(head);
  if (!framing) return token_of(framing);
  auto const route = policy::match_route(head, "/v3");
  if (!route) return token_of(route);
  bool const framed = framing->body.kind != http::Framing::Kind::none;
  return token_of(policy::check_body_head(*route->operation, head, framed, framing->body.has_body()));
}

TEST(WireTable, EachCaseThatItsHeadDecidesGetsItsReason) {
  std::size_t refused = 0, taken = 0;
  for (auto const& wire : wire_cases("cases.json")) {
    auto const verdict = whole_verdict(wire.raw);
    refused += verdict != "ok";
    taken += verdict == "ok";
    // Sizes of bodies are judged with the configuration at hand.
    bool const right = wire.first.count(verdict) != 0 ||
                       (verdict == "ok" && (wire.first.count("none") + wire.first.count("body_too_large")) != 0);
    EXPECT_TRUE(right) << wire.name << ": " << verdict << " for " << shown(wire.raw);
  }
  EXPECT_GT(refused, 200u);
  EXPECT_GT(taken, 50u);
}

}  // namespace
}  // namespace gateway::test
