#include "gateway/observe/metrics.hpp"

#include <algorithm>

namespace gateway::observe {

void Histogram::observe(Duration duration) {
  auto const seconds = static_cast<double>(duration.count()) * 1e-9;
  auto const bucket = std::lower_bound(duration_buckets.begin(), duration_buckets.end(), seconds) - duration_buckets.begin();
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
