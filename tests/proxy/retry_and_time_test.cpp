#include <gtest/gtest.h>

#include "support_io/rig.hpp"

// Retries, time-outs, callers that leave, and the end of the gateway.
namespace gateway::test {
namespace {

using namespace std::chrono_literals;
using Wire = Rig::Wire;

std::string reason_of(observe::AccessRecord const& record) {
  return record.reason == observe::no_reason ? "none" : std::string(traits_of(static_cast<Code>(record.reason)).token);
}

// A vendor that takes the second request on a connection and dies without a byte of an answer.
void die_on_reuse(Rig& rig) {
  rig.vendor.on_request = [&rig](Vendor::Connection& connection, Message const&) {
    std::size_t here = 0;
    for (auto const& seen : rig.vendor.seen) here += seen.connection == connection.number;
    if (here >= 2) connection.end->close();
    else connection.end->send(Vendor::answer(200, "{}"));
  };
}

TEST(Retry, ALookupIsRepeatedOnceWhenAReusedConnectionDies) {
  Rig rig;
  die_on_reuse(rig);
  auto& caller = rig.call_with(get_request());
  EXPECT_EQ(rig.answer_of(caller).status, 200);
  caller.send(get_request());
  EXPECT_EQ(rig.answer_of(caller).status, 200);
  EXPECT_EQ(rig.vendor.seen.size(), 3u);
  auto const records = rig.records();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].attempts, 2);
  EXPECT_EQ(rig.worker->metrics.upstream_retries.get(), 1u);
}

TEST(Retry, ASubmissionOrDeletionIsNeverSentTwice) {
  std::string const deletion = "DELETE /v3/submission?submissionId=1 HTTP/1.1\r\nHost: x\r\n\r\n";
  for (auto const& request : {post_request("abc"), post_request(""), deletion}) {
    Rig rig;
    die_on_reuse(rig);
    auto& caller = rig.call_with(get_request());
    EXPECT_EQ(rig.answer_of(caller).status, 200);
    caller.send(request);
    auto const answer = rig.answer_of(caller);
    EXPECT_EQ(answer.field("x-gateway-reason"), "upstream_reset");
    EXPECT_EQ(answer.status, 502);
    EXPECT_EQ(rig.vendor.seen.size(), 2u);
    EXPECT_EQ(rig.worker->metrics.upstream_retries.get(), 0u);
  }
}

TEST(Retry, ALookupIsNotRepeatedOnAFreshConnectionNorAfterAByteOfTheAnswer) {
  for (std::string const begun : {"", "HTTP/1.1 1", "HTTP/1.1 100 X\r\n\r\n"}) {
    Rig rig;
    std::size_t answered = 0;
    rig.vendor.on_request = [&](Vendor::Connection& connection, Message const&) {
      if (begun.empty() || answered++ > 0) {
        connection.end->send(begun);
        connection.end->finish();
      } else {
        connection.end->send(Vendor::answer(200, "{}"));
      }
    };
    auto& caller = rig.call();
    if (!begun.empty()) {
      caller.send(get_request());
      EXPECT_EQ(rig.answer_of(caller).status, 200);
    }
    caller.send(get_request());
    EXPECT_EQ(rig.answer_of(caller).field("x-gateway-reason"), "upstream_reset") << begun;
    EXPECT_EQ(rig.worker->metrics.upstream_retries.get(), 0u);
  }
}

TEST(Retry, TheBudgetBoundsThem) {
  Rig rig;
  rig.vendor.stop_listening();
  auto& caller = rig.call();
  for (int i = 0; i < 30; ++i) {
    caller.send(get_request());
    auto const answer = rig.answer_of(caller);
    EXPECT_EQ(answer.field("x-gateway-reason"), "upstream_connect_failed");
    EXPECT_EQ(answer.field("connection"), "") << "a refused lookup does not cost the caller its connection";
  }
  // Three that a fresh worker has, and one for each ten requests.
  EXPECT_EQ(rig.worker->metrics.upstream_retries.get(), 6u);
}

TEST(Retry, ASubmissionThatNoByteOfLeftMayGoOut) {
  Rig rig;
  auto& caller = rig.call_with(get_request());
  EXPECT_EQ(rig.answer_of(caller).status, 200);
  rig.loop.settle();
  rig.vendor.connections[0]->end->close();  // the gateway learns of it when it looks
  caller.send(post_request("abc"));
  EXPECT_EQ(rig.answer_of(caller).status, 200);
  EXPECT_EQ(rig.vendor.seen.size(), 2u);
}

