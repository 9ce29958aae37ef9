#include "gateway/store/bus.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "gateways.hpp"
#include "store/connection.hpp"
#include "store/message.hpp"
#include "support_io/certificates.hpp"

namespace gateway::test {
namespace {

using cache::Subject;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Bus, TellsTheOthersAndNotItself) {
  RedisServer redis;
  Gateway a(options_for(redis.port())), b(options_for(redis.port())), elsewhere(options_for("redis://127.0.0.1:" + std::to_string(redis.port()) + "/1"));
  meet(a, b);
  ASSERT_TRUE(eventually([&] { return elsewhere.up(); }));
  auto const asked_a = a.invalidations.now(), asked_b = b.invalidations.now(), asked_elsewhere = elsewhere.invalidations.now();
  a.publish(Subject{7});
  ASSERT_TRUE(eventually([&] { return !b.invalidations.holds(Subject{7}, asked_b); }));
  EXPECT_TRUE(b.invalidations.holds(Subject{8}, asked_b)) << "the others hold";
  b.bus.publish_all();
  ASSERT_TRUE(eventually([&] { return !a.invalidations.holds(Subject{8}, asked_a); }));
  EXPECT_TRUE(b.invalidations.holds(Subject{8}, asked_b)) << "who says it has done it already";
  EXPECT_TRUE(elsewhere.invalidations.holds(Subject{7}, asked_elsewhere)) << "another database is another group of gateways";
  EXPECT_EQ(elsewhere.peers(), 0u);
  EXPECT_EQ(a.bus.metrics().sent, 1u);
  EXPECT_TRUE(eventually([&] { return b.bus.metrics().received == 1; }));
  EXPECT_EQ(a.bus.metrics().resyncs, 1u) << "at its beginning, and not when the other one came";
  EXPECT_EQ(b.bus.metrics().resyncs, 1u);
  EXPECT_EQ(a.bus.metrics().reconnects, 0u);
  EXPECT_EQ(a.logged("redis_connected"), 1u);
  auto const returned = [&] {
    std::uint64_t all = 0;
    for (auto const& bucket : a.bus.metrics().round_trips) all += bucket;
    return all;
  };
  EXPECT_TRUE(eventually([&] { return returned() >= 2; })) << "the sign of life and the message";
  EXPECT_GT(a.bus.metrics().round_trip_sum_ns, 0u);
}

// Prints what an operator may expect; only a message that never comes fails.
TEST(Bus, DelayOfAMessage) {
  RedisServer redis;
  Gateway a(options_for(redis.port())), b(options_for(redis.port()));
  meet(a, b);
  std::vector<double> delays;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    auto const asked = b.invalidations.now();
    auto const begin = std::chrono::steady_clock::now();
    a.publish(Subject{i});
    while (b.invalidations.holds(Subject{i}, asked)) {
      ASSERT_LT(std::chrono::steady_clock::now() - begin, seconds(60));
      std::this_thread::yield();
    }
    delays.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(delays.begin(), delays.end());
  std::printf("delay of 1000 invalidations in microseconds: median %.0f, p99 %.0f, max %.0f\n", delays[500], delays[990], delays[999]);
  EXPECT_TRUE(eventually([&] { return b.bus.metrics().received == 1000; }));
}

TEST(Bus, SendsOneMessageForManyChanges) {
  RedisServer redis;
  Gateway a(options_for(redis.port())), b(options_for(redis.port()));
  meet(a, b);
  auto const asked = b.invalidations.now();
  auto const before = b.invalidations.count();
  std::vector<Subject> many;
  for (std::uint64_t i = 0; i < 1000; ++i) many.push_back(Subject{i % 3});
  a.bus.publish(many);
  ASSERT_TRUE(eventually([&] { return !b.invalidations.holds(Subject{2}, asked); }));
  ASSERT_TRUE(eventually([&] { return !b.invalidations.holds(Subject{0}, asked) && !b.invalidations.holds(Subject{1}, asked); }));
  EXPECT_LT(a.bus.metrics().sent, 100u);
  EXPECT_LT(b.invalidations.count() - before, 100u) << "what is the same is said once";
  EXPECT_EQ(a.bus.metrics().dropped, 0u);
}

TEST(Bus, SaysEverythingWhenItsQueueIsFull) {
  RedisServer redis;
  auto small = options_for(redis.port());
  small.queue = 8;
  Gateway a(std::move(small)), b(options_for(redis.port()));
  meet(a, b);
  auto const asked = b.invalidations.now();
  std::vector<Subject> many;
  for (std::uint64_t i = 0; i < 1000; ++i) many.push_back(Subject{i});
  a.bus.publish(many);
  EXPECT_GT(a.bus.metrics().dropped, 0u);
  ASSERT_TRUE(eventually([&] { return !b.invalidations.holds(Subject{5000}, asked); })) << "also what was not named";
  EXPECT_EQ(a.bus.metrics().reconnects, 0u);
}

// Any change of any thread arrives, by name or in a message that tells of everything.
TEST(Bus, LosesNothingOfManyThreads) {
  RedisServer redis;
  auto small = options_for(redis.port());
  small.queue = 256;
  Gateway a(std::move(small)), b(options_for(redis.port()));
  meet(a, b);
  constexpr std::uint64_t threads = 4, each = 250;  // 1000 subjects, each with a slot of its own
  auto const asked = b.invalidations.now();
  std::vector<std::thread> publishers;
  for (std::uint64_t t = 0; t < threads; ++t)
    publishers.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < each; ++i) a.publish(Subject{t * each + i});
    });
  for (auto& publisher : publishers) publisher.join();
  for (std::uint64_t i = 0; i < threads * each; ++i)
    ASSERT_TRUE(eventually([&] { return !b.invalidations.holds(Subject{i}, asked); })) << i;
}

