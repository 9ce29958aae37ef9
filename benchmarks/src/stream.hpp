#pragma once

#include "net.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include <openssl/ssl.h>
#include <sys/uio.h>

namespace gateway::bench {

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslPointer = std::unique_ptr<SSL, SslDeleter>;
using SslContext = std::unique_ptr<SSL_CTX, SslContextDeleter>;

SslContext make_server_context(const std::string& certificate, const std::string& key);
SslContext make_client_context(const std::string& ca_file);

enum class Transfer { moved, would_block, ended, failed };

struct Moved {
  Transfer state;
  std::size_t bytes;
};

/// A non-blocking byte stream over a socket, with or without TLS.
class Stream {
 public:
  explicit Stream(Descriptor socket) : socket_(std::move(socket)) {}
  static Stream accept_tls(Descriptor socket, SSL_CTX* context);
  static Stream connect_tls(Descriptor socket, SSL_CTX* context, const std::string& name);

  [[nodiscard]] int descriptor() const { return socket_.get(); }
  [[nodiscard]] const SSL* ssl() const { return ssl_.get(); }

  Moved read(std::span<char> into);
  Moved write(std::span<const char> bytes);
  /// Head and body with one system call where the transport has one.
  Moved write(std::span<const char> first, std::span<const char> second);

 private:
  Moved from_ssl(int result);

  Descriptor socket_;
  SslPointer ssl_;
};

}  // namespace gateway::bench
