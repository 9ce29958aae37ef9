#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gateway/config/config.hpp"

namespace gateway::server {

struct BuildInfo {
  std::string version, commit, compiler;
};

// What `serve` needs beyond the file itself: certificates, CA files, the key. One problem for each that cannot be used.
std::vector<config::Problem> check_environment(config::Config const& config);

// Runs the gateway until it has drained. Exit code: 0 after a drain, 1 when it could not start or was stopped at once.
int serve(std::unique_ptr<config::Config> config, BuildInfo const& build);

// "Boost 1.81.0", "OpenSSL 3.0.19", ...
std::vector<std::string> library_versions();

// The reference page of the reason codes (Markdown).
std::string reasons_page();

}  // namespace gateway::server
