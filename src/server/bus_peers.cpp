#include "bus_peers.hpp"

#include <utility>

namespace gateway::server {
namespace {

store::Bus::Log log_to(observe::Log& log) {
  return [&log](store::Bus::Level level, std::string_view event, std::string_view message) {
    if (level == store::Bus::Level::warn) log.warn(event, std::string(message));
    else log.info(event, std::string(message));
  };
}

}  // namespace

BusPeers::BusPeers(store::BusOptions options, cache::Invalidations& invalidations, observe::Log& log)
    : bus_(std::move(options), invalidations, log_to(log)) {}

std::unique_ptr<BusPeers> BusPeers::start(config::Values const& values, cache::Invalidations& invalidations, observe::Log& log) {
  auto parsed = RedisUrl::parse(values.store_redis);
  if (!parsed.url) {
    log.error("store", "store.redis: " + parsed.problem);
    return nullptr;
  }
  store::BusOptions options;
  options.url = std::move(*parsed.url);
  std::unique_ptr<BusPeers> peers(new BusPeers(std::move(options), invalidations, log));
  auto const error = peers->bus_.start();
  if (error.empty()) return peers;
  log.error("store", error);
  return nullptr;
}

observe::StoreNumbers BusPeers::numbers() const {
  auto const& from = bus_.metrics();
  observe::StoreNumbers numbers;
  numbers.used = true;
  numbers.connected = from.connected;
  numbers.isolated = bus_.isolated();
  numbers.sent = from.sent;
  numbers.received = from.received;
  numbers.malformed = from.malformed;
  numbers.resyncs = from.resyncs;
  numbers.reconnects = from.reconnects;
  for (std::size_t i = 0; i < from.round_trip_bounds.size(); ++i) numbers.round_trip_bounds.push_back(from.round_trip_bounds[i]);
  for (auto const& count : from.round_trips) numbers.round_trips.push_back(count);
  numbers.round_trip_sum = static_cast<double>(from.round_trip_sum_ns) * 1e-9;
  return numbers;
}

}  // namespace gateway::server
