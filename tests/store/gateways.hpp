#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gateway/store/bus.hpp"
#include "redis_server.hpp"

namespace gateway::test {

// Patient, so that a machine that is busy with something else makes no outage in a test that is about none.
inline store::BusOptions options_for(std::string const& url) {
  store::BusOptions options;
  auto parsed = RedisUrl::parse(url);
  if (!parsed.url) throw std::runtime_error(parsed.problem);
  options.url = std::move(*parsed.url);
  options.lost_after = options.silent_after = options.connect_within = std::chrono::seconds(30);
  options.longest_pause = std::chrono::milliseconds(500);
  return options;
}
inline store::BusOptions options_for(std::uint16_t port) { return options_for("redis://127.0.0.1:" + std::to_string(port)); }

// As the product is, but for the pause between attempts, of which no test has to wait for the usual five seconds.
inline store::BusOptions usual(std::uint16_t port) {
  auto options = options_for(port);
  store::BusOptions const defaults;
  options.lost_after = defaults.lost_after;
  options.silent_after = defaults.silent_after;
  options.connect_within = defaults.connect_within;
  return options;
}

// What a gateway has of the bus: the table, the bus, and the log.
class Gateway {
 public:
  explicit Gateway(store::BusOptions options)
      : bus(std::move(options), invalidations, [this](auto, std::string_view event, std::string_view message) {
          std::lock_guard const lock(mutex_);
          log_ += std::string(event) + ": " + std::string(message) + "\n";
        }) {
    auto const problem = bus.start();
    if (!problem.empty()) throw std::runtime_error(problem);
  }
  std::string log() const {
    std::lock_guard const lock(mutex_);
    return log_;
  }
  std::size_t logged(std::string const& event) const {
    auto const text = log();
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(event + ": ", at)) != std::string::npos; ++at) ++count;
    return count;
  }
  bool up() const { return !bus.isolated(); }
  std::uint64_t peers() const { return bus.metrics().peers; }
  void publish(cache::Subject subject) { bus.publish({&subject, 1}); }

 private:
  mutable std::mutex mutex_;
  std::string log_;

 public:
  cache::Invalidations invalidations{1024};
  store::Bus bus;
};

// Two gateways that know of each other.
inline void meet(Gateway const& a, Gateway const& b) {
  ASSERT_TRUE(eventually([&] { return a.up() && b.up() && a.peers() == 1 && b.peers() == 1; })) << a.log() << b.log();
}

}  // namespace gateway::test
