#include "gateway/http/head.hpp"

#include <gtest/gtest.h>

#include "gateway/base/ascii.hpp"
#include "support/heads.hpp"
#include "support/random.hpp"

namespace gateway::test {
namespace {

using http::HeadScanner;
using http::Method;
using http::Name;

std::string const good = "GET /v3/submission?a=b HTTP/1.1\r\nHost: gw.test\r\nAccept: */*\r\n\r\n";

// The request with `line` in place of its request line.
std::string with_line(std::string const& line) { return line + "\r\nHost: gw.test\r\n\r\n"; }
// The request with one more field line.
std::string with_field(std::string const& line) {
  return "GET /v3/submission HTTP/1.1\r\nHost: gw.test\r\n" + line + "\r\n\r\n";
}

std::string verdict_however_split(std::string const& bytes, http::HeadLimits limits = default_limits) {
  auto const whole = read_request(bytes, {}, limits);
  EXPECT_EQ(read_request(bytes, every_byte(bytes.size()), limits), whole) << shown(bytes);
  for (std::size_t at = 1; at < bytes.size(); ++at)
    EXPECT_EQ(read_request(bytes, {at}, limits), whole) << "split at " << at << ": " << shown(bytes);
  return whole.token;
}

TEST(HeadScanner, FindsTheEndAtTheEmptyLineAndNotEarlier) {
  for (std::size_t size = 0; size < good.size(); ++size) {
    HeadScanner scanner(HeadScanner::Kind::request, default_limits);
    auto const length = scanner.scan(std::string_view(good).substr(0, size));
    ASSERT_TRUE(length) << size;
    EXPECT_EQ(*length, 0u) << size;
  }
  HeadScanner scanner(HeadScanner::Kind::request, default_limits);
  EXPECT_EQ(*scanner.scan(good + "GET /next HTTP/1.1\r\n\r\n"), good.size()) << "what follows the head is left alone";
}

TEST(HeadScanner, GivesTheSameLengthWhenAskedAgain) {
  HeadScanner scanner(HeadScanner::Kind::request, default_limits);
  EXPECT_EQ(*scanner.scan(good.substr(0, 10)), 0u);
  EXPECT_EQ(*scanner.scan(good.substr(0, 10)), 0u) << "a read of no bytes changes nothing";
  EXPECT_EQ(*scanner.scan(good), good.size());
}

TEST(HeadScanner, TakesAHeadOfExactlyTheLimitAndRefusesOneByteMore) {
  for (std::size_t limit = 100; limit < 140; ++limit) {
    http::HeadLimits const limits{limit, 100};
    std::string const start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    std::string const fits = start + std::string(limit - start.size() - 4, 'x') + "\r\n\r\n";
    ASSERT_EQ(fits.size(), limit);
    EXPECT_EQ(verdict_however_split(fits, limits), "ok");
    EXPECT_EQ(verdict_however_split(start + std::string(limit - start.size() - 3, 'x') + "\r\n\r\n", limits),
              "head_too_large");
  }
}

TEST(HeadScanner, RefusesEachByteThatStartsNoMethodAtOnce) {
  for (int byte = 0; byte < 256; ++byte) {
    char const c = static_cast<char>(byte);
    HeadScanner scanner(HeadScanner::Kind::request, default_limits);
    EXPECT_EQ(token_of(scanner.scan({&c, 1})), is_tchar(c) ? "ok" : "bad_request_line") << byte;
  }
}

TEST(HeadScanner, RefusesABareLineFeedInEachPlace) {
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto broken = good;
    broken.insert(at, "\n");
    bool const harmless = at >= 1 && good[at - 1] == '\r' && good[at] == '\n' && at + 1 == good.size();
    if (harmless) continue;  // only the head's last CRLF stays whole, and the rest is what follows the head
    auto const token = verdict_however_split(broken);
    EXPECT_TRUE(token == "bad_request_line" || token == "bad_field") << token << " at " << at << ": " << shown(broken);
  }
}

TEST(HeadScanner, RefusesALineFeedInPlaceOfEachCarriageReturnAndLeftOutBytes) {
  for (std::size_t at = 0; at < good.size(); ++at) {
    if (good[at] != '\r' && good[at] != '\n') continue;
    for (std::string_view instead : {"", "\n", "\r", " ", "\0"}) {
      auto broken = good;
      broken.replace(at, 1, instead);
      if (broken == good) continue;
      EXPECT_NE(verdict_however_split(broken + "\r\n\r\n"), "ok") << at << ": " << shown(broken);
    }
  }
}

TEST(RequestLine, TakesExactlyItsThreeWords) {
  struct Row {
    char const* line;
    char const* token;
  };
  Row const rows[] = {
      {"GET / HTTP/1.1", "ok"},
      {"GET / HTTP/1.0", "ok"},
      {"DELETE /a HTTP/1.1", "ok"},
      {"M-SEARCH /a HTTP/1.1", "ok"},
      {"!#$%&'*+-.^_`|~09azAZ /a HTTP/1.1", "ok"},
      {"get / HTTP/1.1", "ok"},
      {"GET  / HTTP/1.1", "bad_request_line"},
      {"GET /  HTTP/1.1", "bad_request_line"},
      {"GET / HTTP/1.1 ", "bad_request_line"},
      {"GET /a b HTTP/1.1", "bad_request_line"},
      {"GET\t/ HTTP/1.1", "bad_request_line"},
      {"GET /\tHTTP/1.1", "bad_request_line"},
      {"GET / http/1.1", "bad_request_line"},
      {"GET / HTTP/1.", "bad_request_line"},
      {"GET / HTTP/11", "bad_request_line"},
      {"GET / HTTP/01.1", "bad_request_line"},
      {"GET / HTTP/1.01", "bad_request_line"},
      {"GET / HTTPS/1.1", "bad_request_line"},
      {"GET / HTTP/1.1x", "bad_request_line"},
      {"GET / HTTP/1,1", "bad_request_line"},
      {"GET / HTTP/-1.1", "bad_request_line"},
      {"GET /", "bad_request_line"},
      {"GET", "bad_request_line"},
      {"GET /HTTP/1.1", "bad_request_line"},
      {"GE(T / HTTP/1.1", "bad_request_line"},
      {"GET: / HTTP/1.1", "bad_request_line"},
      {"GET / HTTP/1.2", "unsupported_version"},
      {"GET / HTTP/1.9", "unsupported_version"},
      {"GET / HTTP/2.0", "unsupported_version"},
      {"GET / HTTP/0.9", "unsupported_version"},
      {"GET / HTTP/3.1", "unsupported_version"},
      {"GET / HTTP/9.9", "unsupported_version"},
  };
  for (auto const& row : rows) EXPECT_EQ(verdict_however_split(with_line(row.line)), row.token) << row.line;
}

TEST(RequestLine, SplitsIntoItsParts) {
  http::RequestHead head;
  ASSERT_TRUE(http::parse_request_head("DELETE /a?b=c%20d HTTP/1.0\r\nHost: x\r\n\r\n", default_limits, head));
  EXPECT_EQ(head.method, Method::del);
  EXPECT_EQ(head.method_token, "DELETE");
  EXPECT_EQ(head.target, "/a?b=c%20d");
  EXPECT_EQ(head.minor_version, 0);
  ASSERT_EQ(head.fields.count, 1u);
}

TEST(RequestLine, RefusesControlAndHighBytesInEachPlace) {
  std::string const line = "GET /abc HTTP/1.1";
  for (std::size_t at = 0; at < line.size(); ++at)
    for (int byte : {0x00, 0x01, 0x09, 0x0b, 0x0c, 0x0d, 0x1f, 0x7f, 0x80, 0xa0, 0xff}) {
      auto broken = line;
      broken[at] = static_cast<char>(byte);
      EXPECT_NE(read_request(with_line(broken)).token, "ok") << at << " " << byte;
    }
}

TEST(RequestLine, KnowsMethodsByTheirExactSpelling) {
  EXPECT_EQ(http::method_of("GET"), Method::get);
  EXPECT_EQ(http::method_of("POST"), Method::post);
  EXPECT_EQ(http::method_of("DELETE"), Method::del);
  EXPECT_EQ(http::method_of("HEAD"), Method::head);
  for (auto other : {"", "get", "Get", "GETS", "GE", "PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "POST ", "DEL"})
    EXPECT_EQ(http::method_of(other), Method::other) << other;
}

TEST(RequestLine, BoundsTheTarget) {
  http::HeadLimits const wide{http::max_head_bytes, 100};
  for (std::size_t size : {http::max_target_bytes - 1, http::max_target_bytes}) {
    auto const line = "GET /" + std::string(size - 1, 'a') + " HTTP/1.1";
    EXPECT_EQ(read_request(with_line(line), {}, wide).token, "ok") << size;
    EXPECT_EQ(read_request(with_line(line), every_byte(with_line(line).size()), wide).token, "ok") << size;
  }
  for (std::size_t size :
       {http::max_target_bytes + 1, http::max_target_bytes + 2, http::max_target_bytes + 500, std::size_t{50000}}) {
    auto const bytes = with_line("GET /" + std::string(size - 1, 'a') + " HTTP/1.1");
    EXPECT_EQ(read_request(bytes, {}, wide).token, "target_too_long") << size;
    EXPECT_EQ(read_request(bytes, every_byte(bytes.size()), wide).token, "target_too_long") << size;
  }
}

// What a request line means must not hang on how the network cut it.
TEST(RequestLine, LongLinesGetTheSameVerdictWholeAndInPieces) {
  http::HeadLimits const wide{http::max_head_bytes, 100};
  for (std::size_t size : {8150, 8190, 8200, 8240, 8241, 8242, 8243, 8250, 8256, 8300, 9000, 20000}) {
    for (auto const& line : {std::string(size, 'M') + " / HTTP/1.1", "GET /" + std::string(size, 'a') + " HTTP/9.9",
                             "GET /" + std::string(size, 'a') + " b HTTP/1.1",
                             "GET " + std::string(size, 'a') + " HTTP/1.1", "GET /" + std::string(size, 'a')}) {
      auto const bytes = with_line(line);
      EXPECT_EQ(read_request(bytes, every_byte(bytes.size()), wide), read_request(bytes, {}, wide))
          << size << " " << shown(line).substr(0, 20);
    }
  }
}

TEST(Fields, AreSplitAtTheFirstColonAndTrimmed) {
  http::RequestHead head;
  std::string_view const bytes =
      "GET / HTTP/1.1\r\nHost:gw\r\na:\r\nB: \t \r\nC: x:y: z\t \r\nConTent-LENGTH:\t5 \r\nd:  e  f  \r\n\r\n";
  ASSERT_TRUE(http::parse_request_head(bytes, default_limits, head));
  EXPECT_EQ(describe(head.fields), "Host=<gw>#" + std::to_string(int(Name::host)) +
                                       ";a=<>#0;B=<>#0;C=<x:y: z>#0;ConTent-LENGTH=<5>#" +
                                       std::to_string(int(Name::content_length)) + ";d=<e  f>#0;");
}

TEST(Fields, RefuseWhatIsNoFieldLine) {
  for (auto line : {"X",      "X y",    ": y",    "X : y",   "X\t: y", " X: y", "\tX: y", "X(: y", "X\"Y: z", "X/Y: z",
                    "X,Y: z", "X@Y: z", "{X}: z", "X[0]: z", "X\\: z", "X;: z", "X=: z",  "X?: z", "X<: z",   "=X: z"})
    EXPECT_EQ(verdict_however_split(with_field(line)), "bad_field") << line;
}

TEST(Fields, JudgeEachByteOfNamesAndValues) {
  for (int byte = 0; byte < 256; ++byte) {
    char const c = static_cast<char>(byte);
    auto const name = with_field(std::string("X") + c + "Y: z");
    if (c != ':' && c != '\n') EXPECT_EQ(read_request(name).token, is_tchar(c) ? "ok" : "bad_field") << byte;
    auto const value = with_field(std::string("X: a") + c + "b");
    bool const legal = c == '\t' || (byte >= 0x20 && byte != 0x7f);
    EXPECT_EQ(read_request(value).token, legal ? "ok" : "bad_field") << byte;
  }
}

TEST(Fields, FoldedLinesAreRefusedAfterEachField) {
  for (auto fold : {" folded", "\tfolded", " a: b", "  ", "\t"}) {
    EXPECT_EQ(verdict_however_split(with_field(std::string("X: a\r\n") + fold)), "bad_field") << fold;
    EXPECT_EQ(verdict_however_split("GET / HTTP/1.1\r\n" + std::string(fold) + "\r\nHost: a\r\n\r\n"), "bad_field")
        << fold;
  }
}

TEST(Fields, AreCountedUpToTheLimit) {
  for (std::size_t limit : {std::size_t{8}, std::size_t{100}, http::max_head_fields}) {
    http::HeadLimits const limits{http::max_head_bytes, limit};
    std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < limit; ++i) bytes += "X: y\r\n";
    EXPECT_EQ(read_request(bytes + "\r\n", {}, limits).token, "ok") << limit;
    EXPECT_EQ(read_request(bytes + "X: y\r\n\r\n", {}, limits).token, "too_many_fields") << limit;
    EXPECT_EQ(read_request(bytes + "X: y\r\n\r\n", every_byte(bytes.size()), limits).token, "too_many_fields") << limit;
  }
  std::string bytes = "GET / HTTP/1.1\r\n";
  for (std::size_t i = 0; i <= http::max_head_fields; ++i) bytes += "X: y\r\n";
  http::RequestHead head;
  EXPECT_EQ(token_of(http::parse_request_head(bytes + "\r\n", {http::max_head_bytes, 1000}, head)), "too_many_fields")
      << "whatever limit is asked for";
}

TEST(Fields, FindsFirstAndCountsOccurrences) {
  http::RequestHead head;
  ASSERT_TRUE(http::parse_request_head("GET / HTTP/1.1\r\nAccept: a\r\nhost: h\r\naccept: b\r\nACCEPT: c\r\n\r\n",
                                       default_limits, head));
  EXPECT_EQ(head.fields.first(Name::accept), "a");
  EXPECT_EQ(head.fields.occurrences(Name::accept), 3u);
  EXPECT_EQ(head.fields.first(Name::cookie), "");
  EXPECT_EQ(head.fields.occurrences(Name::cookie), 0u);
  EXPECT_EQ(head.fields.all().size(), 4u);
}

TEST(FieldNames, AreKnownInAnyCaseAndOnlyWhole) {
  std::pair<char const*, Name> const known[] = {{"accept", Name::accept},
                                                {"accept-language", Name::accept_language},
                                                {"age", Name::age},
                                                {"argos-gateway-cache-control", Name::argos_gateway_cache_control},
                                                {"authorization", Name::authorization},
                                                {"cache-control", Name::cache_control},
                                                {"connection", Name::connection},
                                                {"content-disposition", Name::content_disposition},
                                                {"content-encoding", Name::content_encoding},
                                                {"content-language", Name::content_language},
                                                {"content-length", Name::content_length},
                                                {"content-range", Name::content_range},
                                                {"content-type", Name::content_type},
                                                {"cookie", Name::cookie},
                                                {"date", Name::date},
                                                {"etag", Name::etag},
                                                {"expect", Name::expect},
                                                {"expires", Name::expires},
                                                {"host", Name::host},
                                                {"if-modified-since", Name::if_modified_since},
                                                {"if-none-match", Name::if_none_match},
                                                {"keep-alive", Name::keep_alive},
                                                {"last-modified", Name::last_modified},
                                                {"location", Name::location},
                                                {"pragma", Name::pragma},
                                                {"retry-after", Name::retry_after},
                                                {"set-cookie", Name::set_cookie},
                                                {"te", Name::te},
                                                {"trailer", Name::trailer},
                                                {"traceparent", Name::traceparent},
                                                {"transfer-encoding", Name::transfer_encoding},
                                                {"upgrade", Name::upgrade},
                                                {"vary", Name::vary},
                                                {"x-amzn-requestid", Name::x_amzn_requestid},
                                                {"x-api-key", Name::x_api_key},
                                                {"x-request-id", Name::x_request_id}};
  for (auto const& [text, id] : known) {
    std::string name = text;
    EXPECT_EQ(http::name_of(name), id) << name;
    for (auto& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    EXPECT_EQ(http::name_of(name), id) << name;
    EXPECT_EQ(http::name_of(std::string(text) + "x"), Name::other);
    EXPECT_EQ(http::name_of(std::string("x") + text), Name::other);
    auto const shorter = std::string(text).substr(1);
    if (shorter != "te") EXPECT_EQ(http::name_of(shorter), Name::other) << shorter;
    auto underscored = std::string(text);
    for (auto& c : underscored) c = c == '-' ? '_' : c;
    if (underscored != text) EXPECT_EQ(http::name_of(underscored), Name::other) << underscored;
  }
  EXPECT_EQ(http::name_of(""), Name::other);
  EXPECT_EQ(http::name_of(std::string(5000, 'x')), Name::other);
}

// Mutated heads: the verdict never depends on the cuts.
TEST(HeadProperty, VerdictIsIndependentOfTheCuts) {
  Random random("HeadProperty.VerdictIsIndependentOfTheCuts");
  static constexpr char spice_bytes[] = "\r\n \t:;,/?%.\0\x7f\x80GHTP10aX-";
  std::string_view const spice(spice_bytes, sizeof spice_bytes - 1);
  for (int round = 0; round < 4000; ++round) {
    auto bytes = with_field("Content-Length: 0");
    for (std::size_t edits = random.below(4); edits > 0; --edits) {
      auto const at = random.below(bytes.size());
      if (random.chance(3))
        bytes.erase(at, 1 + random.below(3));
      else if (random.chance(2))
        bytes.insert(at, 1, random.from(spice));
      else
        bytes[at] = random.from(spice);
      if (bytes.empty()) bytes = "G";
    }
    auto const whole = read_request(bytes);
    ASSERT_EQ(read_request(bytes, every_byte(bytes.size())), whole) << "seed " << random.seed() << ": " << shown(bytes);
    auto const cut = 1 + random.below(bytes.size());
    ASSERT_EQ(read_request(bytes, {cut}), whole) << "seed " << random.seed() << ", cut " << cut << ": " << shown(bytes);
  }
}

}  // namespace
}  // namespace gateway::test
