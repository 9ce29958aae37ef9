#pragma once
#include "gateway/proxy/worker.hpp"

// Submissions and deletions end what the cache holds of a submission and of its account's lists: when the vendor may have
// the whole request, so that nothing that was asked before is kept, and when its answer is there, before the caller
// sees it, so that nothing is kept that was asked before the vendor made the change.
namespace gateway::proxy {

// From now on the exchange may change something.
void plan_change(Worker& worker, Exchange& x, policy::Route const& route);
// Before the last byte of the request goes to the vendor.
void announce_change(Exchange& x);
// The vendor has answered, whatever it said.
void confirm_change(Exchange& x);
// After the exchange; `whole`: the answer came to its end. An outcome that nobody knows stays unsettled for as long as the
// vendor may take.
void settle_change(Worker& worker, Exchange& x, bool whole);

}  // namespace gateway::proxy
