#include "gateway/net/socket_stream.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/version.hpp>
#include <cerrno>

#if BOOST_ASIO_VERSION != 102600
#error "SocketStream uses the reactor of Asio 1.26 (Boost 1.81): check reactor_op, start_op and deregister_descriptor"
#endif

namespace gateway::net {
namespace asio = boost::asio;
namespace {
constexpr bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }
}  // namespace

// The functions of an operation: `perform` is tried when the descriptor may be ready; `complete` runs in the event loop,
// with an owner of null when the loop is torn down instead.
SocketStream::ReadOp::ReadOp(SocketStream& s)
    : ReactorOp(
          {},
          [](ReactorOp* base) -> status {
            auto& self = *static_cast<ReadOp*>(base);
            if (self.only_wait) return not_done;
            auto const got = self.stream.try_receive(self.buffer);
            if (got < 0 && would_block(errno)) return not_done;
            self.ec_ = got < 0   ? boost::system::error_code(errno, boost::system::system_category())
                       : got == 0 ? boost::system::error_code(asio::error::eof)
                                  : boost::system::error_code();
            self.bytes_transferred_ = got > 0 ? static_cast<std::size_t>(got) : 0;
            // A short read does not mean that nothing is left: the end of the stream may be there already.
            return got > 0 ? done : done_and_exhausted;
          },
          [](void* owner, Operation* base, boost::system::error_code const&, std::size_t) {
            if (owner != nullptr) static_cast<ReadOp*>(base)->stream.on_read();
          }),
      stream(s) {}

SocketStream::WriteWait::WriteWait(SocketStream& s)
    : ReactorOp(
          {}, [](ReactorOp*) -> status { return done; },
          [](void* owner, Operation* base, boost::system::error_code const&, std::size_t) {
            if (owner != nullptr) static_cast<WriteWait*>(base)->stream.on_writable();
          }),
      stream(s) {}

SocketStream::Deferred::Deferred(SocketStream& s)
    : Operation([](void* owner, Operation* base, boost::system::error_code const&, std::size_t) {
        if (owner != nullptr) static_cast<Deferred*>(base)->stream.begin_read();
      }),
      stream(s) {}

SocketStream::SocketStream(Executor executor, int family, int descriptor)
    : reactor_(asio::use_service<Reactor>(executor.context())),
      fd_(descriptor),
      read_(*this),
      write_wait_(*this),
      deferred_(*this) {
  reactor_.init_task();
  if (family != AF_UNIX) {
    int const on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (reactor_.register_descriptor(fd_, registration_) == 0) return;
  ::close(std::exchange(fd_, -1));  // its number may be another connection's in a moment
  aborted_ = true;
}

SocketStream::~SocketStream() { close(); }

// False when the operation has ended already.
bool SocketStream::prepare_read(IoOp& op, std::span<char> buffer) {
  op.begin();
  if (aborted_) {
    refuse(op);
    return false;
  }
  if (failed_read_ != 0) {
    op.finish_quietly(IoStatus::failed, 0, failed_read_);
    return false;
  }
  read_op_ = &op;
  read_.buffer = buffer;
  return true;
}

void SocketStream::start_read(IoOp& op, std::span<char> buffer) {
  if (!prepare_read(op, buffer)) return;
  // Behind the handlers that are ready: a read begins when there is nothing to read yet (the answer has just gone out),
  // so asking the kernel at once would be in vain on every request; a round later the bytes are often there.
  reactor_.post_immediate_completion(&deferred_, true);
}

// Asio's own way not to try first costs a system call too (it renews the edge), hence the refusal within perform.
void SocketStream::start_idle_read(IoOp& op, std::span<char> buffer) {
  if (!prepare_read(op, buffer)) return;
  read_.only_wait = true;
  begin_read();
  read_.only_wait = false;
}

void SocketStream::begin_read() {
  if (aborted_) return on_read();
  read_.ec_ = {};
  read_.bytes_transferred_ = 0;
  reactor_.start_op(Reactor::read_op, fd_, registration_, &read_, true, true);
}

void SocketStream::on_read() {
  auto& op = *std::exchange(read_op_, nullptr);
  if (aborted_) return op.finish(IoStatus::aborted, 0);
  if (read_.ec_ == asio::error::eof) return op.finish(IoStatus::end, 0);
  if (read_.ec_) return op.finish(IoStatus::failed, 0, read_.ec_.value());
  op.finish(IoStatus::ok, read_.bytes_transferred_);
}

std::size_t SocketStream::try_read(std::span<char> buffer) noexcept {
  if (aborted_ || failed_read_ != 0) return 0;
  auto const got = try_receive(buffer);
  if (got > 0) return static_cast<std::size_t>(got);
  if (got < 0 && !would_block(errno)) failed_read_ = errno;
  return 0;
}

void SocketStream::start_connect(IoOp& op, sockaddr const* address, unsigned size) {
  op.begin();
  if (aborted_) return refuse(op);
  if (::connect(fd_, address, size) == 0) return op.finish_quietly(IoStatus::ok, 0);
  if (errno != EINPROGRESS) return op.finish_quietly(IoStatus::failed, 0, errno);
  write_op_ = &op;
  connecting_ = true;
  wait_writable();
}

void SocketStream::finish_connect(IoOp& op) {
  int number = 0;
  socklen_t size = sizeof number;
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &number, &size);
  op.finish(number == 0 ? IoStatus::ok : IoStatus::failed, 0, number);
}

