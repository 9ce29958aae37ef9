#include "store/peers.hpp"

#include <gtest/gtest.h>

namespace gateway::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct PeersTest : testing::Test {
  Instant const start{seconds(1000)};
  Peers peers{{seconds(1), seconds(60)}};
  void SetUp() override { peers.subscribed(start); }
  Instant at(milliseconds after) const { return start + after; }
};

TEST_F(PeersTest, NoticeAMessageThatIsMissing) {
  EXPECT_TRUE(peers.heard(1, 5, start)) << "it was there before us: what it said then was made up for";
  EXPECT_TRUE(peers.heard(1, 6, start));
  EXPECT_FALSE(peers.heard(1, 8, start));
  EXPECT_TRUE(peers.heard(1, 9, start)) << "the gap has been made up for";
  EXPECT_FALSE(peers.heard(1, 9, start)) << "twice";
  EXPECT_FALSE(peers.heard(1, 7, start)) << "late";
  EXPECT_TRUE(peers.heard(1, 10, start)) << "the late one did not turn the count back";
  EXPECT_TRUE(peers.heard(2, 1, start)) << "each has a count of its own";
  EXPECT_EQ(peers.count(), 2u);
}

TEST_F(PeersTest, NewOnesBeginAtOneOrHaveBeenMissed) {
  EXPECT_TRUE(peers.heard(1, 1, at(seconds(100))));
  EXPECT_TRUE(peers.heard(1, 2, at(seconds(100))));
  EXPECT_FALSE(peers.heard(2, 2, at(seconds(100))));
  EXPECT_TRUE(peers.heard(2, 3, at(seconds(100))));
}

TEST_F(PeersTest, CountAfreshAfterASubscription) {
  EXPECT_TRUE(peers.heard(1, 5, start));
  peers.subscribed(at(seconds(10)));
  EXPECT_TRUE(peers.heard(1, 50, at(milliseconds(10'200))));
  EXPECT_FALSE(peers.heard(1, 52, at(milliseconds(10'300))));
  peers.subscribed(at(seconds(20)));
  EXPECT_FALSE(peers.heard(1, 60, at(milliseconds(21'500)))) << "it was silent since: its connection was gone";
  EXPECT_TRUE(peers.heard(1, 61, at(milliseconds(21'500))));
}

TEST_F(PeersTest, FallSilentAndAreForgotten) {
  peers.heard(1, 1, start);
  peers.heard(2, 1, start);
  EXPECT_EQ(peers.look(at(seconds(1))), 0u);
  EXPECT_EQ(peers.silent(), 0u);
  peers.heard(2, 2, at(milliseconds(900)));
  peers.look(at(milliseconds(1001)));
  EXPECT_EQ(peers.silent(), 1u);
  EXPECT_EQ(peers.count(), 2u);
  peers.heard(1, 2, at(milliseconds(1500)));
  peers.look(at(milliseconds(1600)));
  EXPECT_EQ(peers.silent(), 0u) << "it is back";
  EXPECT_EQ(peers.look(at(seconds(61))), 1u);
  EXPECT_EQ(peers.count(), 1u);
  EXPECT_EQ(peers.silent(), 1u);
  EXPECT_EQ(peers.look(at(seconds(62))), 1u);
  EXPECT_EQ(peers.silent(), 0u);
}

TEST_F(PeersTest, AreGivenTimeToComeBackWithUs) {
  peers.heard(1, 1, start);
  peers.look(at(seconds(30)));
  EXPECT_EQ(peers.silent(), 1u);
  peers.subscribed(at(seconds(30)));
  peers.look(at(seconds(31)));
  EXPECT_EQ(peers.silent(), 0u);
  peers.look(at(milliseconds(31'001)));
  EXPECT_EQ(peers.silent(), 1u) << "but it is not forgotten that it was there";
}

TEST_F(PeersTest, ThatLeaveAreNotMissed) {
  peers.heard(1, 1, start);
  peers.left(1);
  peers.left(7);
  peers.look(at(seconds(10)));
  EXPECT_EQ(peers.silent(), 0u);
  EXPECT_EQ(peers.count(), 0u);
}

TEST_F(PeersTest, OneTooManyIsNotTrusted) {
  for (std::uint64_t sender = 1; sender <= Peers::max_peers; ++sender) EXPECT_TRUE(peers.heard(sender, 1, start));
  EXPECT_FALSE(peers.heard(1000, 1, start));
  EXPECT_FALSE(peers.heard(1000, 2, start));
  EXPECT_EQ(peers.count(), Peers::max_peers);
  EXPECT_TRUE(peers.heard(1, 2, start));
  peers.left(1);
  EXPECT_TRUE(peers.heard(1000, 3, start));
}

}  // namespace
}  // namespace gateway::store
