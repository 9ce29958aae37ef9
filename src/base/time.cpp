#include "gateway/base/time.hpp"

#include <ctime>

namespace gateway {
namespace {
std::int64_t read_clock(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return t.tv_sec * std::int64_t{1'000'000'000} + t.tv_nsec;
}
}  // namespace

Instant precise_now() { return Instant(Duration(read_clock(CLOCK_MONOTONIC))); }
Instant coarse_now() { return Instant(Duration(read_clock(CLOCK_MONOTONIC_COARSE))); }
std::int64_t wall_clock_ns() { return read_clock(CLOCK_REALTIME); }

}  // namespace gateway
