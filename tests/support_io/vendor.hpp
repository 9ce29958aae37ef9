#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/upstream/address.hpp"
#include "support_io/endpoint.hpp"
#include "support_io/messages.hpp"

namespace gateway::test {

// A vendor that does what a test tells it and remembers what it was sent. Listens on loopback; moves only in pump().
class Vendor {
 public:
  struct Connection {
    std::unique_ptr<Endpoint> end;
    std::size_t number = 0;
    bool head_seen = false;  // of the request that is arriving
    std::string raw;         // everything that ever came
    bool resumed() const { return end->tls() != nullptr && SSL_session_reused(end->tls()) == 1; }
  };
  struct Seen {
    Message message;
    std::size_t connection;
  };

  explicit Vendor(SslContext context = {});
  ~Vendor();
  Vendor(Vendor const&) = delete;
  Vendor& operator=(Vendor const&) = delete;

  // What is called when the head of a request is there, and when all of it is. The second one answers.
  std::function<void(Connection&, Message const& head)> on_head;
  std::function<void(Connection&, Message const& request)> on_request;
  std::function<void(Connection&)> on_connect;

  std::vector<Seen> seen;  // whole requests, in their order
  std::vector<std::unique_ptr<Connection>> connections;
  std::size_t malformed = 0;
  bool accepting = true;

  bool pump();
  std::uint16_t port() const { return port_; }
  std::size_t open_connections() const;
  upstream::Address address() const;
  // Gives the port up; later connections are refused.
  void stop_listening();

  static std::string answer(int status, std::string_view body, std::string_view more_fields = {});

 private:
  bool accept();
  bool look(Connection& connection);

  SslContext context_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace gateway::test
