#include "gateway/upstream/pool.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <deque>

#include "gateway/upstream/retry.hpp"
#include "support_io/rig.hpp"

namespace gateway::test {
namespace {

using namespace std::chrono_literals;
using upstream::Lease;

struct Wish {
  bool done = false;
  std::optional<Lease> lease;
  std::optional<Failure> failure;
  bool reused() const { return lease && lease->reused(); }
  upstream::Connection* connection() const { return lease ? &**lease : nullptr; }
};

net::Task<void> fulfil(upstream::Pool& pool, bool fresh, Wish& wish) {
  auto got = co_await pool.acquire(fresh);
  wish.done = true;
  if (got) wish.lease.emplace(std::move(*got));
  else wish.failure = got.error();
}

net::TlsContext trusting(TestCa const& ca) { return net::make_client_context(write_temporary("ca.pem", ca.pem())).context; }

class PoolTest : public testing::Test {
 protected:
  PoolTest() {
    settings_.host = "localhost";
    settings_.max_connections = 2;
    settings_.connect_timeout = 3s;
    settings_.idle_timeout = 50s;
    pool_.configure(settings_);
    loop_.pumps.push_back([this] { return vendor_.pump(); });
    point_at({vendor_.address()});
  }
  ~PoolTest() override {
    for (auto& wish : wishes_) wish.lease.reset();
    pool_.stop();
    EXPECT_TRUE(loop_.run_until([&] {
      pool_.sweep();
      return pool_.empty();
    }));
    loop_.settle();
    EXPECT_EQ(pool_.gauges().busy, 0u);
    EXPECT_EQ(pool_.gauges().idle, 0u);
  }

  void point_at(upstream::AddressList list) { pool_.set_addresses(std::make_shared<upstream::AddressList const>(std::move(list))); }
  Wish& ask(bool fresh = false) {
    auto& wish = wishes_.emplace_back();
    net::spawn(fulfil(pool_, fresh, wish), [](std::exception_ptr thrown) { EXPECT_TRUE(thrown == nullptr); });
    return wish;
  }
  Wish& get(bool fresh = false) {
    auto& wish = ask(fresh);
    EXPECT_TRUE(loop_.run_until([&] { return wish.done; }));
    return wish;
  }
  void give_back(Wish& wish) {
    wish.lease->release();
    wish.lease.reset();
  }
  void tick(Duration by) {
    sweep_.tick(coarse_now() + by);
    pool_.sweep();
  }

