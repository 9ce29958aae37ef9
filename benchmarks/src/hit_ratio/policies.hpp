#pragma once

#include "trace.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace gateway::bench {

/// A cache of so many bytes, of which only the choice of what to drop is real.
class Policy {
 public:
  virtual ~Policy() = default;
  /// Whether it was there; if not, it is there now.
  virtual bool ask(Item item) = 0;
};

/// What each item takes of the cache.
using Costs = std::vector<std::uint32_t>;

/// The plainest forms that can be written down, for comparison. SIEVE: Zhang et al., NSDI 2024. S3-FIFO: Yang et al.,
/// SOSP 2023, with an exact ghost queue; an item moves on when it was asked for `promoted_at` times while it waited.
std::unique_ptr<Policy> make_lru(const Costs& costs, std::size_t capacity);
std::unique_ptr<Policy> make_fifo(const Costs& costs, std::size_t capacity);
std::unique_ptr<Policy> make_sieve(const Costs& costs, std::size_t capacity);
std::unique_ptr<Policy> make_s3_fifo(const Costs& costs, std::size_t capacity, unsigned promoted_at);

}  // namespace gateway::bench
