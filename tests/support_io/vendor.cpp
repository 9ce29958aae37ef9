#include "support_io/vendor.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace gateway::test {

Vendor::Vendor(SslContext context) : context_(std::move(context)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0)
    throw std::runtime_error("vendor cannot listen");
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  on_request = [](Connection& connection, Message const&) { connection.end->send(answer(200, "{}")); };
}

Vendor::~Vendor() { stop_listening(); }

void Vendor::stop_listening() {
  if (listener_ >= 0) ::close(std::exchange(listener_, -1));
}

upstream::Address Vendor::address() const {
  upstream::Address address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.bytes);
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  v4.sin_port = htons(port_);
  address.size = sizeof v4;
  return address;
}

std::size_t Vendor::open_connections() const {
  std::size_t open = 0;
  for (auto const& connection : connections) open += connection->end->open() && !connection->end->ended && !connection->end->broken;
  return open;
}

std::string Vendor::answer(int status, std::string_view body, std::string_view more_fields) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) +
         "\r\n" + std::string(more_fields) + "\r\n" + std::string(body);
}

bool Vendor::accept() {
  if (listener_ < 0 || !accepting) return false;
  int const descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) return false;
  auto connection = std::make_unique<Connection>();
  connection->end = std::make_unique<Endpoint>(descriptor);
  connection->number = connections.size();
  if (context_) connection->end->start_tls(context_, true);
  connections.push_back(std::move(connection));
  if (on_connect) on_connect(*connections.back());
  return true;
}

bool Vendor::look(Connection& connection) {
  auto& end = *connection.end;
  if (!end.open() || end.received.empty()) return false;
  Message message;
  bool head_there = false;
  auto& bytes = end.received;
  auto const before = bytes.size();
  auto const reading = take_request(bytes, message, &head_there);
  if (head_there && !std::exchange(connection.head_seen, true) && on_head) on_head(connection, message);
  if (reading == Reading::malformed) {
    ++malformed;
    bytes.clear();
  }
  if (reading != Reading::complete || bytes.size() == before) return false;
  connection.head_seen = false;
  seen.push_back({message, connection.number});
  if (end.open()) on_request(connection, message);
  return true;
}

bool Vendor::pump() {
  bool moved = false;
  while (accept()) moved = true;
  for (std::size_t i = 0; i < connections.size(); ++i) {
    auto& connection = *connections[i];
    auto const before = connection.end->received.size();
    moved |= connection.end->pump();
    if (connection.end->received.size() > before) connection.raw.append(connection.end->received, before);
    while (look(connection)) moved = true;
  }
  return moved;
}

}  // namespace gateway::test
