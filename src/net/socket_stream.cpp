#include "gateway/net/socket_stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <cerrno>

namespace gateway::net {
namespace asio = boost::asio;

struct SocketStream::ReadHandler {
  SocketStream* stream;
  using allocator_type = SlotAllocator<void>;
  allocator_type get_allocator() const { return allocator_type(stream->read_slot_); }
  void operator()(boost::system::error_code error, std::size_t bytes) const { stream->on_read(error, bytes); }
};

struct SocketStream::WriteHandler {
  SocketStream* stream;
  using allocator_type = SlotAllocator<void>;
  allocator_type get_allocator() const { return allocator_type(stream->write_slot_); }
  void operator()(boost::system::error_code error) const { stream->continue_write(error); }
};

struct SocketStream::ConnectHandler {
  SocketStream* stream;
  void operator()(boost::system::error_code error) const { stream->on_connected(error); }
};

SocketStream::SocketStream(Executor executor, int family, int descriptor) : socket_(executor), fd_(descriptor) {
  if (family != AF_UNIX) {
    int const on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  boost::system::error_code error;
  socket_.assign(asio::generic::stream_protocol(family, family == AF_UNIX ? 0 : IPPROTO_TCP), descriptor, error);
  if (!error) return;
  ::close(descriptor);
  fd_ = -1;  // its number may be another connection's in a moment
  aborted_ = true;
}

SocketStream::~SocketStream() = default;

void SocketStream::start_connect(IoOp& op, sockaddr const* address, unsigned size) {
  op.begin();
  if (aborted_) return refuse(op);
  if (::connect(fd_, address, size) == 0) return op.finish_quietly(IoStatus::ok, 0);
  if (errno != EINPROGRESS) return op.finish_quietly(IoStatus::failed, 0, errno);
  write_op_ = &op;
  socket_.async_wait(Socket::wait_write, ConnectHandler{this});
}

void SocketStream::on_connected(boost::system::error_code error) {
  auto& op = *std::exchange(write_op_, nullptr);
  if (aborted_) return op.finish(IoStatus::aborted, 0);
  int number = error.value();
  socklen_t size = sizeof number;
  if (!error) ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &number, &size);
  op.finish(number == 0 ? IoStatus::ok : IoStatus::failed, 0, number);
}

void SocketStream::start_read(IoOp& op, std::span<char> buffer) {
  op.begin();
  if (aborted_) return refuse(op);
  if (failed_read_ != 0) return op.finish_quietly(IoStatus::failed, 0, failed_read_);
  read_op_ = &op;
  socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()), ReadHandler{this});
}

std::size_t SocketStream::try_read(std::span<char> buffer) noexcept {
  if (aborted_ || failed_read_ != 0) return 0;
  auto const got = try_receive(buffer);
  if (got > 0) return static_cast<std::size_t>(got);
  if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) failed_read_ = errno;
  return 0;
}

void SocketStream::on_read(boost::system::error_code error, std::size_t bytes) {
  auto& op = *std::exchange(read_op_, nullptr);
  if (aborted_) return op.finish(IoStatus::aborted, 0);
  if (error == asio::error::eof) return op.finish(IoStatus::end, 0);
  if (error) return op.finish(IoStatus::failed, 0, error.value());
  op.finish(IoStatus::ok, bytes);
}

void SocketStream::start_write(IoOp& op, std::span<iovec const> parts) {
  op.begin();
  if (aborted_) return refuse(op);
  part_ = written_ = 0;
  part_count_ = parts.size();
  std::copy(parts.begin(), parts.end(), parts_.begin());
  IoStatus status{};
  int error = 0;
  if (push(status, error)) return op.finish_quietly(status, written_, error);
  write_op_ = &op;
  socket_.async_wait(Socket::wait_write, WriteHandler{this});
}

bool SocketStream::push(IoStatus& status, int& error) {
  while (part_ < part_count_) {
    auto sent = try_send({parts_.data() + part_, part_count_ - part_});
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
      status = IoStatus::failed;
      error = errno;
      return true;
    }
    written_ += static_cast<std::size_t>(sent);
    while (part_ < part_count_ && static_cast<std::size_t>(sent) >= parts_[part_].iov_len) {
      sent -= static_cast<long>(parts_[part_].iov_len);
      ++part_;
    }
    if (sent > 0) {
      parts_[part_].iov_base = static_cast<char*>(parts_[part_].iov_base) + sent;
      parts_[part_].iov_len -= static_cast<std::size_t>(sent);
    }
  }
  status = IoStatus::ok;
  return true;
}

void SocketStream::continue_write(boost::system::error_code error) {
  if (aborted_ || error) return std::exchange(write_op_, nullptr)->finish(aborted_ ? IoStatus::aborted : IoStatus::failed, written_, error.value());
  IoStatus status{};
  int number = 0;
  if (push(status, number)) return std::exchange(write_op_, nullptr)->finish(status, written_, number);
  socket_.async_wait(Socket::wait_write, WriteHandler{this});
}

void SocketStream::abort(bool hard) noexcept {
  if (aborted_) return;
  aborted_ = true;
  if (hard) {
    // A reset tells the peer at once that what it has is not whole.
    linger const reset{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void SocketStream::shutdown_write() noexcept {
  if (!aborted_) ::shutdown(fd_, SHUT_WR);
}

bool SocketStream::probe_idle() noexcept {
  char byte;
  return !aborted_ && ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

long SocketStream::try_receive(std::span<char> buffer) noexcept {
  return ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
}

long SocketStream::try_send(std::span<iovec const> parts) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  return ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace gateway::net
