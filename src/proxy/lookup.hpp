#pragma once
#include "forward.hpp"

namespace gateway::proxy {

// Answers a lookup from the cache, or from the one question to the vendor that all who ask the same share. False when it
// has to be forwarded for this caller alone; x.cache_status says why.
net::Task<Result<bool>> look_up(Worker& worker, Downstream& down, Exchange& x, policy::Permit permit, Credential credential,
                                policy::Route const& route);

}  // namespace gateway::proxy
