#include "support_io/endpoint.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <vector>

namespace gateway::test {

std::pair<int, int> unix_pair() {
  int both[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both) != 0) throw std::runtime_error("socketpair");
  return {both[0], both[1]};
}

std::pair<int, int> tcp_pair() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int const listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::bind(listener, reinterpret_cast<sockaddr*>(&address), size);
  ::listen(listener, 1);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  int const ours = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool const connected = ::connect(ours, reinterpret_cast<sockaddr*>(&address), size) == 0;
  int const theirs = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  ::close(listener);
  if (!connected || theirs < 0) throw std::runtime_error("no TCP connection on loopback");
  ::fcntl(ours, F_SETFL, ::fcntl(ours, F_GETFL) | O_NONBLOCK);
  return {ours, theirs};
}

Endpoint::Endpoint(int descriptor) : descriptor_(descriptor) {
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}

void Endpoint::start_tls(SslContext const& context, bool accept) {
  tls_.reset(SSL_new(context.get()));
  SSL_set_fd(tls_.get(), descriptor_);
  if (accept) SSL_set_accept_state(tls_.get());
  else SSL_set_connect_state(tls_.get());
}

void Endpoint::close() {
  if (descriptor_ < 0) return;
  tls_.reset();
  ::close(std::exchange(descriptor_, -1));
}

void Endpoint::reset() {
  if (descriptor_ < 0) return;
  linger const now{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

bool Endpoint::shake_hands(bool& moved) {
  if (tls_ == nullptr || SSL_is_init_finished(tls_.get())) return true;
  ERR_clear_error();
  int const result = SSL_do_handshake(tls_.get());
  if (result == 1) return moved = true;
  int const reason = SSL_get_error(tls_.get(), result);
  if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) broken = true;
  return false;
}

bool Endpoint::pump() {
  if (descriptor_ < 0) return false;
  bool moved = false;
  if (broken || !shake_hands(moved)) return moved;
  moved |= pump_out();
  moved |= pump_in();
  return moved;
}

// Bytes moved, 0 at the end, -1 when nothing can be moved now, -2 when the connection is broken.
long Endpoint::receive(char* buffer, std::size_t size) {
  if (tls_ == nullptr) {
    auto const got = ::recv(descriptor_, buffer, size, MSG_DONTWAIT);
    if (got >= 0) return got;
    return errno == EAGAIN || errno == EINTR ? -1 : -2;
  }
  ERR_clear_error();
  std::size_t got = 0;
  int const result = SSL_read_ex(tls_.get(), buffer, size, &got);
  if (result == 1) return static_cast<long>(got);
  int const reason = SSL_get_error(tls_.get(), result);
  if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return -1;
  return reason == SSL_ERROR_ZERO_RETURN ? 0 : -2;
}

long Endpoint::transmit(char const* data, std::size_t size) {
  if (tls_ == nullptr) {
    auto const put = ::send(descriptor_, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put >= 0) return put;
    return errno == EAGAIN || errno == EINTR ? -1 : -2;
  }
  ERR_clear_error();
  std::size_t put = 0;
  int const result = SSL_write_ex(tls_.get(), data, size, &put);
  if (result == 1) return static_cast<long>(put);
  int const reason = SSL_get_error(tls_.get(), result);
  return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? -1 : -2;
}

bool Endpoint::pump_in() {
  if (paused || ended || broken) return false;
  thread_local std::vector<char> buffer(64 * 1024);
  auto const got = receive(buffer.data(), std::min(most_per_read, buffer.size()));
  if (got == -1) return false;
  if (got > 0) received.append(buffer.data(), static_cast<std::size_t>(got));
  if (got == 0) ended = true;
  if (got == -2) broken = true;
  return true;
}

bool Endpoint::pump_out() {
  if (broken) return false;
  if (sent_ < out_.size()) {
    auto const put = transmit(out_.data() + sent_, std::min(most_per_write, out_.size() - sent_));
    // A broken way out says nothing about what can still be read.
    if (put == -2) sent_ = out_.size();
    if (put <= 0) return false;
    sent_ += static_cast<std::size_t>(put);
    return true;
  }
  out_.clear();
  sent_ = 0;
  if (!finishing_ || std::exchange(finished_, true)) return false;
  if (tls_ != nullptr) SSL_shutdown(tls_.get());
  ::shutdown(descriptor_, SHUT_WR);
  return true;
}

}  // namespace gateway::test
