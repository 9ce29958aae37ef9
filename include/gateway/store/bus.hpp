#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "gateway/base/redis_url.hpp"
#include "gateway/base/time.hpp"
#include "gateway/cache/invalidation.hpp"

namespace gateway::store {

// What happens on the bus, for /metrics. Written by the bus, read by anybody.
struct BusMetrics {
  std::atomic<bool> connected{false};
  std::atomic<std::uint64_t> sent{0};       // messages, those that only say that we are there left out
  std::atomic<std::uint64_t> received{0};   // messages of other gateways, likewise
  std::atomic<std::uint64_t> malformed{0};  // messages that could not be read, and were ignored
  std::atomic<std::uint64_t> dropped{0};    // subjects that had no room or no connection; "everything" was said instead
  std::atomic<std::uint64_t> resyncs{0};    // times that everything was invalidated because something may have been missed
  std::atomic<std::uint64_t> reconnects{0};  // connections after the first
  std::atomic<std::uint64_t> failures{0};    // attempts to connect that failed
  std::atomic<std::uint64_t> peers{0}, silent_peers{0};  // other gateways that are known, and those not heard at present

  // How long our own messages took to come back, which is what it takes to reach the others.
  static constexpr std::array<double, 12> round_trip_bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                            0.01,   0.025,   0.05,   0.1,   0.25,   0.5};  // seconds
  std::array<std::atomic<std::uint64_t>, round_trip_bounds.size() + 1> round_trips{};  // not cumulative; the last: above
  std::atomic<std::uint64_t> round_trip_sum_ns{0}, round_trip_max_ns{0};
};

struct BusOptions {
  RedisUrl url;
  std::string ca_file;             // for rediss://; "": the system's store
  std::size_t queue = 4096;        // subjects that wait to be sent
  Duration beat = std::chrono::milliseconds(250);        // this often we say something, be it only that we are there
  Duration lost_after = std::chrono::milliseconds(750);  // a message of ours that is not back by then: connection lost
  Duration silent_after = std::chrono::seconds(1);       // another gateway that says nothing for so long is cut off
  Duration forgotten_after = std::chrono::seconds(60);   // and dead after so long
  Duration connect_within = std::chrono::seconds(1);     // each connection, with TLS and password; a name may take two
  Duration least_pause = std::chrono::milliseconds(250), longest_pause = std::chrono::seconds(5);  // between attempts
};

// Tells the other gateways what has changed, over one channel of Redis (publish and subscribe), and drops here what has
// changed there. Nothing is kept in Redis, and only hashes of submission ids pass through it (src/store/message.hpp says
// what that reveals). The channel's name holds the number of the URL's database, as Redis itself does not part channels.
//
// It has a thread of its own, with one connection to listen and one to publish. Every message also comes back to its
// sender, which shows that the whole way works: a message that is not back in time means that Redis is lost, whatever
// the connections say. Everything is then invalidated, and again once the channel is heard anew, because what was said
// meanwhile was missed. Messages are numbered, so that a missing one is noticed and has the same consequence.
//
// How old an answer of the cache can be, measured from a change that another gateway has let through:
//   * Both connected: the delay of a message (round_trip above; on one machine a fraction of a millisecond).
//   * One of them is cut off and it has not shown yet: one second, which is `beat` and `lost_after` for the one that is
//     cut off, and `silent_after` for those that hear it no more. (Plus what a starved thread waits for a CPU.)
//   * It has shown: isolated() is true, on the gateway that is cut off as on all that miss it, and the request path
//     serves nothing older than its cap. So the bound is the larger of one second and the cap, not their sum.
//   * A gateway that crashed cannot be told from one that is cut off, so the others stay isolated() until
//     `forgotten_after`. One that is cut off for longer but still reached by callers, or that was cut off before another
//     started, is not waited for: what it changes shows elsewhere when lifetimes end, or when it is back, which drops
//     everything. Whoever cannot accept that takes gateways out of service while `connected` is 0.
//   * With several Redis servers, all gateways have to be led to the same one: a replica does not pass messages back.
class Bus {
 public:
  enum class Level : std::uint8_t { info, warn };
  // Called on the thread of the bus, when its state changes, never for a message.
  using Log = std::function<void(Level, std::string_view event, std::string_view message)>;

  Bus(BusOptions options, cache::Invalidations& invalidations, Log log);
  ~Bus();
  Bus(Bus const&) = delete;
  Bus& operator=(Bus const&) = delete;

  // Empty, or a sentence that says why it cannot be started. Redis need not be there.
  std::string start();
  // Tries to tell what is still to be told, and ends within half a second whatever Redis does. What is published
  // afterwards is ignored.
  void stop() noexcept;

  // Tells the others that these have changed. From any thread; neither waits for anything nor allocates. The caller has
  // invalidated them here. What finds no room, or no connection, is made up for: the others are told that anything may
  // have changed, as soon as they can be told something.
  void publish(std::span<cache::Subject const> subjects) noexcept;
  // Tells them that anything may have changed.
  void publish_all() noexcept;

  // Whether changes made through other gateways may be missed at present: from the start until the channel is heard,
  // while the connection is lost, and while another gateway is not heard.
  bool isolated() const noexcept { return isolated_.load(); }
  BusMetrics const& metrics() const { return metrics_; }

 private:
  class Thread;
  std::atomic<bool> isolated_{true};
  BusMetrics metrics_;
  std::unique_ptr<Thread> thread_;
};

}  // namespace gateway::store
