#include "relay.hpp"

#include "change.hpp"

namespace gateway::proxy {

Failure read_failure(upstream::Connection const& up) {
  return up.deadline.expired() ? Failure{up.deadline.reason()} : Failure{Code::upstream_reset};
}

void arm_upstream(Exchange const& x, upstream::Connection& up, Duration timeout, Code reason) {
  if (up.deadline.expired()) return;  // the connection is broken off already, and why shall not be forgotten
  auto const at = coarse_now() + timeout;
  auto const end = x.started + Duration(x.snapshot->config->values.upstream_total_timeout);
  if (at <= end) up.deadline.arm(at, reason);
  else up.deadline.arm(end, Code::upstream_total_timeout);
}

net::Task<Result<>> relay(Worker& worker, Downstream& down, Exchange& x, upstream::Lease& lease) {
  auto& up = *lease;
  GW_CO_CHECK(co_await send_request(down, x, up));
  GW_CO_TRY(start, co_await receive_head(worker, down, x, up));
  x.upstream_status = x.answer.status;
  confirm_change(x);
  if (x.answer.status == 403) co_return co_await explain_forbidden(x, up, start);
  GW_CO_CHECK(policy::judge_status(x.answer.status, static_cast<bool>(x.revalidated)));
  // An answer before the end of the upload: the rest is not wanted any more, and the connection is of no more use.
  if (!x.body.done()) x.fate = std::max(x.fate, Fate::drain);
  if (worker.draining) x.fate = std::max(x.fate, Fate::close);
  // A vendor that refuses an upload may not have read it, although the kernel took all of it: the next request would
  // wait behind the rest.
  bool const unread_upload = x.body.total() > 0 && (x.answered_early || x.answer.status >= 400);
  auto const done = x.capture == nullptr ? co_await send_answer(down, x, up, start) : co_await capture_answer(worker, x, up, start);
  if (!done) co_return done.error();
  bool const reusable = *done;
  if (reusable && x.body.done() && !unread_upload) {
    up.read_ahead();
    lease.release();
  }
  co_return Result<>();
}

}  // namespace gateway::proxy
