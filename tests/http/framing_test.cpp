#include "gateway/http/framing.hpp"

#include <gtest/gtest.h>

#include "support/heads.hpp"

// The judge of request heads. Heads are written out, parsed and judged, so each row shows what a caller sends.
namespace gateway::test {
namespace {

std::string judged(std::string const& version, std::string const& fields) {
  auto const verdict = read_request("POST /v3/x " + version + "\r\n" + fields + "\r\n");
  if (verdict.token != "ok") return verdict.token;
  // The framing stands behind the fields.
  return verdict.understood.substr(verdict.understood.rfind(';') + 1);
}

struct Row {
  char const* fields;
  char const* expected;
};

TEST(RequestFraming, LengthFields) {
  Row const rows[] = {
      {"", "none:0 persistent"},
      {"Content-Length: 0\r\n", "length:0 persistent"},
      {"Content-Length: 1\r\n", "length:1 persistent"},
      {"content-length:123\r\n", "length:123 persistent"},
      {"Content-Length: \t 7 \t\r\n", "length:7 persistent"},
      {"Content-Length: 4611686018427387904\r\n", "length:4611686018427387904 persistent"},
      {"Content-Length: 4611686018427387905\r\n", "bad_content_length"},
      {"Content-Length: 18446744073709551615\r\n", "bad_content_length"},
      {"Content-Length: 18446744073709551616\r\n", "bad_content_length"},
      {"Content-Length: 99999999999999999999999999\r\n", "bad_content_length"},
      {"Content-Length:\r\n", "bad_content_length"},
      {"Content-Length: \r\n", "bad_content_length"},
      {"Content-Length: +5\r\n", "bad_content_length"},
      {"Content-Length: -5\r\n", "bad_content_length"},
      {"Content-Length: -0\r\n", "bad_content_length"},
      {"Content-Length: 05\r\n", "bad_content_length"},
      {"Content-Length: 00\r\n", "bad_content_length"},
      {"Content-Length: 0x5\r\n", "bad_content_length"},
      {"Content-Length: 5a\r\n", "bad_content_length"},
      {"Content-Length: 5 5\r\n", "bad_content_length"},
      {"Content-Length: 5,5\r\n", "bad_content_length"},
      {"Content-Length: 5, 5\r\n", "bad_content_length"},
      {"Content-Length: ,5\r\n", "bad_content_length"},
      {"Content-Length: 5,\r\n", "bad_content_length"},
      {"Content-Length: 5.0\r\n", "bad_content_length"},
      {"Content-Length: 1e1\r\n", "bad_content_length"},
      {"Content-Length: \"5\"\r\n", "bad_content_length"},
      {"Content-Length: 5;a\r\n", "bad_content_length"},
      {"Content-Length: \xc2\xb2\r\n", "bad_content_length"},
      {"Content-Length: 5\r\nContent-Length: 5\r\n", "bad_content_length"},
      {"Content-Length: 5\r\nContent-Length: 6\r\n", "bad_content_length"},
      {"Content-Length: 5\r\nX: y\r\ncontent-length: 5\r\n", "bad_content_length"},
      {"Content-Length: 5\r\nContent-Length:\r\n", "bad_content_length"},
      {"Content_Length: 5\r\n", "none:0 persistent"},
      {"X-Content-Length: 5\r\n", "none:0 persistent"},
  };
  for (auto const& row : rows) {
    EXPECT_EQ(judged("HTTP/1.1", std::string("Host: gw\r\n") + row.fields), row.expected) << shown(row.fields);
    EXPECT_EQ(judged("HTTP/1.1", std::string(row.fields) + "Host: gw\r\n"), row.expected) << shown(row.fields);
  }
}

TEST(RequestFraming, TransferCodings) {
  Row const rows[] = {
      {"Transfer-Encoding: chunked\r\n", "chunked:0 persistent"},
      {"transfer-encoding:CHUNKED\r\n", "chunked:0 persistent"},
      {"Transfer-Encoding: \t chunked \t\r\n", "chunked:0 persistent"},
      {"Transfer-Encoding: gzip\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: identity\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: xchunked\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: chunkedx\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: chunke\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding:\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: ,\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: chunked,\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: ,chunked\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: chunked, chunked\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: chunked, gzip\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: gzip, chunked\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: identity, chunked\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: chunked;q=1\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: \"chunked\"\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: chun ked\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: chunked\xa0\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "bad_transfer_encoding"},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n", "bad_transfer_encoding"},
      {"Transfer_Encoding: chunked\r\n", "none:0 persistent"},
  };
  for (auto const& row : rows) {
    EXPECT_EQ(judged("HTTP/1.1", std::string("Host: gw\r\n") + row.fields), row.expected) << shown(row.fields);
    auto const old = std::string(row.expected).starts_with("none") ? "none:0 last" : "bad_transfer_encoding";
    EXPECT_EQ(judged("HTTP/1.0", std::string("Host: gw\r\n") + row.fields), old) << "HTTP/1.0 " << shown(row.fields);
  }
}

// Whatever the two fields say, together they are refused.
TEST(RequestFraming, LengthAndCodingNeverStandTogether) {
  for (auto length : {"0", "5", "", "x", "5, 5", "+1"})
    for (auto coding : {"chunked", "gzip", "identity", "", "chunked, gzip"})
      for (auto version : {"HTTP/1.0", "HTTP/1.1"})
        for (bool length_first : {true, false}) {
          auto const a = "Content-Length: " + std::string(length) + "\r\n";
          auto const b = "Transfer-Encoding: " + std::string(coding) + "\r\n";
          EXPECT_EQ(judged(version, "Host: gw\r\n" + (length_first ? a + b : b + a)), "conflicting_length")
              << length << " " << coding;
        }
}

TEST(RequestFraming, Hosts) {
  for (auto good :
       {"gw", "gw.test", "GW.Test", "gw.test.", "gw_1.test", "a-b.c", "127.0.0.1", "127.0.0.1:8080", "gw:1", "gw:65535",
        "gw:0", "[::1]", "[::1]:443", "[2001:db8::1]", "[::ffff:1.2.3.4]:80", "xn--bcher-kva.example", "1"})
    EXPECT_EQ(judged("HTTP/1.1", std::string("Host: ") + good + "\r\n"), "none:0 persistent") << good;
  for (auto bad : {"",         " ",         "gw test", "gw,gw2",    "gw/x",        "gw?x",    "gw#x",     "user@gw",
                   "gw:80:80", "gw:",       ":80",     "gw:x",      "gw:-1",       "gw:+80",  "gw:65536", "gw:999999",
                   "gw:8 0",   "http://gw", "[::1",    "::1",       "[::1]x",      "[::1]80", "[]",       "[gw]",
                   "[::g]",    "[::1]:",    "[::1]:x", "gw%2e",     "%61",         "gw\\x",   "gw\"",     "<gw>",
                   "{gw}",     "gw|",       "gw^",     "gw`",       "caf\xc3\xa9", "gw;a",    "gw=a",     "gw'",
                   "(gw)",     "*",         "gw\tx",   "gw:000080", "[::1%25eth0]"})
    EXPECT_EQ(judged("HTTP/1.1", std::string("Host: ") + bad + "\r\n"), "bad_host") << bad;
  EXPECT_EQ(judged("HTTP/1.1", "Host: " + std::string(300, 'a') + "\r\n"), "bad_host");
}

TEST(RequestFraming, ExactlyOneHostOnHttp11AndAtMostOneOnHttp10) {
  EXPECT_EQ(judged("HTTP/1.1", "X: y\r\n"), "bad_host");
  EXPECT_EQ(judged("HTTP/1.1", ""), "bad_host");
  EXPECT_EQ(judged("HTTP/1.0", ""), "POST /v3/x 1.0 none:0 last") << "there is no field to cut off";
  EXPECT_EQ(judged("HTTP/1.0", "Host: gw\r\n"), "none:0 last");
  EXPECT_EQ(judged("HTTP/1.0", "Host: g w\r\n"), "bad_host");
  for (auto version : {"HTTP/1.0", "HTTP/1.1"})
    for (auto second : {"gw", "other", "", "g w"})
      EXPECT_EQ(judged(version, "Host: gw\r\nX: y\r\nhOST: " + std::string(second) + "\r\n"), "bad_host") << second;
}

TEST(RequestFraming, Persistence) {
  struct Case {
    char const* version;
    char const* fields;
    bool persistent;
  };
  Case const cases[] = {
      {"HTTP/1.1", "", true},
      {"HTTP/1.1", "Connection: close\r\n", false},
      {"HTTP/1.1", "connection:CLOSE\r\n", false},
      {"HTTP/1.1", "Connection: a, close, b\r\n", false},
      {"HTTP/1.1", "Connection: a\r\nConnection: close\r\n", false},
      {"HTTP/1.1", "Connection: ,,close,\r\n", false},
      {"HTTP/1.1", "Connection: closed\r\n", true},
      {"HTTP/1.1", "Connection: xclose\r\n", true},
      {"HTTP/1.1", "Connection: \"close\"\r\n", true},
      {"HTTP/1.1", "Connection: keep-alive\r\n", true},
      {"HTTP/1.1", "Connection: keep-alive, close\r\n", false},
      {"HTTP/1.1", "Connection: upgrade\r\n", true},
      {"HTTP/1.1", "Keep-Alive: timeout=5\r\n", true},
      {"HTTP/1.0", "", false},
      {"HTTP/1.0", "Connection: keep-alive\r\n", true},
      {"HTTP/1.0", "Connection: Keep-Alive\r\n", true},
      {"HTTP/1.0", "Connection: x, keep-alive\r\n", true},
      {"HTTP/1.0", "Connection: keep-alive, close\r\n", false},
      {"HTTP/1.0", "Keep-Alive: timeout=5\r\n", false},
      {"HTTP/1.0", "Connection: close\r\n", false},
  };
  for (auto const& one : cases)
    EXPECT_EQ(judged(one.version, std::string(one.fields) + "Host: gw\r\n"),
              one.persistent ? "none:0 persistent" : "none:0 last")
        << one.version << " " << shown(one.fields);
}

TEST(RequestFraming, Expectations) {
  Row const rows[] = {
      {"Expect: 100-continue\r\nContent-Length: 5\r\n", "length:5 persistent continue"},
      {"Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n", "chunked:0 persistent continue"},
      {"expect:100-CONTINUE\r\nContent-Length: 5\r\n", "length:5 persistent continue"},
      {"Expect: 100-continue\r\nContent-Length: 0\r\n", "length:0 persistent"},
      {"Expect: 100-continue\r\n", "none:0 persistent"},
      {"Expect: 100-continued\r\nContent-Length: 5\r\n", "unsupported_expectation"},
      {"Expect: 100-continue, other\r\nContent-Length: 5\r\n", "unsupported_expectation"},
      {"Expect: 200-ok\r\n", "unsupported_expectation"},
      {"Expect:\r\n", "unsupported_expectation"},
      {"Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n", "unsupported_expectation"},
  };
  for (auto const& row : rows)
    EXPECT_EQ(judged("HTTP/1.1", std::string("Host: gw\r\n") + row.fields), row.expected) << shown(row.fields);
  EXPECT_EQ(judged("HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 5\r\nHost: gw\r\n"), "length:5 last");
  EXPECT_EQ(judged("HTTP/1.0", "Expect: x\r\nHost: gw\r\n"), "unsupported_expectation");
}

TEST(RequestFraming, HasBodyOnlyWhenBytesFollow) {
  using Kind = http::Framing::Kind;
  EXPECT_FALSE((http::Framing{Kind::none, 0}.has_body()));
  EXPECT_FALSE((http::Framing{Kind::length, 0}.has_body()));
  EXPECT_TRUE((http::Framing{Kind::length, 1}.has_body()));
  EXPECT_TRUE((http::Framing{Kind::chunked, 0}.has_body()));
  EXPECT_TRUE((http::Framing{Kind::until_close, 0}.has_body()));
}

}  // namespace
}  // namespace gateway::test
