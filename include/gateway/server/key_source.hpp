#pragma once
#include <memory>
#include <string>

#include "gateway/base/secret.hpp"
#include "gateway/config/config.hpp"

namespace gateway::server {

struct KeyResult {
  std::shared_ptr<Secret const> key;  // null when there is none to use
  std::string error;                  // one sentence, never the key
};

// Reads the vendor key from where [api_key] says. Blanks and line ends around it are dropped; what is left must be 1 to
// 4096 visible ASCII characters, since it becomes a header value. A key in the environment is taken out of it, so that it
// can be read once.
KeyResult read_key(config::Values const& values);

}  // namespace gateway::server
