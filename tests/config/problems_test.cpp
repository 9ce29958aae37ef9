#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support/config_text.hpp"
#include "support/random.hpp"
#include "support/text.hpp"

namespace gateway::test {
namespace {

TEST(ConfigProblems, UnknownKeysGetASuggestion) {
  struct Row {
    char const* text;
    char const* expected;
  };
  Row const rows[] = {
      {"[limits]\nheader_byte = 5\n", "test.toml:2: limits.header_byte: unknown key (did you mean 'header_bytes'?)"},
      {"[limit]\n", "test.toml:1: limit: unknown key (did you mean 'limits'?)"},
      {"[servr]\n", "did you mean 'server'?"},
      {"[server]\nlistn = []\n", "did you mean 'listen'?"},
      {"[server.tlss]\n", "server.tlss: unknown key (did you mean 'tls'?)"},
      {"[server.tls]\ncertificat = \"x\"\n", "did you mean 'certificate'?"},
      {"[cache]\nzzzzzzzzzzzzzzzzzzzz = 1\n", "known here: enabled, memory"},
      {"zzzzzzzzzzzzz = 1\n", "known here: "},
      {"[server]\n[server.deep.er]\n", "server.deep: unknown key"},
  };
  for (auto const& row : rows)
    EXPECT_TRUE(mentions(problems_of(row.text + minimal), row.expected)) << problems_of(row.text + minimal);
  EXPECT_TRUE(mentions(problems_of(key_section + one_tenant + "operation = [\"*\"]\n"),
                       "tenant.operation: unknown key (did you mean 'operations'?)"));
}

TEST(ConfigProblems, AllAreReportedAtOnceInTheOrderOfTheFile) {
  auto const loaded = parse_text(
      "[server]\n"                           // 1
      "workers = -1\n"                       // 2
      "listen = [\"nonsense\"]\n"            // 3
      "[limits]\n"                           // 4
      "header_bytes = \"1GiB\"\n"            // 5
      "header_timeout = 5\n"                 // 6
      "colour = \"red\"\n"                   // 7
      "[upstream]\n"                         // 8
      "base_url = \"http://vendor.test\"\n"  // 9
      "[[tenant]]\n"                         // 10
      "name = \"a b\"\n"                     // 11
      "operations = [\"read_submisson\"]\n"  // 12
      "[api_key]\n"                          // 13
      "file = \"k\"\n"                       // 14
      "env = \"K\"\n");                      // 15
  std::vector<std::pair<unsigned, std::string>> found;
  for (auto const& problem : loaded.problems) found.emplace_back(problem.line, problem.key);
  std::vector<std::pair<unsigned, std::string>> const expected = {
      {2, "server.workers"},     {3, "server.listen"},     {5, "limits.header_bytes"}, {6, "limits.header_timeout"},
      {7, "limits.colour"},      {9, "upstream.base_url"}, {10, "tenant.name"},        {10, "tenant.name"},
      {10, "tenant.operations"}, {15, "api_key.env"}};
  EXPECT_EQ(found, expected) << problems_of(loaded);
  EXPECT_FALSE(loaded.good());
  for (auto const& problem : loaded.problems) {
    EXPECT_FALSE(problem.message.empty());
    EXPECT_FALSE(problem.remedy.empty()) << problem.text();
    EXPECT_EQ(problem.file, "test.toml");
  }
}

TEST(ConfigProblems, BrokenTomlIsOneProblemWithItsLine) {
  for (auto const& [text, line] : {std::pair("[server\n", 1u), std::pair("\n\nx = \n", 3u),
                                   std::pair("[a]\nb = \"\n", 2u), std::pair("[a]\nx = 1\nx = 2\n", 3u)}) {
    auto const loaded = parse_text(text);
    ASSERT_EQ(loaded.problems.size(), 1u) << text;
    EXPECT_EQ(loaded.config, nullptr);
    EXPECT_GE(loaded.problems[0].line, line) << loaded.problems[0].text();
    EXPECT_LE(loaded.problems[0].line, line + 1) << loaded.problems[0].text();
  }
}

TEST(ConfigProblems, RepeatedKeysAndSectionsAreErrors) {
  EXPECT_NE(problems_of("[server]\nworkers = 1\nworkers = 1\n" + minimal), "");
  EXPECT_NE(problems_of("[server]\nworkers = 1\n[server]\nlisten = [\"a:1\"]\n" + minimal), "");
}

TEST(ConfigProblems, SectionsOfTheWrongShape) {
  EXPECT_TRUE(mentions(problems_of("server = 1\n" + minimal), "server: is not a table"));
  EXPECT_TRUE(mentions(problems_of("[[server]]\n" + minimal), "server: is not a table"));
  EXPECT_TRUE(mentions(problems_of("[server]\ntls = 1\n" + minimal), "server.tls: is not a table"));
  EXPECT_TRUE(mentions(problems_of(key_section + "[tenant]\nname = \"x\"\n"), "tenant: is not a list of tables"));
  EXPECT_TRUE(mentions(problems_of("tenant = [1, 2]\n" + key_section), "tenant: is not a list of tables"));
}

TEST(ConfigProblems, WhatIsMissingIsSaid) {
  EXPECT_TRUE(mentions(problems_of(""), "api_key.file: is missing"));
  EXPECT_TRUE(mentions(problems_of(""), "tenant: is missing"));
  EXPECT_TRUE(mentions(problems_of(one_tenant), "api_key.file: is missing"));
  EXPECT_TRUE(mentions(problems_of(key_section), "tenant: is missing"));
}

TEST(ConfigProblems, UrlsOfRedisAreSaidToBeWrongWithoutTheirPasswords) {
  auto const good = [](std::string const& url) { return parse_text("[store]\nredis = \"" + url + "\"\n" + minimal).good(); };
  EXPECT_TRUE(good("") && good("redis://:PASSWORD@h:1/2") && good("rediss://[::1]"));
  auto const problems = problems_of("[cache]\nenabled = true\n[store]\nredis = \"redis://:PASSWORD@h:port\"\n" + minimal);
  EXPECT_EQ(problems, "test.toml:4: store.redis: has a port that is no number from 1 to 65535 (write redis://host:6379)\n");
}

TEST(ConfigText, EnvironmentVariablesStandForValues) {
  ::setenv("ARGOS_TEST_HOST", "vendor.test", 1);
  ::setenv("ARGOS_TEST_EMPTY", "", 1);
  ::setenv("ARGOS_TEST_NESTED", "${ARGOS_TEST_HOST}", 1);
  ::unsetenv("ARGOS_TEST_UNSET");
  auto const loaded = parse_text(
      "[upstream]\nbase_url = \"https://${ARGOS_TEST_HOST}/v${ARGOS_TEST_EMPTY}3\"\n[limits]\nheader_bytes = "
      "\"${ARGOS_TEST_EMPTY}8KiB\"\n" +
      minimal);
  ASSERT_TRUE(loaded.good()) << problems_of(loaded);
  EXPECT_EQ(loaded.config->values.upstream_base_url, "https://vendor.test/v3");
  EXPECT_EQ(loaded.config->values.limits_header_bytes, 8192u);
  auto const nested = parse_text("[store]\nredis = \"${ARGOS_TEST_NESTED}\"\n" + minimal);
  EXPECT_EQ(nested.config->values.store_redis, "${ARGOS_TEST_HOST}") << "what a variable holds is not read again";
  auto const problems = problems_of("[upstream]\nbase_url = \"https://${ARGOS_TEST_UNSET}/\"\n" + minimal);
  EXPECT_TRUE(
      mentions(problems,
               "test.toml:2: upstream.base_url: refers to the environment variable ARGOS_TEST_UNSET, which is not set"))
      << problems;
}

TEST(ConfigText, PathsAreRelativeToTheFile) {
  auto const loaded = parse_text(
      "[upstream]\nca_file = \"certs/../ca.pem\"\n[audit]\ndirectory = \"/var/audit\"\n[api_key]\nfile = \"key\"\n" +
      one_tenant);
  ASSERT_TRUE(loaded.good()) << problems_of(loaded);
  EXPECT_EQ(loaded.config->values.upstream_ca_file, "/etc/argos/ca.pem");
  EXPECT_EQ(loaded.config->values.audit_directory, "/var/audit");
  EXPECT_EQ(loaded.config->values.api_key_file, "/etc/argos/key");
  EXPECT_EQ(loaded.config->values.server_tls_certificate, "") << "an empty path stays empty";
}

TEST(ConfigText, FilesAreReadFromDisk) {
  auto const folder = std::filesystem::temp_directory_path() / ("argos-config-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "g.toml") << "[api_key]\nfile = \"key\"\n" << one_tenant;
  auto const loaded = config::load(folder / "g.toml");
  EXPECT_TRUE(loaded.good()) << problems_of(loaded);
  EXPECT_EQ(loaded.config->values.api_key_file, (folder / "key").string());
  auto const missing = config::load(folder / "missing.toml");
  ASSERT_EQ(missing.problems.size(), 1u);
  EXPECT_TRUE(mentions(missing.problems[0].text(), "cannot be read"));
  EXPECT_FALSE(config::load(folder).good()) << "a folder is no file";
  std::filesystem::remove_all(folder);
}

TEST(ConfigText, TheShippedExamplesAreValid) {
  for (auto name : {"local.toml", "gateway.toml"}) {
    auto const loaded = config::load(std::filesystem::path(ARGOS_REPO) / "config" / name);
    EXPECT_TRUE(loaded.good()) << name << ": " << problems_of(loaded);
  }
}

TEST(ConfigProperty, AnyTextGivesProblemsOrAConfigurationAndNothingElse) {
  Random random("ConfigProperty.AnyText");
  std::string const valid =
      "[server]\nlisten = [\"127.0.0.1:8080\"]\nworkers = 2\n[server.tls]\ncertificate = \"c\"\nprivate_key = "
      "\"k\"\n[limits]\nheader_bytes = \"8KiB\"\n" +
      minimal;
  for (int round = 0; round < 3000; ++round) {
    auto text = valid;
    for (std::size_t edits = 1 + random.below(4); edits > 0; --edits) {
      auto const at = random.below(text.size());
      if (random.chance(3))
        text.erase(at, 1 + random.below(6));
      else if (random.chance(2))
        text.insert(at, 1, random.from("[]{}=\"'\n.#$,0a\\"));
      else
        text[at] = random.byte();
      if (text.empty()) text = "\n";
    }
    auto const loaded = parse_text(text);
    ASSERT_TRUE(loaded.good() || !loaded.problems.empty()) << "seed " << random.seed() << ": " << shown(text);
  }
}

}  // namespace
}  // namespace gateway::test
