#pragma once
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "gateway/base/peer.hpp"
#include "gateway/net/socket_stream.hpp"

namespace gateway::net {

// An open listening socket. Each worker has its own on the same address (SO_REUSEPORT), so that workers share nothing
// and a successor process can listen beside its predecessor; a unix socket is one, shared by all.
class ListenSocket {
 public:
  ListenSocket() = default;
  ListenSocket(ListenSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)), family_(other.family_) {}
  ListenSocket& operator=(ListenSocket&& other) noexcept;
  ~ListenSocket();

  // Binds and listens. On failure `error` says why in one sentence and the result is not open.
  static ListenSocket open_tcp(std::string const& host, std::uint16_t port, std::string& error);
  // Replaces a stale socket file; mode 0666, since the peer's uid is what identifies callers.
  static ListenSocket open_unix(std::string const& path, std::string& error);
  ListenSocket duplicate() const;

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  int family() const { return family_; }
  std::uint16_t port() const;  // the bound one, for port 0

 private:
  int fd_ = -1;
  int family_ = 0;
};

// Accepts on one socket in one event loop. Pauses when descriptors run out instead of spinning.
class Acceptor {
 public:
  // Takes over the descriptor. Called in the event loop's thread.
  using OnAccept = std::function<void(int descriptor, int family, Peer const& peer)>;
  using OnError = std::function<void(int error)>;

  Acceptor(boost::asio::io_context& loop, ListenSocket socket, OnAccept on_accept, OnError on_error);
  Acceptor(Acceptor const&) = delete;
  Acceptor& operator=(Acceptor const&) = delete;

  void start();
  // Takes what is already queued, as often as it is called.
  void accept_queued();
  // New connections go to the sockets of other processes that joined after `ours` sockets of this one, if there are
  // any: what the kernel queues on a socket that is then closed would be reset.
  void steer_away(unsigned ours);
  void close();

 private:
  using Descriptor = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, Executor>;
  void wait();
  bool accept_one();

  ListenSocket socket_;
  Descriptor descriptor_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor> pause_;
  OnAccept on_accept_;
  OnError on_error_;
  bool closed_ = false;
};

}  // namespace gateway::net
