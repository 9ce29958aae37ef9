#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/base/identifiers.hpp"
#include "gateway/cache/peers.hpp"
#include "gateway/cache/store.hpp"
#include "gateway/net/deadline.hpp"
#include "gateway/observe/access.hpp"
#include "gateway/observe/metrics.hpp"
#include "gateway/proxy/downstream.hpp"
#include "gateway/proxy/exchange.hpp"
#include "gateway/proxy/snapshot.hpp"
#include "gateway/upstream/pool.hpp"
#include "gateway/upstream/retry.hpp"

namespace gateway::proxy {

// All that the request path uses in one worker thread. Workers share nothing but the immutable snapshot.
struct Worker {
  Worker(boost::asio::io_context& event_loop, observe::AccessRing& ring) : loop(event_loop), access(ring), pool(event_loop, sweep) {}
  Worker(Worker const&) = delete;
  Worker& operator=(Worker const&) = delete;

  boost::asio::io_context& loop;
  observe::AccessRing& access;
  observe::WorkerMetrics metrics;
  net::DeadlineSweep sweep;
  upstream::Pool pool;
  upstream::RetryBudget retries;
  KernelEntropy entropy;
  std::shared_ptr<Snapshot const> snapshot;
  cache::Store* cache = nullptr;  // of the process; null: there is none
  std::uint64_t cache_seed = 0;   // the same for all workers
  cache::Peers* peers = nullptr;  // null: this gateway is alone
  std::string date;             // IMF-fixdate of about now, for answers of our own
  bool draining = false;        // answers carry `Connection: close`
  bool closing = false;         // idle connections are closed
  std::size_t connections = 0;  // of callers
  Downstream* sessions = nullptr;
  std::function<void()> on_session_end;  // called when a connection is gone

  // A change whose outcome is unknown: the vendor may still make it. Until `until` what it concerns is ended again at each
  // turn of the sweep.
  void unsettle(cache::Subject submission, bool any_submission, Instant until);
  void sweep_cache(Instant now);
  // Here and on other gateways. `any`: every submission.
  void invalidate(std::span<cache::Subject const> subjects, bool any);

  std::unique_ptr<Exchange> borrow_exchange();
  void give_back(std::unique_ptr<Exchange> exchange);

  void link(Downstream& down);
  void unlink(Downstream& down);
  // Ends connections that wait for a request.
  void close_idle();
  // Ends all connections now.
  void abort_all();

 private:
  static constexpr std::size_t kept_exchanges = 128;
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  struct Unsettled {
    cache::Subject submission, members;
    bool any_submission;
    Instant until;
  };
  static constexpr std::size_t max_unsettled = 1024;
  std::vector<Unsettled> unsettled_;
};

// Serves a caller's connection until it ends. Frees everything it was given. `tls` says that a handshake comes first.
void start_session(Worker& worker, std::unique_ptr<Downstream> down, bool tls);

}  // namespace gateway::proxy
