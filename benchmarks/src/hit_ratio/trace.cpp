#include "trace.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace gateway::bench {

namespace {

constexpr std::size_t requests_between_scans = 20'000;
constexpr std::size_t scan_length = 10'000;

class Zipf {
 public:
  Zipf(std::size_t items, double skew, Random& random) : below_(items), item_of_(items) {
    double sum = 0;
    for (std::size_t rank = 0; rank < items; ++rank) {
      sum += std::pow(static_cast<double>(rank + 1), -skew);
      below_[rank] = sum;
    }
    // Popularity must not go with the number of a thing, because its size does.
    std::iota(item_of_.begin(), item_of_.end(), Item{0});
    for (std::size_t i = items; i > 1; --i) std::swap(item_of_[i - 1], item_of_[random.below(i)]);
  }

  Item pick(Random& random) const {
    const auto found = std::ranges::lower_bound(below_, random.share() * below_.back());
    return item_of_[std::min(static_cast<std::size_t>(found - below_.begin()), item_of_.size() - 1)];
  }

 private:
  std::vector<double> below_;
  std::vector<Item> item_of_;
};

std::string with_skew(const char* text, double skew) {
  char name[64];
  std::snprintf(name, sizeof(name), "%s%.1f", text, skew);
  return name;
}

Trace empty_trace(std::string name, std::uint64_t seed, std::size_t items, std::size_t requests) {
  Trace trace;
  trace.name = std::move(name);
  trace.seed = seed;
  trace.items = items;
  trace.counted_from = requests / 4;
  trace.asked.reserve(requests);
  return trace;
}

}  // namespace

std::uint64_t mixed(std::uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

std::uint64_t Random::next() { return mixed(state_ += 0x9e3779b97f4a7c15); }

Trace zipf(std::size_t items, double skew, std::size_t requests, std::uint64_t seed) {
  Trace trace = empty_trace(with_skew("Zipf ", skew), seed, items, requests);
  Random random(seed);
  const Zipf popular(items, skew, random);
  while (trace.asked.size() < requests) trace.asked.push_back(popular.pick(random));
  return trace;
}

Trace scanned(std::size_t items, double skew, std::size_t requests, std::uint64_t seed) {
  Trace trace = empty_trace(with_skew("scans in Zipf ", skew), seed, items, requests);
  trace.first_scanned = static_cast<Item>(items);
  Random random(seed);
  const Zipf popular(items, skew, random);
  while (trace.asked.size() < requests) {
    for (std::size_t i = 0; i < requests_between_scans; ++i) trace.asked.push_back(popular.pick(random));
    for (std::size_t i = 0; i < scan_length; ++i) trace.asked.push_back(static_cast<Item>(trace.items++));
  }
  return trace;
}

Trace loop(std::size_t items, std::size_t requests) {
  Trace trace = empty_trace("loop", 0, items, requests);
  while (trace.asked.size() < requests) trace.asked.push_back(static_cast<Item>(trace.asked.size() % items));
  return trace;
}

Trace looped(std::size_t items, double skew, std::size_t loop_items, std::size_t requests, std::uint64_t seed) {
  Trace trace = empty_trace(with_skew("loop and Zipf ", skew), seed, items + loop_items, requests);
  Random random(seed);
  const Zipf popular(items, skew, random);
  for (std::size_t turn = 0; trace.asked.size() < requests; ++turn) {
    trace.asked.push_back(popular.pick(random));
    trace.asked.push_back(static_cast<Item>(items + turn % loop_items));
  }
  return trace;
}

}  // namespace gateway::bench
