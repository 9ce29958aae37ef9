#include "gateway/base/peer.hpp"

#include <gtest/gtest.h>

#include "support/peers.hpp"
#include "support/random.hpp"

namespace gateway::test {
namespace {

std::string text(Peer const& peer) {
  char buffer[Peer::max_text];
  return std::string(peer.write(buffer));
}

TEST(Peer, IsWrittenAsAnAddress) {
  EXPECT_EQ(text(peer_at("10.1.2.3")), "10.1.2.3");
  EXPECT_EQ(text(peer_at("2001:db8::1")), "2001:db8::1");
  EXPECT_EQ(text(peer_at("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  EXPECT_EQ(text(unix_peer(1000)), "unix:1000");
  EXPECT_EQ(text(unix_peer(4294967295u)), "unix:4294967295");
  EXPECT_EQ(text(Peer{}), "unknown");
}

bool matches(std::string const& block, std::string const& address) {
  auto const cidr = Cidr::parse(block);
  EXPECT_TRUE(cidr) << block;
  return cidr && cidr->contains(peer_at(address));
}

TEST(Cidr, ContainsItsAddresses) {
  EXPECT_TRUE(matches("10.0.0.0/8", "10.0.0.0"));
  EXPECT_TRUE(matches("10.0.0.0/8", "10.255.255.255"));
  EXPECT_FALSE(matches("10.0.0.0/8", "11.0.0.0"));
  EXPECT_FALSE(matches("10.0.0.0/8", "9.255.255.255"));
  EXPECT_TRUE(matches("10.1.2.3", "10.1.2.3"));
  EXPECT_FALSE(matches("10.1.2.3", "10.1.2.2"));
  EXPECT_TRUE(matches("0.0.0.0/0", "255.1.2.3"));
  EXPECT_TRUE(matches("10.12.128.0/17", "10.12.128.1"));
  EXPECT_FALSE(matches("10.12.128.0/17", "10.12.127.255"));
  EXPECT_TRUE(matches("::1", "::1"));
  EXPECT_TRUE(matches("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(matches("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(matches("::/0", "ffff::1"));
  EXPECT_TRUE(matches("fe80::/10", "febf::1"));
  EXPECT_FALSE(matches("fe80::/10", "fec0::1"));
}

TEST(Cidr, FamiliesDoNotMix) {
  EXPECT_FALSE(matches("0.0.0.0/0", "::1"));
  EXPECT_FALSE(matches("::/0", "1.2.3.4"));
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(unix_peer(0)));
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(Peer{}));
  EXPECT_FALSE(Cidr::parse("::/0")->contains(Peer{}));
}

TEST(Cidr, RefusesWhatIsNoBlock) {
  for (std::string const bad : {"",
                                "/",
                                "/8",
                                "10",
                                "10.0.0",
                                "10.0.0.0.0",
                                "10.0.0.256",
                                "10.0.0.0/",
                                "10.0.0.0/33",
                                "10.0.0.0/-1",
                                "10.0.0.0/+8",
                                "10.0.0.0/8/8",
                                "10.0.0.0/ 8",
                                " 10.0.0.0/8",
                                "10.0.0.0 /8",
                                "10.0.0.1/8",
                                "10.128.0.0/8",
                                "010.0.0.0/8",
                                "0x0a.0.0.0",
                                "gw.test",
                                "localhost",
                                "*",
                                "::1/129",
                                "::1/127",
                                "2001:db8::1/64",
                                ":::",
                                "[::1]",
                                "fe80::1%eth0",
                                "1.2.3.4:80",
                                "::1/",
                                "10.0.0.0/8x"})
    EXPECT_FALSE(Cidr::parse(bad)) << bad;
}

// Callers over IPv4 are never stored as mapped addresses, so such a block would match nobody while it looks open.
TEST(Cidr, RefusesMappedBlocksThatCouldNeverMatch) {
  EXPECT_FALSE(Cidr::parse("::ffff:10.0.0.0/104"));
  EXPECT_FALSE(Cidr::parse("::ffff:127.0.0.1"));
}

TEST(Cidr, RefusesTextWithANul) {
  EXPECT_FALSE(Cidr::parse(std::string_view("10.0.0.1\0x", 10)));
  EXPECT_FALSE(Cidr::parse(std::string_view("10.0.0.0\0/8", 11)));
}

TEST(CidrProperty, AgreesWithAMaskOnNumbers) {
  Random random("CidrProperty.AgreesWithAMaskOnNumbers");
  for (int round = 0; round < 20000; ++round) {
    auto const address = static_cast<std::uint32_t>(random.bits());
    int const bits = static_cast<int>(random.below(33));
    std::uint32_t const mask = bits == 0 ? 0 : ~std::uint32_t{0} << (32 - bits);
    auto const show = [](std::uint32_t n) {
      return std::to_string(n >> 24) + "." + std::to_string(n >> 16 & 255) + "." + std::to_string(n >> 8 & 255) + "." +
             std::to_string(n & 255);
    };
    auto const block = show(address & mask) + "/" + std::to_string(bits);
    std::uint32_t const caller =
        random.chance(2) ? address ^ (1u << random.below(32)) : static_cast<std::uint32_t>(random.bits());
    ASSERT_EQ(matches(block, show(caller)), (caller & mask) == (address & mask))
        << "seed " << random.seed() << ": " << block << " " << show(caller);
    if ((address & mask) != address)
      ASSERT_FALSE(Cidr::parse(show(address) + "/" + std::to_string(bits))) << "host bits: " << show(address);
  }
}

}  // namespace
}  // namespace gateway::test
