// Configuration files. Holds that any text gives problems or a configuration, that problems can be printed, that a
// good configuration keeps its bounds and does not differ from itself.
#include <cstdlib>

#include "gateway/config/config.hpp"
#include "require.hpp"

namespace {

using namespace gateway;
using fuzz::require;

void check_good(std::string_view text, config::Config const& config) {
  auto const& values = config.values;
  require(values.limits_header_bytes >= 1024 && values.limits_header_bytes <= 61440, "header_bytes within its bounds");
  require(values.limits_header_fields >= 8 && values.limits_header_fields <= 200, "header_fields within its bounds");
  require(values.api_key_file.empty() != values.api_key_env.empty(), "one source of the key");
  require(config.listen.size() == values.server_listen.size(), "each address was read");
  require(!config.tenants.all().empty() && config.tenants.all().size() == config.tenant_values.size(), "tenants");
  bool const plain_allowed =
      values.upstream_allow_plain_http_anywhere || (values.upstream_allow_plain_http && config.upstream.is_loopback());
  require(config.upstream.tls || plain_allowed, "plain HTTP needs leave");
  auto again = config::parse(text, "fuzz.toml", "/etc");
  require(again.good(), "the verdict is repeatable");
  std::vector<std::string> restart;
  require(config::differences(config, *again.config, restart).empty() && restart.empty(), "no difference from itself");
  config::keep_restart_values(config, *again.config);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  auto const loaded = config::parse(text, "fuzz.toml", "/etc");
  require(loaded.good() || !loaded.problems.empty(), "problems or a configuration");
  unsigned line = 0;
  for (auto const& problem : loaded.problems) {
    require(problem.line >= line, "problems in the order of the file");
    line = problem.line;
    require(!problem.message.empty() && problem.text().starts_with("fuzz.toml"), "a problem says where and what");
  }
  if (loaded.good()) check_good(text, *loaded.config);
  return 0;
}