  Loop loop_;
  net::DeadlineSweep sweep_;
  Vendor vendor_;
  upstream::PoolSettings settings_{};
  upstream::Pool pool_{loop_.context, sweep_};
  std::deque<Wish> wishes_;
};

TEST_F(PoolTest, TheLastConnectionGivenBackIsTheFirstOneTaken) {
  auto &a = get(), &b = get();
  ASSERT_TRUE(a.lease && b.lease);
  EXPECT_FALSE(a.reused());
  EXPECT_NE(a.connection(), b.connection());
  EXPECT_EQ(pool_.gauges().busy, 2u);
  auto *const first = a.connection(), *const second = b.connection();
  give_back(a);
  give_back(b);
  EXPECT_EQ(pool_.gauges().idle, 2u);
  auto &c = get(), &d = get();
  EXPECT_EQ(c.connection(), second);
  EXPECT_EQ(d.connection(), first);
  EXPECT_TRUE(c.reused() && d.reused());
  EXPECT_EQ(vendor_.connections.size(), 2u);
}

TEST_F(PoolTest, AFreshConnectionIsNeverAPooledOne) {
  auto& a = get();
  give_back(a);
  auto& b = get(true);
  EXPECT_FALSE(b.reused());
  EXPECT_EQ(vendor_.connections.size(), 2u);
  give_back(b);
  // With all places taken by idle connections one of them has to make room.
  auto& c = get(true);
  ASSERT_TRUE(c.lease);
  EXPECT_FALSE(c.reused());
}

TEST_F(PoolTest, NoticesThatAnIdleConnectionDied) {
  give_back(get());
  vendor_.connections[0]->end->close();
  loop_.settle();
  EXPECT_EQ(pool_.gauges().idle, 0u);
  EXPECT_FALSE(get().reused());
}

TEST_F(PoolTest, NoticesAtTheNextSweepWhatCameTogetherWithTheAnswer) {
  for (bool const closes : {true, false}) {
    auto& a = get();
    auto& connection = *a.connection();
    auto& end = *vendor_.connections.back()->end;
    end.send("answer");
    ASSERT_TRUE(loop_.run_until([&] { return connection.read_op.done(); }));
    if (closes) end.close();
    else end.send("and more");
    loop_.settle();
    connection.read_op.reset();
    connection.read_ahead();
    give_back(a);
    loop_.settle();
    pool_.sweep();
    EXPECT_EQ(pool_.gauges().idle, 0u) << closes;
    EXPECT_FALSE(get().reused());
    wishes_.back().lease.reset();
  }
}

TEST_F(PoolTest, NeverUsesAConnectionOnWhichTheVendorSpokeOutOfTurn) {
  for (bool const seen_by_loop : {true, false}) {
    auto& a = get();
    give_back(a);
    auto& end = *vendor_.connections.back()->end;
    end.send("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n");
    while (end.pump()) continue;
    if (seen_by_loop) loop_.settle();
    auto& b = get();
    EXPECT_FALSE(b.reused()) << seen_by_loop;
    EXPECT_EQ(pool_.gauges().idle, 0u);
    b.lease.reset();
  }
}

TEST_F(PoolTest, WaitersAreServedInTheirOrder) {
  auto &a = get(), &b = get();
  auto &c = ask(), &d = ask(), &e = ask();
  loop_.settle();
  EXPECT_FALSE(c.done || d.done || e.done);
  auto* const first = a.connection();
  give_back(a);
  loop_.settle();
  EXPECT_TRUE(c.done);
  EXPECT_EQ(c.connection(), first);
  EXPECT_TRUE(c.reused());
  EXPECT_FALSE(d.done);
  b.lease.reset();  // closed, not given back: the place is free, the connection is not
  loop_.settle();
  EXPECT_TRUE(d.done);
  EXPECT_FALSE(d.reused());
  EXPECT_FALSE(e.done);
  EXPECT_EQ(pool_.gauges().busy, 2u);
}

TEST_F(PoolTest, AWaiterGivesUpAfterTheConnectTimeout) {
  auto &a = get(), &b = get();
  auto& c = ask();
  tick(2s);
  EXPECT_FALSE(c.done);
  tick(4s);
  ASSERT_TRUE(c.done);
  EXPECT_EQ(c.failure->code, Code::upstream_pool_exhausted);
  give_back(a);
  loop_.settle();
  EXPECT_EQ(pool_.gauges().idle, 1u) << "nobody waits any more";
  give_back(b);
}

TEST_F(PoolTest, AConnectionThatDiesWhileItIsHandedOverIsReplaced) {
  for (bool const speaks : {false, true}) {
    auto &a = get(), &b = get();
    auto& waiting = ask();
    auto& end = *vendor_.connections[vendor_.connections.size() - 2]->end;
    if (speaks) end.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    give_back(a);
    if (!speaks) end.close();
    while (end.pump()) continue;
    ASSERT_TRUE(loop_.run_until([&] { return waiting.done; }));
    ASSERT_TRUE(waiting.lease);
    EXPECT_FALSE(waiting.reused()) << speaks;
    b.lease.reset();
    waiting.lease.reset();
    loop_.settle();
    EXPECT_EQ(pool_.gauges().busy, 0u);
  }
}

TEST_F(PoolTest, AWaiterThatWantsAFreshConnectionGetsOne) {
  auto &a = get(), &b = get();
  auto& fresh = ask(true);
  give_back(a);
  ASSERT_TRUE(loop_.run_until([&] { return fresh.done; }));
  EXPECT_FALSE(fresh.reused());
  EXPECT_EQ(pool_.gauges().busy, 2u);
  give_back(b);
}

TEST_F(PoolTest, TriesTheNextAddressAndRemembersTheOneThatWorked) {
  Vendor dead;
  dead.stop_listening();
  point_at({dead.address(), vendor_.address()});
  auto& a = get();
  ASSERT_TRUE(a.lease);
  a.lease.reset();
  Vendor other;
  EXPECT_EQ(vendor_.connections.size(), 1u);
  EXPECT_TRUE(get().lease);
  EXPECT_EQ(vendor_.connections.size(), 2u);
}

TEST_F(PoolTest, FailuresGiveTheirPlaceBack) {
  Vendor dead;
  dead.stop_listening();
  point_at({dead.address(), dead.address()});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get().failure->code, Code::upstream_connect_failed);
  point_at({});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get().failure->code, Code::upstream_unresolved);
  EXPECT_EQ(pool_.gauges().busy, 0u);
  point_at({vendor_.address()});
  auto &a = get(), &b = get();
  EXPECT_TRUE(a.lease && b.lease);
}

