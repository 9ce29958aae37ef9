#include "cache_control.hpp"

#include <optional>
#include <vector>

#include "gateway/base/ascii.hpp"
#include "gateway/cache/invalidation.hpp"

namespace gateway::server {
namespace {

constexpr char json[] = "application/json";
constexpr std::size_t max_submission_id_bytes = 256;

AdminAnswer wrong(std::string_view why) { return {400, json, "{\"error\":\"" + std::string(why) + "\"}\n", {}}; }

std::optional<std::string> decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    if (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0) return std::nullopt;
    plain += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
    i += 2;
  }
  return plain;
}

// What a purge names: exactly one of the three.
struct Purge {
  std::optional<std::string> submission;
  std::optional<policy::OperationId> operation;
  std::optional<bool> all, soft;
};

// One sentence when it cannot be read.
std::string_view read_parameter(std::string_view name, std::string const& value, Purge& purge) {
  bool const yes = value == "true", no = value == "false";
  if (name == "submission_id" && !purge.submission && !value.empty() && value.size() <= max_submission_id_bytes) {
    purge.submission = value;
  } else if (name == "operation" && !purge.operation) {
    purge.operation = policy::operation_by_name(value);
    bool const cached = purge.operation && policy::operations[static_cast<std::size_t>(*purge.operation)].cacheable;
    if (!cached) return "operation has to be read_submission or read_applicant";
  } else if (name == "all" && !purge.all && (yes || no)) {
    purge.all = yes;
  } else if (name == "soft" && !purge.soft && (yes || no)) {
    purge.soft = yes;
  } else {
    return "give submission_id, operation or all=true, once, and soft=true if need be";
  }
  return {};
}

std::string_view read(std::string_view query, Purge& purge) {
  while (!query.empty()) {
    auto const pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    auto const equals = pair.find('=');
    auto const value = equals == std::string_view::npos ? std::nullopt : decoded(pair.substr(equals + 1));
    if (!value) return "malformed query";
    if (auto const problem = read_parameter(pair.substr(0, equals), *value, purge); !problem.empty()) return problem;
  }
  int const named = static_cast<int>(purge.submission.has_value()) + static_cast<int>(purge.operation.has_value()) + static_cast<int>(purge.all.value_or(false));
  return named == 1 ? "" : "give exactly one of submission_id, operation and all=true";
}

}  // namespace

proxy::CacheRules cache_rules(config::Config const& config, Secret const* key) {
  auto const& values = config.values;
  proxy::CacheRules rules;
  rules.enabled = values.cache_enabled;
  rules.ttls = {values.cache_ttl_approved, values.cache_ttl_rejected, values.cache_ttl_pending,  values.cache_ttl_incomplete,
                values.cache_ttl_list,     values.cache_ttl_not_found, values.cache_ttl_other};
  rules.stale = {values.cache_stale_while_revalidate, values.cache_stale_if_error};
  rules.members = cache::membership_subject("api_key");
  if (key == nullptr) {
    rules.enabled = false;  // there is nothing to ask with, and no name for who shares answers
    return rules;
  }
  if (values.cache_scope == "tenant")
    for (auto const& tenant : config.tenants.all()) rules.scopes.push_back(scope_of(*key, tenant.name));
  else
    rules.scopes.push_back(scope_of(*key, ""));
  return rules;
}

AdminAnswer purge_cache(cache::Store& store, cache::Peers* peers, std::string_view query) {
  Purge purge;
  if (auto const problem = read(query, purge); !problem.empty()) return wrong(problem);
  bool const soft = purge.soft.value_or(false);
  auto& invalidations = soft ? store.soft() : store.invalidations();
  std::vector<cache::Subject> subjects;
  std::string what = "all";
  if (purge.submission) {
    subjects = {cache::submission_subject(*purge.submission), cache::any_submission_subject()};
    what = "submission";
  } else if (purge.operation) {
    subjects = {cache::operation_subject(static_cast<std::uint8_t>(*purge.operation))};
    what = policy::operation_name(*purge.operation);
  }
  if (subjects.empty()) invalidations.invalidate_all();
  for (auto const subject : subjects) invalidations.invalidate(subject);
  if (peers != nullptr && !soft) {
    if (subjects.empty()) peers->publish_all();
    else peers->publish(subjects);
  }
  return {200, json, "{\"purged\":\"" + what + "\",\"soft\":" + (soft ? "true" : "false") + "}\n", {}};
}

}  // namespace gateway::server
