#pragma once
#include <array>
#include <boost/asio/detail/reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>

#include "gateway/net/stream.hpp"

struct sockaddr;

namespace gateway::net {

using Executor = boost::asio::io_context::executor_type;

// A connected TCP or unix socket, on Asio's reactor itself rather than on asio::basic_stream_socket: the operations are
// members, so that starting one allocates nothing and an idle connection is small. The reactor's interface is Asio's
// own detail; the source refuses to compile against another version than the one it was written for.
class SocketStream final : public ByteStream {
 public:
  // Takes over a connected, non-blocking descriptor of the given address family.
  SocketStream(Executor executor, int family, int descriptor);
  ~SocketStream() override;

  void start_read(IoOp& op, std::span<char> buffer) override;
  void start_idle_read(IoOp& op, std::span<char> buffer) override;
  std::size_t try_read(std::span<char> buffer) noexcept override;
  void start_write(IoOp& op, std::span<iovec const> parts) override;
  void abort(bool hard) noexcept override;
  void shutdown_write() noexcept override;
  bool probe_idle() noexcept override;
  bool is_broken() noexcept override;
  std::size_t unsent_bytes() noexcept override;

  // Connects a descriptor that was taken over unconnected. IoStatus::failed with errno when it cannot.
  void start_connect(IoOp& op, sockaddr const* address, unsigned size);
  // For the TLS layer: one non-blocking attempt. Bytes moved, 0 at the end of the stream (receive), -1 with errno.
  long try_receive(std::span<char> buffer) noexcept;
  long try_send(std::span<iovec const> parts) noexcept;
  bool aborted() const { return aborted_; }

 private:
  using Reactor = boost::asio::detail::reactor;
  using ReactorOp = boost::asio::detail::reactor_op;
  using Operation = boost::asio::detail::scheduler_operation;

  // Receives once the descriptor is readable.
  struct ReadOp final : ReactorOp {
    explicit ReadOp(SocketStream& stream);
    SocketStream& stream;
    std::span<char> buffer;
    bool only_wait = false;  // true while the reactor shall take the operation without trying it
  };
  // Waits until the descriptor is writable.
  struct WriteWait final : ReactorOp {
    explicit WriteWait(SocketStream& stream);
    SocketStream& stream;
  };
  // The start of a read, behind the handlers that are ready already.
  struct Deferred final : Operation {
    explicit Deferred(SocketStream& stream);
    SocketStream& stream;
  };

  bool prepare_read(IoOp& op, std::span<char> buffer);
  void begin_read();
  void on_read();
  void wait_writable();
  void on_writable();
  void finish_connect(IoOp& op);
  // Sends until everything is out, the kernel takes no more, or an error. True when the operation has ended.
  bool push(IoStatus& status, int& error);
  void close() noexcept;

  Reactor& reactor_;
  Reactor::per_descriptor_data registration_ = nullptr;
  int fd_;
  int failed_read_ = 0;  // the kernel reports an error once; kept for the next start_read
  bool aborted_ = false;
  bool connecting_ = false;
  IoOp* read_op_ = nullptr;
  IoOp* write_op_ = nullptr;
  std::array<iovec, max_parts> parts_;
  std::uint32_t part_ = 0, part_count_ = 0;
  std::size_t written_ = 0;
  ReadOp read_;
  WriteWait write_wait_;
  Deferred deferred_;
};

// Ends an operation from within start_read or start_write of a stream that is already dead.
inline void refuse(IoOp& op) { op.finish_quietly(IoStatus::aborted, 0); }

}  // namespace gateway::net
