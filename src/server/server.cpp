#include "gateway/server/server.hpp"

#include <boost/version.hpp>
#include <openssl/crypto.h>
#include <spdlog/version.h>
#include <sys/resource.h>

#include <csignal>
#include <exception>
#include <new>

#include "control.hpp"

namespace gateway::server {

std::vector<config::Problem> check_environment(config::Config const& config) {
  std::vector<config::Problem> problems;
  auto const add = [&](std::string key, std::string message, std::string remedy) {
    auto const line = config.line_of(key);
    problems.push_back({config.file, line, std::move(key), std::move(message), std::move(remedy)});
  };
  auto const& values = config.values;
  if (!values.server_tls_certificate.empty()) {
    auto const made = net::make_server_context({values.server_tls_certificate, values.server_tls_private_key,
                                                values.server_tls_client_ca, values.server_tls_require_client_certificate});
    if (!made.context) add("server.tls." + made.culprit, made.error, "check the file and its permissions");
  }
  if (config.upstream.tls)
    if (auto const made = net::make_client_context(values.upstream_ca_file); !made.context)
      add("upstream.ca_file", made.error, "name a PEM file with the vendor's CA");
  if (auto const key = read_key(values); !key.key)
    add(values.api_key_file.empty() ? "api_key.env" : "api_key.file", key.error, "provide the vendor key");
  return problems;
}

namespace {
// Connections need descriptors: as many as the system lets us have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}
}  // namespace

int serve(std::unique_ptr<config::Config> config, BuildInfo const& build) {
  std::signal(SIGPIPE, SIG_IGN);
  // Out of memory ends the process: no session could be unwound safely while its operations are in flight.
  std::set_new_handler([] { std::terminate(); });
  raise_descriptor_limit();
  Control control(std::move(config), build);
  if (!control.open()) return 1;
  return control.run();
}

std::vector<std::string> library_versions() {
  auto const boost = "Boost " + std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000) + "." +
                     std::to_string(BOOST_VERSION % 100);
  auto const spdlog = "spdlog " + std::to_string(SPDLOG_VER_MAJOR) + "." + std::to_string(SPDLOG_VER_MINOR) + "." +
                      std::to_string(SPDLOG_VER_PATCH);
  return {boost, OpenSSL_version(OPENSSL_VERSION), spdlog};
}

std::string reasons_page() {
  std::string page =
      "# Reason codes\n\n"
      "Made by `argos-gateway doc reasons`; do not edit. The code is the `reason` of a problem body, the value of\n"
      "`x-gateway-reason`, the `reason` of the access line and the `reason` label of the metrics. Status 499 is never\n"
      "sent: it marks an exchange whose caller left. `connection`: what becomes of the caller's connection (`drain`:\n"
      "the rest of the body is read for a bounded time, then the connection is closed; without a body it is kept).\n\n"
      "| code | status | whose fault | connection | title | remedy |\n|---|---|---|---|---|---|\n";
  constexpr char const* origins[] = {"caller", "vendor", "gateway"};
  constexpr char const* fates[] = {"keep", "drain", "close"};
  for (auto const& row : failure_traits)
    page += "| `" + std::string(row.token) + "` | " + std::to_string(row.status) + " | " + origins[static_cast<std::size_t>(row.origin)] +
            " | " + fates[static_cast<std::size_t>(row.fate)] + " | " + std::string(row.title) + " | " + std::string(row.remedy) + " |\n";
  return page;
}

}  // namespace gateway::server
