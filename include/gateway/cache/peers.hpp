#pragma once
#include <chrono>
#include <span>

#include "gateway/cache/invalidation.hpp"

namespace gateway::cache {

// Other gateways with caches of their own, as the request path sees them. From any thread; never waits.
class Peers {
 public:
  virtual ~Peers() = default;
  // Tells them what was invalidated here.
  virtual void publish(std::span<Subject const> subjects) noexcept = 0;
  virtual void publish_all() noexcept = 0;
  // Whether what they invalidate may be missed at present. Then nothing is served that is older than isolated_age.
  virtual bool isolated() const noexcept = 0;
};
inline constexpr std::chrono::seconds isolated_age{1};

}  // namespace gateway::cache
