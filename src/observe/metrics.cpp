#include "gateway/observe/metrics.hpp"

#include <algorithm>

namespace gateway::observe {
namespace {
// The bounds as whole nanoseconds: `le` includes the bound, which floating point would miss.
constexpr auto bounds_ns = [] {
  std::array<std::int64_t, duration_buckets.size()> bounds{};
  for (std::size_t i = 0; i < bounds.size(); ++i) bounds[i] = static_cast<std::int64_t>(duration_buckets[i] * 1e9 + 0.5);
  return bounds;
}();
}  // namespace

void Histogram::observe(Duration duration) {
  auto const bucket = std::lower_bound(bounds_ns.begin(), bounds_ns.end(), duration.count()) - bounds_ns.begin();
  buckets[static_cast<std::size_t>(bucket)].add();
  sum_ns.add(static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.count())));
}

std::uint16_t TenantLabels::intern(std::string const& name) {
  std::lock_guard const lock(mutex_);
  auto const found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return static_cast<std::uint16_t>(found - names_.begin());
  if (names_.size() == max_labels) return unknown;
  names_.push_back(name);
  return static_cast<std::uint16_t>(names_.size() - 1);
}

std::vector<std::string> TenantLabels::names() const {
  std::lock_guard const lock(mutex_);
  return names_;
}

}  // namespace gateway::observe
