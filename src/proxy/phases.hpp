#pragma once
#include "gateway/proxy/worker.hpp"

namespace gateway::proxy {

// One request, from its judged head to its answer.
net::Task<Result<>> run_phases(Worker& worker, Downstream& down, Exchange& x);

}  // namespace gateway::proxy
