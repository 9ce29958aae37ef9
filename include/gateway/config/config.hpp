#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/parameters.hpp"
#include "gateway/policy/tenant.hpp"

namespace gateway::config {

// One mistake in a configuration file.
struct Problem {
  std::string file;
  unsigned line = 0;  // 0: the file as a whole
  std::string key;    // "limits.header_bytes"
  std::string message;
  std::string remedy;

  // "gateway.toml:12: limits.header_bytes: ... (remedy)"
  std::string text() const;
};

// A place to listen on.
struct Endpoint {
  bool is_unix = false;
  std::string host;  // address without brackets, or the path of a unix socket
  std::uint16_t port = 0;

  static std::optional<Endpoint> parse(std::string_view text);
  std::string text() const;
};

// The vendor's base URL taken apart.
struct UpstreamUrl {
  bool tls = true;
  std::string host;         // without brackets
  std::uint16_t port = 443;
  std::string host_header;  // as Host carries it
  std::string path;         // "" or "/v3": no slash at the end

  static std::optional<UpstreamUrl> parse(std::string_view text);
  bool is_loopback() const;
};

// A validated configuration. Immutable; shared by all threads.
struct Config {
  std::string file;
  Values values;
  std::vector<TenantValues> tenant_values;
  std::vector<Endpoint> listen;
  Endpoint admin;
  UpstreamUrl upstream;
  policy::TenantTable tenants;
  std::map<std::string, unsigned> lines;  // where in the file each key stands that is there

  unsigned line_of(std::string const& key) const {
    auto const found = lines.find(key);
    return found == lines.end() ? 0 : found->second;
  }
};

struct Loaded {
  std::unique_ptr<Config> config;  // null when the file is no TOML; to be used only when good()
  std::vector<Problem> problems;
  bool good() const { return config != nullptr && problems.empty(); }
};

// Reads and validates a file. Reports every problem it can find, not only the first. Looks up ${NAME} in the process
// environment. Does not open other files: see server/startup for what needs them.
Loaded load(std::filesystem::path const& file);
// The same for text in memory; `name` stands for the file in problems, `folder` is what relative paths start from.
Loaded parse(std::string_view text, std::string const& name, std::filesystem::path const& folder);

// Keys whose value differs, as "section.key: old -> new"; values of secrets are never part of a configuration.
// `needs_restart` receives those that a running gateway does not take over.
std::vector<std::string> differences(Config const& before, Config const& after, std::vector<std::string>& needs_restart);

// Puts the values that only a restart changes back to what `running` has.
void keep_restart_values(Config const& running, Config& reloaded);

// The reference page (Markdown).
std::string reference_page();

}  // namespace gateway::config
