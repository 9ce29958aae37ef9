// The command line of argos-sandbox.
#include "options.hpp"
#include "server.hpp"
#include "text.hpp"
#include "triggers.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace {

/// "new,old": the keys of one project, both valid while a key is rotated.
std::vector<std::string> split_keys(std::string const& text) {
  std::vector<std::string> keys;
  for (std::size_t start = 0; start <= text.size();) {
    std::size_t const end = std::min(text.find(',', start), text.size());
    if (end > start) {
      keys.push_back(text.substr(start, end - start));
    }
    start = end + 1;
  }
  return keys;
}

struct Raw {
  std::vector<std::string> tls;
  std::vector<std::string> keys;
  std::string two_faces = "pass";
  std::string latency = "none";
  std::string retry_rule = "v3";
};

void add_transport_options(CLI::App& serve, sandbox::Options& options, Raw& raw) {
  serve.add_option("--listen", options.listen, "HOST:PORT; port 0 picks a free one")->capture_default_str();
  serve.add_option("--tls", raw.tls, "CERT KEY: PEM files; without them plain HTTP")->expected(2);
  serve.add_option("--base-path", options.base_path, "what stands before /submission")->capture_default_str();
  serve.add_option("--max-connections", options.max_connections, "one thread each; more have to wait")
      ->capture_default_str()
      ->check(CLI::Range(1, 20000));
  serve.add_option("--idle-timeout", options.idle_timeout_seconds, "seconds until a silent connection is closed")
      ->capture_default_str()
      ->check(CLI::Range(1, 86400));
  serve
      .add_option("--latency", raw.latency,
                  "none, or realistic: each operation takes about as long as the real one may")
      ->capture_default_str()
      ->check(CLI::IsMember({"none", "realistic"}));
  serve.add_flag("--log", options.log, "one line a request on stderr, without query or body");
}

void add_project_options(CLI::App& serve, sandbox::Options& options, Raw& raw) {
  serve
      .add_option("--api-key", raw.keys,
                  "key of a project (default sandbox-key); KEY,KEY are two keys of one project; given again, it adds "
                  "a project with data of its own")
      ->allow_extra_args(false);
  serve.add_option("--allow", options.allow, "addresses or CIDR networks that may call; default: all")->expected(1, -1);
  serve
      .add_option("--retry-rule", raw.retry_rule,
                  "v3: rejected when step 1 and step 2 reach 3 retries together; seed: when step 2 goes over 3")
      ->capture_default_str()
      ->check(CLI::IsMember({"v3", "seed"}));
  serve.add_option("--default-count", options.default_count, "page size of a lookup without count")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, sandbox::max_count));
  serve.add_option("--file-limit", options.file_limit, "bytes of a file part; more is a 413")->capture_default_str();
  serve.add_option("--two-faces", raw.two_faces, "pass, or retry: whether two faces ask for another image")
      ->capture_default_str()
      ->check(CLI::IsMember({"pass", "retry"}));
  serve.add_flag("--collect-address", options.collect_address, "the project collects addresses, so step 2 needs them");
  serve.add_flag("--keep-deleted", options.keep_deleted,
                 "lookups still show id, dates, document type and status of deleted submissions, as the newer guide says");
  serve.add_flag("!--no-duplicate-guard", options.duplicate_guard, "an approved e-mail may submit again");
  serve.add_option("--samples", options.samples, "approved submissions to begin with")
      ->capture_default_str()
      ->check(CLI::Range(0, 100000));
  serve.add_option("--max-records", options.max_records, "the oldest submission leaves when there are more")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000000));
}

int usage_error(char const* text) {
  std::fprintf(stderr, "argos-sandbox: %s\n", text);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  sandbox::Options options;
  Raw raw;
  CLI::App app("A stand-in for the Argos KYC API: the documented behaviour on made-up data, for development and tests.",
               "argos-sandbox");
  app.footer(sandbox::trigger_help());
  app.require_subcommand(1);
  CLI::App* const serve = app.add_subcommand("serve", "run in the foreground until SIGTERM or SIGINT");
  serve->footer(sandbox::trigger_help());
  add_transport_options(*serve, options, raw);
  add_project_options(*serve, options, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what());
  }
  if (raw.tls.size() == 2) {
    options.certificate = raw.tls[0];
    options.private_key = raw.tls[1];
  }
  if (raw.keys.empty()) {
    raw.keys.emplace_back("sandbox-key");
  }
  for (std::string const& text : raw.keys) {
    options.projects.push_back(split_keys(text));
    if (options.projects.back().empty()) {
      return usage_error("--api-key needs a key");
    }
  }
  if (!options.base_path.empty() && (options.base_path.front() != '/' || options.base_path.back() == '/')) {
    return usage_error("--base-path begins with a slash and does not end in one");
  }
  options.retry_rule = raw.retry_rule == "v3" ? sandbox::RetryRule::v3 : sandbox::RetryRule::seed;
  options.realistic_latency = raw.latency == "realistic";
  options.two_faces_retry = raw.two_faces == "retry";
  return sandbox::run_server(options);
}