void SocketStream::start_write(IoOp& op, std::span<iovec const> parts) {
  op.begin();
  if (aborted_) return refuse(op);
  part_ = 0;
  written_ = 0;
  part_count_ = static_cast<std::uint32_t>(parts.size());
  std::copy(parts.begin(), parts.end(), parts_.begin());
  IoStatus status{};
  int error = 0;
  if (push(status, error)) return op.finish_quietly(status, written_, error);
  write_op_ = &op;
  wait_writable();
}

bool SocketStream::push(IoStatus& status, int& error) {
  while (part_ < part_count_) {
    auto sent = try_send({parts_.data() + part_, part_count_ - part_});
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (would_block(errno)) return false;
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

void SocketStream::wait_writable() {
  write_wait_.ec_ = {};
  reactor_.start_op(Reactor::write_op, fd_, registration_, &write_wait_, true, false);
}

void SocketStream::on_writable() {
  auto& op = *write_op_;
  if (aborted_ || write_wait_.ec_) {
    write_op_ = nullptr;
    return op.finish(aborted_ ? IoStatus::aborted : IoStatus::failed, written_, write_wait_.ec_.value());
  }
  if (std::exchange(connecting_, false)) {
    write_op_ = nullptr;
    return finish_connect(op);
  }
  IoStatus status{};
  int number = 0;
  if (!push(status, number)) return wait_writable();
  write_op_ = nullptr;
  op.finish(status, written_, number);
}

void SocketStream::abort(bool hard) noexcept {
  if (aborted_) return;
  if (hard) {
    // A reset tells the peer at once that what it has is not whole.
    linger const reset{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  close();
}

// Operations in flight end through the event loop; whoever owns the stream keeps it until then.
void SocketStream::close() noexcept {
  aborted_ = true;
  if (fd_ < 0) return;
  reactor_.deregister_descriptor(fd_, registration_, true);
  ::close(std::exchange(fd_, -1));
  reactor_.cleanup_descriptor_data(registration_);
}

void SocketStream::shutdown_write() noexcept {
  if (!aborted_) ::shutdown(fd_, SHUT_WR);
}

bool SocketStream::probe_idle() noexcept {
  // Tells of data, an end and an error alike, and takes no lock of the socket: a fifth cheaper than a peek.
  pollfd asked{fd_, POLLIN | POLLRDHUP, 0};
  return !aborted_ && ::poll(&asked, 1, 0) == 0;
}

bool SocketStream::is_broken() noexcept {
  pollfd asked{fd_, 0, 0};  // errors are told unasked; the end of the peer's stream alone is none
  return aborted_ || ::poll(&asked, 1, 0) != 0;
}

std::size_t SocketStream::unsent_bytes() noexcept {
  int bytes = 0;
  return aborted_ || ::ioctl(fd_, SIOCOUTQ, &bytes) != 0 ? 0 : static_cast<std::size_t>(bytes);
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
