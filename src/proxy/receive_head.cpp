#include <cstring>
#include <utility>

#include "relay.hpp"

namespace gateway::proxy {
namespace {

// Interim answers (1xx) that are let pass unseen before the final one.
constexpr int max_interim_answers = 8;

Failure of_vendor(Failure failure) {
  // The parser names causes in the caller's terms; here they are the vendor's fault.
  switch (failure.code) {
    case Code::head_too_large:
    case Code::target_too_long: return {Code::upstream_head_too_large};
    default: return {Code::upstream_bad_response};
  }
}

// Most answers are there before it matters whether somebody still wants them: the caller is read, at the price of a
// system call, only when the vendor takes longer than until the next sweep.
net::Task<void> wait_a_little(Downstream& down, upstream::Connection& up) {
  down.nudge_soon(up.read_op);
  co_await net::WaitOne(up.read_op);
  down.disarm();
  if (up.read_op.pending()) down.listen();
}

// Waits for bytes of the vendor. A caller that breaks the connection meanwhile ends the exchange, unless it is a
// submission: those are seen through, so that their outcome is known.
net::Task<Result<>> wait_for_vendor(Downstream& down, Exchange& x, upstream::Connection& up) {
  bool const abandonable = x.operation->retry == policy::RetryRule::get_rules;
  if (abandonable && up.read_op.pending() && !down.read_op.pending()) co_await wait_a_little(down, up);
  while (up.read_op.pending()) {
    if (abandonable && down.read_op.pending()) {
      co_await net::WaitEither(up.read_op, down.read_op);
      // An orderly end of the caller's stream is a half-close: the answer is still wanted.
      if (!down.read_op.pending() && !down.settle() && down.failed()) co_return Failure{Code::client_gone};
    } else {
      co_await net::WaitOne(up.read_op);
    }
  }
  if (up.read_op.status() != net::IoStatus::ok) co_return read_failure(up);
  co_return Result<>();
}

// Adds what the vendor sends next to the bytes that are there.
net::Task<Result<>> receive_more(Downstream& down, Exchange& x, upstream::Connection& up, AnswerStart& have) {
  if (!up.read_op.pending() && !up.read_op.done()) {
    if (have.begin > 0) {
      std::memmove(up.buffer.get(), up.buffer.get() + have.begin, have.end - have.begin);
      have = {0, have.end - have.begin};
    }
    if (have.end == upstream::Connection::buffer_bytes) co_return Failure{Code::upstream_head_too_large};
    up.stream->start_read(up.read_op, {up.buffer.get() + have.end, upstream::Connection::buffer_bytes - have.end});
  }
  GW_CO_CHECK(co_await wait_for_vendor(down, x, up));
  if (!std::exchange(x.response_begun, true)) x.upstream_time = precise_now() - x.request_sent;
  have.end += up.read_op.bytes();
  up.soil(have.end);
  up.read_op.reset();
  co_return Result<>();
}

// One head, interim or final: x.answer and x.answer_framing.
net::Task<Result<>> receive_one(Downstream& down, Exchange& x, upstream::Connection& up, AnswerStart& have) {
  http::HeadLimits const limits{upstream::Connection::buffer_bytes, http::max_head_fields};
  http::HeadScanner scanner(http::HeadScanner::Kind::response, limits);
  std::size_t length = 0;
  for (;;) {
    auto const scanned = scanner.scan({up.buffer.get() + have.begin, have.end - have.begin});
    if (!scanned) co_return of_vendor(scanned.error());
    length = *scanned;
    if (length > 0) break;
    GW_CO_CHECK(co_await receive_more(down, x, up, have));
  }
  auto const parsed = http::parse_response_head({up.buffer.get() + have.begin, length}, limits, x.answer);
  if (!parsed) co_return of_vendor(parsed.error());
  have.begin += length;
  auto const framing = http::judge_response(x.answer);
  if (!framing) co_return framing.error();
  x.answer_framing = *framing;
  co_return Result<>();
}

}  // namespace

net::Task<Result<AnswerStart>> receive_head(Worker& worker, Downstream& down, Exchange& x, upstream::Connection& up) {
  arm_upstream(x, up, x.snapshot->config->values.upstream_first_byte_timeout, Code::upstream_first_byte_timeout);
  AnswerStart have{0, 0};
  for (int interim = 0;; ++interim) {
    GW_CO_CHECK(co_await receive_one(down, x, up, have));
    if (x.answer.status >= 200) break;
    // Switching protocols was never asked for; other interim answers are the vendor's small talk.
    if (x.answer.status == 101 || interim == max_interim_answers)
      co_return Failure{Code::upstream_bad_response, x.answer.status};
  }
  worker.metrics.upstream_responses.add(static_cast<std::uint64_t>(x.operation->id) << 16 | static_cast<std::uint64_t>(x.answer.status));
  co_return have;
}

net::Task<Failure> explain_forbidden(Exchange& x, upstream::Connection& up, AnswerStart start) {
  auto const& values = x.snapshot->config->values;
  http::BodyReader body(x.answer_framing.body);
  char* const text = up.buffer.get();
  std::size_t size = 0;
  std::span<char> fresh(text + start.begin, start.end - start.begin);
  for (;;) {
    auto const taken = body.take(fresh);
    if (!taken) break;
    std::memmove(text + size, fresh.data(), taken->data);
    size += taken->data;
    if (body.done() || size >= policy::forbidden_body_bytes) break;
    arm_upstream(x, up, values.limits_body_timeout, Code::upstream_body_timeout);
    up.stream->start_read(up.read_op, {text + size, upstream::Connection::buffer_bytes - size});
    co_await net::WaitOne(up.read_op);
    if (up.read_op.status() != net::IoStatus::ok) break;
    fresh = {text + size, up.read_op.bytes()};
    up.soil(size + fresh.size());
    up.read_op.reset();
  }
  co_return policy::classify_forbidden({text, size});
}

}  // namespace gateway::proxy
