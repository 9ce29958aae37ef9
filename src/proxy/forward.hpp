#pragma once
#include "gateway/proxy/worker.hpp"

namespace gateway::proxy {

// Proof that a key was loaded when the request was authorised; the exchange's snapshot holds it.
class Credential {
 private:
  Credential() = default;
  friend Result<Credential> credential_for(policy::Permit const&, Exchange const&);
};
Result<Credential> credential_for(policy::Permit const& permit, Exchange const& x);

// Sends the request in x.request_out to the vendor and its answer to the caller, with at most one retry where the
// operation's rule allows it.
net::Task<Result<>> forward(Worker& worker, Downstream& down, Exchange& x, policy::Permit permit, Credential credential);

}  // namespace gateway::proxy
