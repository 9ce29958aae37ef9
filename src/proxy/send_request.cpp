#include <algorithm>
#include <utility>

#include "gateway/http/chunked.hpp"
#include "messages.hpp"
#include "relay.hpp"

namespace gateway::proxy {
namespace {

iovec part_of(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }
constexpr std::chrono::seconds after_broken_write{1};
constexpr std::uint64_t tls_piece_bytes = 128 * 1024;

class Uploader {
 public:
  Uploader(Downstream& down, Exchange& x, upstream::Connection& up)
      : down_(down), x_(x), up_(up), limits_(x.snapshot->config->values) {}

  // The head, with the key taken from its own memory, and what is there of the body.
  net::Task<Result<>> send_head() {
    auto const head = x_.request_out.view();
    add(head.substr(0, x_.key_at));
    add(x_.snapshot->api_key->expose());
    add(head.substr(x_.key_at));
    if (!x_.body.done() && !x_.framing.expects_continue) GW_CO_CHECK(take(down_.collect_body(piece_limit())));
    co_return co_await write();
  }

  net::Task<Result<>> send_body() {
    GW_CO_CHECK(co_await allow_body());
    while (!x_.body.done() && up_.read_op.pending()) {
      auto const bytes = down_.collect_body(piece_limit());
      if (bytes.empty()) {
        GW_CO_CHECK(co_await wait_for_body());
        continue;
      }
      GW_CO_CHECK(take(bytes));
      GW_CO_CHECK(co_await write());
    }
    co_return Result<>();
  }

 private:
  // `100 Continue`, now that a connection to the vendor stands and the body will be taken.
  net::Task<Result<>> allow_body() {
    if (!x_.framing.expects_continue || x_.continue_sent || x_.body.done() || x_.body.total() > 0) co_return Result<>();
    x_.continue_sent = true;
    iovec const line = part_of(continue_line);
    down_.arm(limits_.limits_body_timeout, Code::client_gone);
    down_.start_write({&line, 1});
    co_await net::WaitOne(down_.write_op);
    down_.disarm();
    co_return down_.write_result();
  }

  // Over TLS a piece fits the records that are sent at once: larger ones were measured a fifth slower.
  std::uint64_t piece_limit() const {
    return up_.context == nullptr ? x_.body.wanted() : std::min(x_.body.wanted(), tls_piece_bytes);
  }

  // Until the caller sends more, or the vendor answers early: then the read stays pending for whoever comes next.
  net::Task<Result<>> wait_for_body() {
    down_.start_body_wait(x_.body.wanted());
    down_.arm(limits_.limits_body_timeout, Code::body_timeout);
    co_await net::WaitEither(down_.read_op, up_.read_op);
    if (down_.read_op.pending()) {
      if (down_.expired()) co_return down_.expiry();
      down_.disarm();
      co_return Result<>();
    }
    down_.disarm();
    if (!down_.settle()) co_return Failure{Code::client_gone};
    co_return Result<>();
  }

  // Adds what `bytes` hold of the body to the next write. What follows the body goes back to the unread bytes.
  Result<> take(std::span<char> bytes) {
    auto const taken = x_.body.take(bytes);
    if (!taken) return taken.error();
    if (!down_.unread_back(bytes.subspan(taken->consumed))) x_.fate = Fate::close;
    x_.body_started |= !bytes.empty();
    x_.bytes_in += taken->consumed;
    if (x_.body.total() > limits_.limits_body_bytes)
      return Failure{Code::body_too_large, static_cast<std::int64_t>(limits_.limits_body_bytes)};
    add_body({bytes.data(), taken->data});
    return {};
  }

  void add(std::string_view text) {
    if (!text.empty()) parts_[count_++] = part_of(text);
  }
  void add_body(std::span<char const> data) {
    bool const chunked = x_.framing.body.kind == http::Framing::Kind::chunked;
    if (!data.empty()) {
      if (chunked) {
        x_.upload_chunk = http::ChunkHead(data.size());
        add(x_.upload_chunk.view());
      }
      add({data.data(), data.size()});
      if (chunked) add(http::chunk_end);
    }
    if (x_.body.done() && chunked) add(http::last_chunk);
  }

  net::Task<Result<>> write() {
    if (count_ == 0) co_return Result<>();
    up_.stream->start_write(up_.write_op, {parts_, std::exchange(count_, 0)});
    if (up_.write_op.pending()) {
      arm_upstream(x_, up_, limits_.limits_body_timeout, Code::upstream_body_timeout);
      // An answer may come while the vendor takes no more: then nothing else will be sent.
      if (up_.read_op.pending()) co_await net::WaitEither(up_.write_op, up_.read_op);
      if (up_.write_op.pending() && up_.read_op.status() != net::IoStatus::ok) co_await net::WaitOne(up_.write_op);
      if (up_.write_op.pending()) co_return Result<>();
    }
    x_.sent_upstream += up_.write_op.bytes();
    x_.ever_sent_upstream += up_.write_op.bytes();
    down_.release_relay();
    if (up_.write_op.status() != net::IoStatus::ok) co_return co_await explain_broken_write();
    arm_upstream(x_, up_, std::chrono::hours(24), Code::upstream_total_timeout);
    co_return Result<>();
  }

  // The vendor may have answered before it closed: then its answer is in the socket, and a read ends at once.
  net::Task<Result<>> explain_broken_write() {
    if (up_.deadline.expired()) co_return read_failure(up_);
    up_.deadline.arm(coarse_now() + after_broken_write, Code::upstream_reset);
    if (up_.read_op.pending()) co_await net::WaitOne(up_.read_op);
    if (up_.read_op.status() == net::IoStatus::ok) co_return Result<>();
    co_return Failure{Code::upstream_reset};
  }

  Downstream& down_;
  Exchange& x_;
  upstream::Connection& up_;
  config::Values const& limits_;
  iovec parts_[net::ByteStream::max_parts];
  std::size_t count_ = 0;
};

}  // namespace

net::Task<Result<>> send_request(Downstream& down, Exchange& x, upstream::Connection& up) {
  Uploader uploader(down, x, up);
  x.sent_upstream = 0;
  x.response_begun = false;
  // Taken before the write: on a busy machine the vendor may have answered before the call returns.
  x.request_sent = precise_now();
  GW_CO_CHECK(co_await uploader.send_head());
  if (x.body.done()) co_return Result<>();
  GW_CO_CHECK(co_await uploader.send_body());
  x.answered_early = !up.read_op.pending();
  x.request_sent = precise_now();
  co_return Result<>();
}

}  // namespace gateway::proxy