TEST(Bus, TellsWhatItHasToTellBeforeItEnds) {
  RedisServer redis;
  auto a = std::make_unique<Gateway>(options_for(redis.port()));
  auto observant = options_for(redis.port());
  observant.silent_after = seconds(1);
  Gateway b(std::move(observant));
  meet(*a, b);
  auto const asked = b.invalidations.now();
  a->publish(Subject{7});
  a->bus.stop();
  EXPECT_EQ(a->logged("redis_untold"), 0u) << a->log();
  ASSERT_TRUE(eventually([&] { return !b.invalidations.holds(Subject{7}, asked) && b.peers() == 0; }));
  a->publish(Subject{8});
  a->bus.stop();
  a.reset();
  auto const silent = b.logged("peer_silent");
  std::this_thread::sleep_for(milliseconds(1500));  // longer than a gateway may be silent
  EXPECT_TRUE(b.up()) << "one that has said goodbye is not missed";
  EXPECT_EQ(b.logged("peer_silent"), silent);
}

// Publishes bytes as they are, as somebody else who can reach Redis could.
class Stranger {
 public:
  explicit Stranger(std::uint16_t port) : url_(options_for(port).url) {
    store::Lookup lookup;
    auto const problem = connection_.open(url_, lookup.find(url_, later(), stop_.descriptor()), nullptr, later(), stop_.descriptor());
    if (!problem.empty()) throw std::runtime_error(problem);
  }
  void publish(std::string_view payload) {
    store::append_command({"PUBLISH", "argos-gateway:invalidations:1:0", payload}, connection_.out());
    store::Reply reply;
    EXPECT_EQ(connection_.ask(reply, later(), stop_.descriptor()), "");
    EXPECT_TRUE(reply.is(store::Reply::Type::number) && reply.number > 0) << "nobody listens to this channel";
  }
  void publish(store::Kind kind, std::uint64_t number, std::vector<Subject> const& subjects = {}) {
    std::string payload;
    store::write_message(kind, 4711, number, subjects, payload);
    publish(payload);
  }

 private:
  static Instant later() { return precise_now() + seconds(30); }
  struct Stop {
    int ends[2];
    Stop() {
      if (::pipe(ends) != 0) throw std::runtime_error("pipe");
    }
    ~Stop() {
      ::close(ends[0]);
      ::close(ends[1]);
    }
    int descriptor() const { return ends[0]; }
  } stop_;
  RedisUrl url_;
  store::Connection connection_;
};

TEST(Bus, IgnoresWhatItCannotRead) {
  RedisServer redis;
  Gateway a(options_for(redis.port()));
  ASSERT_TRUE(eventually([&] { return a.up(); })) << a.log();
  Stranger stranger(redis.port());
  auto const asked = a.invalidations.now();
  std::string good;
  store::write_message(store::Kind::subjects, 4711, 1, std::vector<Subject>{Subject{7}}, good);
  for (auto const& bytes : {std::string(), std::string("hello"), good + "x", good.substr(0, 17), std::string(5000, '\1')}) stranger.publish(bytes);
  stranger.publish(good);
  ASSERT_TRUE(eventually([&] { return !a.invalidations.holds(Subject{7}, asked); }));
  EXPECT_EQ(a.bus.metrics().malformed, 5u);
  EXPECT_TRUE(eventually([&] { return a.bus.metrics().received == 1; }));
  EXPECT_TRUE(a.invalidations.holds(Subject{8}, asked));
  EXPECT_EQ(a.bus.metrics().reconnects, 0u);
}

