#pragma once
#include <chrono>
#include <cstdint>

// The only place that asks the system for the time. Pure code takes an Instant as an argument.
namespace gateway {

using Duration = std::chrono::nanoseconds;
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// Monotonic, nanosecond resolution (about 20 ns a call).
Instant precise_now();
// Monotonic, resolution of the kernel tick (1-4 ms, about 3 ns a call): good enough for deadlines.
Instant coarse_now();
// Nanoseconds since 1970-01-01 UTC.
std::int64_t wall_clock_ns();

}  // namespace gateway
