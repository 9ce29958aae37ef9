#include <gtest/gtest.h>

#include "support/beast.hpp"
#include "support/heads.hpp"
#include "support/random.hpp"
#include "support/wire.hpp"

// Beast's parser as the second opinion: each head that ours accepts, it must accept with the same parts.
namespace gateway::test {
namespace {

// Empty when Beast agrees, or when we refused the head; `taken` counts what we accepted.
std::string objection(std::string const& bytes, std::size_t& taken) {
  http::HeadScanner scanner(http::HeadScanner::Kind::request, default_limits);
  auto const length = scanner.scan(bytes);
  if (!length || *length == 0) return {};
  http::RequestHead head;
  auto const whole = std::string_view(bytes).substr(0, *length);
  if (!http::parse_request_head(whole, default_limits, head)) return {};
  auto const framing = http::judge_request(head);
  if (!framing) return {};
  ++taken;
  return beast_objection(whole, head, *framing);
}

TEST(Differential, BeastReadsEachAcceptedWireCaseTheSame) {
  std::size_t taken = 0;
  for (auto file : {"cases.json", "bodies.json"})
    for (auto const& wire : wire_cases(file)) EXPECT_EQ(objection(wire.raw, taken), "") << wire.name;
  EXPECT_GT(taken, 80u);
}

std::string random_line(Random& random) {
  static char const* const methods[] = {"GET", "POST", "DELETE", "HEAD", "PUT", "X-Y", "get"};
  static char const* const targets[] = {"/",    "/v3/submission", "/a?b=c", "/%41;x", "/\"",
                                        "/a|b", "/~{}`^",         "/?\\",   "/a?<>'"};
  static char const* const versions[] = {"HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0"};
  return std::string(methods[random.below(std::size(methods))]) + " " + targets[random.below(std::size(targets))] +
         " " + versions[random.below(std::size(versions))] + "\r\n";
}

std::string random_field(Random& random) {
  static char const* const fields[] = {"Host: gw.test",
                                       "Host: [::1]:80",
                                       "host:gw",
                                       "Content-Length: 5",
                                       "Content-Length: 0",
                                       "content-length:\t12 ",
                                       "Transfer-Encoding: chunked",
                                       "transfer-encoding:CHUNKED",
                                       "Connection: close",
                                       "Connection: keep-alive",
                                       "Connection: keep-alive, close",
                                       "Connection: x , , close",
                                       "Connection:",
                                       "Connection: ,",
                                       "Upgrade: h2c",
                                       "Connection: upgrade",
                                       "Expect: 100-continue",
                                       "X: \xff\x80",
                                       "X:",
                                       "X: a\tb",
                                       "X: a:b:c",
                                       "Proxy-Connection: close",
                                       "Accept: */*",
                                       "Accept: a",
                                       "Cookie: a=b; c=d",
                                       "TE: trailers",
                                       "!#$%&'*+-.^_`|~: z",
                                       "Keep-Alive: timeout=5"};
  if (random.chance(6))
    return random.word("abcXYZ-_09", 1 + random.below(40)) + ":" + random.word(" \tabc,;=\"\x80", random.below(60));
  return fields[random.below(std::size(fields))];
}

TEST(Differential, BeastReadsEachAcceptedRandomHeadTheSame) {
  Random random("Differential.RandomHeads");
  static constexpr char spice_bytes[] = "\r\n \t:;,/?%.\0\x7f\x80GHTP10aX-\"";
  std::string_view const spice(spice_bytes, sizeof spice_bytes - 1);
  std::size_t taken = 0;
  for (int round = 0; round < 60000; ++round) {
    auto bytes = random_line(random);
    if (!random.chance(8)) bytes += "Host: gw.test\r\n";
    for (std::size_t fields = random.below(6); fields > 0; --fields) bytes += random_field(random) + "\r\n";
    bytes += "\r\n";
    for (std::size_t edits = random.chance(2) ? 0 : 1 + random.below(3); edits > 0; --edits) {
      auto const at = random.below(bytes.size());
      if (random.chance(3))
        bytes.erase(at, 1);
      else if (random.chance(2))
        bytes.insert(at, 1, random.from(spice));
      else
        bytes[at] = random.from(spice);
    }
    ASSERT_EQ(objection(bytes, taken), "") << "seed " << random.seed() << ": " << shown(bytes);
  }
  EXPECT_GT(taken, 5000u) << "the generator makes too few legal heads";
}

std::string response_objection(std::string const& bytes, std::size_t& taken) {
  http::HeadLimits const limits{32 * 1024, http::max_head_fields};
  http::HeadScanner scanner(http::HeadScanner::Kind::response, limits);
  auto const length = scanner.scan(bytes);
  if (!length || *length == 0) return {};
  http::ResponseHead head;
  auto const whole = std::string_view(bytes).substr(0, *length);
  if (!http::parse_response_head(whole, limits, head)) return {};
  auto const framing = http::judge_response(head);
  if (!framing) return {};
  ++taken;
  return beast_objection(whole, head, *framing);
}

TEST(Differential, BeastReadsEachAcceptedRandomAnswerTheSame) {
  Random random("Differential.RandomAnswers");
  static constexpr char spice_bytes[] = "\r\n \t:;,/?%.\0\x7f\x80GHTP10aX-\"";
  std::string_view const spice(spice_bytes, sizeof spice_bytes - 1);
  static char const* const lines[] = {"HTTP/1.1 200 OK",
                                      "HTTP/1.0 404 Not Found",
                                      "HTTP/1.1 204 ",
                                      "HTTP/1.1 503",
                                      "HTTP/1.1 304 Not Modified",
                                      "HTTP/1.1 100 Continue",
                                      "HTTP/1.1 403 caf\xc3\xa9",
                                      "HTTP/1.1 599 a b c"};
  std::size_t taken = 0;
  for (int round = 0; round < 40000; ++round) {
    std::string bytes = std::string(lines[random.below(std::size(lines))]) + "\r\n";
    for (std::size_t fields = random.below(6); fields > 0; --fields) bytes += random_field(random) + "\r\n";
    bytes += "\r\n";
    for (std::size_t edits = random.chance(2) ? 0 : 1 + random.below(3); edits > 0; --edits) {
      auto const at = random.below(bytes.size());
      if (random.chance(3))
        bytes.erase(at, 1);
      else if (random.chance(2))
        bytes.insert(at, 1, random.from(spice));
      else
        bytes[at] = random.from(spice);
    }
    ASSERT_EQ(response_objection(bytes, taken), "") << "seed " << random.seed() << ": " << shown(bytes);
  }
  EXPECT_GT(taken, 5000u) << "the generator makes too few legal answers";
}

}  // namespace
}  // namespace gateway::test
