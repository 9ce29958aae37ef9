#pragma once
#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>
#include <vector>

#include "gateway/observe/access.hpp"
#include "gateway/observe/log.hpp"
#include "bus_peers.hpp"
#include "gateway/server/admin.hpp"
#include "gateway/server/file_watch.hpp"
#include "gateway/server/key_source.hpp"
#include "gateway/server/server.hpp"
#include "gateway/server/worker_thread.hpp"

namespace gateway::server {

// Looks the vendor's name up every half minute, in a thread of its own since getaddrinfo blocks. Keeps the last good
// answer. The callbacks run in that thread, never after stop() has returned; stop() does not wait for a look-up that
// hangs.
class ResolverThread {
 public:
  using OnChange = std::function<void(std::shared_ptr<upstream::AddressList const>)>;
  using OnFailure = std::function<void()>;
  ResolverThread(std::string host, std::uint16_t port, OnChange on_change, OnFailure on_failure);
  ResolverThread(ResolverThread const&) = delete;
  ResolverThread& operator=(ResolverThread const&) = delete;
  ~ResolverThread() { stop(); }
  // The first look-up is done before this returns.
  void start();
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;  // the thread has a share of it
};

// The control thread: signals, reload, key, admin listener, drain. Workers hear of it through post().
class Control {
 public:
  Control(std::unique_ptr<config::Config> config, BuildInfo build);
  // False, with the reason logged, when something cannot be opened.
  bool open();
  int run();

 private:
  using Clock = std::chrono::steady_clock;
  using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, net::Executor>;

  bool open_listeners();
  bool open_one(config::Endpoint const& endpoint);
  bool load_tls(config::Config const& config);
  void load_key(bool at_start);
  void publish();
  upstream::PoolSettings pool_settings() const;
  void wait_for_signal();
  void reload();
  void start_drain();
  void stop_listening();
  void watch_drain();
  void finish();
  void stop_now();
  void after(Duration delay, void (Control::*then)());
  void tick();
  void trim_memory();
  AdminAnswer answer(AdminQuestion const& question);
  AdminAnswer purge(std::string_view query);
  AdminAnswer readiness() const;
  template <class F>
  void each_worker(F&& f) {
    for (auto& thread : threads_) thread->post([&thread = *thread, f] { f(thread); });
  }

  std::shared_ptr<config::Config const> config_;
  BuildInfo build_;
  observe::Log log_;
  observe::TenantLabels labels_;
  observe::ProcessMetrics metrics_;
  observe::AccessLog access_;
  std::shared_ptr<Secret const> key_;
  std::string last_key_error_;
  KernelEntropy entropy_;
  std::unique_ptr<cache::Store> cache_;  // outlives the workers
  std::unique_ptr<BusPeers> peers_;      // likewise; null when this gateway is alone
  net::TlsContext server_tls_, client_tls_;
  std::atomic<std::size_t> open_connections_{0}, max_connections_{0};

  boost::asio::io_context loop_{1};
  net::DeadlineSweep sweep_;
  Timer sweep_timer_, drain_timer_;
  boost::asio::basic_signal_set<net::Executor> signals_;
  std::unique_ptr<Admin> admin_;
  std::unique_ptr<FileWatch> key_watch_;
  std::unique_ptr<ResolverThread> resolver_;
  std::vector<std::unique_ptr<WorkerThread>> threads_;
  Clock::time_point drain_ends_{};
  std::size_t peak_connections_ = 0;
  bool draining_ = false, finished_ = false;
  int exit_code_ = 0;
};

}  // namespace gateway::server
