#include <gtest/gtest.h>

#include "config/scalars.hpp"
#include "support/config_text.hpp"
#include "support/peers.hpp"
#include "support/random.hpp"

// Sizes, durations, rates, addresses, URLs, tenants, and what changed between two configurations.
namespace gateway::test {
namespace {

using config::Endpoint;
using config::UpstreamUrl;
using std::chrono::milliseconds;

TEST(Scalars, Sizes) {
  EXPECT_EQ(config::parse_size("0"), 0u);
  EXPECT_EQ(config::parse_size("512"), 512u);
  EXPECT_EQ(config::parse_size("512B"), 512u);
  EXPECT_EQ(config::parse_size("16KiB"), 16384u);
  EXPECT_EQ(config::parse_size("10MiB"), 10485760u);
  EXPECT_EQ(config::parse_size("2GiB"), 2147483648u);
  for (auto bad : {"", "KiB", "-1", "+1", "1.5MiB", "1 MiB", " 1", "1kib", "1KB", "1MB", "1K", "1M", "0x10", "1TiB",
                   "99999999999GiB", "18446744073709551615GiB", "1KiBKiB"})
    EXPECT_FALSE(config::parse_size(bad)) << bad;
}

TEST(Scalars, Durations) {
  EXPECT_EQ(config::parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(config::parse_duration("3s"), milliseconds(3000));
  EXPECT_EQ(config::parse_duration("10m"), milliseconds(600'000));
  EXPECT_EQ(config::parse_duration("2h"), milliseconds(7'200'000));
  EXPECT_EQ(config::parse_duration("0s"), milliseconds(0));
  for (auto bad :
       {"", "5", "s", "-1s", "+1s", "1.5s", "1 s", "1S", "1sec", "1d", "1us", "ms", "9999999999999999999h", "1m30s"})
    EXPECT_FALSE(config::parse_duration(bad)) << bad;
}

TEST(Scalars, Rates) {
  for (auto good : {"1/s", "50/s", "600/m", "1000/h"}) EXPECT_TRUE(config::is_rate(good)) << good;
  for (auto bad : {"", "50", "/s", "0/s", "-1/s", "50/", "50/d", "50/sec", "50 /s", "1.5/s", "50/s/s", "99999999999/s"})
    EXPECT_FALSE(config::is_rate(bad)) << bad;
}

TEST(ScalarsProperty, WhatIsFormattedIsReadBack) {
  Random random("ScalarsProperty.RoundTrip");
  for (int round = 0; round < 20000; ++round) {
    auto const size = random.bits() >> (4 + random.below(60));
    ASSERT_EQ(config::parse_size(config::format_size(size)), size) << "seed " << random.seed();
    milliseconds const duration(static_cast<std::int64_t>(random.bits() >> (8 + random.below(55))));
    ASSERT_EQ(config::parse_duration(config::format_duration(duration)), duration) << "seed " << random.seed();
  }
}

TEST(ScalarsProperty, AgreeWithAModelForAnyNumberAndUnit) {
  Random random("ScalarsProperty.Model");
  struct Unit {
    char const* suffix;
    unsigned __int128 factor;
  };
  Unit const sizes[] = {{"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}};
  for (int round = 0; round < 20000; ++round) {
    auto const number = random.bits() >> random.below(64);
    auto const& unit = sizes[random.below(std::size(sizes))];
    auto const product = unit.factor * number;
    auto const parsed = config::parse_size(std::to_string(number) + unit.suffix);
    // Beyond 2^60 a unit is refused rather than wrapped.
    if (*unit.suffix == '\0' || product <= (static_cast<unsigned __int128>(1) << 60)) {
      ASSERT_TRUE(parsed) << number << unit.suffix << " seed " << random.seed();
      ASSERT_TRUE(static_cast<unsigned __int128>(*parsed) == product)
          << number << unit.suffix << " seed " << random.seed();
    } else {
      ASSERT_FALSE(parsed) << number << unit.suffix << " seed " << random.seed();
    }
  }
}

TEST(Scalars, NearestNamesOnlyWhatIsNear) {
  std::vector<std::string_view> const words = {"listen", "workers", "path_prefix"};
  EXPECT_EQ(config::nearest("listn", words), "listen");
  EXPECT_EQ(config::nearest("wrokers", words), "workers");
  EXPECT_EQ(config::nearest("path-prefix", words), "path_prefix");
  EXPECT_EQ(config::nearest("colour", words), "");
  EXPECT_EQ(config::nearest("", words), "");
  EXPECT_EQ(config::nearest("x", {}), "");
}

std::string endpoint(std::string const& text) {
  auto const parsed = Endpoint::parse(text);
  return parsed ? parsed->text() : "-";
}

TEST(Endpoints, TakeAddressesAndSockets) {
  for (std::string const good : {"0.0.0.0:8080", "127.0.0.1:0", "localhost:65535", "gw.test:1", "[::1]:8080", "[::]:1",
                                 "unix:/run/x.sock", "unix:/a"})
    EXPECT_EQ(endpoint(good), good);
  for (std::string const& bad : std::initializer_list<std::string>{"",
                                                                   ":8080",
                                                                   "8080",
                                                                   "gw",
                                                                   "gw:",
                                                                   "gw:x",
                                                                   "gw:65536",
                                                                   "gw:-1",
                                                                   "gw:99999",
                                                                   "::1:80",
                                                                   "[::1]",
                                                                   "[::1]80",
                                                                   "[gw]:80",
                                                                   "[]:80",
                                                                   "gw:80:80",
                                                                   "g w:80",
                                                                   "http://gw:80",
                                                                   "unix:",
                                                                   "unix:relative",
                                                                   "unix:/" + std::string(108, 'x'),
                                                                   "*:80",
                                                                   "gw:+80"})
    EXPECT_EQ(endpoint(bad), "-") << bad;
  EXPECT_EQ(Endpoint::parse("unix:/" + std::string(106, 'x'))->host.size(), 107u)
      << "the longest that the kernel takes";
  EXPECT_TRUE(Endpoint::parse("unix:/a")->is_unix);
  EXPECT_EQ(Endpoint::parse("[::1]:80")->host, "::1");
}

TEST(UpstreamUrls, AreTakenApart) {
  struct Row {
    char const* text;
    bool tls;
    char const* host;
    int port;
    char const* header;
    char const* path;
  };
  Row const rows[] = {
      {"https://rest-api.argosidentity.com/v3", true, "rest-api.argosidentity.com", 443, "rest-api.argosidentity.com",
       "/v3"},
      {"https://vendor.test", true, "vendor.test", 443, "vendor.test", ""},
      {"https://vendor.test/", true, "vendor.test", 443, "vendor.test", ""},
      {"https://vendor.test/v3///", true, "vendor.test", 443, "vendor.test", "/v3"},
      {"https://vendor.test:8443/a/b", true, "vendor.test", 8443, "vendor.test:8443", "/a/b"},
      {"http://127.0.0.1:9000/v3", false, "127.0.0.1", 9000, "127.0.0.1:9000", "/v3"},
      {"http://localhost", false, "localhost", 80, "localhost", ""},
      {"https://[::1]:9443/v3", true, "::1", 9443, "[::1]:9443", "/v3"},
      {"https://[2001:db8::1]", true, "2001:db8::1", 443, "[2001:db8::1]", ""},
  };
  for (auto const& row : rows) {
    auto const url = UpstreamUrl::parse(row.text);
    ASSERT_TRUE(url) << row.text;
    EXPECT_EQ(url->tls, row.tls) << row.text;
    EXPECT_EQ(url->host, row.host) << row.text;
    EXPECT_EQ(url->port, row.port) << row.text;
    EXPECT_EQ(url->host_header, row.header) << row.text;
    EXPECT_EQ(url->path, row.path) << row.text;
  }
  for (auto bad : {"",
                   "vendor.test",
                   "//vendor.test",
                   "ftp://vendor.test",
                   "HTTPS://vendor.test",
                   "https://",
                   "https:///v3",
                   "https://user@vendor.test",
                   "https://user:pw@vendor.test/v3",
                   "https://vendor.test:0",
                   "https://vendor.test:99999",
                   "https://vendor.test:",
                   "https://vendor.test/v3?x=1",
                   "https://vendor.test/v3#x",
                   "https://vendor.test/%2e",
                   "https://vendor.test/a b",
                   "https://[::1",
                   "https://[::1]x/",
                   "https://vend or.test",
                   "https://vendor.test\\v3",
                   "https://caf\xc3\xa9.test"})
    EXPECT_FALSE(UpstreamUrl::parse(bad)) << bad;
}

TEST(UpstreamUrls, KnowLoopback) {
  for (auto local : {"http://localhost", "http://127.0.0.1:1", "http://127.255.0.1", "http://[::1]:5"})
    EXPECT_TRUE(UpstreamUrl::parse(local)->is_loopback()) << local;
  for (auto other : {"http://vendor.test", "http://128.0.0.1", "http://10.0.0.1", "http://127.evil.test",
                     "http://127.0.0.1.evil.test", "http://[::2]", "http://localhost.evil.test", "http://0.0.0.0"})
    EXPECT_FALSE(UpstreamUrl::parse(other)->is_loopback()) << other;
}

std::string upstream(std::string const& lines) { return problems_of("[upstream]\n" + lines + minimal); }

TEST(UpstreamRules, PlainHttpNeedsLeaveAndLoopback) {
  auto const plain = "would send the key in plain text";
  EXPECT_TRUE(mentions(upstream("base_url = \"http://127.0.0.1:1/v3\"\n"), plain));
  EXPECT_TRUE(mentions(upstream("base_url = \"http://vendor.test\"\nallow_plain_http = true\n"), plain));
  EXPECT_TRUE(mentions(upstream("base_url = \"http://127.0.0.1.evil.test\"\nallow_plain_http = true\n"), plain));
  EXPECT_EQ(upstream("base_url = \"http://127.0.0.1:1/v3\"\nallow_plain_http = true\n"), "");
  EXPECT_EQ(upstream("base_url = \"http://vendor.test\"\nallow_plain_http_anywhere = true\n"), "");
  EXPECT_EQ(upstream("base_url = \"https://vendor.test\"\n"), "");
  EXPECT_TRUE(mentions(upstream("base_url = \"http://localhost\"\nallow_plain_http = true\nca_file = \"ca.pem\"\n"),
                       "has no effect with http://"));
  EXPECT_TRUE(mentions(upstream("total_timeout = \"1s\"\n"), "is shorter than first_byte_timeout"));
  EXPECT_TRUE(mentions(upstream("base_url = \"nonsense\"\n"), "is no base URL"));
}

TEST(ServerRules, PrefixTlsAndAdmin) {
  auto const server = [](std::string const& lines) { return problems_of("[server]\n" + lines + minimal); };
  for (auto good : {"", "/v3", "/a/b", "/a-b_c.d"})
    EXPECT_EQ(server("path_prefix = \"" + std::string(good) + "\"\n"), "") << good;
  for (auto bad : {"v3", "/", "/v3/", "/v 3", "/v3?x", "/%20", "/v3#"})
    EXPECT_TRUE(mentions(server("path_prefix = \"" + std::string(bad) + "\"\n"), "server.path_prefix: is no path"))
        << bad;
  EXPECT_TRUE(mentions(server("listen = [\"127.0.0.1:9901\"]\n"), "admin.listen: is the same as server.listen"));
  EXPECT_TRUE(mentions(server("tls.certificate = \"c\"\n"), "server.tls.certificate: stands alone"));
  EXPECT_TRUE(mentions(server("tls.private_key = \"k\"\n"), "server.tls.private_key: stands alone"));
  EXPECT_TRUE(mentions(server("tls.require_client_certificate = true\n"), "needs client_ca"));
  EXPECT_TRUE(mentions(server("tls.client_ca = \"ca\"\n"), "has no effect without a certificate"));
  EXPECT_EQ(server("tls.certificate = \"c\"\ntls.private_key = \"k\"\ntls.client_ca = "
                   "\"ca\"\ntls.require_client_certificate = true\n"),
            "");
}

std::string tenants(std::string const& text) { return problems_of(key_section + text); }
std::string tenant(std::string const& name, std::string const& lines) {
  return "[[tenant]]\nname = \"" + name + "\"\n" + lines;
}

TEST(Tenants, NamesAreSafeInLabels) {
  for (auto good : {"a", "A-b_c.9"}) EXPECT_EQ(tenants(tenant(good, "cidr = [\"::1\"]\n")), "") << good;
  for (auto bad : {"", "a b", "a\\\"b", "a/b", "caf\xc3\xa9", "unknown"})
    EXPECT_TRUE(mentions(tenants(tenant(bad, "cidr = [\"::1\"]\n")), "tenant.name")) << bad;
  EXPECT_TRUE(
      mentions(tenants(tenant("a", "cidr = [\"::1\"]\n") + tenant("a", "cidr = [\"::2\"]\n")), "'a' is used twice"));
}

TEST(Tenants, ABlockAndAUserBelongToOne) {
  auto const both = [](std::string const& first, std::string const& second) {
    return tenants(tenant("a", "cidr = [\"" + first + "\"]\n") + tenant("b", "cidr = [\"" + second + "\"]\n"));
  };
  EXPECT_TRUE(mentions(both("10.0.0.0/8", "10.0.0.0/8"), "is used twice"));
  EXPECT_EQ(both("10.0.0.0/8", "10.0.0.0/9"), "") << "a block inside another is another block";
  EXPECT_TRUE(mentions(both("10.1.2.3", "10.1.2.3/32"), "is used twice")) << "the same block in another spelling";
  EXPECT_TRUE(mentions(both("::1", "0:0:0:0:0:0:0:1"), "is used twice")) << "the same block in another spelling";
  EXPECT_TRUE(mentions(both("2001:DB8::/32", "2001:db8::/32"), "is used twice"))
      << "the same block in another spelling";
  EXPECT_TRUE(mentions(tenants(tenant("a", "unix_uid = [1]\n") + tenant("b", "unix_uid = [1]\n")), "1 is used twice"));
}

TEST(Tenants, ProofsAreJudged) {
  EXPECT_TRUE(mentions(tenants(tenant("a", "")), "has no proof"));
  EXPECT_TRUE(mentions(tenants(tenant("a", "cidr = [\"10.0.0.1/8\"]\n")), "is no block of addresses"));
  EXPECT_TRUE(mentions(tenants(tenant("a", "spiffe = [\"prod/x\"]\n")), "is no SPIFFE id"));
  EXPECT_TRUE(mentions(tenants(tenant("a", "unix_uid = [-1]\n")), "is not a user id"));
  EXPECT_TRUE(mentions(tenants(tenant("a", "unix_uid = [4294967295]\n")), "is not a user id"));
  EXPECT_TRUE(mentions(tenants(tenant("a", "cidr = [\"::1\"]\nrate = \"fast\"\n")), "is no rate"));
  EXPECT_TRUE(
      mentions(tenants(tenant("a", "cidr = [\"::1\"]\noperations = [\"get_imag\"]\n")), "did you mean 'get_image'?"));
  auto const pasted = tenants(tenant("a", "tokens = [\"agw_SECRETSECRETSECRET\"]\n"));
  EXPECT_TRUE(mentions(pasted, "is no hash"));
  EXPECT_FALSE(mentions(pasted, "SECRET")) << "a token that was pasted by mistake is not repeated";
}

TEST(Tenants, AreReadyToBeAsked) {
  auto const loaded = parse_text(
      key_section + tenant("net", "cidr = [\"10.0.0.0/8\"]\noperations = [\"get_image\", \"delete_submission\"]\n") +
      tenant("all", "unix_uid = [1000]\noperations = [\"*\"]\n"));
  ASSERT_TRUE(loaded.good()) << problems_of(loaded);
  auto const net = loaded.config->tenants.identify(peer_at("10.1.1.1"));
  ASSERT_TRUE(net);
  EXPECT_EQ((*net).tenant->operations.count(), 2u);
  EXPECT_TRUE((*loaded.config->tenants.identify(unix_peer(1000))).tenant->operations.all());
}

std::vector<std::string> changed(std::string const& before, std::string const& after,
                                 std::vector<std::string>& restart) {
  auto const a = parse_text(before), b = parse_text(after);
  EXPECT_TRUE(a.good() && b.good()) << problems_of(a) << problems_of(b);
  return config::differences(*a.config, *b.config, restart);
}

TEST(Differences, NameEachChangedKeyAndWhetherItNeedsARestart) {
  std::vector<std::string> restart;
  using Lines = std::vector<std::string>;
  EXPECT_EQ(changed(minimal, minimal, restart), Lines{});
  EXPECT_EQ(changed(minimal, "[limits]\nheader_bytes = \"8KiB\"\n" + minimal, restart),
            Lines{"limits.header_bytes: 16KiB -> 8KiB"});
  EXPECT_EQ(changed(minimal, "[upstream]\nconnect_timeout = \"500ms\"\n" + minimal, restart),
            Lines{"upstream.connect_timeout: 3s -> 500ms"});
  EXPECT_EQ(changed(minimal, "[cache]\nenabled = false\n" + minimal, restart), Lines{"cache.enabled: true -> false"});
  EXPECT_EQ(restart, Lines{});
  EXPECT_EQ(changed(minimal, "[server]\nworkers = 4\nlisten = [\"a:1\", \"b:2\"]\n" + minimal, restart),
            (Lines{"server.listen: [\"0.0.0.0:8080\"] -> [\"a:1\", \"b:2\"]", "server.workers: 0 -> 4"}));
  EXPECT_EQ(restart, (Lines{"server.listen", "server.workers"}));
}

TEST(Differences, FollowTenantsByName) {
  std::vector<std::string> restart;
  using Lines = std::vector<std::string>;
  auto const a = tenant("a", "cidr = [\"10.0.0.0/8\"]\n"), b = tenant("b", "unix_uid = [1]\n");
  EXPECT_EQ(changed(key_section + a + b, key_section + b + a, restart), Lines{}) << "order does not matter";
  EXPECT_EQ(changed(key_section + a + b, key_section + b, restart), Lines{"tenant a: removed"});
  EXPECT_EQ(changed(key_section + a, key_section + a + b, restart), Lines{"tenant b: added"});
  EXPECT_EQ(changed(key_section + a, key_section + tenant("a", "cidr = [\"10.0.0.0/8\"]\nburst = 7\n"), restart),
            Lines{"tenant a.burst: 0 -> 7"});
}

TEST(Differences, HoldNoSecrets) {
  std::vector<std::string> restart;
  std::string const hash_a(64, 'a'), hash_b(64, 'b');
  auto const lines = changed("[store]\nredis = \"redis://:PASSWORD1@h\"\n" + key_section +
                                 tenant("a", "tokens = [\"sha256:" + hash_a + "\"]\n"),
                             "[store]\nredis = \"redis://:PASSWORD2@h\"\n" + key_section +
                                 tenant("a", "tokens = [\"sha256:" + hash_b + "\"]\n"),
                             restart);
  EXPECT_EQ(lines, (std::vector<std::string>{"store.redis: changed", "tenant a.tokens: changed"}));
}

TEST(Differences, RestartValuesStayAsTheyRun) {
  auto const running = parse_text(
      "[server]\nworkers = 2\nlisten = [\"a:1\"]\n[admin]\nlisten = \"b:2\"\n[upstream]\nbase_url = "
      "\"https://one.test\"\n" +
      minimal);
  auto reloaded = parse_text(
      "[server]\nworkers = 3\nlisten = [\"c:3\"]\n[admin]\nlisten = \"d:4\"\n[upstream]\nbase_url = "
      "\"https://two.test\"\nconnect_timeout = \"1s\"\n" +
      minimal);
  ASSERT_TRUE(running.good() && reloaded.good());
  config::keep_restart_values(*running.config, *reloaded.config);
  EXPECT_EQ(reloaded.config->values.server_workers, 2);
  EXPECT_EQ(reloaded.config->listen[0].text(), "a:1");
  EXPECT_EQ(reloaded.config->admin.text(), "b:2");
  EXPECT_EQ(reloaded.config->upstream.host, "one.test");
  EXPECT_EQ(reloaded.config->values.upstream_base_url, "https://one.test");
  EXPECT_EQ(reloaded.config->values.upstream_connect_timeout, milliseconds(1000)) << "this one is taken over";
  std::vector<std::string> restart;
  EXPECT_EQ(config::differences(*running.config, *reloaded.config, restart),
            std::vector<std::string>{"upstream.connect_timeout: 3s -> 1s"});
  EXPECT_TRUE(restart.empty());
}

}  // namespace
}  // namespace gateway::test
