#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gateway/base/ascii.hpp"
#include "gateway/http/framing.hpp"
#include "support/random.hpp"
#include "support/text.hpp"

namespace gateway::test {
namespace {

bool accepted(std::string_view target) {
  ExactCopy const exact(target);
  auto const verdict = http::judge_target(exact.view());
  if (!verdict) EXPECT_EQ(verdict.error().code, Code::bad_target);
  return verdict.has_value();
}

// The same rules said another way: by looking at what decoding would give, segment by segment.
bool reference(std::string const& target) {
  if (target.empty() || target[0] != '/') return false;
  for (char c : target)
    if (c < 0x21 || c == 0x7f || c == '#') return false;
  std::string decoded_all;
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] != '%') continue;
    if (target.size() - i < 3 || !std::isxdigit(static_cast<unsigned char>(target[i + 1])) ||
        !std::isxdigit(static_cast<unsigned char>(target[i + 2])))
      return false;
  }
  auto const path = target.substr(0, target.find('?'));
  if (path.find("//") != path.npos || path.find('\\') != path.npos) return false;
  std::string decoded;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      decoded += path[i];
      continue;
    }
    auto const octet = std::stoi(path.substr(i + 1, 2), nullptr, 16);
    if (octet < 0x20 || octet == 0x7f || std::string("/\\.%;").find(static_cast<char>(octet)) != std::string::npos)
      return false;
    decoded += static_cast<char>(octet);
    i += 2;
  }
  for (std::string const dots : {"/./", "/../"})
    if ((decoded + "/").find(dots) != std::string::npos) return false;
  return true;
}

TEST(Target, TakesPlainPathsAndQueries) {
  for (auto good : {"/",
                    "/a",
                    "/v3/submission",
                    "/v3/submission/applicant",
                    "/a/",
                    "/a?b",
                    "/a?",
                    "/a?b=c&d=e",
                    "/a?b=/c/../d//",
                    "/a?%2e%2f%5c%00%25",
                    "/a?x?y",
                    "/a;b=c",
                    "/a/...",
                    "/.a",
                    "/a.",
                    "/a..b",
                    "/..a",
                    "/a%20b",
                    "/%41",
                    "/%c3%a9",
                    "/a%ff",
                    "/~a",
                    "/a:b@c",
                    "/!$&'()*+,;=",
                    "/a?\\",
                    "/a|b",
                    "/\"a\"",
                    "/{a}",
                    "/a^b`"})
    EXPECT_TRUE(accepted(good)) << good;
}

TEST(Target, RefusesOtherForms) {
  for (auto bad : {"", "*", "a", "gw.test:443", "http://gw/", "https://gw/a", "HTTP://gw", "?a", "//", "//gw/a", "///",
                   "/a//b", "/a//", "%2f", "%2fa", "\\a", "/\\a", "/a\\b", "/a/\\/"})
    EXPECT_FALSE(accepted(bad)) << bad;
}

TEST(Target, RefusesDotSegmentsInEachSpelling) {
  std::vector<std::string> const dots = {".", "..", "%2e", "%2E", ".%2e", "%2e.", "%2e%2e", "%2E%2e"};
  for (auto const& dot : dots)
    for (auto const& around : {std::pair("/", ""), std::pair("/", "/"), std::pair("/a/", ""), std::pair("/a/", "/b"),
                               std::pair("/a/", "?q")})
      EXPECT_FALSE(accepted(around.first + dot + around.second)) << around.first << dot << around.second;
}

TEST(Target, JudgesEachEncodedOctetInThePathAndLetsQueriesBe) {
  static constexpr char digits[] = "0123456789abcdef";
  for (int octet = 0; octet < 256; ++octet) {
    std::string const code = {'%', digits[octet >> 4], digits[octet & 15]};
    bool const harmless =
        octet >= 0x20 && octet != 0x7f && octet != '/' && octet != '\\' && octet != '.' && octet != '%' && octet != ';';
    EXPECT_EQ(accepted("/a" + code + "b"), harmless) << code;
    EXPECT_EQ(accepted("/" + code), harmless) << code;
    EXPECT_TRUE(accepted("/a?x=" + code)) << code;
  }
}

TEST(Target, JudgesEachRawByte) {
  for (int byte = 0; byte < 256; ++byte) {
    char const c = static_cast<char>(byte);
    bool const visible = byte > 0x20 && byte < 0x7f && byte != '#';
    EXPECT_EQ(accepted(std::string("/a") + c + "b"), visible && byte != '%' && byte != '\\') << byte;
    EXPECT_EQ(accepted(std::string("/a?x") + c + "zz"), visible && byte != '%') << byte;
  }
}

TEST(Target, RefusesBrokenPercentEncodings) {
  for (std::string const bad : {"%", "%4", "%g1", "%1g", "%%41", "%-1", "% 1", "%u0041", "%4%31", "%x41"})
    for (std::string const around : {"/", "/a", "/a?b="}) {
      EXPECT_FALSE(accepted(around + bad)) << around << bad;
    }
}

TEST(Target, DoubleEncodingIsRefused) {
  for (auto bad : {"/%2525", "/%252e%252e/a", "/%252f", "/a%25%32%66"}) EXPECT_FALSE(accepted(bad)) << bad;
}

TEST(TargetProperty, AgreesWithTheRulesSaidAnotherWayForEveryShortTarget) {
  std::string_view const alphabet = "/.%2ef\\?#a";
  std::size_t taken = 0;
  std::vector<std::string> level{""};
  for (int length = 0; length < 6; ++length) {
    std::vector<std::string> next;
    for (auto const& text : level)
      for (char c : alphabet) {
        next.push_back(text + c);
        bool const expected = reference(next.back());
        taken += expected;
        ASSERT_EQ(http::judge_target(next.back()).has_value(), expected) << next.back();
      }
    // Only what starts like a target grows on; the rest was refused at its first byte.
    level.clear();
    for (auto& text : next)
      if (text[0] == '/') level.push_back(std::move(text));
  }
  EXPECT_GT(taken, 1000u);
}

TEST(TargetProperty, AgreesWithTheRulesSaidAnotherWayForRandomTargets) {
  Random random("TargetProperty.RandomTargets");
  std::size_t taken = 0;
  for (int round = 0; round < 100000; ++round) {
    std::string target = "/";
    for (std::size_t pieces = random.below(8); pieces > 0; --pieces) {
      static char const* const parts[] = {"/",   ".", "..", "%2e", "%2F", "%5c", "a",  "v3", "?", "%00", "%25",
                                          "%41", ";", "=",  "&",   "%",   "%zz", "\\", "#",  "~", "%e9", "\x7f"};
      target += parts[random.below(std::size(parts))];
    }
    bool const expected = reference(target);
    taken += expected;
    ASSERT_EQ(accepted(target), expected) << "seed " << random.seed() << ": " << shown(target);
  }
  EXPECT_GT(taken, 1000u);
}

}  // namespace
}  // namespace gateway::test
