#pragma once
#include <string_view>

#include "gateway/base/secret.hpp"
#include "gateway/cache/peers.hpp"
#include "gateway/cache/store.hpp"
#include "gateway/config/config.hpp"
#include "gateway/proxy/snapshot.hpp"
#include "gateway/server/admin.hpp"

// The cache as the control thread handles it.
namespace gateway::server {

// The [cache] section for the request path. Without a key nothing is cached.
proxy::CacheRules cache_rules(config::Config const& config, Secret const* key);

// POST /cache/purge: submission_id=..., operation=... or all=true; soft=true marks as stale what would else be gone.
// What is gone here is gone on the other gateways; what is stale here is so here alone.
AdminAnswer purge_cache(cache::Store& store, cache::Peers* peers, std::string_view query);

}  // namespace gateway::server