TEST(Bus, DropsEverythingWhenAMessageIsMissing) {
  RedisServer redis;
  Gateway a(options_for(redis.port()));
  ASSERT_TRUE(eventually([&] { return a.up(); })) << a.log();
  Stranger stranger(redis.port());
  stranger.publish(store::Kind::beat, 1);
  ASSERT_TRUE(eventually([&] { return a.peers() == 1; }));
  auto asked = a.invalidations.now();
  stranger.publish(store::Kind::subjects, 2, {Subject{7}});
  ASSERT_TRUE(eventually([&] { return !a.invalidations.holds(Subject{7}, asked); }));
  EXPECT_TRUE(a.invalidations.holds(Subject{8}, asked));
  EXPECT_EQ(a.bus.metrics().resyncs, 1u);
  stranger.publish(store::Kind::beat, 4);
  ASSERT_TRUE(eventually([&] { return !a.invalidations.holds(Subject{8}, asked); })) << "number 3 may have said anything";
  EXPECT_EQ(a.bus.metrics().resyncs, 2u);
}

TEST(Bus, WaitsForAGatewayThatCrashedAndThenForgetsIt) {
  RedisServer redis;
  auto hasty = options_for(redis.port());
  hasty.silent_after = seconds(1);
  hasty.forgotten_after = seconds(3);
  Gateway a(std::move(hasty));
  ASSERT_TRUE(eventually([&] { return a.up(); })) << a.log();
  Stranger(redis.port()).publish(store::Kind::beat, 1);
  ASSERT_TRUE(eventually([&] { return a.bus.isolated(); }));
  EXPECT_TRUE(a.bus.metrics().connected) << "it is the other one that is missing";
  ASSERT_TRUE(eventually([&] { return a.up() && a.peers() == 0; }));
  EXPECT_EQ(a.logged("peer_silent"), 1u) << a.log();
  EXPECT_EQ(a.logged("peer_forgotten"), 1u) << a.log();
}

TEST(Bus, LogsInWithThePasswordAndNeverShowsIt) {
  RedisServer redis({"--requirepass", "CANARY/1"});
  auto const at = "@127.0.0.1:" + std::to_string(redis.port());
  Gateway good(options_for("redis://:CANARY%2F1" + at)), named(options_for("redis://default:CANARY%2F1" + at)), bad(options_for("redis://:CANARY2" + at)),
      none(options_for("redis://127.0.0.1:" + std::to_string(redis.port())));
  meet(good, named);
  ASSERT_TRUE(eventually([&] { return bad.bus.metrics().failures > 1 && none.bus.metrics().failures > 1; }));
  EXPECT_TRUE(bad.bus.isolated() && none.bus.isolated());
  EXPECT_NE(bad.log().find("the server answers WRONGPASS"), std::string::npos) << bad.log();
  EXPECT_NE(none.log().find("the server answers NOAUTH"), std::string::npos) << none.log();
  EXPECT_EQ((good.log() + bad.log() + none.log()).find("CANARY"), std::string::npos);
  EXPECT_EQ(bad.logged("redis_unreachable"), 1u) << "once an outage, not once an attempt";
}

TEST(Bus, SpeaksTlsToTheRightServerOnly) {
  TestCa const ca, other;
  auto const certified = ca.issue({.names = "IP:127.0.0.1"});
  auto const ca_file = write_temporary("redis-ca.pem", ca.pem()), other_file = write_temporary("redis-other.pem", other.pem());
  RedisServer redis({"--tls-cert-file", write_temporary("redis.pem", certificate_pem(certified)), "--tls-key-file",
                     write_temporary("redis.key", key_pem(certified)), "--tls-ca-cert-file", ca_file, "--tls-auth-clients", "no"},
                    true);
  auto const tls = [&](std::string const& host, std::string const& file) {
    auto options = options_for("rediss://" + host + ":" + std::to_string(redis.port()));
    options.ca_file = file;
    return options;
  };
  Gateway a(tls("127.0.0.1", ca_file)), b(tls("127.0.0.1", ca_file)), strange(tls("127.0.0.1", other_file)), misnamed(tls("localhost", ca_file)),
      plain(options_for(redis.port()));
  meet(a, b);
  auto const asked = b.invalidations.now();
  std::vector<Subject> many;
  for (std::uint64_t i = 0; i < 1000; ++i) many.push_back(Subject{i});
  a.bus.publish(many);
  ASSERT_TRUE(eventually([&] { return !b.invalidations.holds(Subject{999}, asked); }));
  for (auto* gateway : {&strange, &misnamed, &plain}) {
    ASSERT_TRUE(eventually([&] { return gateway->bus.metrics().failures > 0; }));
    EXPECT_TRUE(gateway->bus.isolated());
  }
  ASSERT_TRUE(eventually([&] { return strange.logged("redis_unreachable") == 1 && misnamed.logged("redis_unreachable") == 1; }));
  EXPECT_NE(strange.log().find("TLS: "), std::string::npos) << strange.log();
  EXPECT_NE(misnamed.log().find("TLS: hostname mismatch"), std::string::npos) << misnamed.log();

  cache::Invalidations invalidations(1);
  store::Bus unusable(tls("127.0.0.1", "/does/not/exist"), invalidations, {});
  EXPECT_NE(unusable.start().find("the CA file /does/not/exist cannot be used"), std::string::npos);
}

}  // namespace
}  // namespace gateway::test
