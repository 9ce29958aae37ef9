#include "gateway/net/listener.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace gateway::net {
namespace {
constexpr int backlog = 4096;
constexpr int accepts_per_wake = 64;  // then others get their turn
constexpr std::chrono::milliseconds pause_without_descriptors{100};

Peer peer_of(int descriptor, sockaddr_storage const& from) {
  Peer peer;
  if (from.ss_family == AF_INET) {
    auto const& v4 = reinterpret_cast<sockaddr_in const&>(from);
    peer.family = Peer::Family::v4;
    std::memcpy(peer.address.data(), &v4.sin_addr, 4);
    peer.port = ntohs(v4.sin_port);
  } else if (from.ss_family == AF_INET6) {
    auto const& v6 = reinterpret_cast<sockaddr_in6 const&>(from);
    peer.port = ntohs(v6.sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      peer.family = Peer::Family::v4;
      std::memcpy(peer.address.data(), v6.sin6_addr.s6_addr + 12, 4);
    } else {
      peer.family = Peer::Family::v6;
      std::memcpy(peer.address.data(), &v6.sin6_addr, 16);
    }
  } else {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
      peer.family = Peer::Family::unix_socket;
      peer.uid = credentials.uid;
    }
  }
  return peer;
}

std::string failure(std::string const& what, int error) {
  if (error == EADDRINUSE) return what + " is in use by another process";
  return what + ": " + std::strerror(error);
}
}  // namespace

ListenSocket& ListenSocket::operator=(ListenSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(family_, other.family_);
  return *this;
}

ListenSocket::~ListenSocket() {
  if (fd_ >= 0) ::close(fd_);
}

ListenSocket ListenSocket::open_tcp(std::string const& host, std::uint16_t port, std::string& error) {
  bool const v6 = host.find(':') != std::string::npos;
  auto const name = (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  if (int const code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); code != 0) {
    error = name + ": " + ::gai_strerror(code);
    return {};
  }
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> const guard(found, ::freeaddrinfo);
  ListenSocket socket;
  socket.family_ = found->ai_family;
  socket.fd_ = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int const on = 1;
  if (socket.fd_ >= 0) {
    ::setsockopt(socket.fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(socket.fd_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (found->ai_family == AF_INET6) ::setsockopt(socket.fd_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (socket.fd_ < 0 || ::bind(socket.fd_, found->ai_addr, found->ai_addrlen) != 0 || ::listen(socket.fd_, backlog) != 0) {
    error = failure(name, errno);
    return {};
  }
  return socket;
}

ListenSocket ListenSocket::open_unix(std::string const& path, std::string& error) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) {
      error = "unix:" + path + " exists and is no socket";
      return {};
    }
    ::unlink(path.c_str());
  }
  ListenSocket socket;
  socket.family_ = AF_UNIX;
  socket.fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  bool const good = socket.fd_ >= 0 && ::bind(socket.fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                    ::chmod(path.c_str(), 0666) == 0 && ::listen(socket.fd_, backlog) == 0;
  if (!good) {
    error = failure("unix:" + path, errno);
    return {};
  }
  return socket;
}

ListenSocket ListenSocket::duplicate() const {
  ListenSocket copy;
  copy.fd_ = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  copy.family_ = family_;
  return copy;
}

std::uint16_t ListenSocket::port() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (family_ == AF_UNIX || ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(family_ == AF_INET ? reinterpret_cast<sockaddr_in&>(address).sin_port
                                  : reinterpret_cast<sockaddr_in6&>(address).sin6_port);
}

Acceptor::Acceptor(boost::asio::io_context& loop, ListenSocket socket, OnAccept on_accept, OnError on_error)
    : socket_(std::move(socket)),
      descriptor_(loop.get_executor()),
      pause_(loop.get_executor()),
      on_accept_(std::move(on_accept)),
      on_error_(std::move(on_error)) {
  // Asio gets a descriptor of its own to close.
  int const watched = ::fcntl(socket_.fd(), F_DUPFD_CLOEXEC, 0);
  boost::system::error_code ignored;
  descriptor_.assign(boost::asio::generic::stream_protocol(socket_.family(), 0), watched, ignored);
}

void Acceptor::start() { wait(); }

void Acceptor::wait() {
  descriptor_.async_wait(Descriptor::wait_read, [this](boost::system::error_code error) {
    if (error || closed_) return;
    for (int i = 0; i < accepts_per_wake; ++i) {
      if (accept_one()) continue;
      if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) break;
      on_error_(errno);
      pause_.expires_after(pause_without_descriptors);
      pause_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled && !closed_) wait();
      });
      return;
    }
    wait();
  });
}

bool Acceptor::accept_one() {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  int const descriptor = ::accept4(socket_.fd(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) return errno == ECONNABORTED || errno == EINTR;
  on_accept_(descriptor, socket_.family(), peer_of(descriptor, from));
  return true;
}

void Acceptor::accept_queued() {
  while (!closed_ && accept_one()) continue;
}

void Acceptor::steer_away(unsigned ours) {
  if (socket_.family() == AF_UNIX) return;
  // A classic BPF program for the whole reuseport group: always socket number `ours`, the first one that joined after
  // ours. An index beyond the group makes the kernel fall back to hashing, so without a successor nothing changes.
  sock_filter code[] = {{BPF_RET | BPF_K, 0, 0, ours}};
  sock_fprog const program{1, code};
  ::setsockopt(socket_.fd(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

void Acceptor::close() {
  if (closed_) return;
  closed_ = true;
  boost::system::error_code ignored;
  pause_.cancel();
  descriptor_.close(ignored);
  socket_ = ListenSocket();
}

}  // namespace gateway::net
