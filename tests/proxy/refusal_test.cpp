#include <gtest/gtest.h>

#include <set>

#include "support_io/rig.hpp"

// One request for each reason a caller can bring about, and what the reason table says of it.
namespace gateway::test {
namespace {

struct Case {
  Code code;
  std::string request;
  RigOptions options = {};
};

std::string with(std::string_view line, std::string_view fields, std::string_view body = {}) {
  return std::string(line) + " HTTP/1.1\r\nHost: gateway\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
std::string const multipart = "Content-Type: multipart/form-data; boundary=b\r\n";

std::vector<Case> cases() {
  RigOptions nobody, reader, keyless;
  nobody.cidr = "10.0.0.0/8";
  reader.operations = "\"read_submission\"";
  keyless.with_key = false;
  std::string many;
  for (int i = 0; i < 120; ++i) many += "X-" + std::to_string(i) + ": y\r\n";
  return {
      {Code::bad_request_line, "GET  /v3/submission HTTP/1.1\r\nHost: x\r\n\r\n"},
      {Code::bad_field, "GET /v3/submission HTTP/1.1\r\nHost : x\r\n\r\n"},
      {Code::bad_host, "GET /v3/submission HTTP/1.1\r\n\r\n"},
      {Code::bad_content_length, with("POST /v3/submission/step1", multipart + "Content-Length: +5\r\n", "12345")},
      {Code::bad_transfer_encoding, with("POST /v3/submission/step1", multipart + "Transfer-Encoding: gzip\r\n")},
      {Code::conflicting_length, with("POST /v3/submission/step1", multipart + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")},
      {Code::bad_chunk, with("POST /v3/submission/step1", multipart + "Transfer-Encoding: chunked\r\n", "zz\r\n")},
      {Code::bad_trailer, with("POST /v3/submission/step1", multipart + "Transfer-Encoding: chunked\r\n", "0\r\nHost: evil\r\n\r\n")},
      {Code::bad_target, with("GET /v3/../submission", "")},
      {Code::target_too_long, with("GET /v3/submission?" + std::string(8'200, 'a'), "")},
      {Code::unsupported_version, "GET /v3/submission HTTP/2.0\r\nHost: x\r\n\r\n"},
      {Code::head_too_large, with("GET /v3/submission", "X: " + std::string(17'000, 'a') + "\r\n")},
      {Code::too_many_fields, with("GET /v3/submission", many)},
      {Code::unknown_path, with("GET /v3/nothing", "")},
      {Code::method_not_allowed, with("PUT /v3/submission", "")},
      {Code::method_not_allowed, with("HEAD /v3/submission", "")},
      {Code::unknown_caller, get_request(), nobody},
      {Code::operation_denied, with("DELETE /v3/submission?submissionId=1", ""), reader},
      {Code::unsupported_expectation, with("POST /v3/submission/step1", multipart + "Expect: wonders\r\nContent-Length: 0\r\n")},
      {Code::unexpected_body, with("GET /v3/submission", "Content-Length: 1\r\n", "x")},
      {Code::length_required, with("POST /v3/submission/step1", multipart)},
      {Code::unsupported_content_type, with("POST /v3/submission/step1", "Content-Type: text/plain\r\nContent-Length: 1\r\n", "x")},
      {Code::unsupported_content_encoding, with("POST /v3/submission/step1", multipart + "Content-Encoding: gzip\r\nContent-Length: 1\r\n", "x")},
      {Code::body_too_large, with("POST /v3/submission/step1", multipart + "Content-Length: 99999999999\r\n")},
      {Code::api_key_missing, get_request(), keyless},
  };
}

TEST(Refusal, EachReasonHasItsStatusItsRecordAndItsFate) {
  for (auto const& item : cases()) {
    auto const& traits = traits_of(item.code);
    SCOPED_TRACE(std::string(traits.token) + ": " + item.request.substr(0, 60));
    for (std::size_t const piece : {item.request.size(), std::size_t{1}}) {
      Rig rig(item.options);
      bool const head_only = item.request.starts_with("HEAD");
      auto& caller = rig.call_with(item.request);
      caller.most_per_write = piece;
      Message answer;
      if (head_only) {
        ASSERT_TRUE(rig.loop.run_until([&] { return caller.received.ends_with("\r\n\r\n"); }));
        answer.head = caller.received;
        answer.status = std::atoi(answer.head.c_str() + 9);
      } else {
        answer = rig.answer_of(caller);
        EXPECT_NE(answer.body.find("\"reason\":\"" + std::string(traits.token) + "\""), std::string::npos) << answer.body;
        EXPECT_EQ(answer.field("content-type"), "application/problem+json");
      }
      EXPECT_EQ(answer.status, traits.status);
      EXPECT_EQ(answer.field("x-gateway-reason"), traits.token);
      EXPECT_EQ(answer.field("retry-after").empty(), traits.status != 503);
      bool const closes = answer.field("connection") == "close";
      if (traits.fate == Fate::close) EXPECT_TRUE(closes);
      if (traits.fate == Fate::keep) EXPECT_FALSE(closes);
      rig.wind_down();
      auto const records = rig.records();
      ASSERT_EQ(records.size(), 1u);
      EXPECT_EQ(records[0].reason, static_cast<int>(item.code));
      EXPECT_EQ(records[0].status, traits.status);
      EXPECT_EQ(records[0].attempts, 0);
      EXPECT_EQ(rig.requests_counted(), 1u);
      EXPECT_TRUE(rig.vendor.seen.empty());
    }
  }
}

TEST(Refusal, EveryReasonOfTheCallersMakingHasACase) {
  // Those that need time, a vendor or a leaving caller are the matter of other files, and so is the content of uploads.
  std::set<Code> const elsewhere = {Code::header_timeout, Code::body_timeout, Code::client_gone};
  std::set<Code> tested;
  for (auto const& item : cases()) tested.insert(item.code);
  for (std::size_t i = 0; i < failure_count; ++i) {
    auto const code = static_cast<Code>(i);
    bool const of_content = code >= Code::query_invalid && code <= Code::image_too_many_pixels;
    if (traits_of(code).origin == Origin::client && !of_content && !elsewhere.contains(code)) EXPECT_TRUE(tested.contains(code)) << traits_of(code).token;
  }
}

// Each request below breaks the rules of two phases; the reason tells which one was asked first.
TEST(Refusal, PhasesComeInTheirOrder) {
  RigOptions nobody, reader, keyless_reader, keyless;
  nobody.cidr = "10.0.0.0/8";
  reader.operations = "\"read_submission\"";
  keyless.with_key = false;
  std::vector<Case> const order = {
      {Code::bad_field, "GET /v3/../x HTTP/1.1\r\nHost : x\r\n\r\n"},                       // head before framing
      {Code::bad_host, "GET /v3/nothing HTTP/1.1\r\n\r\n", nobody},                         // framing before identify
      {Code::unknown_caller, with("GET /v3/nothing", ""), nobody},                          // identify before route
      {Code::unknown_path, with("DELETE /v3/nothing", ""), reader},                         // route before authorize
      {Code::operation_denied, with("DELETE /v3/submission", "Content-Length: 5\r\n", "12345"), reader},  // authorize before body
      {Code::length_required, with("POST /v3/submission/step1", multipart), keyless},       // body before credential
  };
  for (auto const& item : order) {
    SCOPED_TRACE(traits_of(item.code).token);
    Rig rig(item.options);
    EXPECT_EQ(rig.answer_of(rig.call_with(item.request)).field("x-gateway-reason"), traits_of(item.code).token);
  }
  // Credential before connect: nobody listens, yet it is the key that is missing.
  Rig rig(keyless);
  rig.vendor.stop_listening();
  EXPECT_EQ(rig.answer_of(rig.call_with(get_request())).field("x-gateway-reason"), "api_key_missing");
}

TEST(Refusal, AKeptConnectionServesTheNextRequest) {
  Rig rig;
  auto& caller = rig.call();
  for (int i = 0; i < 5; ++i) {
    caller.send(with("GET /v3/nothing", ""));
    EXPECT_EQ(rig.answer_of(caller).status, 404);
    caller.send(get_request());
    EXPECT_EQ(rig.answer_of(caller).status, 200);
  }
  EXPECT_EQ(rig.vendor.connections.size(), 1u);
}

TEST(Refusal, AnUnwantedUploadIsAnsweredAtOnceAndReadToItsEndForAWhile) {
  Rig rig;
  auto const body = noise(2 * 1024 * 1024);
  auto& caller = rig.call_with("POST /v3/submission/step1 HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: " +
                               std::to_string(body.size()) + "\r\n\r\n" + body);
  auto const answer = rig.answer_of(caller);
  EXPECT_EQ(answer.status, 415);
  EXPECT_EQ(answer.field("connection"), "close");
  EXPECT_TRUE(rig.loop.run_until([&] { return caller.unsent() == 0; })) << "a caller that sends first and reads later would be stuck";
  EXPECT_TRUE(rig.loop.run_until([&] { return caller.ended; }));
  EXPECT_FALSE(caller.broken);
}

TEST(Refusal, LingeringEndsAfterItsTime) {
  Rig rig;
  auto& caller = rig.call_with("POST /v3/submission/step1 HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nx");
  EXPECT_EQ(rig.answer_of(caller).status, 415);
  rig.loop.settle();
  EXPECT_EQ(rig.worker->connections, 1u);
  rig.advance(std::chrono::seconds(6));
  EXPECT_TRUE(rig.loop.run_until([&] { return rig.worker->connections == 0; }));
}

TEST(Refusal, TheCallersKeyIsIgnoredWithAWarning) {
  Rig rig;
  auto const answer = rig.answer_of(rig.call_with(get_request("/v3/submission", "X-Api-Key: mine\r\nAuthorization: secret\r\nCookie: c=1\r\n")));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("x-gateway-warning"), "client-api-key-ignored");
  ASSERT_EQ(rig.vendor.seen.size(), 1u);
  auto const& head = rig.vendor.seen[0].message;
  EXPECT_EQ(head.field("x-api-key"), api_key_text);
  EXPECT_EQ(head.count("x-api-key"), 1u);
  EXPECT_EQ(head.head.find("mine"), std::string::npos);
  EXPECT_EQ(head.head.find("secret"), std::string::npos);
  EXPECT_EQ(head.count("cookie"), 0u);
}

}  // namespace
}  // namespace gateway::test
