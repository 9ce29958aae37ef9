#pragma once
#include <sys/uio.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

// Streams of bytes as the request path sees them: one pending read and one pending write each, non-blocking, single
// threaded. An operation is an object of the caller's, so that nothing is allocated, a read can be left pending across
// requests (the next request, or the death of a pooled connection, announces itself), and one coroutine can wait for
// whichever of two operations ends first.
namespace gateway::net {

enum class IoStatus : std::uint8_t {
  ok,
  end,        // orderly end of the stream (over TLS: with close_notify)
  truncated,  // TLS: the transport ended without close_notify
  failed,     // reset, broken pipe, TLS alert, ...
  aborted,    // abort() was called on the stream
};

// One read or write in progress. Reusable after it is done. Must stay in place while it is pending.
class IoOp {
 public:
  IoOp() = default;
  IoOp(IoOp const&) = delete;
  IoOp& operator=(IoOp const&) = delete;

  bool pending() const { return pending_; }
  bool done() const { return done_; }
  IoStatus status() const { return status_; }
  std::size_t bytes() const { return bytes_; }
  int error() const { return error_; }

  // For streams: begins, and ends with a result. finish() resumes whoever waits.
  void begin() {
    pending_ = true;
    done_ = false;
    bytes_ = 0;
    error_ = 0;
  }
  void finish(IoStatus status, std::size_t bytes, int error = 0) {
    finish_quietly(status, bytes, error);
    if (callback_ != nullptr) return callback_(context_);
    if (waiter_) std::exchange(waiter_, nullptr).resume();
  }
  // The same when the operation ended within start_read or start_write.
  void finish_quietly(IoStatus status, std::size_t bytes, int error = 0) {
    pending_ = false;
    done_ = true;
    status_ = status;
    bytes_ = bytes;
    error_ = error;
  }
  // Resumes whoever waits although the operation is still pending: a deadline has come.
  void interrupt() {
    if (waiter_) std::exchange(waiter_, nullptr).resume();
  }
  // For streams built on streams: call a function instead of resuming a coroutine.
  void on_finish(void (*callback)(void*), void* context) {
    callback_ = callback;
    context_ = context;
  }
  // Takes the result out: the operation is idle afterwards.
  void reset() { done_ = false; }

 private:
  friend class WaitOne;
  friend class WaitEither;
  std::coroutine_handle<> waiter_;
  void (*callback_)(void*) = nullptr;
  void* context_ = nullptr;
  std::size_t bytes_ = 0;
  int error_ = 0;
  IoStatus status_ = IoStatus::ok;
  bool pending_ = false;
  bool done_ = false;
};

// co_await WaitOne(op): until it is done, or interrupted (then it is still pending).
class WaitOne {
 public:
  explicit WaitOne(IoOp& op) : op_(op) {}
  bool await_ready() const { return !op_.pending_; }
  void await_suspend(std::coroutine_handle<> h) { op_.waiter_ = h; }
  void await_resume() { op_.waiter_ = nullptr; }

 private:
  IoOp& op_;
};

// co_await WaitEither(a, b): until one of two pending operations is done, or interrupted; the other stays pending.
class WaitEither {
 public:
  WaitEither(IoOp& a, IoOp& b) : a_(a), b_(b) {}
  bool await_ready() const { return !a_.pending_ || !b_.pending_; }
  void await_suspend(std::coroutine_handle<> h) { a_.waiter_ = b_.waiter_ = h; }
  void await_resume() { a_.waiter_ = b_.waiter_ = nullptr; }

 private:
  IoOp& a_;
  IoOp& b_;
};

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  ByteStream() = default;
  ByteStream(ByteStream const&) = delete;
  ByteStream& operator=(ByteStream const&) = delete;

  // Reads at least one byte into `buffer`, which must stay valid until the operation is done. A result that is there
  // at once may still be delivered through the event loop.
  virtual void start_read(IoOp& op, std::span<char> buffer) = 0;
  // The same for a stream that is believed to have nothing to say yet: the kernel is not asked first, which saves a
  // call. What arrived before this one may go unnoticed until probe_idle() is asked.
  virtual void start_idle_read(IoOp& op, std::span<char> buffer) = 0;
  // Takes what is there now, up to the size of `buffer`; 0 when nothing is, or when the stream ended or failed: then the
  // next start_read tells. Not while a read is pending.
  virtual std::size_t try_read(std::span<char> buffer) noexcept = 0;
  // Writes all of `parts` (at most max_parts); they and what they point to must stay valid until the operation is done.
  virtual void start_write(IoOp& op, std::span<iovec const> parts) = 0;
  static constexpr std::size_t max_parts = 8;

  // Ends pending and later operations with IoStatus::aborted; the transport is closed with a reset when `hard`.
  virtual void abort(bool hard) noexcept = 0;
  // No more writes: the peer sees the end of the stream (TLS: close_notify first). Never waits.
  virtual void shutdown_write() noexcept = 0;
  // Whether nothing has arrived and the peer has not closed, asked of the kernel now. Only while a read is pending.
  virtual bool probe_idle() noexcept = 0;
  // Whether the transport is known to be broken (a reset, not an orderly end), asked of the kernel now. Reads nothing.
  virtual bool is_broken() noexcept { return false; }
  // Bytes that were written and that the peer has not taken yet, asked of the kernel now.
  virtual std::size_t unsent_bytes() noexcept { return 0; }
  // Name of the negotiated TLS version, empty for plain streams.
  virtual std::string_view tls_version() const { return {}; }
};

}  // namespace gateway::net