TEST_F(PoolTest, ABlackHoleGetsItsShareOfTheTimeAndNoMore) {
  auto const& ca = Rig::ca();
  Vendor hole(peer_server_context(ca.issue())), good(peer_server_context(ca.issue()));
  hole.accepting = false;  // the kernel takes the connection, nobody shakes hands
  settings_.tls = trusting(ca);
  pool_.configure(settings_);
  loop_.pumps.push_back([&] { return good.pump(); });
  point_at({hole.address(), good.address()});
  auto& a = ask();
  loop_.settle();
  tick(1'400ms);
  loop_.settle();
  EXPECT_FALSE(a.done);
  tick(1'600ms);
  ASSERT_TRUE(loop_.run_until([&] { return a.done; }));
  EXPECT_TRUE(a.lease) << "half of the time was left for the second address";
  point_at({hole.address()});
  auto& b = ask(true);
  loop_.settle();
  tick(4s);
  ASSERT_TRUE(loop_.run_until([&] { return b.done; }));
  EXPECT_EQ(b.failure->code, Code::upstream_connect_timeout);
  a.lease.reset();
  loop_.pumps.pop_back();
}

TEST_F(PoolTest, IdleConnectionsEndAfterTheIdleTimeout) {
  give_back(get());
  tick(49s);
  loop_.settle();
  EXPECT_EQ(pool_.gauges().idle, 1u);
  tick(51s);
  // The loop has not seen the end yet; the connection must not be handed out all the same.
  auto& next = get();
  ASSERT_TRUE(next.lease);
  EXPECT_FALSE(next.reused());
  loop_.settle();
  EXPECT_EQ(pool_.gauges().idle, 0u);
}

TEST_F(PoolTest, OldConnectionsAreReplaced) {
  settings_.max_age = 1ms;
  pool_.configure(settings_);
  give_back(get());
  ::usleep(20'000);
  EXPECT_FALSE(get().reused());
}

TEST_F(PoolTest, AConnectionIsNotKeptWithAWriteOrAnAnswerOutstanding) {
  auto& a = get();
  vendor_.connections[0]->end->paused = true;
  auto const much = noise(16 * 1024 * 1024);
  iovec const part{const_cast<char*>(much.data()), much.size()};
  a.connection()->stream->start_write(a.connection()->write_op, {&part, 1});
  ASSERT_TRUE(a.connection()->write_op.pending());
  give_back(a);
  EXPECT_EQ(pool_.gauges().idle, 0u);
  loop_.settle();

  auto& b = get();
  vendor_.connections[1]->end->send("early");
  loop_.settle();
  ASSERT_TRUE(b.connection()->read_op.done());
  give_back(b);
  EXPECT_EQ(pool_.gauges().idle, 0u);
}

TEST_F(PoolTest, WhatIsNotGivenBackIsResetSoThatNothingHalfSentLooksWhole) {
  auto& a = get();
  loop_.settle();
  a.lease.reset();
  ASSERT_TRUE(loop_.run_until([&] { return vendor_.connections[0]->end->broken || vendor_.connections[0]->end->ended; }));
  EXPECT_TRUE(vendor_.connections[0]->end->broken);
}

TEST_F(PoolTest, StopClosesIdleConnectionsAndWhateverComesBack) {
  auto &a = get(), &b = get();
  give_back(a);
  pool_.stop();
  EXPECT_EQ(pool_.gauges().idle, 0u);
  give_back(b);
  EXPECT_EQ(pool_.gauges().idle, 0u);
  EXPECT_EQ(pool_.gauges().busy, 0u);
}

TEST_F(PoolTest, AbortAllWakesWaitersAndBreaksOffConnections) {
  auto &a = get(), &b = get();
  auto& waiting = ask();
  loop_.settle();
  pool_.abort_all();
  ASSERT_TRUE(loop_.run_until([&] { return waiting.done; }));
  EXPECT_TRUE(waiting.failure.has_value());
  EXPECT_TRUE(loop_.run_until([&] { return !a.connection()->read_op.pending() && !b.connection()->read_op.pending(); }));
  EXPECT_EQ(a.connection()->read_op.status(), net::IoStatus::aborted);
}

TEST_F(PoolTest, ACertificateThatIsNotTrustedIsATlsFailure) {
  TestCa const stranger;
  Vendor secure(peer_server_context(stranger.issue()));
  loop_.pumps.push_back([&] { return secure.pump(); });
  settings_.tls = trusting(Rig::ca());
  pool_.configure(settings_);
  point_at({secure.address()});
  EXPECT_EQ(get().failure->code, Code::upstream_tls_failed);
  settings_.tls = trusting(stranger);
  settings_.host = "other.test";
  pool_.configure(settings_);
  EXPECT_EQ(get().failure->code, Code::upstream_tls_failed);
  settings_.host = "localhost";
  pool_.configure(settings_);
  auto& good = get();
  EXPECT_TRUE(good.lease);
  good.lease.reset();
  loop_.settle();
  loop_.pumps.pop_back();
}

TEST_F(PoolTest, ResumesSessionsButNeverAcrossAChangedContext) {
  auto const& ca = Rig::ca();
  Vendor secure(peer_server_context(ca.issue()));
  loop_.pumps.push_back([&] { return secure.pump(); });
  settings_.tls = trusting(ca);
  pool_.configure(settings_);
  point_at({secure.address()});
  auto& a = get();
  ASSERT_TRUE(a.lease);
  loop_.settle();
  auto& b = get();
  ASSERT_TRUE(b.lease);
  loop_.settle();
  EXPECT_TRUE(secure.connections[1]->resumed());
  give_back(a);

  settings_.tls = trusting(ca);  // the same authority, another context: what is idle goes, what is in use goes later
  pool_.configure(settings_);
  EXPECT_EQ(pool_.gauges().idle, 0u);
  give_back(b);
  EXPECT_EQ(pool_.gauges().idle, 0u) << "it was verified with the old context";
  auto& c = get();
  ASSERT_TRUE(c.lease);
  loop_.settle();
  EXPECT_FALSE(secure.connections[2]->resumed());
  c.lease.reset();
  loop_.settle();
  loop_.pumps.pop_back();
}

TEST(RetryBudget, AllowsAtMostATenthOfTheRequestsBeyondItsReserve) {
  std::uint64_t state = 88172645463325252ull;
  std::cout << "seed " << state << '\n';
  for (int run = 0; run < 200; ++run) {
    upstream::RetryBudget budget;
    int requests = 0, retries = 0, streak = 0;
    for (int step = 0; step < 3'000; ++step) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      if (state % 100 < static_cast<unsigned>(run % 100)) {
        budget.on_request();
        ++requests;
        streak = 0;
      } else if (budget.take()) {
        ++retries;
        ++streak;
      }
      ASSERT_LE(retries * 10, requests + 33) << "run " << run;
      ASSERT_LE(streak, 10) << "the reserve is bounded";
    }
  }
  upstream::RetryBudget fresh;
  EXPECT_TRUE(fresh.take() && fresh.take() && fresh.take());
  EXPECT_FALSE(fresh.take());
}

TEST(Addresses, AreResolvedAndCompared) {
  auto const a = upstream::resolve("127.0.0.1", 443), b = upstream::resolve("127.0.0.1", 444);
  ASSERT_EQ(a.size(), 1u);
  EXPECT_TRUE(upstream::same_addresses(a, upstream::resolve("127.0.0.1", 443)));
  EXPECT_FALSE(upstream::same_addresses(a, b));
  EXPECT_FALSE(upstream::same_addresses(a, {}));
  EXPECT_EQ(upstream::resolve("::1", 443).size(), 1u);
  EXPECT_TRUE(upstream::resolve("name.invalid", 443).empty());
}

}  // namespace
}  // namespace gateway::test
