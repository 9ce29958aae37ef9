#pragma once
#include <memory>
#include <string>

#include "gateway/base/secret.hpp"
#include "gateway/config/config.hpp"
#include "gateway/net/tls.hpp"

namespace gateway::proxy {

// What an exchange sees of configuration and key: one immutable picture, pinned until it ends, so that a reload or a
// new key never changes a request half way. Each worker holds it behind a reference count of its own.
struct Snapshot {
  std::shared_ptr<config::Config const> config;
  std::shared_ptr<Secret const> api_key;  // null when none is loaded
  net::TlsContext server_tls;             // null for plain listeners
};

}  // namespace gateway::proxy
