#include "stream.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <stdexcept>

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

namespace gateway::bench {

namespace {

constexpr std::size_t read_ahead_bytes = std::size_t{128} * 1024;

SslContext make_context(const SSL_METHOD* method) {
  SslContext context(SSL_CTX_new(method));
  if (!context) throw std::runtime_error("no TLS context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  return context;
}

Moved from_system(ssize_t result) {
  if (result > 0) return {Transfer::moved, static_cast<std::size_t>(result)};
  if (result == 0) return {Transfer::ended, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {Transfer::would_block, 0};
  // Until a non-blocking connect has completed, the socket is simply not ready.
  if (errno == ENOTCONN || errno == EINPROGRESS) return {Transfer::would_block, 0};
  return {Transfer::failed, 0};
}

}  // namespace

SslContext make_server_context(const std::string& certificate, const std::string& key) {
  SslContext context = make_context(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw std::runtime_error("cannot use certificate " + certificate);
  }
  // Uploads arrive in 16 KB records; one recv should fetch many, or the vendor would be the bottleneck.
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), read_ahead_bytes);
  return context;
}

SslContext make_client_context(const std::string& ca_file) {
  SslContext context = make_context(TLS_client_method());
  if (SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) != 1) {
    throw std::runtime_error("cannot use CA file " + ca_file);
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

Stream Stream::accept_tls(Descriptor socket, SSL_CTX* context) {
  Stream stream(std::move(socket));
  stream.ssl_.reset(SSL_new(context));
  if (!stream.ssl_) throw std::runtime_error("no TLS session");
  SSL_set_fd(stream.ssl_.get(), stream.descriptor());
  SSL_set_accept_state(stream.ssl_.get());
  return stream;
}

Stream Stream::connect_tls(Descriptor socket, SSL_CTX* context, const std::string& name) {
  Stream stream(std::move(socket));
  stream.ssl_.reset(SSL_new(context));
  if (!stream.ssl_ || SSL_set1_host(stream.ssl_.get(), name.c_str()) != 1) throw std::runtime_error("no TLS session");
  SSL_set_tlsext_host_name(stream.ssl_.get(), name.c_str());
  SSL_set_fd(stream.ssl_.get(), stream.descriptor());
  SSL_set_connect_state(stream.ssl_.get());
  return stream;
}

Moved Stream::read(std::span<char> into) {
  if (!ssl_) return from_system(::recv(socket_.get(), into.data(), into.size(), 0));
  ERR_clear_error();
  return from_ssl(SSL_read(ssl_.get(), into.data(), static_cast<int>(std::min<std::size_t>(into.size(), INT_MAX))));
}

Moved Stream::write(std::span<const char> bytes) {
  if (bytes.empty()) return {Transfer::moved, 0};
  if (!ssl_) return from_system(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
  ERR_clear_error();
  return from_ssl(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX))));
}

Moved Stream::write(std::span<const char> first, std::span<const char> second) {
  if (first.empty()) return write(second);
  if (second.empty() || ssl_) return write(first);
  std::array<iovec, 2> parts{iovec{const_cast<char*>(first.data()), first.size()},
                             iovec{const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  return from_system(::sendmsg(socket_.get(), &message, MSG_NOSIGNAL));
}

Moved Stream::from_ssl(int result) {
  if (result > 0) return {Transfer::moved, static_cast<std::size_t>(result)};
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return {Transfer::would_block, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {Transfer::ended, 0};
    case SSL_ERROR_SYSCALL:
      return from_system(-1);
    default:
      return {Transfer::failed, 0};
  }
}

}  // namespace gateway::bench
