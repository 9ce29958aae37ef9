#pragma once
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "support_io/certificates.hpp"

namespace gateway::test {

// Non-blocking descriptors. A pair of unix sockets, or two ends of a TCP connection on loopback.
std::pair<int, int> unix_pair();
std::pair<int, int> tcp_pair();

// The test's own end of a connection, the caller's or the vendor's. It shares no code with the gateway, queues what it
// is told to send, and moves bytes only in pump(), so that a test decides in which order things happen.
class Endpoint {
 public:
  explicit Endpoint(int descriptor);
  ~Endpoint() { close(); }
  Endpoint(Endpoint const&) = delete;
  Endpoint& operator=(Endpoint const&) = delete;

  void start_tls(SslContext const& context, bool accept);
  SSL* tls() const { return tls_.get(); }
  bool handshaken() const { return tls_ != nullptr && SSL_is_init_finished(tls_.get()); }

  void send(std::string_view bytes) { out_ += bytes; }
  std::size_t unsent() const { return out_.size() - sent_; }
  // Once all is sent: the end of our stream (over TLS with close_notify). Reading goes on.
  void finish() { finishing_ = true; }
  void close();
  // Closes with a reset; what the other side has not read is lost.
  void reset();
  bool open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

  // Moves what can be moved. True when something was.
  bool pump();

  std::string received;
  bool ended = false;   // orderly end of the other side's stream
  bool broken = false;  // reset, or over TLS an end without close_notify
  bool paused = false;  // reads nothing while set
  std::size_t most_per_read = 64 * 1024, most_per_write = 64 * 1024;

 private:
  bool pump_in();
  bool pump_out();
  bool shake_hands(bool& moved);
  long receive(char* buffer, std::size_t size);
  long transmit(char const* data, std::size_t size);

  int descriptor_;
  std::unique_ptr<SSL, void (*)(SSL*)> tls_{nullptr, SSL_free};
  std::string out_;
  std::size_t sent_ = 0;
  bool finishing_ = false, finished_ = false;
};

}  // namespace gateway::test
