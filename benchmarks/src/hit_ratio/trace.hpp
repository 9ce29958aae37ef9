#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gateway::bench {

using Item = std::uint32_t;

/// Who asks for what, in order. The same seed gives the same trace on every machine.
struct Trace {
  std::string name;
  std::uint64_t seed = 0;
  std::vector<Item> asked;
  std::size_t items = 0;      // different ones in it
  std::size_t counted_from = 0;  // what comes before fills the cache
  Item first_scanned = ~Item{0};  // from here on: asked for once each, so no cache can answer them
};

/// Numbers that do not depend on the C++ library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  double share() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(share() * static_cast<double>(bound)); }

 private:
  std::uint64_t state_;
};

std::uint64_t mixed(std::uint64_t number);

/// `items` things, of which the k-th most popular is asked for in proportion to k^-skew.
Trace zipf(std::size_t items, double skew, std::size_t requests, std::uint64_t seed);
/// A third of all requests are runs over things that nobody asked for before or will again.
Trace scanned(std::size_t items, double skew, std::size_t requests, std::uint64_t seed);
/// Round and round over `items` things: with a cache that is a bit smaller, the worst that LRU can meet.
Trace loop(std::size_t items, std::size_t requests);
/// Every other request goes round a loop of `loop_items` others.
Trace looped(std::size_t items, double skew, std::size_t loop_items, std::size_t requests, std::uint64_t seed);

}  // namespace gateway::bench
