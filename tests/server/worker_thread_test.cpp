#include "gateway/server/worker_thread.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <thread>

#include "gateway/server/admin.hpp"
#include "gateway/server/file_watch.hpp"
#include "gateway/server/key_source.hpp"
#include "gateway/server/server.hpp"
#include "support_io/rig.hpp"

// Workers in threads of their own; run under the thread sanitizer too.
namespace gateway::test {
namespace {

using namespace std::chrono_literals;

int connect_to(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  int const descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval const patience{20, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return descriptor;
  ::close(descriptor);
  return -1;
}

// Sends, then reads until an answer is whole or the connection ends. status 0: no answer.
Message ask(int descriptor, std::string const& request) {
  Message message;
  if (::send(descriptor, request.data(), request.size(), MSG_NOSIGNAL) < 0) return message;
  std::string received;
  char buffer[4096];
  for (;;) {
    auto const got = ::recv(descriptor, buffer, sizeof buffer, 0);
    if (got > 0) received.append(buffer, static_cast<std::size_t>(got));
    if (take_answer(received, got == 0, message) == Reading::complete) return message;
    if (got <= 0) return {};
  }
}

std::shared_ptr<config::Config const> config_for(std::uint16_t vendor_port) {
  auto loaded = config::parse("[server]\nlisten = [\"127.0.0.1:0\"]\n[upstream]\nbase_url = \"http://localhost:" + std::to_string(vendor_port) +
                                  "/v3\"\nallow_plain_http = true\n[api_key]\nenv = \"UNUSED\"\n[[tenant]]\nname = \"test\"\n"
                                  "cidr = [\"127.0.0.0/8\"]\noperations = [\"*\"]\n",
                              "test.toml", "/");
  for (auto const& problem : loaded.problems) ADD_FAILURE() << problem.text();
  return std::move(loaded.config);
}

// One worker in its thread, and a vendor in another.
class WorkerThreadTest : public testing::Test {
 protected:
  WorkerThreadTest() : thread_(ring_, {&open_, &most_}) {
    std::string error;
    auto socket = net::ListenSocket::open_tcp("127.0.0.1", 0, error);
    EXPECT_TRUE(socket.is_open()) << error;
    port_ = socket.port();
    thread_.listen(std::move(socket));
    auto const config = config_for(vendor_.port());
    auto const addresses = std::make_shared<upstream::AddressList const>(upstream::AddressList{vendor_.address()});
    thread_.post([this, config, addresses] {
      proxy::Snapshot snapshot;
      snapshot.config = config;
      snapshot.api_key = std::make_shared<Secret const>(Secret::take(std::string(api_key_text)));
      thread_.worker().snapshot = std::make_shared<proxy::Snapshot const>(snapshot);
      upstream::PoolSettings settings{};
      settings.host = "localhost";
      settings.max_connections = 4;
      settings.connect_timeout = 3s;
      settings.idle_timeout = 50s;
      thread_.worker().pool.configure(settings);
      thread_.worker().pool.set_addresses(addresses);
    });
    thread_.start(0);
    vendor_thread_ = std::thread([this] {
      while (!stop_)
        if (!vendor_.pump()) ::usleep(200);
    });
  }
  ~WorkerThreadTest() override {
    thread_.post([this] { thread_.finish(); });
    thread_.join();
    stop_ = true;
    vendor_thread_.join();
    EXPECT_EQ(open_.load(), 0u);
  }

  observe::AccessRing ring_;
  std::atomic<std::size_t> open_{0}, most_{100};
  std::atomic<bool> stop_{false};
  Vendor vendor_;
  server::WorkerThread thread_;
  std::uint16_t port_ = 0;
  std::thread vendor_thread_;
};

TEST_F(WorkerThreadTest, StartsAndStopsWithoutAnyRequest) {}

TEST_F(WorkerThreadTest, ServesCallersOfSeveralThreads) {
  constexpr int callers = 4, each = 25;
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < callers; ++i)
    threads.emplace_back([&] {
      int const descriptor = connect_to(port_);
      for (int n = 0; n < each; ++n) good += ask(descriptor, n % 2 == 0 ? get_request() : post_request("{\"address\":\"here\"}")).status == 200;
      ::close(descriptor);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, callers * each);
  int records = 0;
  // The record is written after the answer.
  for (int i = 0; i < 2'000 && records < callers * each; ++i) {
    ring_.drain([&](observe::AccessRecord const&, auto) { ++records; });
    ::usleep(1'000);
  }
  EXPECT_EQ(records, callers * each);
  std::uint64_t counted = 0;
  thread_.metrics().requests.visit([&](std::uint64_t, std::uint64_t count) { counted += count; });
  EXPECT_EQ(counted, static_cast<std::uint64_t>(callers * each));
}

TEST_F(WorkerThreadTest, AboveTheLimitOfConnectionsNobodyIsServed) {
  most_ = 2;
  int const a = connect_to(port_), b = connect_to(port_);
  EXPECT_EQ(ask(a, get_request()).status, 200);
  EXPECT_EQ(ask(b, get_request()).status, 200);
  int const c = connect_to(port_);
  auto const refused = ask(c, get_request()).status;
  EXPECT_TRUE(refused == 503 || refused == 0) << refused;
  EXPECT_GE(thread_.metrics().connections_refused.get(), 1u);
  ::close(a);
  ::close(c);
  for (int i = 0; i < 5'000 && open_ > 1; ++i) ::usleep(1'000);
  EXPECT_EQ(open_.load(), 1u);
  int const d = connect_to(port_);
  EXPECT_EQ(ask(d, get_request()).status, 200);
  ::close(b);
  ::close(d);
}

TEST_F(WorkerThreadTest, AnUnfinishedExchangeIsBrokenOffAtTheEnd) {
  int const descriptor = connect_to(port_);
  EXPECT_EQ(ask(descriptor, get_request()).status, 200);
  auto const half = post_request(noise(1'000)).substr(0, 500);
  ASSERT_EQ(::send(descriptor, half.data(), half.size(), 0), static_cast<ssize_t>(half.size()));
  ::usleep(20'000);
  thread_.post([this] { thread_.worker().abort_all(); });
  char byte;
  EXPECT_LE(::recv(descriptor, &byte, 1, 0), 0);
  ::close(descriptor);
}

TEST_F(WorkerThreadTest, AfterStopListeningNewConnectionsAreRefusedAndOldOnesServed) {
  int const descriptor = connect_to(port_);
  EXPECT_EQ(ask(descriptor, get_request()).status, 200);
  std::atomic<bool> closed{false};
  thread_.post([&] {
    thread_.steer_away(1);
    thread_.accept_queued();
    thread_.stop_listening();
    closed = true;
  });
  for (int i = 0; i < 5'000 && !closed; ++i) ::usleep(1'000);
  ASSERT_TRUE(closed);
  EXPECT_EQ(connect_to(port_), -1);
  EXPECT_EQ(ask(descriptor, get_request()).status, 200);
  ::close(descriptor);
}

class AdminTest : public testing::Test {
 protected:
  AdminTest() {
    std::string error;
    auto socket = net::ListenSocket::open_tcp("127.0.0.1", 0, error);
    port_ = socket.port();
    admin_ = std::make_unique<server::Admin>(loop_.context, std::move(socket), sweep_, [](server::AdminQuestion const& question) {
      auto const path = question.path;
      if (question.method != http::Method::get) return server::AdminAnswer{405, "text/plain", "only GET\n", "GET"};
      if (path == "/livez") return server::AdminAnswer{200, "text/plain", "ok\n", {}};
      if (path == "/large") return server::AdminAnswer{200, "text/plain", noise(3 * 1024 * 1024), {}};
      return server::AdminAnswer{404, "text/plain", "no\n", {}};
    });
    admin_->start();
    loop_.pumps.push_back([this] {
      bool moved = false;
      for (auto& caller : callers_) moved |= caller->pump();
      return moved;
    });
  }
  ~AdminTest() override {
    admin_->stop();
    EXPECT_TRUE(loop_.run_until([&] { return admin_->idle(); }));
    admin_.reset();
    loop_.settle();
  }
  Endpoint& call(std::string const& bytes) {
    callers_.push_back(std::make_unique<Endpoint>(connect_to(port_)));
    callers_.back()->send(bytes);
    return *callers_.back();
  }
  Message answer_of(Endpoint& caller) {
    Message message;
    auto reading = Reading::incomplete;
    loop_.run_until([&] {
      reading = take_answer(caller.received, caller.ended, message);
      return reading != Reading::incomplete || caller.ended || caller.broken;
    });
    if (reading != Reading::complete) message.status = 0;
    return message;
  }

  Loop loop_;
  net::DeadlineSweep sweep_;
  std::unique_ptr<server::Admin> admin_;
  std::vector<std::unique_ptr<Endpoint>> callers_;
  std::uint16_t port_ = 0;
};

TEST_F(AdminTest, AnswersGetAndNothingElse) {
  auto& caller = call("GET /livez?x=1 HTTP/1.1\r\nHost: x\r\n\r\nGET /other HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(answer_of(caller).body, "ok\n");
  EXPECT_EQ(answer_of(caller).status, 404);
  EXPECT_EQ(answer_of(call("POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")).status, 405);
  EXPECT_EQ(answer_of(call("nonsense\r\n\r\n")).status, 400);
  EXPECT_EQ(answer_of(call("GET /livez HTTP/1.1\r\nX : y\r\nHost: x\r\n\r\n")).status, 400);
  EXPECT_EQ(answer_of(call("GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).body.size(), 3u * 1024 * 1024);
}

TEST_F(AdminTest, EndsConnectionsThatSayNothingOrTakeNothing) {
  auto &silent = call("GET /li"), &deaf = call("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  deaf.paused = true;
  loop_.settle();
  sweep_.tick(coarse_now() + 11s);
  EXPECT_TRUE(loop_.run_until([&] { return admin_->idle(); }));
  EXPECT_TRUE(loop_.run_until([&] { return silent.ended || silent.broken; }));
}

TEST_F(AdminTest, TakesABoundedNumberOfConnections) {
  for (int i = 0; i < 80; ++i) call("");
  loop_.settle();
  std::size_t refused = 0;
  for (auto const& caller : callers_) refused += caller->ended || caller->broken;
  EXPECT_EQ(refused, 16u);
}

TEST(FileWatch, SeesWritesRenamesAndSwappedLinks) {
  auto const folder = write_temporary("watched", "");
  ::unlink(folder.c_str());
  ASSERT_EQ(::mkdir(folder.c_str(), 0700), 0);
  auto const put = [&](std::string const& name, std::string const& text) { std::ofstream(folder + "/" + name) << text; };
  put("key", "one");
  Loop loop;
  int changes = 0;
  server::FileWatch watch(loop.context, folder + "/key", [&] { ++changes; });
  watch.start();
  loop.settle();
  auto const seen_after = [&](auto&& change) {
    int const before = changes;
    change();
    return loop.run_until([&] { return changes > before; }, 4s);  // before the look that comes every five seconds
  };
  EXPECT_TRUE(seen_after([&] { put("key", "two"); }));
  EXPECT_TRUE(seen_after([&] {
    put("new", "three");
    ::rename((folder + "/new").c_str(), (folder + "/key").c_str());
  }));
  EXPECT_TRUE(seen_after([&] {
    ASSERT_EQ(::symlink("somewhere", (folder + "/..data_tmp").c_str()), 0);
    ::rename((folder + "/..data_tmp").c_str(), (folder + "/..data").c_str());
  }));
  watch.stop();
  loop.settle();
}

TEST(KeySource, TakesOneLineOfVisibleCharactersAndSaysWhatElseThereIs) {
  config::Values values;
  auto const read = [&](std::string const& content) {
    values.api_key_file = write_temporary("key", content);
    return server::read_key(values);
  };
  for (std::string const good : {"abc", " abc\r\n", "\n\tabc \n\n"}) {
    auto const result = read(good);
    ASSERT_TRUE(result.key) << result.error;
    EXPECT_TRUE(result.key->equals("abc"));
  }
  ASSERT_TRUE(read(std::string(4'096, 'k')).key);
  for (auto const& bad : {std::string(), std::string(" \n"), std::string("a b"), std::string("a\nb"), std::string("a\0b", 3),
                                std::string("caf\xc3\xa9"), std::string(4'097, 'k'), std::string(100'000, 'k')}) {
    auto const result = read(bad);
    EXPECT_FALSE(result.key);
    EXPECT_NE(result.error, "");
    EXPECT_EQ(result.error.find("kkkk"), std::string::npos) << "the key must not be in the message";
  }
  values.api_key_file = "/nonexistent/key";
  EXPECT_NE(server::read_key(values).error.find("/nonexistent/key"), std::string::npos);
  values.api_key_file.clear();
  values.api_key_env = "ARGOS_TEST_KEY";
  ::unsetenv("ARGOS_TEST_KEY");
  EXPECT_NE(server::read_key(values).error.find("ARGOS_TEST_KEY"), std::string::npos);
  ::setenv("ARGOS_TEST_KEY", "from-env", 1);
  EXPECT_TRUE(server::read_key(values).key->equals("from-env"));
}

}  // namespace
}  // namespace gateway::test
