#include "gateway/policy/tenant.hpp"

#include <gtest/gtest.h>

#include "gateway/config/config.hpp"
#include "support/peers.hpp"
#include "support/random.hpp"
#include "support/text.hpp"

namespace gateway::test {
namespace {

using policy::OperationSet;
using policy::Proof;
using policy::Tenant;
using policy::TenantTable;

Tenant tenant(std::string name, std::vector<std::string> const& blocks, std::vector<std::uint32_t> uids = {}) {
  Tenant made;
  made.name = std::move(name);
  for (auto const& block : blocks) made.cidr.push_back(*Cidr::parse(block));
  made.unix_uid = std::move(uids);
  return made;
}

TenantTable table(std::vector<Tenant> tenants) { return TenantTable(std::move(tenants)); }

std::string who(TenantTable const& tenants, Peer const& peer) {
  auto const identity = tenants.identify(peer);
  return identity ? identity->tenant->name + " by " + std::string(policy::proof_name(identity->proof))
                  : token_of(identity);
}

TEST(Tenants, TheLongestPrefixWinsWhateverTheOrder) {
  for (bool reversed : {false, true}) {
    std::vector<Tenant> list;
    list.push_back(tenant("everybody", {"0.0.0.0/0", "::/0"}));
    list.push_back(tenant("site", {"10.0.0.0/8", "2001:db8::/32"}));
    list.push_back(tenant("room", {"10.12.0.0/16", "2001:db8:1::/48"}));
    list.push_back(tenant("host", {"10.12.1.1", "2001:db8:1::7"}));
    if (reversed) std::reverse(list.begin(), list.end());
    auto const tenants = table(std::move(list));
    EXPECT_EQ(who(tenants, peer_at("192.0.2.1")), "everybody by address");
    EXPECT_EQ(who(tenants, peer_at("10.13.0.1")), "site by address");
    EXPECT_EQ(who(tenants, peer_at("10.12.1.2")), "room by address");
    EXPECT_EQ(who(tenants, peer_at("10.12.1.1")), "host by address");
    EXPECT_EQ(who(tenants, peer_at("::1")), "everybody by address");
    EXPECT_EQ(who(tenants, peer_at("2001:db8:2::1")), "site by address");
    EXPECT_EQ(who(tenants, peer_at("2001:db8:1::1")), "room by address");
    EXPECT_EQ(who(tenants, peer_at("2001:db8:1::7")), "host by address");
  }
}

TEST(Tenants, NobodyIsKnownWithoutAProof) {
  auto const tenants = table({});
  EXPECT_EQ(who(tenants, peer_at("127.0.0.1")), "unknown_caller");
  EXPECT_EQ(who(tenants, unix_peer(0)), "unknown_caller");
  EXPECT_EQ(who(tenants, Peer{}), "unknown_caller");
  EXPECT_EQ(who(TenantTable(), peer_at("::1")), "unknown_caller");
}

TEST(Tenants, UnixPeersAreKnownByTheirUserAndNeverByAnAddress) {
  std::vector<Tenant> list;
  list.push_back(tenant("open", {"0.0.0.0/0", "::/0"}));
  list.push_back(tenant("local", {}, {1000, 0}));
  auto const tenants = table(std::move(list));
  EXPECT_EQ(who(tenants, unix_peer(1000)), "local by unix");
  EXPECT_EQ(who(tenants, unix_peer(0)), "local by unix");
  EXPECT_EQ(who(tenants, unix_peer(1001)), "unknown_caller")
      << "a block of addresses does not cover a socket without one";
  EXPECT_EQ(who(tenants, Peer{}), "unknown_caller") << "a peer that could not be told";
}

TEST(Tenants, AnAddressNeverMatchesAUser) {
  std::vector<Tenant> list;
  list.push_back(tenant("local", {}, {0}));
  EXPECT_EQ(who(table(std::move(list)), peer_at("127.0.0.1")), "unknown_caller");
}

TEST(Tenants, TheTableMayMove) {
  std::vector<Tenant> list;
  list.push_back(tenant("a", {"10.0.0.0/8"}));
  auto first = table(std::move(list));
  auto second = std::move(first);
  EXPECT_EQ(who(second, peer_at("10.0.0.1")), "a by address");
  TenantTable third;
  third = std::move(second);
  EXPECT_EQ(who(third, peer_at("10.0.0.1")), "a by address");
}

TEST(Tenants, LabelsAreSetForAllOfThem) {
  std::vector<Tenant> list;
  list.push_back(tenant("a", {"10.0.0.0/8"}));
  list.push_back(tenant("b", {"11.0.0.0/8"}));
  auto tenants = table(std::move(list));
  tenants.assign_labels([](std::string const& name) { return static_cast<std::uint16_t>(name == "a" ? 7 : 9); });
  EXPECT_EQ((*tenants.identify(peer_at("10.0.0.1"))).tenant->label, 7);
  EXPECT_EQ((*tenants.identify(peer_at("11.0.0.1"))).tenant->label, 9);
}

TEST(TenantsProperty, AgreeWithASearchForTheLongestBlock) {
  Random random("TenantsProperty.LongestBlock");
  for (int round = 0; round < 300; ++round) {
    std::vector<Tenant> list;
    for (std::size_t i = 0, count = random.below(12); i < count; ++i) {
      int const bits = static_cast<int>(random.below(13));
      auto const number =
          static_cast<std::uint32_t>(random.below(16)) << 28 | static_cast<std::uint32_t>(random.below(256)) << 20;
      auto const block = bits == 0 ? 0 : number & (~std::uint32_t{0} << (32 - bits));
      list.push_back(tenant(
          "t" + std::to_string(i),
          {std::to_string(block >> 24) + "." + std::to_string(block >> 16 & 255) + ".0.0/" + std::to_string(bits)}));
    }
    auto const reference = list;
    auto const tenants = table(std::move(list));
    for (int calls = 0; calls < 50; ++calls) {
      auto const peer = peer_at(std::to_string(random.below(256)) + "." + std::to_string(random.below(256)) + ".1.1");
      int longest = -1;
      for (auto const& one : reference)
        if (one.cidr[0].contains(peer)) longest = std::max(longest, one.cidr[0].bits);
      auto const identity = tenants.identify(peer);
      ASSERT_EQ(identity.has_value(), longest >= 0) << "seed " << random.seed();
      if (identity) ASSERT_EQ((*identity).tenant->cidr[0].bits, longest) << "seed " << random.seed();
    }
  }
}

TEST(Authorize, FollowsTheTenantsListForAllCombinations) {
  for (unsigned bits = 0; bits < (1u << policy::operation_count); ++bits) {
    Tenant one = tenant("t", {});
    one.operations = OperationSet(bits);
    policy::Identity const identity{&one, Proof::address};
    for (auto const& operation : policy::operations) {
      auto const permit = policy::authorize(identity, operation);
      bool const listed = (bits >> static_cast<unsigned>(operation.id) & 1) != 0;
      ASSERT_EQ(token_of(permit), listed ? "ok" : "operation_denied") << bits << " " << operation.name;
      if (!permit) continue;
      EXPECT_EQ(&(*permit).tenant(), &one);
      EXPECT_EQ(&(*permit).operation(), &operation);
    }
  }
}

static_assert(!std::is_default_constructible_v<policy::Permit>, "only authorize() makes one");
static_assert(!std::is_constructible_v<policy::Permit, Tenant const&, policy::Operation const&>);

TEST(Authorize, ATenantWithoutAListMayOnlyRead) {
  auto const loaded =
      config::parse("[api_key]\nenv = \"K\"\n[[tenant]]\nname = \"t\"\ncidr = [\"127.0.0.0/8\"]\n", "t.toml", "/etc");
  ASSERT_TRUE(loaded.good()) << (loaded.problems.empty() ? "" : loaded.problems[0].text());
  auto const identity = loaded.config->tenants.identify(peer_at("127.0.0.1"));
  ASSERT_TRUE(identity);
  for (auto const& operation : policy::operations) {
    bool const reads = operation.name == "read_submission" || operation.name == "read_applicant";
    EXPECT_EQ(policy::authorize(*identity, operation).has_value(), reads) << operation.name;
  }
}

TEST(Proofs, HaveTheNamesOfTheAuditRecord) {
  EXPECT_EQ(policy::proof_name(Proof::certificate), "certificate");
  EXPECT_EQ(policy::proof_name(Proof::token), "token");
  EXPECT_EQ(policy::proof_name(Proof::unix_peer), "unix");
  EXPECT_EQ(policy::proof_name(Proof::address), "address");
  EXPECT_EQ(policy::proof_name(Proof::none), "none");
}

}  // namespace
}  // namespace gateway::test
