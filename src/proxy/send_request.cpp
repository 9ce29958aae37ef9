#include "gateway/http/chunked.hpp"
#include "messages.hpp"
#include "relay.hpp"

namespace gateway::proxy {
namespace {

iovec part_of(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }
iovec part_of(std::span<char const> bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

// Where body bytes of the request are at the moment, and what is to go with them.
struct Piece {
  std::span<char const> data;
  bool last = false;
};

class Uploader {
 public:
  Uploader(Downstream& down, Exchange& x, upstream::Connection& up)
      : down_(down), x_(x), up_(up), limits_(x.snapshot->config->values) {}

  // The head, with the key taken from its own memory, and what is there of the body.
  net::Task<Result<>> send_head() {
    auto const head = x_.request_out.view();
    auto const key = x_.snapshot->api_key->expose();
    GW_CO_TRY(piece, take_unread());
    add(head.substr(0, x_.key_at));
    add(key);
    add(head.substr(x_.key_at));
    add(piece);
    co_return co_await write();
  }

  net::Task<Result<>> send_body() {
    GW_CO_CHECK(co_await allow_body());
    while (!x_.body.done() && up_.read_op.pending()) {
      down_.start_body_read(x_.body.wanted());
      down_.arm(limits_.limits_body_timeout, Code::body_timeout);
      co_await net::WaitEither(down_.read_op, up_.read_op);
      if (down_.read_op.pending()) {
        if (down_.expired()) co_return down_.expiry();
        break;  // the vendor answers early; the read stays pending for the drain
      }
      down_.disarm();
      if (!down_.settle()) co_return Failure{Code::client_gone};
      GW_CO_TRY(piece, take(down_.body()));
      // After the last piece nothing of the borrowed buffer may be read as body again.
      count_ = 0;
      add(piece);
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

  Result<Piece> take_unread() {
    if (x_.body.done()) return Piece{};
    auto const bytes = down_.unread_bytes();
    if (bytes.empty()) return Piece{};
    auto const taken = x_.body.take(bytes);
    if (!taken) return taken.error();
    // The data stands at the front of the unread bytes; they stay in place until the next read.
    down_.consume(taken->consumed);
    return checked({bytes.data(), taken->data}, taken->consumed);
  }

  Result<Piece> take(std::span<char> bytes) {
    auto const taken = x_.body.take(bytes);
    if (!taken) return taken.error();
    if (!down_.unread_back(bytes.subspan(taken->consumed))) x_.fate = Fate::close;
    return checked({bytes.data(), taken->data}, taken->consumed);
  }

  Result<Piece> checked(std::span<char const> data, std::size_t consumed) {
    x_.body_started = true;
    x_.bytes_in += consumed;
    if (x_.body.total() > limits_.limits_body_bytes)
      return Failure{Code::body_too_large, static_cast<std::int64_t>(limits_.limits_body_bytes)};
    return Piece{data, x_.body.done()};
  }

  void add(std::string_view text) {
    if (!text.empty()) parts_[count_++] = part_of(text);
  }
  void add(Piece const& piece) {
    bool const chunked = x_.framing.body.kind == http::Framing::Kind::chunked;
    if (!piece.data.empty()) {
      if (chunked) {
        chunk_head_ = http::ChunkHead(piece.data.size());
        add(chunk_head_.view());
      }
      parts_[count_++] = part_of(piece.data);
      if (chunked) add(http::chunk_end);
    }
    if (piece.last && chunked) add(http::last_chunk);
  }

  net::Task<Result<>> write() {
    if (count_ == 0) co_return Result<>();
    up_.stream->start_write(up_.write_op, {parts_, count_});
    if (up_.write_op.pending()) {
      arm_upstream(x_, up_, limits_.limits_body_timeout, Code::upstream_body_timeout);
      // An answer may come while the vendor takes no more: then nothing else will be sent.
      if (up_.read_op.pending()) co_await net::WaitEither(up_.write_op, up_.read_op);
      if (up_.write_op.pending() && up_.read_op.status() != net::IoStatus::ok) co_await net::WaitOne(up_.write_op);
      if (up_.write_op.pending()) co_return Result<>();
    }
    arm_upstream(x_, up_, std::chrono::hours(24), Code::upstream_total_timeout);
    x_.sent_upstream += up_.write_op.bytes();
    x_.ever_sent_upstream += up_.write_op.bytes();
    if (up_.write_op.status() == net::IoStatus::ok) co_return Result<>();
    // The vendor may have answered before it closed.
    if (!up_.read_op.pending() && up_.read_op.status() == net::IoStatus::ok) co_return Result<>();
    co_return read_failure(up_);
  }

  Downstream& down_;
  Exchange& x_;
  upstream::Connection& up_;
  config::Values const& limits_;
  http::ChunkHead chunk_head_{0};
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
  x.request_sent = precise_now();
  co_return Result<>();
}

}  // namespace gateway::proxy
