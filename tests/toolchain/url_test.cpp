#include <gtest/gtest.h>

#include <boost/url/src.hpp>
#include <string>

// Why targets and authorities are judged by code of our own: Boost.URL 1.81 decodes what it normalises, and takes
// ports that do not fit.
namespace {

namespace urls = boost::urls;

std::string normal(std::string const& target) {
  auto const parsed = urls::parse_origin_form(target);
  if (!parsed) return "refused";
  urls::url url(*parsed);
  url.normalize_path();
  return std::string(url.encoded_path().data(), url.encoded_path().size());
}

TEST(BoostUrl, NormalisingTurnsAnEncodedSlashIntoASeparator) { EXPECT_EQ(normal("/a%2fb"), "/a/b"); }

TEST(BoostUrl, TakesWhatAProxyMustRefuse) {
  EXPECT_NE(normal("//evil/x"), "refused");
  EXPECT_EQ(normal("/a/../b"), "/b");
  EXPECT_EQ(normal("/a/%2e%2e/b"), "/b");
  EXPECT_NE(normal("/a%00b"), "refused");
  EXPECT_NE(normal("/%c0%ae/"), "refused");
  EXPECT_NE(normal("/a//b"), "refused");
}

TEST(BoostUrl, RefusesWhatWeRefuseToo) {
  for (auto target : {"/a b", "/a\\b", "/\xff", "*", "/a#f", "/a?b=%zz"})
    EXPECT_EQ(normal(target), "refused") << target;
}

TEST(BoostUrl, TakesAPortThatDoesNotFitAndWrapsIt) {
  auto const authority = urls::parse_authority("a:99999");
  ASSERT_TRUE(authority.has_value());
  EXPECT_EQ(authority->port_number(), 34463);
}

TEST(BoostUrl, TakesHostsThatWeRefuse) {
  EXPECT_TRUE(urls::parse_authority("user@a:80").has_value());
  EXPECT_TRUE(urls::parse_authority("%61").has_value());
  EXPECT_TRUE(urls::parse_authority("a:").has_value());
}

}  // namespace
