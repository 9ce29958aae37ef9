#include "connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "gateway/base/ascii.hpp"

namespace gateway::store {
namespace {

constexpr std::size_t read_bytes = 16 * 1024;
constexpr long would_block = -1, gone = -2;  // of transmit() and take()

std::string system_text(int error) { return std::system_category().message(error); }

std::string tls_text(SSL* ssl) {
  if (ssl != nullptr)
    if (auto const verified = SSL_get_verify_result(ssl); verified != X509_V_OK) return X509_verify_cert_error_string(verified);
  auto const code = ERR_get_error();
  ERR_clear_error();
  char const* const reason = code == 0 || ERR_SYSTEM_ERROR(code) ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "the server closed the connection" : reason;
}

}  // namespace

std::shared_ptr<SSL_CTX> make_tls_context(std::string const& ca_file, std::string& error) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  auto* const ctx = context.get();
  bool const loaded = ctx != nullptr && (ca_file.empty() ? SSL_CTX_set_default_verify_paths(ctx) == 1
                                                         : SSL_CTX_load_verify_locations(ctx, ca_file.c_str(), nullptr) == 1);
  if (!loaded) {
    error = ctx == nullptr ? "TLS is not available" : "the CA file " + ca_file + " cannot be used: " + tls_text(nullptr);
    return nullptr;
  }
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
  return context;
}

std::string Connection::error_word(Reply const& reply) {
  auto const end = std::find_if_not(reply.text.begin(), reply.text.end(), is_alpha);
  return reply.text.substr(0, std::min<std::size_t>(static_cast<std::size_t>(end - reply.text.begin()), 32));
}

void Connection::close() noexcept {
  tls_.reset();
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  reader_.reset();
  wipe(out_);
  tls_wants_write_ = false;
}

std::string Connection::wait(short events, Instant deadline, int stop) {
  for (;;) {
    pollfd waits[] = {{socket_, events, 0}, {stop, POLLIN, 0}};
    int const ready = ::poll(waits, 2, milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return system_text(errno);
    if (waits[1].revents != 0) return "the gateway ends";
    return ready == 0 ? "no answer in time" : "";
  }
}

std::string Connection::connect_one(Address const& address, Instant deadline, int stop) {
  socket_ = ::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return system_text(errno);
  int const on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_, reinterpret_cast<sockaddr const*>(&address.bytes), address.size) == 0) return "";
  if (errno != EINPROGRESS) return system_text(errno);
  if (auto problem = wait(POLLOUT, deadline, stop); !problem.empty()) return problem;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? "" : system_text(error);
}

std::string Connection::connect_any(Addresses const& addresses, Instant deadline, int stop) {
  std::string problem = "the name does not resolve";
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    // Each address gets its share of the time, or one that swallows packets would hide the next.
    auto const now = precise_now();
    auto const share = now + std::max(deadline - now, Duration::zero()) / static_cast<long>(addresses.size() - i);
    problem = connect_one(addresses[i], share, stop);
    if (problem.empty()) return problem;
    close();
  }
  return problem;
}

std::string Connection::shake_hands(RedisUrl const& url, SSL_CTX* tls, Instant deadline, int stop) {
  tls_.reset(SSL_new(tls));
  auto* const ssl = tls_.get();
  bool const ready = ssl != nullptr && SSL_set_fd(ssl, socket_) == 1 &&
                     (url.is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), url.host.c_str()) == 1
                                     : SSL_set1_host(ssl, url.host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, url.host.c_str()) == 1);
  if (!ready) return "TLS cannot be set up";
  for (;;) {
    ERR_clear_error();
    int const result = SSL_connect(ssl);
    if (result == 1) return "";
    int const wanted = SSL_get_error(ssl, result);
    if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE) return "TLS: " + tls_text(ssl);
    if (auto problem = wait(wanted == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline, stop); !problem.empty()) return "TLS: " + problem;
  }
}

std::string Connection::log_in(RedisUrl const& url, Instant deadline, int stop) {
  if (url.password.empty()) return "";
  out_.reserve(2048);  // more than user and password can take, so that growing leaves no copy behind
  if (url.user.empty()) append_command({"AUTH", url.password.expose()}, out_);
  else append_command({"AUTH", url.user, url.password.expose()}, out_);
  Reply reply;
  auto problem = ask(reply, deadline, stop);
  wipe(out_);
  if (problem.empty() && reply.text != "OK") problem = "the server does not take the password";
  return problem;
}

std::string Connection::open(RedisUrl const& url, Addresses const& addresses, SSL_CTX* tls, Instant deadline, int stop) {
  close();
  auto problem = connect_any(addresses, deadline, stop);
  if (problem.empty()) reader_ = std::make_unique<ReplyReader>();
  if (problem.empty() && url.tls) problem = shake_hands(url, tls, deadline, stop);
  if (problem.empty()) problem = log_in(url, deadline, stop);
  if (!problem.empty()) close();
  return problem;
}

long Connection::tls_result(int result) {
  if (result > 0) return result;
  int const error = SSL_get_error(tls_.get(), result);
  tls_wants_write_ = error == SSL_ERROR_WANT_WRITE;
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? would_block : gone;
}

long Connection::transmit(char const* data, std::size_t size) {
  if (tls_ != nullptr) {
    ERR_clear_error();
    return tls_result(SSL_write(tls_.get(), data, static_cast<int>(std::min<std::size_t>(size, read_bytes))));
  }
  for (;;) {
    auto const sent = ::send(socket_, data, size, MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno != EINTR) return errno == EAGAIN ? would_block : gone;
  }
}

long Connection::take(char* data, std::size_t size) {
  if (tls_ != nullptr) {
    ERR_clear_error();
    return tls_result(SSL_read(tls_.get(), data, static_cast<int>(size)));
  }
  for (;;) {
    auto const taken = ::recv(socket_, data, size, 0);
    if (taken > 0) return taken;
    if (taken == 0) return gone;
    if (errno != EINTR) return errno == EAGAIN ? would_block : gone;
  }
}

bool Connection::flush() {
  std::size_t sent = 0;
  long result = 0;
  while (sent < out_.size() && (result = transmit(out_.data() + sent, out_.size() - sent)) > 0) sent += static_cast<std::size_t>(result);
  out_.erase(0, sent);
  return result != gone;
}

bool Connection::receive() {
  char buffer[read_bytes];
  auto const taken = take(buffer, sizeof buffer);
  if (taken == would_block) return true;
  return taken > 0 && reader_->feed({buffer, static_cast<std::size_t>(taken)});
}

short Connection::events() const {
  return static_cast<short>(POLLIN | (!out_.empty() || tls_wants_write_ ? POLLOUT : 0));
}

std::string Connection::ask(Reply& reply, Instant deadline, int stop) {
  for (;;) {
    if (!flush()) return "the server closed the connection";
    switch (next(reply)) {
      case ReplyReader::Next::broken: return "what answers does not speak the protocol of Redis";
      case ReplyReader::Next::reply: return reply.is(Reply::Type::error) ? "the server answers " + error_word(reply) : "";
      case ReplyReader::Next::nothing_yet: break;
    }
    if (!has_more())
      if (auto problem = wait(events(), deadline, stop); !problem.empty()) return problem;
    if (!receive()) return "the server closed the connection";
  }
}

}  // namespace gateway::store
