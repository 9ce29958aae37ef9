#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <stdexcept>
#include <string>

// Beast 1.81's parser, message by message: why the gateway has a parser and a judge of its own, and why Beast can
// still serve as the second opinion.
namespace {

namespace http = boost::beast::http;

struct Opinion {
  std::string outcome;  // "complete", "incomplete" or the error
  std::string body;
  std::string fields;
  std::size_t left = 0;  // bytes that would be read as the next message
};

Opinion ask(std::string const& wire, std::uint32_t header_limit = 8192) {
  http::request_parser<http::string_body> parser;
  parser.eager(true);
  parser.header_limit(header_limit);
  boost::system::error_code error;
  std::size_t used = 0;
  while (used < wire.size() && !parser.is_done()) {
    auto const taken = parser.put(boost::asio::buffer(wire.data() + used, wire.size() - used), error);
    used += taken;
    if (error || taken == 0) break;
  }
  Opinion opinion{error ? error.message() : parser.is_done() ? "complete" : "incomplete", "", "", wire.size() - used};
  if (!parser.is_header_done()) return opinion;
  opinion.body = parser.get().body();
  for (auto const& field : parser.get())
    opinion.fields += std::string(field.name_string()) + "=" + std::string(field.value()) + ";";
  return opinion;
}

std::string const post = "POST / HTTP/1.1\r\nHost: a\r\n";

TEST(BeastParser, TakesForeignTransferCodingsForNoBodyAtAll) {
  std::string const smuggled = "GET /admin HTTP/1.1\r\n\r\n";
  for (std::string const coding : {"gzip", "xchunked", "chunked, gzip"}) {
    auto const opinion = ask(post + "Transfer-Encoding: " + coding + "\r\n\r\n" + smuggled);
    EXPECT_EQ(opinion.outcome, "complete") << coding;
    EXPECT_EQ(opinion.body, "") << coding;
    EXPECT_EQ(opinion.left, smuggled.size()) << coding << ": the body would be read as a request";
  }
}

TEST(BeastParser, TakesALengthBehindAForeignCodingButNotBeforeIt) {
  auto const behind = ask(post + "Transfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(behind.outcome, "complete");
  EXPECT_EQ(behind.body, "abc");
  EXPECT_NE(ask(post + "Content-Length: 3\r\nTransfer-Encoding: gzip\r\n\r\nabc").outcome, "complete");
}

TEST(BeastParser, RefusesALengthBesideChunkedInEitherOrder) {
  EXPECT_EQ(ask(post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").outcome,
            "bad Transfer-Encoding");
  EXPECT_EQ(ask(post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n").outcome,
            "bad Content-Length");
}

TEST(BeastParser, TakesChunkedInHttp10) {
  EXPECT_EQ(ask("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").outcome, "complete");
}

TEST(BeastParser, DoesNotCountHosts) {
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").outcome, "complete");
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nX: y\r\n\r\n").outcome, "complete");
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n").outcome, "complete");
}

TEST(BeastParser, TakesListsAndRepetitionsOfEqualLengths) {
  EXPECT_EQ(ask(post + "Content-Length: 1, 1\r\n\r\nx").outcome, "complete");
  EXPECT_EQ(ask(post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx").outcome, "complete");
  EXPECT_EQ(ask(post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx").outcome, "multiple Content-Length");
  EXPECT_EQ(ask(post + "Content-Length: +1\r\n\r\nx").outcome, "bad Content-Length");
  EXPECT_EQ(ask(post + "Content-Length: 01\r\n\r\nx").outcome, "complete") << "leading zeros";
}

TEST(BeastParser, JoinsFoldedLines) {
  auto const opinion = ask("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n");
  EXPECT_EQ(opinion.outcome, "complete");
  EXPECT_EQ(opinion.fields, "Host=a;X=y z;");
}

TEST(BeastParser, LimitsBytesButNotFields) {
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 600; ++i) many += "A: b\r\n";
  EXPECT_EQ(ask(many + "\r\n").outcome, "complete");
  EXPECT_NE(ask("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n").outcome, "complete");
}

TEST(BeastParser, TakesAnyTargetOfVisibleBytes) {
  for (std::string const target : {"//evil/x", "/a/../b", "/a%2fb", "/%zz", "/a#b", "a:443", "*", "http://h/", "/\xff"})
    EXPECT_EQ(ask("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n").outcome, "complete") << target;
}

TEST(BeastParser, RefusesWhatWeRefuseToo) {
  for (std::string const& wire :
       {std::string("GET / HTTP/1.1\nHost: a\n\n"), std::string("GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        std::string("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), std::string("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 29), std::string("GET / HTTP/2.0\r\nHost: a\r\n\r\n")})
    EXPECT_NE(ask(wire).outcome, "complete") << wire;
}

TEST(BeastParser, MergesTrailersIntoTheFieldsOfTheMessage) {
  auto const opinion = ask(post + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Tenant: evil\r\nHost: b\r\n\r\n");
  EXPECT_EQ(opinion.outcome, "complete");
  EXPECT_NE(opinion.fields.find("X-Tenant=evil;"), std::string::npos) << opinion.fields;
  EXPECT_NE(opinion.fields.find("Host=b;"), std::string::npos) << opinion.fields;
}

TEST(BeastParser, DoesNotBoundExtensionsAndTrailersByTheHeaderLimit) {
  auto const chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(ask(chunked + "1;" + std::string(100000, 'e') + "\r\nx\r\n0\r\n\r\n").outcome, "complete");
  std::string trailers;
  for (int i = 0; i < 5000; ++i) trailers += "X: y\r\n";
  EXPECT_EQ(ask(chunked + "0\r\n" + trailers + "\r\n").outcome, "complete") << "30,000 bytes, the limit is 8,192";
}

TEST(BeastParser, ThrowsOnAFieldOfMoreThan64KiB) {
  EXPECT_THROW(ask(post + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + std::string(70000, 'a') + "\r\n\r\n"),
               std::exception);
  EXPECT_THROW(ask("GET / HTTP/1.1\r\nX: " + std::string(70000, 'a') + "\r\n\r\n", 200000), std::exception);
  EXPECT_THROW(ask("GET / HTTP/1.1\r\n" + std::string(70000, 'a') + ": b\r\n\r\n", 200000), std::exception);
}

}  // namespace
