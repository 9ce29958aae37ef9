#pragma once
#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "gateway/net/tls.hpp"
#include "support_io/endpoint.hpp"
#include "support_io/messages.hpp"
#include "support_io/rig.hpp"

namespace gateway::test {

enum class Kind { plain, tls_server, tls_client };
inline std::string name_of_kind(Kind kind) {
  return kind == Kind::plain ? "Plain" : kind == Kind::tls_server ? "TlsServer" : "TlsClient";
}

struct Contexts {
  TestCa ca;
  Certified certified = ca.issue();
  SslContext peer_server = peer_server_context(certified);
  SslContext peer_client = peer_client_context(ca.pem());
  net::TlsContext server = net::make_server_context({write_temporary("c.pem", certificate_pem(certified)),
                                                     write_temporary("c.key", key_pem(certified)), "", false})
                               .context;
  net::TlsContext client = net::make_client_context(write_temporary("ca.pem", ca.pem())).context;
  static Contexts const& shared() {
    static Contexts const made;
    return made;
  }
};

// A stream of the gateway's with the test's own end of the connection.
class StreamUnderTest {
 public:
  explicit StreamUnderTest(Kind kind, bool tcp = false) : kind_(kind) {
    auto const [ours, theirs] = tcp ? tcp_pair() : unix_pair();
    int const family = tcp ? AF_INET : AF_UNIX;
    peer = std::make_unique<Endpoint>(ours);
    loop.pumps.push_back([this] { return peer->pump(); });
    auto const& contexts = Contexts::shared();
    if (kind == Kind::plain) {
      stream = std::make_unique<net::SocketStream>(loop.context.get_executor(), family, theirs);
      return;
    }
    bool const server = kind == Kind::tls_server;
    auto made = std::make_unique<net::TlsStream>(server ? contexts.server : contexts.client, loop.context.get_executor(), family, theirs,
                                                 server ? net::TlsStream::server_input_bytes : net::TlsStream::client_input_bytes);
    tls = made.get();
    stream = std::move(made);
    peer->start_tls(server ? contexts.peer_client : contexts.peer_server, !server);
  }
  ~StreamUnderTest() {
    stream->abort(false);
    loop.run_until([&] { return !read.pending() && !write.pending(); });
    for (int i = 0; i < 10; ++i) loop.step();
  }

  // False when it failed.
  bool shake_hands(std::string const& host = "localhost") {
    if (kind_ == Kind::plain) return true;
    if (kind_ == Kind::tls_server) tls->start_server_handshake(read);
    else if (!tls->expect_host(host, sessions)) return false;
    else tls->start_client_handshake(read);
    wait(read);
    bool const good = read.done() && read.status() == net::IoStatus::ok;
    read.reset();
    return good && loop.run_until([&] { return peer->handshaken() || peer->broken; }) && !peer->broken;
  }
  bool wait(net::IoOp& op) {
    return loop.run_until([&] { return !op.pending(); });
  }
  // One read; the bytes, or nothing when it ended in another way.
  std::string read_some(std::size_t most = 16 * 1024) {
    std::string buffer(most, '\0');
    stream->start_read(read, {buffer.data(), buffer.size()});
    wait(read);
    buffer.resize(read.status() == net::IoStatus::ok ? read.bytes() : 0);
    return buffer;
  }
  std::string read_all(std::size_t size, std::size_t most = 16 * 1024) {
    std::string all;
    while (all.size() < size) {
      auto const some = read_some(std::min(most, size - all.size()));
      if (some.empty()) break;
      all += some;
    }
    return all;
  }
  // Keeps the parts until the next one: they must stay in place while the write is pending.
  void start_write(std::vector<std::string> parts_to_write) {
    parts = std::move(parts_to_write);
    iovec vectors[net::ByteStream::max_parts];
    for (std::size_t i = 0; i < parts.size(); ++i) vectors[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
    stream->start_write(write, {vectors, parts.size()});
  }

  Loop loop;
  net::TlsSessionSlot sessions;
  std::unique_ptr<Endpoint> peer;
  std::unique_ptr<net::ByteStream> stream;
  net::TlsStream* tls = nullptr;
  std::vector<std::string> parts;
  net::IoOp read, write;

 private:
  Kind kind_;
};

}  // namespace gateway::test