struct TimeCase {
  char const* what;
  Code code;
  std::string request;
  std::string vendor_bytes;  // sent when the request is there
  Duration too_early, late;
};

TEST(Time, EachDeadlineHasItsReasonAndFiresNotBefore) {
  std::string const half_post = "POST /v3/address_code HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\nabc";
  std::vector<TimeCase> const table = {
      {"head", Code::header_timeout, "GET /v3/submission HTTP/1.1\r\nHo", "", 9s, 11s},
      {"body", Code::body_timeout, half_post, "", 29s, 31s},
      {"first byte", Code::upstream_first_byte_timeout, get_request(), "", 34s, 36s},
      {"first byte after an interim answer", Code::upstream_first_byte_timeout, get_request(), "HTTP/1.1 100 X\r\n\r\n", 34s, 36s},
      {"half a head", Code::upstream_first_byte_timeout, post_request("abc"), "HTTP/1.1 200 X\r\nco", 34s, 36s},
  };
  for (auto const& item : table)
    for (auto const wire : {Wire::unix_socket, Wire::tls}) {
      SCOPED_TRACE(item.what);
      Rig rig;
      rig.vendor.on_request = [&](Vendor::Connection& connection, Message const&) { connection.end->send(item.vendor_bytes); };
      auto& caller = rig.call_with(item.request, wire);
      ASSERT_TRUE(rig.loop.run_until([&] { return caller.unsent() == 0; }));
      rig.loop.settle();
      rig.advance(item.too_early);
      rig.loop.settle();
      EXPECT_EQ(caller.received, "");
      rig.advance(item.late);
      auto const answer = rig.answer_of(caller);
      EXPECT_EQ(answer.status, traits_of(item.code).status);
      EXPECT_EQ(answer.field("x-gateway-reason"), traits_of(item.code).token);
      auto const records = rig.records();
      ASSERT_EQ(records.size(), 1u);
      EXPECT_EQ(records[0].reason, static_cast<int>(item.code));
    }
}

TEST(Time, AnAnswerThatStallsBreaksOff) {
  Rig rig;
  rig.vendor.on_request = [](Vendor::Connection& connection, Message const&) {
    connection.end->send("HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\nabc");
  };
  auto& caller = rig.call_with(get_request(), Wire::tcp);
  ASSERT_TRUE(rig.loop.run_until([&] { return caller.received.ends_with("abc"); }));
  rig.advance(31s);
  ASSERT_TRUE(rig.loop.run_until([&] { return caller.ended || caller.broken; }));
  EXPECT_TRUE(caller.broken) << "a reset tells that the answer is not whole";
  rig.wind_down();
  auto const records = rig.records();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(reason_of(records[0]), "upstream_body_timeout");
}

TEST(Time, ACallerThatDoesNotTakeItsAnswerIsGivenUp) {
  Rig rig;
  rig.vendor.on_request = [](Vendor::Connection& connection, Message const&) {
    connection.end->send(Vendor::answer(200, noise(16 * 1024 * 1024)));
  };
  auto& caller = rig.call_with(get_request(), Wire::tcp);
  caller.paused = true;
  ASSERT_TRUE(rig.loop.run_until([&] { return caller.unsent() == 0; }));
  rig.loop.settle();
  rig.advance(31s);
  EXPECT_TRUE(rig.loop.run_until([&] { return rig.worker->connections == 0; }));
  auto const records = rig.records();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(reason_of(records[0]), "client_gone");
}

TEST(Time, TheWholeExchangeIsBoundedThoughTheCallerMayTakeLonger) {
  RigOptions options;
  options.upstream = "first_byte_timeout = \"20s\"\ntotal_timeout = \"20s\"";
  // Only the larger one has a connection to the vendor while it comes in.
  for (auto const& [size, reason] : {std::pair{10'000, "body_timeout"}, std::pair{200'000, "upstream_total_timeout"}}) {
    Rig rig(options);
    auto const whole = post_request(noise(static_cast<std::size_t>(size)));
    auto& caller = rig.call_with(whole.substr(0, whole.size() / 2));  // the limit between two reads is 30 s
    ASSERT_TRUE(rig.loop.run_until([&] { return caller.unsent() == 0; }));
    rig.loop.settle();
    rig.advance(19s);
    rig.loop.settle();
    EXPECT_EQ(caller.received, "");
    rig.advance(21s);
    EXPECT_EQ(rig.answer_of(caller).field("x-gateway-reason"), reason);
    EXPECT_TRUE(rig.vendor.seen.empty());
  }
}

