#include "forward.hpp"

#include "relay.hpp"

namespace gateway::proxy {
namespace {

constexpr int max_attempts = 2;

bool is_connect_failure(Code code) {
  return code == Code::upstream_connect_failed || code == Code::upstream_connect_timeout;
}

// Lookups: once more after a failed connection, or when a reused connection died before the first byte of the answer.
// Everything else: only while no byte has been handed to the kernel, which is to say that nothing happened yet.
bool may_retry(Failure failure, policy::Permit const& permit, bool reused, Exchange const& x) {
  if (x.attempts >= max_attempts || x.answer_started || x.response_begun || x.body_started) return false;
  bool const died = failure.code == Code::upstream_reset && reused;
  if (permit.operation().retry == policy::RetryRule::never_once_sent) return died && x.ever_sent_upstream == 0;
  return died || is_connect_failure(failure.code);
}

void count_failure(Worker& worker, Exchange const& x, Failure failure) {
  if (failure.traits().origin != Origin::client)
    worker.metrics.upstream_errors.add(static_cast<std::uint64_t>(x.operation->id) << 16 | static_cast<std::uint64_t>(failure.code));
}

}  // namespace

Result<Credential> credential_for(policy::Permit const&, Exchange const& x) {
  if (!x.snapshot->api_key) return Failure{Code::api_key_missing};
  return Credential();
}

net::Task<Result<>> forward(Worker& worker, Downstream& down, Exchange& x, policy::Permit permit, Credential) {
  worker.retries.on_request();
  for (;;) {
    ++x.attempts;
    x.enter(Phase::connect);
    auto acquired = co_await worker.pool.acquire(x.attempts > 1);
    Failure failure{Code::internal_error};
    bool reused = false;
    if (acquired) {
      x.enter(Phase::relay);
      auto lease = std::move(*acquired);
      reused = lease.reused();
      auto const relayed = co_await relay(worker, down, x, lease);
      if (relayed) co_return relayed;
      failure = relayed.error();
    } else {
      failure = acquired.error();
    }
    count_failure(worker, x, failure);
    if (!may_retry(failure, permit, reused, x) || !worker.retries.take()) co_return failure;
    worker.metrics.upstream_retries.add();
  }
}

}  // namespace gateway::proxy
