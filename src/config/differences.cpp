#include <algorithm>

#include "gateway/config/config.hpp"
#include "scalars.hpp"

namespace gateway::config {
namespace {
std::string show(std::string const& v) { return "\"" + v + "\""; }
std::string show(std::uint64_t v) { return format_size(v); }
std::string show(std::int64_t v) { return std::to_string(v); }
std::string show(bool v) { return v ? "true" : "false"; }
std::string show(std::chrono::milliseconds v) { return format_duration(v); }
template <class T>
std::string show(std::vector<T> const& v) {
  std::string text = "[";
  for (auto const& item : v) text += (text.size() > 1 ? ", " : "") + show(item);
  return text + "]";
}

// Token hashes stay out of logs, and so does a store's address, which may hold a password: what changed is said, not
// to what.
bool is_private(std::string_view key) { return key == "tokens" || key == "redis"; }

std::vector<std::string> tenant_differences(TenantValues const& a, TenantValues const& b) {
  std::vector<std::string> lines;
#define GW_ROW(kind_, section, id, key, default_, min, max, reload, doc)                                     \
  if (a.key != b.key)                                                                                        \
    lines.push_back("tenant " + a.name + "." #key + (is_private(#key) ? std::string(": changed") : ": " + show(a.key) + " -> " + show(b.key)));
  GW_TENANT_PARAMETERS(GW_ROW)
#undef GW_ROW
  return lines;
}

TenantValues const* find(std::vector<TenantValues> const& tenants, std::string const& name) {
  auto const at = std::find_if(tenants.begin(), tenants.end(), [&](auto const& t) { return t.name == name; });
  return at == tenants.end() ? nullptr : &*at;
}
}  // namespace

std::vector<std::string> differences(Config const& before, Config const& after, std::vector<std::string>& needs_restart) {
  std::vector<std::string> lines;
#define GW_ROW(kind_, section, id, key, default_, min, max, reload, doc)                                         \
  if (before.values.id##_##key != after.values.id##_##key) {                                                     \
    lines.push_back(section "." #key +                                                                           \
                    (is_private(#key) ? std::string(": changed")                                                 \
                                      : ": " + show(before.values.id##_##key) + " -> " + show(after.values.id##_##key))); \
    if (std::string_view(#reload) == "no") needs_restart.push_back(section "." #key);                            \
  }
  GW_PARAMETERS(GW_ROW)
#undef GW_ROW
  for (auto const& tenant : before.tenant_values) {
    auto const* now = find(after.tenant_values, tenant.name);
    if (now == nullptr) {
      lines.push_back("tenant " + tenant.name + ": removed");
      continue;
    }
    auto changed = tenant_differences(tenant, *now);
    lines.insert(lines.end(), changed.begin(), changed.end());
  }
  for (auto const& tenant : after.tenant_values)
    if (find(before.tenant_values, tenant.name) == nullptr) lines.push_back("tenant " + tenant.name + ": added");
  return lines;
}

void keep_restart_values(Config const& running, Config& reloaded) {
#define GW_ROW(kind_, section, id, key, default_, min, max, reload, doc) \
  if (std::string_view(#reload) == "no") reloaded.values.id##_##key = running.values.id##_##key;
  GW_PARAMETERS(GW_ROW)
#undef GW_ROW
  reloaded.listen = running.listen;
  reloaded.admin = running.admin;
  reloaded.upstream = running.upstream;
}

}  // namespace gateway::config
