#pragma once
#include <memory>
#include <span>
#include <string_view>

#include "gateway/base/failure.hpp"
#include "gateway/base/peer.hpp"
#include "gateway/http/head.hpp"
#include "gateway/net/buffers.hpp"
#include "gateway/net/deadline.hpp"
#include "gateway/net/stream.hpp"
#include "gateway/net/task.hpp"

namespace gateway::proxy {

// A caller's connection: its stream, what was read from it and not yet used, and its deadline. While it is idle it
// holds only the small buffer inside; larger ones are borrowed from the worker while a request is in flight.
class Downstream {
 public:
  Downstream(std::unique_ptr<net::ByteStream> stream, Peer const& peer, net::DeadlineSweep& sweep);
  ~Downstream();
  Downstream(Downstream const&) = delete;
  Downstream& operator=(Downstream const&) = delete;

  Peer const& peer() const { return peer_; }
  net::ByteStream& stream() { return *stream_; }

  // Bytes that were read and not yet used.
  std::string_view unread() const { return {buffer() + from_, to_ - from_}; }
  std::span<char> unread_bytes() { return {buffer() + from_, to_ - from_}; }
  void consume(std::size_t bytes) { from_ += bytes; }

  // Leaves a read pending while nothing is unread: it brings the next request, or the news that the caller left. Gives
  // borrowed buffers back. Views into the buffer end here.
  void listen();
  // Takes the result of a read that ended. False when the caller closed or the connection failed.
  bool settle();
  // Waits until more is unread. header_timeout and the like when the armed deadline came first, else client_gone.
  net::Task<Result<>> read_more();

  // What is there of a body now, at most `wanted` bytes, in a borrowed buffer; empty when nothing is. The buffer is given
  // back by release_relay(): held only while bytes are in flight, it stays in the cache from one upload to the next.
  std::span<char> collect_body(std::uint64_t wanted);
  // Leaves a read pending for the next bytes of a body, into the small buffer inside: nothing is held while waiting.
  void start_body_wait(std::uint64_t wanted);
  // Reads what is to be thrown away.
  void start_discard();
  // What was read behind the end of a body goes back to the unread bytes. False when it does not fit.
  bool unread_back(std::span<char const> rest);
  void release_relay() {
    if (target_ != Target::relay) relay_.release();
  }

  // Starts a write; then `co_await net::WaitOne(write_op)` and check write_result().
  void start_write(std::span<iovec const> parts) { stream_->start_write(write_op, parts); }
  Result<> write_result() const;

  // Arms the deadline for reads: waiting stops with `reason`, the connection stays usable for an answer.
  void arm(Duration timeout, Code reason) { deadline_.arm(coarse_now() + timeout, reason); }
  void disarm() {
    deadline_.disarm();
    nudged_ = nullptr;
  }
  // Wakes whoever waits for `other` at the next sweep, unless disarm() comes first.
  void nudge_soon(net::IoOp& other) {
    nudged_ = &other;
    deadline_.arm(coarse_now(), Code::client_gone);
  }
  // Arms the deadline for the write that is pending: the connection is broken off when the caller takes nothing for that
  // long. The kernel asks for more only once a good part of its buffer is free, so a slow caller may need several turns.
  void arm_write(Duration timeout) {
    write_timeout_ = timeout;
    unsent_ = stream_->unsent_bytes();
    arm(timeout, Code::client_gone);
  }
  // Wakes whoever waits for `other` after `timeout`; then expired() is true.
  void arm_waking(net::IoOp& other, Duration timeout, Code reason) {
    nudged_ = &other;
    deadline_.arm(coarse_now() + timeout, reason);
  }
  bool expired() const { return deadline_.expired(); }
  Failure expiry() const { return {deadline_.reason()}; }

  // What it holds of the worker's buffers.
  std::size_t borrowed_bytes() const { return block_.size() + relay_.size(); }

  bool half_closed() const { return ended_; }
  bool failed() const { return failed_; }

  net::IoOp read_op, write_op;
  bool refused = false;  // one connection too many: its first request is answered 503
  bool idle = false;     // between requests: may be closed at any time

  // Neighbours in the worker's list of connections.
  Downstream* next = nullptr;
  Downstream* previous = nullptr;

 private:
  // Where the pending read puts its bytes.
  enum class Target : unsigned char { none, buffer, relay };
  static constexpr std::size_t inline_bytes = 512;

  char* buffer() { return block_ ? block_.data() : inline_; }
  char const* buffer() const { return block_ ? block_.data() : inline_; }
  std::size_t capacity() const { return block_ ? block_.size() : inline_bytes; }
  void make_room();
  void forget();
  static void on_deadline(void* self, Code reason);

  std::unique_ptr<net::ByteStream> stream_;
  net::Deadline deadline_;
  net::IoOp* nudged_ = nullptr;
  Duration write_timeout_{};
  std::size_t unsent_ = 0;  // when the deadline for a write was armed
  net::Block block_, relay_;
  std::uint32_t from_ = 0, to_ = 0;
  Peer peer_;
  Target target_ = Target::none;
  bool ended_ = false, failed_ = false;
  bool may_have_more_ = false;  // the last read filled its buffer
  char inline_[inline_bytes];
};

}  // namespace gateway::proxy