TEST(Time, IdleCallersAreClosedWithoutARecord) {
  for (auto const wire : {Wire::unix_socket, Wire::tls}) {
    Rig rig;
    auto& caller = rig.call(wire);
    rig.loop.settle();
    rig.advance(wire == Wire::tls && !caller.handshaken() ? 1s : 74s);
    rig.loop.settle();
    EXPECT_EQ(rig.worker->connections, 1u);
    rig.advance(76s);
    EXPECT_TRUE(rig.loop.run_until([&] { return caller.ended && rig.worker->connections == 0; }));
    EXPECT_EQ(caller.received, "");
    EXPECT_TRUE(rig.records().empty());
  }
}

TEST(Time, AHandshakeThatDoesNotComeEndsTheConnection) {
  Rig rig;
  rig.call(Wire::tls);
  rig.loop.pumps.clear();  // the caller says nothing
  rig.loop.settle();
  rig.advance(11s);
  EXPECT_TRUE(rig.loop.run_until([&] { return rig.worker->connections == 0; }));
  EXPECT_TRUE(rig.records().empty());
}

TEST(CallerGone, EndsALookupButNotASubmission) {
  for (bool const submission : {false, true})
    for (auto const wire : {Wire::tcp, Wire::tls}) {
      Rig rig;
      Vendor::Connection* waiting = nullptr;
      rig.vendor.on_request = [&](Vendor::Connection& connection, Message const&) { waiting = &connection; };
      auto& caller = rig.call_with(submission ? post_request("abc") : get_request(), wire);
      ASSERT_TRUE(rig.loop.run_until([&] { return waiting != nullptr; }));
      rig.loop.settle();
      caller.reset();
      rig.advance(std::chrono::milliseconds(1));  // the caller is looked at from the first sweep on
      rig.loop.settle();
      EXPECT_EQ(rig.worker->connections, submission ? 1u : 0u);
      EXPECT_EQ(waiting->end->broken, !submission) << "a lookup that nobody waits for is broken off";
      if (submission) waiting->end->send(Vendor::answer(200, "{}"));
      ASSERT_TRUE(rig.loop.run_until([&] { return rig.worker->connections == 0; }));
      auto const records = rig.records();
      ASSERT_EQ(records.size(), 1u);
      EXPECT_EQ(records[0].upstream_status, submission ? 200 : 0) << "the outcome of a submission is known";
      if (!submission) EXPECT_EQ(reason_of(records[0]), "client_gone");
      if (!submission) EXPECT_EQ(records[0].status, 499);
    }
}

