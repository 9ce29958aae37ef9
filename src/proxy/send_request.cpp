#include <algorithm>
#include <limits>
#include <utility>

#include "body_source.hpp"
#include "change.hpp"
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
      : down_(down), x_(x), up_(up), source_(down, x), limits_(x.snapshot->config->values) {}

  // The head, with the key taken from its own memory, and what is there of the body.
  net::Task<Result<>> send_head() {
    auto const head = x_.request_out.view();
    add(head.substr(0, x_.key_at));
    add(x_.snapshot->api_key->expose());
    add(head.substr(x_.key_at));
    if (x_.small_body_size > 0 || x_.body.done()) {
      x_.body_started |= !x_.body.done();
      add_body({x_.small_body.data(), x_.small_body_size});
    } else if (!x_.body.done() && !x_.framing.expects_continue) {
      GW_CO_CHECK(take());
    }
    co_return co_await write();
  }

  net::Task<Result<>> send_body() {
    // The front of the body is on its way; the rest may take its time.
    if (!up_.write_op.pending()) {
      x_.small_body.release();
      x_.small_body_size = 0;
    }
    GW_CO_CHECK(co_await source_.allow());
    while (!x_.body.done() && up_.read_op.pending()) {
      GW_CO_TRY(taken, take());
      if (taken) {
        GW_CO_CHECK(co_await write());
      } else if (down_.unread().empty()) {
        GW_CO_CHECK(co_await source_.wait(&up_.read_op));
      }
    }
    co_return Result<>();
  }

 private:
  // Over TLS a piece fits the records that are sent at once: larger ones were measured a fifth slower.
  std::uint64_t piece_limit() const {
    return up_.context == nullptr ? std::numeric_limits<std::uint64_t>::max() : tls_piece_bytes;
  }

  // Adds what is there of the body to the next write. False when nothing is.
  Result<bool> take() {
    auto const data = source_.take(piece_limit());
    if (!data) return data.error();
    x_.body_started |= !data->empty();
    bool const last = x_.body.done();
    if (!data->empty() || last) add_body(*data);
    return !data->empty() || last;
  }

  void add(std::string_view text) {
    if (!text.empty()) parts_[count_++] = part_of(text);
  }
  void add_body(std::span<char const> data) {
    bool const last = x_.body.done();
    bool const chunked = x_.framing.body.kind == http::Framing::Kind::chunked;
    auto const ready = x_.held_back.push(data, last);
    if (ready.size() > 0) {
      if (chunked) {
        x_.upload_chunk = http::ChunkHead(ready.size());
        add(x_.upload_chunk.view());
      }
      add({ready.first.data(), ready.first.size()});
      add({ready.second.data(), ready.second.size()});
      if (chunked) add(http::chunk_end);
    }
    if (last && chunked) add(http::last_chunk);
  }

  net::Task<Result<>> write() {
    if (count_ == 0) {
      down_.release_relay();
      co_return Result<>();
    }
    if (x_.body.done()) announce_change(x_);
    up_.stream->start_write(up_.write_op, {parts_, std::exchange(count_, 0)});
    if (up_.write_op.pending()) {
      arm_upstream(x_, up_, limits_.limits_body_timeout, Code::upstream_body_timeout);
      // An answer may come while the vendor takes no more: then nothing else will be sent.
      if (up_.read_op.pending()) co_await net::WaitEither(up_.write_op, up_.read_op);
      if (up_.write_op.pending() && up_.read_op.status() != net::IoStatus::ok) co_await net::WaitOne(up_.write_op);
      if (up_.write_op.pending()) co_return Result<>();
    }
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
  BodySource source_;
  config::Values const& limits_;
  iovec parts_[net::ByteStream::max_parts];
  std::size_t count_ = 0;
};

}  // namespace

net::Task<Result<>> send_request(Downstream& down, Exchange& x, upstream::Connection& up) {
  Uploader uploader(down, x, up);
  x.held_back.clear();
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
