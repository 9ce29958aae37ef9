#include <gtest/gtest.h>

#include <cstdio>

#include "gateway/store/bus.hpp"
#include "gateways.hpp"

// What happens while Redis, or the way to it, is gone.
namespace gateway::test {
namespace {

using cache::Subject;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Publishes all the time, as workers do, and notes the longest that one call took.
class BusyWorker {
 public:
  explicit BusyWorker(store::Bus& bus) : thread_([this, &bus] { run(bus); }) {}
  ~BusyWorker() { finish(); }
  std::uint64_t calls() const { return calls_; }
  // So many more calls have been made from now on.
  bool goes_on(std::uint64_t more = 1000) const {
    return eventually([this, least = calls() + more] { return calls() >= least; });
  }
  void finish() {
    ending_ = true;
    if (thread_.joinable()) thread_.join();
  }
  // In microseconds; after finish().
  double longest() const { return longest_.count() / 1000.0; }

 private:
  void run(store::Bus& bus) {
    std::uint64_t i = 1'000'000;
    while (!ending_) {
      Subject const subjects[] = {Subject{++i}, Subject{i * 31}};
      auto const begin = Clock::now();
      bus.publish(subjects);
      longest_ = std::max(longest_, std::chrono::nanoseconds(Clock::now() - begin));
      if (++calls_ % 64 == 0) std::this_thread::sleep_for(milliseconds(1));  // the rest of the test needs the CPU, too
    }
  }
  std::atomic<bool> ending_{false};
  std::atomic<std::uint64_t> calls_{0};
  std::chrono::nanoseconds longest_{0};
  std::thread thread_;
};

TEST(Outage, OfAServerThatIsStoppedAndStartedAgain) {
  RedisServer redis;
  Gateway a(usual(redis.port())), b(usual(redis.port()));
  meet(a, b);
  auto const before = b.invalidations.now();
  BusyWorker worker(a.bus);
  redis.kill();
  ASSERT_TRUE(eventually([&] { return a.bus.isolated() && b.bus.isolated(); }));
  EXPECT_FALSE(a.bus.metrics().connected);
  ASSERT_TRUE(eventually([&] { return !b.invalidations.holds(Subject{1}, before); })) << "what may have been missed is dropped at once";
  ASSERT_TRUE(worker.goes_on());
  worker.finish();
  auto const meanwhile = b.invalidations.now();
  a.publish(Subject{7});
  EXPECT_TRUE(b.invalidations.holds(Subject{7}, meanwhile)) << "there is nobody who could tell it";
  redis.start();
  ASSERT_TRUE(eventually([&] { return a.up() && b.up(); })) << a.log() << b.log();
  EXPECT_FALSE(b.invalidations.holds(Subject{7}, meanwhile)) << "what was published in between";
  EXPECT_FALSE(b.invalidations.holds(Subject{8}, meanwhile)) << "and whatever else may have been";
  EXPECT_GE(a.bus.metrics().reconnects, 1u);
  EXPECT_GE(a.logged("redis_lost"), 1u) << a.log();
  meet(a, b);
  auto const after = b.invalidations.now();
  a.publish(Subject{9});
  ASSERT_TRUE(eventually([&] { return !b.invalidations.holds(Subject{9}, after); }));
  std::printf("longest publish() around a stopped server: %.1f us in %llu calls\n", worker.longest(),
              static_cast<unsigned long long>(worker.calls()));
}

TEST(Outage, OfAServerThatHangs) {
  RedisServer redis;
  Gateway a(usual(redis.port())), b(usual(redis.port()));
  meet(a, b);
  BusyWorker worker(a.bus);
  auto const before = b.invalidations.now();
  auto const stopped = Clock::now();
  redis.suspend();
  ASSERT_TRUE(eventually([&] { return a.bus.isolated() && b.bus.isolated(); }));
  std::printf("noticed that the server hangs after %.0f ms\n", std::chrono::duration<double, std::milli>(Clock::now() - stopped).count());
  ASSERT_TRUE(eventually([&] { return !b.invalidations.holds(Subject{1}, before); }));
  ASSERT_TRUE(worker.goes_on());
  auto const meanwhile = b.invalidations.now();
  a.publish(Subject{7});
  std::this_thread::sleep_for(milliseconds(1500));  // attempts to connect begin and fail while it hangs
  EXPECT_TRUE(a.bus.isolated() && b.bus.isolated());
  redis.resume();
  ASSERT_TRUE(eventually([&] { return a.up() && b.up(); })) << a.log() << b.log();
  EXPECT_FALSE(b.invalidations.holds(Subject{7}, meanwhile));
  worker.finish();
  meet(a, b);
  auto const after = b.invalidations.now();
  a.publish(Subject{9});
  ASSERT_TRUE(eventually([&] { return !b.invalidations.holds(Subject{9}, after); }));
  std::printf("longest publish() around a server that hangs: %.1f us in %llu calls\n", worker.longest(),
              static_cast<unsigned long long>(worker.calls()));
}

TEST(Outage, OfLessThanItTakesToNoticeDelaysAndLosesNothing) {
  RedisServer redis;
  Gateway a(options_for(redis.port())), b(options_for(redis.port()));
  meet(a, b);
  auto const asked = b.invalidations.now();
  redis.suspend();
  a.publish(Subject{7});
  std::this_thread::sleep_for(milliseconds(50));
  redis.resume();
  ASSERT_TRUE(eventually([&] { return !b.invalidations.holds(Subject{7}, asked); }));
  EXPECT_TRUE(b.invalidations.holds(Subject{8}, asked));
  EXPECT_EQ(a.bus.metrics().reconnects + b.bus.metrics().reconnects, 0u);
}

TEST(Outage, DoesNotHoldUpTheEnd) {
  RedisServer redis;
  Gateway connected(usual(redis.port()));
  ASSERT_TRUE(eventually([&] { return connected.up(); }));
  redis.suspend();
  Gateway connecting(usual(redis.port()));  // the system accepts; nobody answers
  connected.publish(Subject{7});
  std::this_thread::sleep_for(milliseconds(100));
  for (auto* gateway : {&connected, &connecting}) {
    auto const begin = Clock::now();
    gateway->bus.stop();
    auto const took = std::chrono::duration<double, std::milli>(Clock::now() - begin);
    std::printf("stop() while the server hangs: %.0f ms\n", took.count());
    EXPECT_LT(took, seconds(20)) << "it waits for the server";
    EXPECT_TRUE(gateway->bus.isolated());
  }
  EXPECT_EQ(connected.logged("redis_untold"), 1u) << connected.log();
  redis.resume();
}

TEST(Outage, OfOneGatewayIsNoticedByTheOther) {
  for (auto const mode : {Relay::Mode::hold, Relay::Mode::cut}) {
    RedisServer redis;
    Relay relay(redis.port());
    auto patient = options_for(redis.port());
    patient.silent_after = seconds(1);
    Gateway a(usual(relay.port())), b(std::move(patient));
    meet(a, b);
    auto const asked = b.invalidations.now();
    relay.set(mode);
    ASSERT_TRUE(eventually([&] { return !a.bus.metrics().connected && b.bus.isolated(); }));
    a.publish(Subject{7});
    EXPECT_TRUE(b.bus.metrics().connected) << "it is not cut off itself";
    EXPECT_EQ(b.bus.metrics().silent_peers, 1u);
    EXPECT_TRUE(b.invalidations.holds(Subject{8}, asked)) << "nothing that it heard of is gone";
    relay.set(Relay::Mode::pass);
    ASSERT_TRUE(eventually([&] { return a.up() && b.up(); })) << a.log() << b.log();
    ASSERT_TRUE(eventually([&] { return !b.invalidations.holds(Subject{7}, asked); })) << "told when it could be told";
    EXPECT_FALSE(b.invalidations.holds(Subject{8}, asked)) << "as nobody knows any more what it was";
    EXPECT_EQ(b.bus.metrics().reconnects, 0u);
    EXPECT_GE(b.logged("peer_silent"), 1u) << b.log();
    EXPECT_GE(b.logged("peers_heard"), 1u) << b.log();
  }
}

TEST(Outage, AtTheStartIsIsolation) {
  auto const [listener, port] = listen_on_loopback();
  ::close(listener);
  Gateway a(usual(port));
  ASSERT_TRUE(eventually([&] { return a.bus.metrics().failures > 2; }));
  EXPECT_TRUE(a.bus.isolated());
  EXPECT_EQ(a.logged("redis_unreachable"), 1u) << a.log();
  EXPECT_NE(a.log().find("redis://127.0.0.1:" + std::to_string(port) + "/0: Connection refused"), std::string::npos) << a.log();
  Gateway nameless(options_for("redis://no-such-host.invalid"));
  ASSERT_TRUE(eventually([&] { return nameless.bus.metrics().failures > 0 && nameless.logged("redis_unreachable") == 1; }));
  EXPECT_NE(nameless.log().find("the name does not resolve"), std::string::npos) << nameless.log();
}

TEST(Outage, OfAServerThatIsNoRedis) {
  auto const [listener, port] = listen_on_loopback();
  std::atomic<bool> ending{false};
  std::thread server([&, accepting = listener] {
    while (!ending) {
      pollfd wait{accepting, POLLIN, 0};
      if (::poll(&wait, 1, 10) <= 0) continue;
      int const client = ::accept(accepting, nullptr, nullptr);
      constexpr std::string_view answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
      [[maybe_unused]] auto const sent = ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
      std::this_thread::sleep_for(milliseconds(20));
      ::close(client);
    }
  });
  {
    Gateway a(usual(port));
    EXPECT_TRUE(eventually([&] { return a.bus.metrics().failures > 0 && a.logged("redis_unreachable") == 1; }));
    EXPECT_TRUE(a.bus.isolated());
  }
  ending = true;
  server.join();
  ::close(listener);
}

}  // namespace
}  // namespace gateway::test
