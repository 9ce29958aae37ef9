#include "server.hpp"

#include "connection.hpp"
#include "connections.hpp"
#include "service.hpp"
#include "text.hpp"

#include <sys/socket.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

namespace sandbox {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

/// What goes wrong at the start is said in one sentence.
struct StartError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::pair<std::string, std::string> split_listen(std::string const& listen) {
  std::size_t const colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    throw StartError("--listen needs HOST:PORT, not '" + listen + "'");
  }
  std::string host = listen.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  auto const port = parse_number(std::string_view(listen).substr(colon + 1));
  if (!port || *port > 65535) {
    throw StartError("--listen needs a port from 0 to 65535, not '" + listen.substr(colon + 1) + "'");
  }
  return {std::move(host), listen.substr(colon + 1)};
}

tcp::acceptor open_listener(asio::io_context& io, Options const& options) {
  auto const [host, port] = split_listen(options.listen);
  boost::system::error_code error;
  tcp::resolver resolver(io);
  auto const found = resolver.resolve(host, port, tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || found.empty()) {
    throw StartError("the host '" + host + "' of --listen has no address");
  }
  tcp::endpoint const endpoint = found.begin()->endpoint();
  tcp::acceptor acceptor(io);
  acceptor.open(endpoint.protocol(), error);
  if (!error) {
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  }
  if (!error) {
    acceptor.bind(endpoint, error);
  }
  if (!error) {
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  }
  if (error == asio::error::address_in_use) {
    throw StartError("cannot listen on " + options.listen +
                     " because the port is in use; choose another with --listen");
  }
  if (error) {
    throw StartError("cannot listen on " + options.listen + ": " + error.message());
  }
  return acceptor;
}

/// The only protocol that is spoken here; a client that offers none of ours goes on without one.
int choose_protocol(SSL*, unsigned char const** out, unsigned char* out_length, unsigned char const* offered,
                    unsigned int offered_length, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* selected = nullptr;
  int const result = SSL_select_next_proto(&selected, out_length, ours, sizeof ours - 1, offered, offered_length);
  *out = selected;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

std::unique_ptr<asio::ssl::context> make_tls(Options const& options) {
  if (options.certificate.empty()) {
    return nullptr;
  }
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  static constexpr unsigned char session_context[] = "argos-sandbox";
  SSL_CTX_set_session_id_context(native, session_context, sizeof session_context - 1);
  boost::system::error_code error;
  context->use_certificate_chain_file(options.certificate, error);
  if (error) {
    throw StartError("cannot read the certificate '" + options.certificate + "': " + error.message());
  }
  context->use_private_key_file(options.private_key, asio::ssl::context::pem, error);
  if (error) {
    throw StartError("cannot use the private key '" + options.private_key + "': " + error.message());
  }
  return context;
}

std::vector<Network> parse_allow_list(Options const& options) {
  std::vector<Network> networks;
  for (std::string const& text : options.allow) {
    auto const network = parse_network(text);
    if (!network) {
      throw StartError("--allow needs addresses or networks such as 10.0.0.0/8, not '" + text + "'");
    }
    networks.push_back(*network);
  }
  return networks;
}

void serve_in_thread(tcp::socket socket, asio::ssl::context* tls, Service& service, Connections& connections) {
  try {
    serve_connection(std::move(socket), tls, service, connections);
  } catch (std::exception const& failure) {
    std::fprintf(stderr, "argos-sandbox: a connection ended: %s\n", failure.what());
  }
  connections.thread_ended();
}

void accept_connections(tcp::acceptor& acceptor, asio::ssl::context* tls, Service& service, Connections& connections) {
  while (connections.wait_for_room()) {
    boost::system::error_code error;
    tcp::socket socket = acceptor.accept(error);
    bool started = false;
    if (!error) {
      try {
        std::thread(serve_in_thread, std::move(socket), tls, std::ref(service), std::ref(connections)).detach();
        started = true;
      } catch (std::system_error const& failure) {
        std::fprintf(stderr, "argos-sandbox: no thread for a connection: %s\n", failure.what());
      }
    }
    if (!started) {
      connections.thread_ended();
      // Out of files or threads: pause instead of spinning.
      if (!connections.pause(std::chrono::milliseconds(50))) {
        return;
      }
    }
  }
}

/// Waits for SIGTERM or SIGINT and gives the connections their ticks.
void wait_for_signal(sigset_t const& signals, Connections& connections) {
  timespec last{};
  clock_gettime(CLOCK_MONOTONIC, &last);
  for (;;) {
    timespec const second{1, 0};
    if (sigtimedwait(&signals, nullptr, &second) > 0) {
      return;
    }
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (; last.tv_sec < now.tv_sec; ++last.tv_sec) {
      connections.tick();
    }
  }
}

int serve(Options const& options, sigset_t const& signals) {
  std::unique_ptr<asio::ssl::context> const tls = make_tls(options);
  Service service(options, parse_allow_list(options));
  Connections connections(options.max_connections, options.idle_timeout_seconds);
  asio::io_context io;
  tcp::acceptor acceptor = open_listener(io, options);
  std::string host = split_listen(options.listen).first;
  if (host.find(':') != std::string::npos) {
    host = '[' + host + ']';
  }
  std::thread accepting(accept_connections, std::ref(acceptor), tls.get(), std::ref(service), std::ref(connections));
  std::printf("argos-sandbox listening on %s://%s:%u%s\n", tls ? "https" : "http", host.c_str(),
              static_cast<unsigned>(acceptor.local_endpoint().port()), options.base_path.c_str());
  std::fflush(stdout);
  wait_for_signal(signals, connections);
  connections.stop();
  ::shutdown(acceptor.native_handle(), SHUT_RDWR);  // wakes the accepting thread
  accepting.join();
  if (!connections.wait_until_ended(std::chrono::seconds(2))) {
    std::_Exit(0);  // a thread is still inside what this function is about to destroy
  }
  return 0;
}

}  // namespace

int run_server(Options const& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread, so that only the wait below sees them
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return serve(options, signals);
  } catch (StartError const& error) {
    std::fprintf(stderr, "argos-sandbox: %s\n", error.what());
  }
  return 1;
}

}  // namespace sandbox
