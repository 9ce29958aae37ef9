#pragma once
#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <cstddef>

#include "gateway/net/stream.hpp"

struct sockaddr;

namespace gateway::net {

using Executor = boost::asio::io_context::executor_type;
using Socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Executor>;

// Memory of one Asio operation, kept with the stream so that starting one allocates nothing.
class OpSlot {
 public:
  static constexpr std::size_t capacity = 192;
  void* allocate(std::size_t bytes) {
    if (bytes <= capacity && !used_) {
      used_ = true;
      return bytes_;
    }
    return ::operator new(bytes);
  }
  void deallocate(void* memory) noexcept {
    if (memory == bytes_) used_ = false;
    else ::operator delete(memory);
  }

 private:
  alignas(std::max_align_t) std::byte bytes_[capacity];
  bool used_ = false;
};

template <class T>
struct SlotAllocator {
  using value_type = T;
  OpSlot* slot;
  explicit SlotAllocator(OpSlot& s) : slot(&s) {}
  template <class U>
  SlotAllocator(SlotAllocator<U> const& other) : slot(other.slot) {}
  T* allocate(std::size_t n) { return static_cast<T*>(slot->allocate(n * sizeof(T))); }
  void deallocate(T* memory, std::size_t) noexcept { slot->deallocate(memory); }
  template <class U>
  bool operator==(SlotAllocator<U> const& other) const { return slot == other.slot; }
};

// A connected TCP or unix socket.
class SocketStream final : public ByteStream {
 public:
  // Takes over a connected, non-blocking descriptor of the given address family.
  SocketStream(Executor executor, int family, int descriptor);
  ~SocketStream() override;

  void start_read(IoOp& op, std::span<char> buffer) override;
  std::size_t try_read(std::span<char> buffer) noexcept override;
  void start_write(IoOp& op, std::span<iovec const> parts) override;
  void abort(bool hard) noexcept override;
  void shutdown_write() noexcept override;
  bool probe_idle() noexcept override;

  // Connects a descriptor that was taken over unconnected. IoStatus::failed with errno when it cannot.
  void start_connect(IoOp& op, sockaddr const* address, unsigned size);
  // For the TLS layer: one non-blocking attempt. Bytes moved, 0 at the end of the stream (receive), -1 with errno.
  long try_receive(std::span<char> buffer) noexcept;
  long try_send(std::span<iovec const> parts) noexcept;
  bool aborted() const { return aborted_; }

 private:
  struct ReadHandler;
  struct WriteHandler;
  struct ConnectHandler;
  void on_connected(boost::system::error_code error);
  void on_read(boost::system::error_code error, std::size_t bytes);
  void continue_write(boost::system::error_code error);
  // Sends until everything is out, the kernel takes no more, or an error. True when the operation has ended.
  bool push(IoStatus& status, int& error);

  Socket socket_;
  int fd_;
  bool aborted_ = false;
  int failed_read_ = 0;  // the kernel reports an error once; kept for the next start_read
  IoOp* read_op_ = nullptr;
  IoOp* write_op_ = nullptr;
  std::array<iovec, max_parts> parts_;
  std::size_t part_ = 0, part_count_ = 0, written_ = 0;
  OpSlot read_slot_, write_slot_;
};

// Ends an operation from within start_read or start_write of a stream that is already dead.
inline void refuse(IoOp& op) { op.finish_quietly(IoStatus::aborted, 0); }

}  // namespace gateway::net
