#pragma once
#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "gateway/net/listener.hpp"
#include "gateway/proxy/worker.hpp"

namespace gateway::server {

// One thread with one event loop, its own listening sockets, its own vendor connections. Everything but the constructor,
// start() and join() is called through post().
class WorkerThread {
 public:
  struct Limits {
    std::atomic<std::size_t>* open_connections;  // of the process
    std::atomic<std::size_t>* max_connections;
  };

  WorkerThread(observe::AccessRing& ring, Limits limits);
  WorkerThread(WorkerThread const&) = delete;
  WorkerThread& operator=(WorkerThread const&) = delete;

  void listen(net::ListenSocket socket);
  void start(unsigned index);
  template <class F>
  void post(F&& f) {
    boost::asio::post(loop_, std::forward<F>(f));
  }
  proxy::Worker& worker() { return worker_; }
  observe::WorkerMetrics const& metrics() const { return worker_.metrics; }

  void steer_away(unsigned sockets_per_address);
  void accept_queued();
  void stop_listening();
  // Ends the loop as soon as nothing refers to it any more.
  void finish();
  void join();

 private:
  using Clock = std::chrono::steady_clock;
  void on_accept(int descriptor, int family, Peer const& peer);
  void tick();
  void run(unsigned index);

  // A worker's sockets are used by its own thread only, so Asio need not lock each of them for each operation. Work
  // that other threads post stays locked.
  boost::asio::io_context loop_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  proxy::Worker worker_;
  Limits limits_;
  std::vector<std::unique_ptr<net::Acceptor>> acceptors_;
  boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, net::Executor> timer_;
  bool finishing_ = false;
  std::thread thread_;
};

}  // namespace gateway::server
