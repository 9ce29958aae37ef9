#include <gtest/gtest.h>

#include "support_io/rig.hpp"

// How requests and answers go through: framing on both sides, pipelining, early answers, interim answers, HTTP/1.0.
namespace gateway::test {
namespace {

using Wire = Rig::Wire;

class OverWire : public testing::TestWithParam<std::pair<Wire, bool>> {
 protected:
  static RigOptions options() {
    RigOptions made;
    made.upstream_tls = GetParam().second;
    return made;
  }
};

TEST_P(OverWire, BodiesPassByteForByteInEveryFraming) {
  Rig rig(options());
  std::size_t const sizes[] = {0, 1, 511, 512, 513, 16'384, 70'000, 300'000, 1'500'000};
  auto& caller = rig.call(GetParam().first);
  for (auto const size : sizes)
    for (std::size_t const piece : {std::size_t{0}, std::size_t{size / 3 + 1}}) {
      SCOPED_TRACE(std::to_string(size) + (piece > 0 ? " chunked" : " by length"));
      auto const body = noise(size, static_cast<unsigned>(size + piece + 1));
      rig.vendor.on_request = [&](Vendor::Connection& connection, Message const& message) {
        EXPECT_TRUE(message.body == body);
        EXPECT_EQ(message.field("x-api-key"), api_key_text);
        connection.end->send(piece > 0 ? "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(body, 9'000) : Vendor::answer(200, body));
      };
      caller.send(post_request(body, piece));
      auto const answer = rig.answer_of(caller);
      ASSERT_EQ(answer.status, 200);
      ASSERT_TRUE(answer.body == body);
    }
  EXPECT_EQ(rig.vendor.malformed, 0u);
  EXPECT_EQ(rig.vendor.connections.size(), 1u) << "the vendor connection is used again";
  EXPECT_EQ(rig.records().size(), std::size(sizes) * 2);
}

TEST_P(OverWire, SlowEndsGetTheSameBytes) {
  Rig rig(options());
  auto const body = noise(20'000, 4);
  rig.vendor.on_connect = [](Vendor::Connection& connection) { connection.end->most_per_read = connection.end->most_per_write = 97; };
  rig.vendor.on_request = [&](Vendor::Connection& connection, Message const& message) {
    EXPECT_TRUE(message.body == body);
    connection.end->send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(body, 5));
  };
  auto& caller = rig.call_with(post_request(body, 7), GetParam().first);
  caller.most_per_read = caller.most_per_write = 89;
  auto const answer = rig.answer_of(caller);
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body == body);
}

TEST_P(OverWire, PipelinedRequestsAreAnsweredInTheirOrder) {
  Rig rig(options());
  rig.vendor.on_request = [](Vendor::Connection& connection, Message const& message) {
    auto const target = message.head.substr(0, message.head.find(" HTTP"));
    connection.end->send(Vendor::answer(200, target + "|" + std::to_string(message.body.size())));
  };
  std::string all;
  for (int i = 0; i < 20; ++i) {
    all += get_request("/v3/submission?n=" + std::to_string(i));
    all += post_request(noise(static_cast<std::size_t>(i) * 997), i % 2 == 0 ? 0 : 100);
    all += get_request("/v3/nothing");
  }
  auto& caller = rig.call_with(all, GetParam().first);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(rig.answer_of(caller).body, "GET /v3/submission?n=" + std::to_string(i) + "|0");
    EXPECT_EQ(rig.answer_of(caller).body, "POST /v3/address_code|" + std::to_string(i * 997));
    EXPECT_EQ(rig.answer_of(caller).status, 404);
  }
  EXPECT_EQ(rig.requests_counted(), 60u);
}

TEST_P(OverWire, AHalfClosedCallerGetsItsAnswers) {
  Rig rig(options());
  auto& caller = rig.call_with(get_request() + post_request(noise(100'000)), GetParam().first);
  caller.finish();
  EXPECT_EQ(rig.answer_of(caller).status, 200);
  EXPECT_EQ(rig.answer_of(caller).status, 200);
  EXPECT_TRUE(rig.loop.run_until([&] { return caller.ended; }));
}

TEST_P(OverWire, AnAnswerDuringTheUploadIsPassedOnAndTheRestIsReadAway) {
  for (std::size_t const piece : {std::size_t{0}, std::size_t{10'000}}) {
    Rig rig(options());
    rig.vendor.on_head = [](Vendor::Connection& connection, Message const&) {
      connection.end->send(Vendor::answer(413, "too much", "connection: close\r\n"));
      connection.end->paused = true;
    };
    auto& caller = rig.call_with(post_request(noise(4 * 1024 * 1024), piece), GetParam().first);
    auto const answer = rig.answer_of(caller);
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.body, "too much");
    EXPECT_EQ(answer.field("connection"), "close");
    EXPECT_TRUE(rig.loop.run_until([&] { return caller.ended || caller.broken; }));
    EXPECT_TRUE(rig.vendor.seen.empty());
    EXPECT_EQ(rig.worker->pool.gauges().idle, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Wires, OverWire,
                         testing::Values(std::pair{Wire::unix_socket, false}, std::pair{Wire::tcp, false}, std::pair{Wire::tls, false},
                                         std::pair{Wire::tcp, true}, std::pair{Wire::tls, true}),
                         [](auto const& info) {
                           std::string const caller = info.param.first == Wire::tls ? "TlsCaller" : info.param.first == Wire::tcp ? "Tcp" : "Unix";
                           return caller + (info.param.second ? "TlsVendor" : "PlainVendor");
                         });

TEST(EarlyAnswer, BeforeAResetReachesTheCallerOrIsVisiblyLost) {
  for (bool const tls : {false, true}) {
    RigOptions options;
    options.upstream_tls = tls;
    Rig rig(options);
    rig.vendor.on_head = [](Vendor::Connection& connection, Message const&) {
      connection.end->paused = true;
      connection.end->send(Vendor::answer(400, "no"));
      while (connection.end->pump()) continue;
      connection.end->close();  // with unread data: the kernel sends a reset
    };
    auto& caller = rig.call_with(post_request(noise(8 * 1024 * 1024)));
    auto const answer = rig.answer_of(caller);
    // What the kernel still gives after a reset depends on when it came.
    if (answer.status == 400) EXPECT_EQ(answer.body, "no");
    else EXPECT_EQ(answer.field("x-gateway-reason"), "upstream_reset") << answer.status;
  }
}

TEST(Continue, IsSentWhenTheRequestWillBeTakenAndOnlyThen) {
  Rig rig;
  auto const body = noise(100'000);  // smaller ones are read and judged before a connection is asked for
  auto const whole = post_request(body, 0, "Expect: 100-continue\r\n");
  auto const head = whole.substr(0, whole.size() - body.size());
  auto& caller = rig.call_with(head);
  ASSERT_TRUE(rig.loop.run_until([&] { return caller.received == "HTTP/1.1 100 Continue\r\n\r\n"; })) << caller.received;
  EXPECT_EQ(rig.vendor.connections.size(), 1u) << "not before a connection to the vendor stands";
  caller.send(body);
  EXPECT_EQ(rig.answer_of(caller).status, 200);
  // A body that comes along unasked needs no permission; a refused request gets none.
  caller.send(whole);
  int interim = 0;
  EXPECT_EQ(rig.answer_of(caller, &interim).status, 200);
  EXPECT_LE(interim, 1);
  auto& refused = rig.call_with("POST /v3/submission/step1 HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  interim = 0;
  EXPECT_EQ(rig.answer_of(refused, &interim).status, 415);
  EXPECT_EQ(interim, 0);
  rig.vendor.stop_listening();
  for (auto& connection : rig.vendor.connections) connection->end->close();
  rig.loop.settle();
  auto& unreachable = rig.call_with(head);
  interim = 0;
  EXPECT_EQ(rig.answer_of(unreachable, &interim).status, 502);
  EXPECT_EQ(interim, 0);
}

TEST(Http10, GetsPlainBodiesAndAClosedConnectionUnlessItAsks) {
  Rig rig;
  rig.vendor.on_request = [](Vendor::Connection& connection, Message const&) {
    connection.end->send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunked("of unknown length", 4));
  };
  auto& caller = rig.call_with("GET /v3/submission HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto const answer = rig.answer_of(caller);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "of unknown length");
  EXPECT_EQ(answer.count("transfer-encoding"), 0u);
  EXPECT_TRUE(caller.ended);
  rig.vendor.on_request = [](Vendor::Connection& connection, Message const&) { connection.end->send(Vendor::answer(200, "known")); };
  auto& kept = rig.call_with("GET /v3/submission HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(rig.answer_of(kept).field("connection"), "keep-alive");
  kept.send("GET /v3/submission HTTP/1.0\r\n\r\n");
  EXPECT_EQ(rig.answer_of(kept).body, "known");
  EXPECT_TRUE(rig.loop.run_until([&] { return kept.ended; }));
}

struct VendorCase {
  char const* what;
  std::string bytes;
  bool then_close;
  int status;         // that the caller sees; 0: a connection that breaks off
  std::string reason;  // in the record, "none" when the vendor answered
};

TEST(VendorAnswer, ThatIsWrongNeverLooksRight) {
  std::vector<VendorCase> const table = {
      {"no content", "HTTP/1.1 204 X\r\n\r\n", false, 204, "none"},
      {"to the end", "HTTP/1.1 200 X\r\n\r\nhello", true, 200, "none"},
      {"interim ones first", "HTTP/1.1 100 X\r\n\r\nHTTP/1.1 103 X\r\nlink: a\r\n\r\nHTTP/1.1 200 X\r\ncontent-length: 5\r\n\r\nhello", false, 200, "none"},
      {"too many interim ones", [] {
         std::string many;
         for (int i = 0; i < 20; ++i) many += "HTTP/1.1 100 X\r\n\r\n";
         return many;
       }(), false, 502, "upstream_bad_response"},
      {"switching protocols", "HTTP/1.1 101 X\r\n\r\n", false, 502, "upstream_bad_response"},
      {"bytes behind it", "HTTP/1.1 200 X\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 X\r\n", false, 200, "none"},
      {"nothing", "", true, 502, "upstream_reset"},
      {"half a head", "HTTP/1.1 200 X\r\ncontent-le", true, 502, "upstream_reset"},
      {"half a body", "HTTP/1.1 200 X\r\ncontent-length: 10\r\n\r\nhello", true, 0, "upstream_reset"},
      {"half a chunked body", "HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", true, 0, "upstream_reset"},
      {"a bad chunk", "HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloXX", false, 502, "upstream_bad_response"},
      {"two lengths", "HTTP/1.1 200 X\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", false, 502, "upstream_bad_response"},
      {"length and coding", "HTTP/1.1 200 X\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", false, 502, "upstream_bad_response"},
      {"no HTTP", "SSH-2.0-OpenSSH\r\n\r\n", false, 502, "upstream_bad_response"},
      {"a redirect", "HTTP/1.1 302 X\r\nlocation: http://evil/\r\ncontent-length: 0\r\n\r\n", false, 502, "upstream_redirect"},
      {"a head without end", "HTTP/1.1 200 X\r\nx: " + std::string(20'000, 'a'), false, 502, "upstream_head_too_large"},
      {"a rejected key", Vendor::answer(403, "{\"message\":\"Forbidden\"}"), false, 502, "upstream_key_rejected"},
      {"a denied address", Vendor::answer(403, "{\"Message\":\"... with an explicit deny\"}"), false, 502, "upstream_address_denied"},
      {"another 403", Vendor::answer(403, "no"), false, 502, "upstream_forbidden"},
      {"a 500", Vendor::answer(500, "oops"), false, 500, "none"},
      {"a 404", Vendor::answer(404, "no such"), false, 404, "none"},
  };
  for (auto const& item : table)
    for (std::size_t const piece : {std::size_t{100'000}, std::size_t{1}}) {
      SCOPED_TRACE(item.what);
      Rig rig;
      rig.vendor.on_connect = [&](Vendor::Connection& connection) { connection.end->most_per_write = piece; };
      rig.vendor.on_request = [&](Vendor::Connection& connection, Message const&) {
        connection.end->send(item.bytes);
        if (item.then_close) connection.end->finish();
      };
      auto& caller = rig.call_with(get_request());
      auto answer = rig.answer_of(caller);
      // What was relayed before the mistake came cannot be taken back: then the connection breaks off.
      bool const broke_off = answer.status == 0 && item.status == 502 && piece == 1;
      if (!broke_off) EXPECT_EQ(answer.status, item.status);
      if (item.status == 0) EXPECT_TRUE(caller.broken || caller.ended);
      rig.wind_down();
      auto const records = rig.records();
      ASSERT_EQ(records.size(), 1u);
      auto const reason = records[0].reason == observe::no_reason ? "none" : std::string(traits_of(static_cast<Code>(records[0].reason)).token);
      EXPECT_EQ(reason, item.reason);
    }
}

TEST(VendorAnswer, OnlyAllowedFieldsReachTheCaller) {
  Rig rig;
  rig.vendor.on_request = [](Vendor::Connection& connection, Message const&) {
    connection.end->send(Vendor::answer(200, "{}", "set-cookie: a=b\r\nserver: x\r\nx-amzn-requestid: 7\r\netag: \"1\"\r\nx-api-key: k\r\n"));
  };
  auto const answer = rig.answer_of(rig.call_with(get_request()));
  EXPECT_EQ(answer.count("set-cookie") + answer.count("server") + answer.count("x-api-key"), 0u);
  EXPECT_EQ(answer.field("x-amzn-requestid"), "7");
  EXPECT_EQ(answer.field("etag"), "\"1\"");
  EXPECT_NE(answer.field("x-request-id"), "");
}

TEST(VendorAnswer, SentBeforeTheRequestIsNeverTakenForItsAnswer) {
  Rig rig;
  auto& caller = rig.call_with(get_request("/v3/submission?n=1"));
  EXPECT_EQ(rig.answer_of(caller).status, 200);
  rig.loop.settle();
  // The caller's next request and the vendor's stray answer wait in the kernel together, the caller's first.
  auto& vendor_end = *rig.vendor.connections[0]->end;
  caller.send(get_request("/v3/submission?n=2"));
  while (caller.pump()) continue;
  vendor_end.send(Vendor::answer(200, "stray"));
  while (vendor_end.pump()) continue;
  auto const answer = rig.answer_of(caller);
  EXPECT_NE(answer.body, "stray");
  EXPECT_EQ(answer.status, 200);
}

}  // namespace
}  // namespace gateway::test
