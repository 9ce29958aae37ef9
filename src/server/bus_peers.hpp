#pragma once
#include <memory>
#include <string>

#include "gateway/cache/peers.hpp"
#include "gateway/config/config.hpp"
#include "gateway/observe/log.hpp"
#include "gateway/observe/metrics.hpp"
#include "gateway/store/bus.hpp"

namespace gateway::server {

// The other gateways, reached through the bus that [store] names.
class BusPeers final : public cache::Peers {
 public:
  // Null, with the reason logged, when it cannot be started. Redis itself need not be there.
  static std::unique_ptr<BusPeers> start(config::Values const& values, cache::Invalidations& invalidations, observe::Log& log);

  void publish(std::span<cache::Subject const> subjects) noexcept override { bus_.publish(subjects); }
  void publish_all() noexcept override { bus_.publish_all(); }
  bool isolated() const noexcept override { return bus_.isolated(); }
  void stop() noexcept { bus_.stop(); }
  observe::StoreNumbers numbers() const;

 private:
  BusPeers(store::BusOptions options, cache::Invalidations& invalidations, observe::Log& log);
  store::Bus bus_;
};

}  // namespace gateway::server
