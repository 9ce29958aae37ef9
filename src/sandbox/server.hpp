#pragma once

#include "options.hpp"

namespace sandbox {

/// Runs until SIGTERM or SIGINT; the exit status.
[[nodiscard]] int run_server(Options const& options);

}  // namespace sandbox
