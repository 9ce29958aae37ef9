#include <gtest/gtest.h>

#include "support/heads.hpp"

// Heads of vendor answers: what is read, and how their bodies are delimited.
namespace gateway::test {
namespace {

std::string answer(std::string const& line, std::string const& fields = "") { return line + "\r\n" + fields + "\r\n"; }

std::string verdict_however_split(std::string const& bytes) {
  auto const whole = read_response(bytes);
  EXPECT_EQ(read_response(bytes, every_byte(bytes.size())), whole) << shown(bytes);
  for (std::size_t at = 1; at < bytes.size(); ++at)
    EXPECT_EQ(read_response(bytes, {at}), whole) << at << ": " << shown(bytes);
  return whole.token;
}

TEST(StatusLine, IsReadStrictly) {
  struct Row {
    char const* line;
    bool good;
  };
  Row const rows[] = {
      {"HTTP/1.1 200 OK", true},
      {"HTTP/1.1 200 ", true},
      {"HTTP/1.1 200", true},
      {"HTTP/1.0 404 Not Found", true},
      {"HTTP/1.1 599 odd but legal", true},
      {"HTTP/1.1 100 Continue", true},
      {"HTTP/1.1 200 caf\xc3\xa9", true},
      {"HTTP/1.1 200 tab\there", true},
      {"HTTP/1.1 099 x", false},
      {"HTTP/1.1 600 x", false},
      {"HTTP/1.1 999 x", false},
      {"HTTP/1.1 20 x", false},
      {"HTTP/1.1 2000 x", false},
      {"HTTP/1.1 +20 x", false},
      {"HTTP/1.1 -20 x", false},
      {"HTTP/1.1 2x0 x", false},
      {"HTTP/1.1 0x1 x", false},
      {"HTTP/1.1  200 x", false},
      {"HTTP/1.1\t200 x", false},
      {"HTTP/1.1 200\tx", false},
      {"HTTP/1.1", false},
      {"HTTP/1.1 ", false},
      {"HTTP/2.0 200 OK", false},
      {"HTTP/1.2 200 OK", false},
      {"HTTP/0.9 200 OK", false},
      {"http/1.1 200 OK", false},
      {"HTTPS/1.1 200 OK", false},
      {"ICY 200 OK", false},
      {"H", false},
      {"HTTP/1.1 200 \x01", false},
      {"HTTP/1.1 200 a\rb", false},
      {"HTTP/1.1 200 \x7f", false},
  };
  for (auto const& row : rows)
    EXPECT_EQ(verdict_however_split(answer(row.line, "Content-Length: 0\r\n")) == "ok", row.good) << row.line;
}

TEST(StatusLine, RefusesAnAnswerThatBeginsOtherwiseAtItsFirstByte) {
  for (int byte = 0; byte < 256; ++byte) {
    char const c = static_cast<char>(byte);
    http::HeadScanner scanner(http::HeadScanner::Kind::response, default_limits);
    EXPECT_EQ(scanner.scan({&c, 1}).has_value(), c == 'H') << byte;
  }
}

TEST(ResponseHead, RefusesABareLineFeedAndFolding) {
  EXPECT_NE(verdict_however_split("HTTP/1.1 200 OK\nContent-Length: 0\n\n"), "ok");
  EXPECT_NE(verdict_however_split("HTTP/1.1 200 OK\r\nA: b\nContent-Length: 0\r\n\r\n"), "ok");
  EXPECT_NE(verdict_however_split("HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n"), "ok");
  EXPECT_NE(verdict_however_split("HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n"), "ok");
}

TEST(ResponseFraming, FollowsStatusAndFields) {
  struct Row {
    char const* line;
    char const* fields;
    char const* understood;  // framing and persistence, or the reason
  };
  Row const rows[] = {
      {"HTTP/1.1 200 OK", "Content-Length: 5\r\n", "length:5 persistent"},
      {"HTTP/1.1 200 OK", "Content-Length: 0\r\n", "length:0 persistent"},
      {"HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", "chunked:0 persistent"},
      {"HTTP/1.1 200 OK", "Transfer-Encoding: Chunked\r\n", "chunked:0 persistent"},
      {"HTTP/1.1 200 OK", "", "until_close:0 last"},
      {"HTTP/1.1 200 OK", "Connection: keep-alive\r\n", "until_close:0 last"},
      {"HTTP/1.1 200 OK", "Content-Length: 5\r\nConnection: close\r\n", "length:5 last"},
      {"HTTP/1.1 200 OK", "Content-Length: 5\r\nConnection: foo, Close\r\n", "length:5 last"},
      {"HTTP/1.0 200 OK", "Content-Length: 5\r\n", "length:5 last"},
      {"HTTP/1.0 200 OK", "Content-Length: 5\r\nConnection: keep-alive\r\n", "length:5 persistent"},
      {"HTTP/1.1 204 No Content", "", "none:0 persistent"},
      {"HTTP/1.1 204 No Content", "Content-Length: 0\r\n", "none:0 persistent"},
      {"HTTP/1.1 304 Not Modified", "Content-Length: 9\r\n", "none:0 persistent"},
      {"HTTP/1.1 100 Continue", "", "none:0 persistent"},
      {"HTTP/1.1 103 Early Hints", "Link: x\r\n", "none:0 persistent"},
      {"HTTP/1.1 204 No Content", "Transfer-Encoding: chunked\r\n", "upstream_bad_response"},
      {"HTTP/1.1 304 Not Modified", "Transfer-Encoding: chunked\r\n", "upstream_bad_response"},
      {"HTTP/1.1 100 Continue", "Transfer-Encoding: chunked\r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Transfer-Encoding: gzip\r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Transfer-Encoding: gzip, chunked\r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Transfer-Encoding: chunked, gzip\r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Transfer-Encoding: \r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "upstream_bad_response"},
      {"HTTP/1.0 200 OK", "Transfer-Encoding: chunked\r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Content-Length: 5\r\nContent-Length: 5\r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Content-Length: 5\r\nContent-Length: 6\r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Content-Length: 5, 5\r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Content-Length: -5\r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Content-Length: +5\r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Content-Length: 05\r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Content-Length: 0x5\r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Content-Length: \r\n", "upstream_bad_response"},
      {"HTTP/1.1 200 OK", "Content-Length: 99999999999999999999\r\n", "upstream_bad_response"},
      {"HTTP/1.1 204 OK", "Content-Length: x\r\n", "upstream_bad_response"},
  };
  for (auto const& row : rows) {
    auto const verdict = read_response(answer(row.line, row.fields));
    auto const got = verdict.token == "ok" ? verdict.understood : verdict.token;
    EXPECT_TRUE(got.ends_with(row.understood)) << row.line << " " << shown(row.fields) << ": " << got;
    EXPECT_EQ(read_response(answer(row.line, row.fields), every_byte(answer(row.line, row.fields).size())), verdict);
  }
}

TEST(ResponseHead, IsRefusedWhenItExceedsTheVendorsLimits) {
  std::string fields;
  for (int i = 0; i < 201; ++i) fields += "X: y\r\n";
  EXPECT_EQ(read_response(answer("HTTP/1.1 200 OK", fields)).token, "too_many_fields");
  EXPECT_EQ(read_response(answer("HTTP/1.1 200 OK", "X: " + std::string(40000, 'y') + "\r\n")).token, "head_too_large");
}

}  // namespace
}  // namespace gateway::test
