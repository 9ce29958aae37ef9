#pragma once
#include <sys/types.h>

#include <atomic>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "connection.hpp"
#include "gateway/base/identifiers.hpp"
#include "gateway/store/bus.hpp"
#include "lookup.hpp"
#include "message.hpp"
#include "peers.hpp"
#include "subject_queue.hpp"

namespace gateway::store {

// A descriptor that wakes a poll().
class Signal {
 public:
  Signal();
  ~Signal();
  Signal(Signal const&) = delete;
  Signal& operator=(Signal const&) = delete;
  void raise() noexcept;
  void clear() noexcept;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// What other threads reach stands first; all the rest belongs to the thread.
class Bus::Thread {
 public:
  Thread(BusOptions options, cache::Invalidations& invalidations, Log log, std::atomic<bool>& isolated, BusMetrics& metrics);
  std::string start();
  void stop() noexcept;
  void publish(std::span<cache::Subject const> subjects) noexcept;
  void publish_all() noexcept;

 private:
  void wake() noexcept;

  void run() noexcept;
  // One connection from its beginning to its end; says why it ended.
  std::string live();
  std::string connect();
  std::string serve();
  std::string farewell();
  // One round: sends what there is, waits, takes what came. Empty while all is well.
  std::string turn(Instant until, bool ending);
  void pause();

  void send_pending(Instant now);
  void send(Kind kind, std::span<cache::Subject const> subjects, Instant now);
  std::string take_messages(Instant now);
  std::string take_message(std::string_view payload, Instant now);
  std::string take_own(Message const& message, Instant now);
  std::string take_answers();
  void look_at_peers(Instant now);
  void resync();
  void lost(std::string const& why);
  void tell(Level level, std::string_view event, std::string const& message);

  SubjectQueue queue_;
  std::atomic<bool> everything_{false};  // what is published next is that anything may have changed
  std::atomic<bool> woken_{false};
  Signal wake_, stop_;
  std::atomic<bool> stopping_{false};

  BusOptions const options_;
  cache::Invalidations& invalidations_;
  Log const log_;
  std::atomic<bool>& isolated_;
  BusMetrics& metrics_;
  std::string channel_;
  std::shared_ptr<SSL_CTX> tls_;

  struct Sent {
    std::uint64_t number;
    Instant at;
    bool matters;  // more than a sign of life
  };
  // More messages than this are not under way at a time, so that a slow server does not fill our memory.
  static constexpr std::size_t max_under_way = 64;
  KernelEntropy entropy_;
  std::uint64_t const sender_;
  std::uint64_t number_ = 0;
  std::deque<Sent> under_way_;
  std::vector<cache::Subject> batch_;
  std::string payload_;
  Peers peers_;
  Lookup lookup_;
  Connection listener_, publisher_;
  Instant last_sent_{};
  bool was_connected_ = false;  // ever
  bool told_unreachable_ = false;
  Duration pause_{};
  std::thread thread_;
};

}  // namespace gateway::store
