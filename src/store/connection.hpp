#pragma once
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "gateway/base/redis_url.hpp"
#include "gateway/base/time.hpp"
#include "lookup.hpp"
#include "reply.hpp"

namespace gateway::store {

// TLS to Redis: the chain is verified against `ca_file`, or the system's store when that is empty. Null when it cannot
// be made; `error` then says why.
std::shared_ptr<SSL_CTX> make_tls_context(std::string const& ca_file, std::string& error);

// One connection to Redis, with or without TLS. open() waits, but never past its deadline nor past the moment when
// `stop`, a descriptor, becomes readable; everything else returns at once.
class Connection {
 public:
  Connection() = default;
  ~Connection() { close(); }
  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;

  // Connects, shakes hands and says who we are. An empty text, or what went wrong, without secrets.
  std::string open(RedisUrl const& url, Addresses const& addresses, SSL_CTX* tls, Instant deadline, int stop);
  void close() noexcept;
  bool is_open() const { return socket_ >= 0; }

  // Sends what can be sent at once of what was appended to out(). False when the connection is gone.
  bool flush();
  std::string& out() { return out_; }
  // Takes in some of what has arrived. False when the connection is gone.
  bool receive();
  // Whether there is more that poll() knows nothing of.
  bool has_more() const { return tls_ != nullptr && SSL_pending(tls_.get()) > 0; }
  ReplyReader::Next next(Reply& reply) { return reader_->next(reply); }
  // Sends what was appended and waits for one reply, within the limits of open(). Empty, or what went wrong.
  std::string ask(Reply& reply, Instant deadline, int stop);

  // The first word of an error of Redis, such as WRONGPASS. What follows may repeat what was sent, a password included.
  static std::string error_word(Reply const& reply);

  int descriptor() const { return socket_; }
  // What poll() has to wait for.
  short events() const;

 private:
  std::string connect_any(Addresses const& addresses, Instant deadline, int stop);
  std::string connect_one(Address const& address, Instant deadline, int stop);
  std::string shake_hands(RedisUrl const& url, SSL_CTX* tls, Instant deadline, int stop);
  std::string log_in(RedisUrl const& url, Instant deadline, int stop);
  long transmit(char const* data, std::size_t size);
  long take(char* data, std::size_t size);
  long tls_result(int result);
  // Empty when the socket is ready for `events`.
  std::string wait(short events, Instant deadline, int stop);

  int socket_ = -1;
  std::unique_ptr<SSL, void (*)(SSL*)> tls_{nullptr, SSL_free};
  bool tls_wants_write_ = false;
  std::unique_ptr<ReplyReader> reader_;
  std::string out_;
};

}  // namespace gateway::store
