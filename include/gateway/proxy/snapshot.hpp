#pragma once
#include <memory>
#include <string>
#include <vector>

#include "gateway/base/secret.hpp"
#include "gateway/cache/freshness.hpp"
#include "gateway/cache/key.hpp"
#include "gateway/cache/page.hpp"
#include "gateway/config/config.hpp"
#include "gateway/net/tls.hpp"

namespace gateway::proxy {

// The [cache] section as the request path uses it.
struct CacheRules {
  bool enabled = false;
  cache::Ttls ttls;
  cache::StaleAllowances stale;
  // Who shares answers: callers of one vendor key, or each tenant alone (then one for each row of the tenant table).
  std::vector<cache::Scope> scopes;
  // The lists of the account that the key belongs to. Named after where the key comes from: a new key is no new account.
  cache::Subject members{};
};

// What an exchange sees of configuration and key: one immutable picture, pinned until it ends, so that a reload or a
// new key never changes a request half way. Each worker holds it behind a reference count of its own.
struct Snapshot {
  std::shared_ptr<config::Config const> config;
  std::shared_ptr<Secret const> api_key;  // null when none is loaded
  net::TlsContext server_tls;             // null for plain listeners
  CacheRules cache;
};

}  // namespace gateway::proxy
