#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace gateway::test {

// Whether `condition` comes true within a time that is only there so that nothing hangs.
template <class Condition>
bool eventually(Condition const& condition, std::chrono::seconds within = std::chrono::seconds(60)) {
  auto const until = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// A listening socket on a port of the system's choice.
inline std::pair<int, std::uint16_t> listen_on_loopback() {
  int const listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (listener < 0 || ::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 64) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no port to listen on");
  return {listener, ntohs(address.sin_port)};
}

inline int connect_to_loopback(std::uint16_t port) {
  int const client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto const address = loopback(port);
  if (::connect(client, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0) return client;
  ::close(client);
  return -1;
}

// A redis-server of the test's own, on loopback, in an empty folder. It ends with the test, however that ends.
class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> options = {}, bool tls = false) : options_(std::move(options)), tls_(tls) {
    char folder[] = "/tmp/argos-redis-XXXXXX";
    if (::mkdtemp(folder) == nullptr) throw std::runtime_error("no folder for redis-server");
    folder_ = folder;
    auto const [listener, port] = listen_on_loopback();
    ::close(listener);
    port_ = port;
    start();
  }
  ~RedisServer() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  RedisServer(RedisServer const&) = delete;
  RedisServer& operator=(RedisServer const&) = delete;

  std::uint16_t port() const { return port_; }

  void start() {
    std::vector<std::string> words = {"redis-server", tls_ ? "--tls-port" : "--port", std::to_string(port_),
                                      "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder_,
                                      "--logfile", folder_ + "/log"};
    if (tls_) words.insert(words.end(), {"--port", "0"});
    words.insert(words.end(), options_.begin(), options_.end());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    bool const listens = eventually([&] {
      if (int status = 0; ::waitpid(process_, &status, WNOHANG) == process_) {
        process_ = -1;
        throw std::runtime_error(WIFEXITED(status) && WEXITSTATUS(status) == 127 ? "redis-server is not installed: apt-get install redis-server"
                                                                                 : "redis-server ended at once; its port may have been taken");
      }
      int const client = connect_to_loopback(port_);
      if (client >= 0) ::close(client);
      return client >= 0;
    });
    if (!listens) throw std::runtime_error("redis-server does not listen");
  }
  // At once, as a machine that fails.
  void kill() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }
  void suspend() { ::kill(process_, SIGSTOP); }
  void resume() { ::kill(process_, SIGCONT); }

 private:
  std::vector<std::string> options_;
  bool tls_;
  std::string folder_;
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
};

// Stands between one gateway and Redis, to cut off that one alone.
class Relay {
 public:
  enum class Mode { pass, hold, cut };  // hold: bytes stay where they are; cut: connections are closed as soon as made

  explicit Relay(std::uint16_t target) : target_(target) {
    auto const [listener, port] = listen_on_loopback();
    listener_ = listener;
    port_ = port;
    thread_ = std::thread([this] { run(); });
  }
  ~Relay() {
    ending_ = true;
    thread_.join();
    drop_all();
    ::close(listener_);
  }
  Relay(Relay const&) = delete;
  Relay& operator=(Relay const&) = delete;

  std::uint16_t port() const { return port_; }
  void set(Mode mode) { mode_ = mode; }

 private:
  void run() {
    while (!ending_) {
      auto const mode = mode_.load();
      if (mode == Mode::cut) drop_all();
      std::vector<pollfd> waits{{listener_, POLLIN, 0}};
      if (mode == Mode::pass)
        for (auto const& [a, b] : pairs_) waits.insert(waits.end(), {{a, POLLIN, 0}, {b, POLLIN, 0}});
      ::poll(waits.data(), waits.size(), 10);
      if (waits[0].revents != 0) accept_one(mode);
      for (std::size_t i = 1; i + 1 < waits.size(); i += 2) {
        bool const good = (waits[i].revents == 0 || move(waits[i].fd, waits[i + 1].fd)) &&
                          (waits[i + 1].revents == 0 || move(waits[i + 1].fd, waits[i].fd));
        if (!good) drop(waits[i].fd);
      }
    }
  }
  void accept_one(Mode mode) {
    int const client = ::accept(listener_, nullptr, nullptr);
    int const server = mode == Mode::cut ? -1 : connect_to_loopback(target_);
    if (server >= 0) pairs_.emplace_back(client, server);
    else ::close(client);
  }
  static bool move(int from, int to) {
    char buffer[65536];
    auto const size = ::recv(from, buffer, sizeof buffer, 0);
    return size > 0 && ::send(to, buffer, static_cast<std::size_t>(size), MSG_NOSIGNAL) == size;
  }
  void drop(int client) {
    std::erase_if(pairs_, [&](auto const& pair) {
      if (pair.first != client) return false;
      ::close(pair.first);
      ::close(pair.second);
      return true;
    });
  }
  void drop_all() {
    while (!pairs_.empty()) drop(pairs_.front().first);
  }

  std::uint16_t target_, port_ = 0;
  int listener_ = -1;
  std::atomic<Mode> mode_{Mode::pass};
  std::atomic<bool> ending_{false};
  std::vector<std::pair<int, int>> pairs_;
  std::thread thread_;
};

}  // namespace gateway::test
