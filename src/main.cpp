// Arguments, and nothing else: each command is one function of a module.
#include <openssl/evp.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "gateway/base/identifiers.hpp"
#include "gateway/base/secret.hpp"
#include "gateway/config/config.hpp"
#include "gateway/server/server.hpp"

namespace {

constexpr char compiler[] = "clang " __clang_version__;
constexpr int exit_usage = 2;

void print(std::string const& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int report(std::vector<gateway::config::Problem> const& problems) {
  for (auto const& problem : problems) std::fprintf(stderr, "%s\n", problem.text().c_str());
  std::fprintf(stderr, "%zu problem%s found\n", problems.size(), problems.size() == 1 ? "" : "s");
  return 1;
}

int serve(std::string const& file) {
  auto loaded = gateway::config::load(file);
  if (!loaded.good()) return report(loaded.problems);
  return gateway::server::serve(std::move(loaded.config), {ARGOS_VERSION, ARGOS_COMMIT, compiler});
}

int check(std::string const& file) {
  auto loaded = gateway::config::load(file);
  // Also when the file has mistakes: what it says of other files is looked at all the same.
  auto& problems = loaded.problems;
  if (loaded.config) {
    auto const more = gateway::server::check_environment(*loaded.config);
    problems.insert(problems.end(), more.begin(), more.end());
  }
  if (!problems.empty()) return report(problems);
  print(file + ": valid\n");
  return 0;
}

// A token is shown once; only its hash goes into the configuration.
int new_token() {
  unsigned char raw[32];
  gateway::KernelEntropy entropy;
  for (int i = 0; i < 4; ++i) {
    auto const word = entropy.next();
    std::memcpy(raw + 8 * i, &word, 8);
  }
  char token[5 + 64] = {'a', 'r', 'g', 'w', '_'};
  gateway::write_hex({raw, sizeof raw}, token + 5);
  unsigned char digest[32];
  char hash[64];
  EVP_Digest(token, sizeof token, digest, nullptr, EVP_sha256(), nullptr);
  gateway::write_hex({digest, sizeof digest}, hash);
  print("token (shown once; the caller sends it as `Authorization: Bearer ...`):\n" + std::string(token, sizeof token) +
        "\n\nline for the tenant's table in the configuration:\ntokens = [\"sha256:" + std::string(hash, sizeof hash) + "\"]\n");
  gateway::wipe({token, sizeof token});
  return 0;
}

int version() {
  std::string text = std::string("argos-gateway ") + ARGOS_VERSION + " (" + ARGOS_COMMIT + ")\n" + compiler + "\n";
  for (auto const& library : gateway::server::library_versions()) text += library + "\n";
  print(text);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  gateway::forbid_core_dumps();
  CLI::App app{"A gateway that adds the vendor key to calls to the Argos identity-verification API"};
  std::string file;
  auto* const serve_command = app.add_subcommand("serve", "run the gateway in the foreground");
  serve_command->add_option("--config", file, "configuration file (TOML)")->required();
  auto* const check_command = app.add_subcommand("check", "validate a configuration and the files it names");
  check_command->add_option("--config", file, "configuration file (TOML)")->required();
  auto* const token_command = app.add_subcommand("token", "caller tokens");
  token_command->add_subcommand("new", "make a token; prints it once, with the line for the configuration");
  auto* const version_command = app.add_subcommand("version", "version, commit, compiler, libraries");
  auto* const doc_command = app.add_subcommand("doc", "print a reference page");
  auto* const doc_config = doc_command->add_subcommand("config", "every configuration key");
  doc_command->add_subcommand("reasons", "every reason code");
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) {
    return app.exit(error) == 0 ? 0 : exit_usage;
  }
  // Not CLI11's require_subcommand: with a mistyped command it says that one is missing, and not which word was wrong.
  for (auto const* command : {&app, std::as_const(token_command), std::as_const(doc_command)})
    if ((command == &app || *command) && command->get_subcommands().empty()) {
      std::fprintf(stderr, "%s needs a command; see --help\n", command == &app ? "argos-gateway" : command->get_name().c_str());
      return exit_usage;
    }
  if (*serve_command) return serve(file);
  if (*check_command) return check(file);
  if (*token_command) return new_token();
  if (*version_command) return version();
  print(*doc_config ? gateway::config::reference_page() : gateway::server::reasons_page());
  return 0;
}