TEST(CallerGone, InTheMiddleOfAnUploadLeavesNoWholeRequestBehind) {
  for (std::size_t const piece : {std::size_t{0}, std::size_t{1'000}})
    for (auto const wire : {Wire::tcp, Wire::tls})
      for (bool const orderly : {false, true}) {
        Rig rig;
        auto const whole = post_request(noise(100'000), piece);
        auto& caller = rig.call_with(whole.substr(0, whole.size() - 5), wire);
        ASSERT_TRUE(rig.loop.run_until([&] { return caller.unsent() == 0; }));
        rig.loop.settle();
        if (orderly) caller.finish();
        else caller.reset();
        ASSERT_TRUE(rig.loop.run_until([&] { return rig.worker->connections == 0; }));
        ASSERT_TRUE(rig.loop.run_until([&] { return rig.vendor.open_connections() == 0; }));
        EXPECT_TRUE(rig.vendor.connections[0]->end->broken) << "the vendor must see a reset, not an end";
        EXPECT_TRUE(rig.vendor.seen.empty());
        auto const records = rig.records();
        ASSERT_EQ(records.size(), 1u);
        EXPECT_EQ(reason_of(records[0]), "client_gone");
      }
}

TEST(Upload, OverTheLimitWithoutALengthIsRefusedWhenItGetsThere) {
  RigOptions options;
  options.limits = "body_bytes = \"64KiB\"";
  Rig rig(options);
  auto& caller = rig.call_with(post_request(noise(500'000), 10'000));
  auto const answer = rig.answer_of(caller);
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.field("x-gateway-reason"), "body_too_large");
  EXPECT_TRUE(rig.vendor.seen.empty());
  rig.loop.settle();
  EXPECT_TRUE(rig.vendor.connections[0]->end->broken) << "closed without the last chunk";
}

TEST(Drain, AnswersAreTheLastOnTheirConnections) {
  Rig rig;
  auto& busy = rig.call();
  Vendor::Connection* waiting = nullptr;
  rig.vendor.on_request = [&](Vendor::Connection& connection, Message const&) { waiting = &connection; };
  busy.send(get_request());
  ASSERT_TRUE(rig.loop.run_until([&] { return waiting != nullptr; }));
  auto& idle = rig.call();
  rig.loop.settle();
  rig.worker->draining = true;
  auto& late = rig.call_with(get_request("/v3/nothing"));
  EXPECT_EQ(rig.answer_of(late).field("connection"), "close");
  rig.worker->close_idle();
  EXPECT_TRUE(rig.loop.run_until([&] { return idle.ended; }));
  EXPECT_EQ(idle.received, "");
  waiting->end->send(Vendor::answer(200, "{}"));
  auto const answer = rig.answer_of(busy);
  EXPECT_EQ(answer.status, 200) << "what was in flight is finished";
  EXPECT_EQ(answer.field("connection"), "close");
  EXPECT_TRUE(rig.loop.run_until([&] { return busy.ended; }));
}

TEST(Drain, AtItsEndEverythingIsBrokenOffAtOnce) {
  Rig rig;
  rig.vendor.on_request = [](Vendor::Connection&, Message const&) {};
  rig.call_with(post_request("waits for the vendor"), Wire::tcp);
  rig.call_with(get_request(), Wire::tls);
  rig.call_with(post_request(noise(100'000)).substr(0, 50'000), Wire::tcp);
  rig.call(Wire::tcp);
  rig.call(Wire::tls).paused = true;
  ASSERT_TRUE(rig.loop.run_until([&] { return rig.vendor.seen.size() == 2; }));
  rig.loop.settle();
  EXPECT_EQ(rig.worker->connections, 5u);
  rig.worker->abort_all();
  EXPECT_TRUE(rig.loop.run_until([&] { return rig.worker->connections == 0; }, 5s)) << "no deadline has to come for this";
  EXPECT_EQ(rig.records().size(), 3u);
}

TEST(Pool, WithoutAFreePlaceARequestWaitsAndThenIsRefused) {
  RigOptions options;
  options.max_connections = 1;
  Rig rig(options);
  Vendor::Connection* waiting = nullptr;
  rig.vendor.on_request = [&](Vendor::Connection& connection, Message const&) { waiting = &connection; };
  auto& first = rig.call_with(get_request());
  ASSERT_TRUE(rig.loop.run_until([&] { return waiting != nullptr; }));
  auto &second = rig.call_with(get_request()), &third = rig.call_with(post_request("abc"));
  rig.loop.settle();
  waiting->end->send(Vendor::answer(200, "one"));
  EXPECT_EQ(rig.answer_of(first).body, "one");
  ASSERT_TRUE(rig.loop.run_until([&] { return rig.vendor.seen.size() == 2; }));
  rig.advance(4s);
  auto const refused = rig.answer_of(third);
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.field("x-gateway-reason"), "upstream_pool_exhausted");
  waiting->end->send(Vendor::answer(200, "two"));
  EXPECT_EQ(rig.answer_of(second).body, "two");
  EXPECT_EQ(rig.vendor.connections.size(), 1u);
}

TEST(Snapshot, AnExchangeKeepsTheKeyItBeganWith) {
  Rig rig;
  auto const whole = post_request(noise(50'000));
  auto& caller = rig.call_with(whole.substr(0, whole.size() / 2));
  rig.loop.settle();
  auto next = *rig.worker->snapshot;
  next.api_key = std::make_shared<Secret const>(Secret::take(std::string("second-key")));
  rig.worker->snapshot = std::make_shared<proxy::Snapshot const>(next);
  caller.send(whole.substr(whole.size() / 2));
  EXPECT_EQ(rig.answer_of(caller).status, 200);
  caller.send(get_request());
  EXPECT_EQ(rig.answer_of(caller).status, 200);
  ASSERT_EQ(rig.vendor.seen.size(), 2u);
  EXPECT_EQ(rig.vendor.seen[0].message.field("x-api-key"), api_key_text);
  EXPECT_EQ(rig.vendor.seen[1].message.field("x-api-key"), "second-key");
}

}  // namespace
}  // namespace gateway::test
