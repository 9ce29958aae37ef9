// argos-bench-vendor: answers lookups and uploads on one thread, over plain HTTP and over TLS, and refuses what a proxy
// should not have sent. Ends on SIGTERM or when its parent closes stdin.
#include "message.hpp"
#include "vendor_connection.hpp"

#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gateway::bench {

namespace {

std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::invalid_argument("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class Vendor {
 public:
  Vendor(VendorOptions options, std::uint16_t plain_port, std::uint16_t tls_port, SslContext context)
      : options_(std::move(options)),
        context_(std::move(context)),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        plain_(listen_on_loopback(plain_port)),
        tls_(listen_on_loopback(tls_port)),
        scratch_(std::size_t{256} * 1024) {
    watch(plain_.get(), EPOLL_CTL_ADD, EPOLLIN);
    watch(tls_.get(), EPOLL_CTL_ADD, EPOLLIN);
    watch(STDIN_FILENO, EPOLL_CTL_ADD, EPOLLIN);
  }

  void run() {
    while (!stdin_ended_) {
      std::array<epoll_event, 256> events{};
      const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < ready; ++i) on_event(events[static_cast<std::size_t>(i)].data.fd);
    }
  }

 private:
  struct Entry {
    VendorConnection connection;
    bool write_armed = false;
  };

  void watch(int fd, int operation, std::uint32_t what) {
    epoll_event event{.events = what, .data = {.fd = fd}};
    if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) throw std::runtime_error("epoll_ctl failed");
  }

  void on_event(int fd) {
    if (fd == plain_.get() || fd == tls_.get()) {
      accept_all(fd);
    } else if (fd == STDIN_FILENO) {
      on_stdin();
    } else if (const auto found = connections_.find(fd); found != connections_.end()) {
      serve(found);
    }
  }

  void accept_all(int listener) {
    while (true) {
      Descriptor socket(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket.valid()) return;
      prepare_socket(socket.get());
      const int fd = socket.get();
      Stream stream = listener == tls_.get() ? Stream::accept_tls(std::move(socket), context_.get())
                                             : Stream(std::move(socket));
      ++counters_.connections;
      connections_.insert_or_assign(fd, Entry{VendorConnection(options_, counters_, std::move(stream))});
      watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
  }

  void serve(std::unordered_map<int, Entry>::iterator found) {
    Entry& entry = found->second;
    if (!entry.connection.resume(scratch_)) {
      connections_.erase(found);
      return;
    }
    const bool wanted = entry.connection.wants_write();
    if (wanted == entry.write_armed) return;
    entry.write_armed = wanted;
    watch(found->first, EPOLL_CTL_MOD, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  /// A line on stdin asks for the counters; its end ends the program.
  void on_stdin() {
    std::array<char, 64> ignored{};
    if (::read(STDIN_FILENO, ignored.data(), ignored.size()) <= 0) {
      stdin_ended_ = true;
      return;
    }
    std::printf(R"({"connections":%llu,"tls_full":%llu,"tls_resumed":%llu,"lookups":%llu,"uploads":%llu,)"
                R"("refused":%llu,"last_refusal":"%s"})"
                "\n",
                static_cast<unsigned long long>(counters_.connections),
                static_cast<unsigned long long>(counters_.tls_full),
                static_cast<unsigned long long>(counters_.tls_resumed),
                static_cast<unsigned long long>(counters_.lookups), static_cast<unsigned long long>(counters_.uploads),
                static_cast<unsigned long long>(counters_.refused), counters_.last_refusal.c_str());
    std::fflush(stdout);
  }

  VendorOptions options_;
  VendorCounters counters_;
  SslContext context_;
  Descriptor epoll_;
  Descriptor plain_;
  Descriptor tls_;
  std::vector<char> scratch_;
  std::unordered_map<int, Entry> connections_;
  bool stdin_ended_ = false;
};

int serve(int argc, char** argv) {
  std::map<std::string, std::string> values = {{"--plain-port", ""}, {"--tls-port", ""},    {"--certificate", ""},
                                               {"--key", ""},        {"--api-key-file", ""}, {"--lookup-body", ""},
                                               {"--upload-body", ""}};
  for (int i = 1; i + 1 < argc; i += 2) {
    const auto option = values.find(argv[i]);
    if (option == values.end()) throw std::invalid_argument(std::string("unknown option ") + argv[i]);
    option->second = argv[i + 1];
  }
  for (const auto& [name, value] : values) {
    if (value.empty()) throw std::invalid_argument("needs " + name);
  }
  VendorOptions options{contents_of(values["--api-key-file"]), contents_of(values["--lookup-body"]),
                        contents_of(values["--upload-body"])};
  while (options.api_key.ends_with('\n')) options.api_key.pop_back();
  Vendor vendor(std::move(options), parse_port(values["--plain-port"]), parse_port(values["--tls-port"]),
                make_server_context(values["--certificate"], values["--key"]));
  std::puts("ready");
  std::fflush(stdout);
  vendor.run();
  return 0;
}

}  // namespace

}  // namespace gateway::bench

int main(int argc, char** argv) {
  try {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    gateway::bench::raise_descriptor_limit();
    return gateway::bench::serve(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "argos-bench-vendor: %s\n", error.what());
    return 1;
  }
}
