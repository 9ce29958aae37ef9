#include "body_source.hpp"

#include <algorithm>

#include "messages.hpp"

namespace gateway::proxy {

net::Task<Result<>> BodySource::allow() {
  if (!x_.framing.expects_continue || x_.continue_sent || x_.body.done() || x_.body.total() > 0) co_return Result<>();
  x_.continue_sent = true;
  iovec const line{const_cast<char*>(continue_line.data()), continue_line.size()};
  down_.arm(x_.snapshot->config->values.limits_body_timeout, Code::client_gone);
  down_.start_write({&line, 1});
  co_await net::WaitOne(down_.write_op);
  down_.disarm();
  co_return down_.write_result();
}

Result<std::span<char const>> BodySource::take(std::uint64_t wire_limit) {
  auto const bytes = down_.collect_body(std::min(x_.body.wanted(), wire_limit));
  if (bytes.empty()) return std::span<char const>();
  auto const taken = x_.body.take(bytes);
  if (!taken) return taken.error();
  // What follows the body goes back to the unread bytes.
  if (!down_.unread_back(bytes.subspan(taken->consumed))) x_.fate = Fate::close;
  x_.bytes_in += taken->consumed;
  auto const limit = x_.snapshot->config->values.limits_body_bytes;
  auto const over = x_.body.total() > limit ? x_.body.total() - limit : 0;
  std::span<char const> const data(bytes.data(), taken->data);
  if (x_.inspection.active()) GW_CHECK(x_.inspection.feed(data.first(taken->data - std::min<std::size_t>(over, taken->data))));
  if (over > 0) return Failure{Code::body_too_large, static_cast<std::int64_t>(limit)};
  if (x_.inspection.active() && x_.body.done()) GW_CHECK(x_.inspection.finish());
  return data;
}

net::Task<Result<>> BodySource::wait(net::IoOp* other) {
  down_.start_body_wait(x_.body.wanted());
  auto const& values = x_.snapshot->config->values;
  auto timeout = Duration(values.limits_body_timeout);
  // While no connection to the vendor has a deadline, the whole exchange is bounded here.
  if (other == nullptr) timeout = std::min(timeout, x_.started + Duration(values.upstream_total_timeout) - coarse_now());
  down_.arm(timeout, Code::body_timeout);
  if (other != nullptr) co_await net::WaitEither(down_.read_op, *other);
  else co_await net::WaitOne(down_.read_op);
  if (down_.read_op.pending()) {
    if (down_.expired()) co_return down_.expiry();
    down_.disarm();
    co_return Result<>();
  }
  down_.disarm();
  if (!down_.settle()) co_return Failure{Code::client_gone};
  co_return Result<>();
}

}  // namespace gateway::proxy
