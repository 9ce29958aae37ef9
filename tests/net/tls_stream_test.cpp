#include <gtest/gtest.h>
#include <openssl/err.h>

#include "stream_under_test.hpp"

namespace gateway::test {
namespace {

using net::IoStatus;

TEST(TlsStream, AnEndWithoutCloseNotifyIsATruncation) {
  for (auto const kind : {Kind::tls_server, Kind::tls_client}) {
    StreamUnderTest under(kind);
    ASSERT_TRUE(under.shake_hands());
    under.peer->send("part of a mess");
    while (under.peer->pump()) continue;
    EXPECT_EQ(under.read_all(14), "part of a mess");
    ::shutdown(under.peer->descriptor(), SHUT_WR);
    EXPECT_EQ(under.read_some(), "");
    EXPECT_EQ(under.read.status(), IoStatus::truncated) << name_of_kind(kind);
  }
}

TEST(TlsStream, BytesThatAreNoTlsFailTheHandshake) {
  StreamUnderTest under(Kind::tls_server);
  std::string const text = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(::send(under.peer->descriptor(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  under.loop.pumps.clear();
  under.tls->start_server_handshake(under.read);
  ASSERT_TRUE(under.wait(under.read));
  EXPECT_EQ(under.read.status(), IoStatus::failed);
}

TEST(TlsStream, AHandshakeThatIsCutIsATruncation) {
  StreamUnderTest under(Kind::tls_server);
  under.loop.pumps.clear();
  under.tls->start_server_handshake(under.read);
  under.peer->close();
  ASSERT_TRUE(under.wait(under.read));
  EXPECT_EQ(under.read.status(), IoStatus::truncated);
}

TEST(TlsStream, AHandshakeCanBeAborted) {
  StreamUnderTest under(Kind::tls_client);
  under.loop.pumps.clear();
  ASSERT_TRUE(under.tls->expect_host("localhost", under.sessions));
  under.tls->start_client_handshake(under.read);
  under.loop.settle();
  ASSERT_TRUE(under.read.pending());
  under.stream->abort(false);
  ASSERT_TRUE(under.wait(under.read));
  EXPECT_EQ(under.read.status(), IoStatus::aborted);
}

TEST(TlsStream, ChecksTheNameOrAddressOfTheCertificate) {
  for (std::string const good : {"localhost", "127.0.0.1"}) {
    StreamUnderTest under(Kind::tls_client);
    EXPECT_TRUE(under.shake_hands(good)) << good;
    EXPECT_STREQ(SSL_get_servername(under.peer->tls(), TLSEXT_NAMETYPE_host_name), good == "localhost" ? "localhost" : nullptr)
        << "names are sent as SNI, addresses are not";
  }
  for (std::string const bad : {"example.com", "127.0.0.2", "ocalhost", "a.localhost"}) {
    StreamUnderTest under(Kind::tls_client);
    EXPECT_FALSE(under.shake_hands(bad)) << bad;
  }
}

class Refused : public testing::TestWithParam<std::pair<char const*, CertificateWish>> {};

bool handshake_with(TestCa const& issuer, CertificateWish const& wish) {
  StreamUnderTest under(Kind::tls_client);
  static std::vector<SslContext> kept;
  kept.push_back(peer_server_context(issuer.issue(wish)));
  under.peer->start_tls(kept.back(), true);
  return under.shake_hands();
}

TEST_P(Refused, ACertificateThatIsNotValid) { EXPECT_FALSE(handshake_with(Contexts::shared().ca, GetParam().second)); }

INSTANTIATE_TEST_SUITE_P(Certificates, Refused,
                         testing::Values(std::pair<char const*, CertificateWish>{"Expired", {"DNS:localhost", -7200, -3600}},
                                         std::pair<char const*, CertificateWish>{"NotYetValid", {"DNS:localhost", 3600, 7200}},
                                         std::pair<char const*, CertificateWish>{"OtherName", {"DNS:other.test", -60, 3600}},
                                         std::pair<char const*, CertificateWish>{"NoName", {"IP:10.0.0.1", -60, 3600}}),
                         [](auto const& info) { return std::string(info.param.first); });

TEST(TlsStream, RefusesACertificateOfAnotherAuthority) {
  EXPECT_TRUE(handshake_with(Contexts::shared().ca, {}));
  TestCa const stranger;
  EXPECT_FALSE(handshake_with(stranger, {}));
}

TEST(TlsStream, ResumesTheSessionOfAnEarlierConnection) {
  for (int const version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    net::TlsSessionSlot slot;
    slot.restrict_to(Contexts::shared().client.get());
    for (int round = 0; round < 3; ++round) {
      StreamUnderTest under(Kind::tls_client);
      SSL_set_max_proto_version(under.peer->tls(), version);
      ASSERT_TRUE(under.tls->expect_host("localhost", slot));
      under.tls->start_client_handshake(under.read);
      ASSERT_TRUE(under.wait(under.read));
      ASSERT_EQ(under.read.status(), IoStatus::ok);
      ASSERT_TRUE(under.loop.run_until([&] { return under.peer->handshaken(); }));
      EXPECT_EQ(SSL_session_reused(under.peer->tls()), round > 0 ? 1 : 0) << "round " << round;
      under.peer->send("x");  // TLS 1.3 tickets come with the first bytes
      EXPECT_EQ(under.read_some(), "x");
      EXPECT_EQ(under.stream->tls_version(), version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
    }
  }
}

TEST(TlsStream, KeepsNoSessionOfAContextThatIsNotTheSlots) {
  net::TlsSessionSlot slot;
  auto const other = net::make_client_context(write_temporary("ca.pem", Contexts::shared().ca.pem())).context;
  slot.restrict_to(other.get());
  StreamUnderTest under(Kind::tls_client);
  ASSERT_TRUE(under.tls->expect_host("localhost", slot));
  under.tls->start_client_handshake(under.read);
  ASSERT_TRUE(under.wait(under.read));
  ASSERT_EQ(under.read.status(), IoStatus::ok);
  under.peer->send("x");
  EXPECT_EQ(under.read_some(), "x");
  EXPECT_EQ(slot.get(), nullptr);
}

// The peer asks for new keys again and again while our write waits for it to read.
TEST(TlsStream, AnswersKeyUpdatesWhileAWriteIsPendingWithoutLosingARecord) {
  for (auto const kind : {Kind::tls_server, Kind::tls_client}) {
    StreamUnderTest under(kind);
    ASSERT_TRUE(under.shake_hands());
    auto const much = noise(6 * 1024 * 1024);
    std::string buffer(1000, '\0');
    under.stream->start_read(under.read, {buffer.data(), buffer.size()});
    under.peer->paused = true;
    under.start_write({much});
    under.loop.settle();
    ASSERT_TRUE(under.write.pending());
    for (int i = 0; i < 8; ++i) {
      ASSERT_EQ(SSL_key_update(under.peer->tls(), SSL_KEY_UPDATE_REQUESTED), 1);
      under.peer->send("k");
      ASSERT_TRUE(under.wait(under.read));
      ASSERT_EQ(under.read.status(), IoStatus::ok);
      under.stream->start_read(under.read, {buffer.data(), buffer.size()});
    }
    under.peer->paused = false;
    ASSERT_TRUE(under.loop.run_until([&] { return under.peer->received.size() >= much.size() || under.peer->broken; },
                                     std::chrono::seconds(60)));
    EXPECT_FALSE(under.peer->broken) << name_of_kind(kind) << ": a record was lost";
    EXPECT_TRUE(under.peer->received == much);
    under.start_write({"after"});
    ASSERT_TRUE(under.wait(under.write));
    EXPECT_TRUE(under.loop.run_until([&] { return under.peer->received == much + "after"; }));
  }
}

TEST(TlsStream, HalfARecordIsNotIdle) {
  StreamUnderTest under(Kind::tls_client);
  ASSERT_TRUE(under.shake_hands());
  std::string buffer(100, '\0');
  under.stream->start_read(under.read, {buffer.data(), buffer.size()});
  under.loop.settle();
  EXPECT_TRUE(under.stream->probe_idle());
  std::string const half = {0x17, 0x03, 0x03, 0x00, 0x40, 'a', 'b'};  // header of a record of 64 bytes
  ASSERT_EQ(::send(under.peer->descriptor(), half.data(), half.size(), 0), static_cast<ssize_t>(half.size()));
  under.loop.settle();
  ASSERT_TRUE(under.read.pending());
  EXPECT_FALSE(under.stream->probe_idle());
}

TEST(TlsStream, WhatArrivedCanBeReadAfterAWriteFailed) {
  StreamUnderTest under(Kind::tls_client, true);
  ASSERT_TRUE(under.shake_hands());
  under.loop.settle();
  under.peer->send("refused");
  while (under.peer->pump()) continue;
  ::shutdown(under.peer->descriptor(), SHUT_RD);
  under.peer->finish();
  while (under.peer->pump()) continue;
  under.peer->close();
  auto const much = noise(8 * 1024 * 1024);
  under.start_write({much});
  ASSERT_TRUE(under.wait(under.write));
  EXPECT_EQ(under.write.status(), IoStatus::failed);
  EXPECT_EQ(under.read_all(7), "refused");
}

TEST(TlsContexts, SayWhatIsWrongWithAFile) {
  auto const& contexts = Contexts::shared();
  auto const certificate = write_temporary("good.pem", certificate_pem(contexts.certified));
  auto const key = write_temporary("good.key", key_pem(contexts.certified));
  auto const other_key = write_temporary("other.key", key_pem(contexts.ca.issue()));
  auto const garbage = write_temporary("garbage.pem", "nothing");
  EXPECT_EQ(net::make_server_context({certificate, key, "", false}).error, "");
  EXPECT_NE(net::make_server_context({certificate, other_key, "", false}).error, "");
  EXPECT_NE(net::make_server_context({garbage, key, "", false}).error.find(garbage), std::string::npos);
  EXPECT_NE(net::make_server_context({certificate, "/nonexistent", "", false}).error.find("/nonexistent"), std::string::npos);
  EXPECT_NE(net::make_client_context("/nonexistent").error.find("/nonexistent"), std::string::npos);
  EXPECT_EQ(net::make_client_context("").error, "");
  auto const now = wall_clock_ns() / 1'000'000'000;
  auto const expiry = net::certificate_expiry(net::make_server_context({certificate, key, "", false}).context);
  EXPECT_GT(expiry, now);
  EXPECT_LT(expiry, now + 25 * 3600);
  EXPECT_EQ(net::certificate_expiry(nullptr), 0);
}

}  // namespace
}  // namespace gateway::test
