#include "gateway/base/redis_url.hpp"

#include <gtest/gtest.h>

#include "support/random.hpp"

namespace gateway::test {
namespace {

TEST(RedisUrl, IsTakenApart) {
  struct Row {
    char const* text;
    bool tls;
    char const* host;
    bool is_address;
    unsigned port, database;
    char const *user, *password, *place;
  };
  Row const rows[] = {
      {"redis://h", false, "h", false, 6379, 0, "", "", "redis://h:6379/0"},
      {"redis://h/", false, "h", false, 6379, 0, "", "", "redis://h:6379/0"},
      {"redis://redis.internal:6380/3", false, "redis.internal", false, 6380, 3, "", "", "redis://redis.internal:6380/3"},
      {"rediss://redis.internal:6379/0", true, "redis.internal", false, 6379, 0, "", "", "rediss://redis.internal:6379/0"},
      {"REDISS://H", true, "H", false, 6379, 0, "", "", "rediss://H:6379/0"},
      {"redis://10.0.0.1:1", false, "10.0.0.1", true, 1, 0, "", "", "redis://10.0.0.1:1/0"},
      {"redis://[::1]", false, "::1", true, 6379, 0, "", "", "redis://[::1]:6379/0"},
      {"redis://[2001:db8::7]:65535/15", false, "2001:db8::7", true, 65535, 15, "", "", "redis://[2001:db8::7]:65535/15"},
      {"redis://:secret@h", false, "h", false, 6379, 0, "", "secret", "redis://h:6379/0"},
      {"redis://gateway:secret@h:7", false, "h", false, 7, 0, "gateway", "secret", "redis://h:7/0"},
      {"redis://:p%40%3a%2F%23%25x@h", false, "h", false, 6379, 0, "", "p@:/#%x", "redis://h:6379/0"},
      {"rediss://u%2B:a-._~!$&'()*+,;=b@[::1]:9/1", true, "::1", true, 9, 1, "u+", "a-._~!$&'()*+,;=b", "rediss://[::1]:9/1"},
      {"redis://:a:b@h", false, "h", false, 6379, 0, "", "a:b", "redis://h:6379/0"},
      {"redis://:%70@h", false, "h", false, 6379, 0, "", "p", "redis://h:6379/0"},
      {"redis://redis-1_a.b.svc.", false, "redis-1_a.b.svc.", false, 6379, 0, "", "", "redis://redis-1_a.b.svc.:6379/0"},
  };
  for (auto const& row : rows) {
    SCOPED_TRACE(row.text);
    auto const result = RedisUrl::parse(row.text);
    ASSERT_TRUE(result.url) << result.problem;
    EXPECT_EQ(result.problem, "");
    EXPECT_EQ(result.url->tls, row.tls);
    EXPECT_EQ(result.url->host, row.host);
    EXPECT_EQ(result.url->is_address, row.is_address);
    EXPECT_EQ(result.url->port, row.port);
    EXPECT_EQ(result.url->database, row.database);
    EXPECT_EQ(result.url->user, row.user);
    EXPECT_EQ(result.url->password.expose(), row.password);
    EXPECT_EQ(result.url->place(), row.place);
  }
}

TEST(RedisUrl, SaysWhatIsWrong) {
  struct Row {
    char const *text, *problem;
  };
  Row const rows[] = {
      {"", "does not begin with"},
      {"redis", "does not begin with"},
      {"redis:/h", "does not begin with"},
      {"redis:h:6379", "does not begin with"},
      {"h:6379", "does not begin with"},
      {"http://h", "does not begin with"},
      {"unix:///run/redis.sock", "does not begin with"},
      {" redis://h", "does not begin with"},
      {"redis://", "names no host"},
      {"redis:///0", "names no host"},
      {"redis://:6379", "names no host"},
      {"redis://:CANARY@", "names no host"},
      {"redis://h:", "port"},
      {"redis://h:0", "port"},
      {"redis://h:65536", "port"},
      {"redis://h:-1", "port"},
      {"redis://h:+1", "port"},
      {"redis://h:6379x", "port"},
      {"redis://h:99999999999999999999", "port"},
      {"redis://[::1]6379", "between the host and the port"},
      {"redis://[::1", "brackets"},
      {"redis://[h]:1", "brackets"},
      {"redis://[]:1", "brackets"},
      {"redis://[::1%25eth0]:1", "brackets"},
      {"redis://::1", "names no host"},
      {"redis://fe80::1:6379", "more than one colon"},
      {"redis://h:1:2", "more than one colon"},
      {"redis://h h", "no name and no address"},
      {"redis://.h", "no name and no address"},
      {"redis://a..b", "no name and no address"},
      {"redis://h\n", "no name and no address"},
      {"redis://h%41", "no name and no address"},
      {"redis://256.0.0.1", "looks like an IPv4 address"},
      {"redis://10.1", "looks like an IPv4 address"},
      {"redis://h/x", "no number of a database"},
      {"redis://h/-1", "no number of a database"},
      {"redis://h/0/", "no number of a database"},
      {"redis://h//0", "no number of a database"},
      {"redis://h/65536", "no number of a database"},
      {"redis://h/0?db=1", "query or a fragment"},
      {"redis://h#x", "query or a fragment"},
      {"redis://CANARY@h", "user but no password"},
      {"redis://@h", "user but no password"},
      {"redis://:@h", "empty password"},
      {"redis://CANARY:@h", "empty password"},
      {"redis://:CANARY@CANARY@h", "characters that a URL does not allow"},
      {"redis://:CANARY%4@h", "characters that a URL does not allow"},
      {"redis://:CANARY%@h", "characters that a URL does not allow"},
      {"redis://:CANARY%zz@h", "characters that a URL does not allow"},
      {"redis://:CANARY CANARY@h", "characters that a URL does not allow"},
      {"redis://:CANARY/CANARY@h", "password with a /, ? or #"},
      {"redis://:CANARY#CANARY@h", "password with a /, ? or #"},
      {"redis://:CANARY?CANARY@h:1", "password with a /, ? or #"},
  };
  for (auto const& row : rows) {
    SCOPED_TRACE(row.text);
    auto const result = RedisUrl::parse(row.text);
    EXPECT_FALSE(result.url);
    EXPECT_NE(result.problem.find(row.problem), std::string::npos) << result.problem;
    EXPECT_FALSE(result.remedy.empty());
    EXPECT_EQ((result.problem + result.remedy).find("CANARY"), std::string::npos) << "a password could be shown";
  }
  auto const longest = [](std::size_t size) { return RedisUrl::parse("redis://:" + std::string(size, 'p') + "@h"); };
  EXPECT_TRUE(longest(512).url);
  EXPECT_NE(longest(513).problem.find("more than 512"), std::string::npos);
  EXPECT_TRUE(RedisUrl::parse("redis://" + std::string(253, 'h')).url);
  EXPECT_FALSE(RedisUrl::parse("redis://" + std::string(254, 'h')).url);
}

// Whatever comes in, exactly one of the two comes out; and what is accepted, written again, means the same.
TEST(RedisUrl, OfAnyText) {
  Random random("redis urls");
  int good = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text = random.chance(10) ? "" : random.chance(2) ? "redis://" : "rediss://";
    text += random.word(random.chance(20) ? "ab:@/[]%1.?# \n" : "ab1:/.", random.below(12));
    auto const result = RedisUrl::parse(text);
    ASSERT_NE(result.url.has_value(), !result.problem.empty()) << text;
    ASSERT_EQ(result.problem.empty(), result.remedy.empty()) << text;
    if (!result.url) continue;
    ++good;
    auto const again = RedisUrl::parse(result.url->place());
    ASSERT_TRUE(again.url) << text << " as " << result.url->place();
    ASSERT_EQ(again.url->place(), result.url->place()) << text;
  }
  EXPECT_GT(good, 1000) << "the random texts are too far off to test anything";
}

}  // namespace
}  // namespace gateway::test
