#pragma once
#include <boost/asio/io_context.hpp>
#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "gateway/base/failure.hpp"
#include "gateway/base/time.hpp"
#include "gateway/net/deadline.hpp"
#include "gateway/net/stream.hpp"
#include "gateway/net/task.hpp"
#include "gateway/net/tls.hpp"
#include "gateway/upstream/address.hpp"

namespace gateway::upstream {

class Pool;

// One connection to the vendor. A read is pending on it at all times but while its result is looked at: while the
// connection is idle the read tells at once that the vendor closed it or sent something that nobody asked for.
struct Connection {
  // Head of an answer together with the start of its body.
  static constexpr std::size_t buffer_bytes = 16 * 1024;

  std::unique_ptr<net::ByteStream> stream;
  net::IoOp read_op, write_op;
  net::Deadline deadline;
  std::unique_ptr<char[]> buffer;
  Instant created{};
  Pool* pool = nullptr;
  std::uint64_t exchanges = 0;
  bool in_use = false;
  bool probed = false;  // since it became idle
  SSL_CTX const* context = nullptr;  // that it was made with
  Connection* next = nullptr;        // in the pool's list of all that are not retired
  Connection* previous = nullptr;

  // Bytes at the front of the buffer that the vendor has filled since the last wipe.
  std::size_t soiled = 0;
  void soil(std::size_t end) { soiled = std::max(soiled, end); }
  // What an answer showed is not kept while the connection is idle, nor in freed memory.
  void clean() noexcept;

  // Starts the next read into the connection's own buffer. Whether something has come already is asked before the
  // connection is used again, and at the next sweep.
  void read_ahead() { stream->start_idle_read(read_op, {buffer.get(), buffer_bytes}); }
};

// The use of a connection for one exchange. Not released explicitly means closed: nothing half-read is ever reused.
class [[nodiscard]] Lease {
 public:
  Lease() = default;
  Lease(Connection* connection, bool reused) : connection_(connection), reused_(reused) {}
  Lease(Lease&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)), reused_(other.reused_) {}
  Lease& operator=(Lease&& other) noexcept;
  ~Lease() { discard(); }

  Connection& operator*() const { return *connection_; }
  Connection* operator->() const { return connection_; }
  bool reused() const { return reused_; }
  // The exchange ended cleanly on both sides: back into the pool.
  void release();
  void discard() noexcept;

 private:
  Connection* connection_ = nullptr;
  bool reused_ = false;
};

struct PoolSettings {
  std::string host;              // for SNI and the certificate
  net::TlsContext tls;           // null for plain HTTP
  std::size_t max_connections;   // of this worker
  std::chrono::milliseconds connect_timeout, idle_timeout;
  std::chrono::milliseconds max_age{std::chrono::minutes(10)};  // picks up DNS changes, outlives no vendor limit
};

struct PoolGauges {
  std::size_t idle = 0, busy = 0;
};

// Connections of one worker to the vendor; the last one used is the first one taken. Single threaded.
class Pool {
 public:
  Pool(boost::asio::io_context& loop, net::DeadlineSweep& sweep) : loop_(loop), sweep_(sweep) {}
  Pool(Pool const&) = delete;
  Pool& operator=(Pool const&) = delete;
  ~Pool();

  // New settings apply to connections made from now on; a changed TLS context retires the idle ones.
  void configure(PoolSettings settings);
  void set_addresses(std::shared_ptr<AddressList const> addresses);

  // A pooled connection that shows no sign of being dead (the kernel is asked once more before one is used), or a new
  // one. `fresh`: never a pooled one. Waits for a free place up to
  // the connect time-out. Fails with upstream_unresolved, _connect_failed, _connect_timeout, _tls_failed or
  // _pool_exhausted.
  net::Task<Result<Lease>> acquire(bool fresh);

  PoolGauges gauges() const { return {idle_.size(), open_ - idle_.size()}; }
  // Closes idle connections and everything that comes back.
  void stop();
  // Breaks off exchanges, connection attempts and waits as well.
  void abort_all();
  // From the worker's sweep, outside any stream's callback: frees what ended since the last call, and looks once at each
  // connection that became idle.
  void sweep();
  bool empty() const { return open_ == 0 && graveyard_.empty(); }

 private:
  friend class Lease;
  struct Waiter {
    net::IoOp op;
    net::Deadline deadline;
    Connection* given = nullptr;
    bool in_queue = true;
  };
  static constexpr std::size_t max_waiters = 4096;

  Connection* take_idle();
  bool is_usable(Connection& connection) const;
  void link(Connection* connection);
  void unlink(Connection* connection);
  net::Task<Result<Connection*>> wait_for_place();
  net::Task<Result<Connection*>> connect();
  net::Task<Result<>> connect_to(Connection& connection, Address const& address);
  void put_back(Connection* connection);
  void make_idle(Connection* connection);
  void discard(Connection* connection) noexcept;
  void retire(Connection* connection) noexcept;
  void free_place();
  void close_idle();
  void probe_idle();
  void bury();
  void wake_waiter(Connection* connection);
  static void on_idle_read(void* connection);
  static void on_dead(void* connection);
  static void on_deadline(void* connection, Code reason);
  static void on_waiter_deadline(void* waiter, Code reason);

  boost::asio::io_context& loop_;
  net::DeadlineSweep& sweep_;
  PoolSettings settings_{};
  std::shared_ptr<AddressList const> addresses_;
  std::size_t next_address_ = 0;
  net::TlsSessionSlot sessions_;
  std::vector<Connection*> idle_;
  Connection* all_ = nullptr;
  std::deque<Waiter*> waiters_;
  std::vector<Connection*> graveyard_;
  std::size_t open_ = 0;
  bool stopped_ = false;
};

}  // namespace gateway::upstream
