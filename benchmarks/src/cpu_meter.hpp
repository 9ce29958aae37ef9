#pragma once

#include <cstdint>
#include <vector>

#include <sys/types.h>

namespace gateway::bench {

struct CpuReading {
  std::uint64_t cpu_ns = 0;             // time on a CPU, all threads of all processes
  std::uint64_t voluntary_switches = 0;  // how often they went to sleep
};

/// Reads what the proxy under test used, from inside the generator, so that the window is that of the counted requests.
class CpuMeter {
 public:
  explicit CpuMeter(std::vector<pid_t> pids) : pids_(std::move(pids)) {}
  [[nodiscard]] CpuReading read() const;

 private:
  std::vector<pid_t> pids_;
};

}  // namespace gateway::bench
