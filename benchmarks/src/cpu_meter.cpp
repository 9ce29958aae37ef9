#include "cpu_meter.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace gateway::bench {

namespace {

std::uint64_t switches_of(const std::filesystem::path& task) {
  constexpr std::string_view wanted = "voluntary_ctxt_switches:";
  std::ifstream status(task / "status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(wanted)) return std::stoull(line.substr(wanted.size()));
  }
  return 0;
}

}  // namespace

CpuReading CpuMeter::read() const {
  CpuReading sum;
  for (const pid_t pid : pids_) {
    const std::filesystem::path tasks = std::filesystem::path("/proc") / std::to_string(pid) / "task";
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
      std::ifstream schedstat(task.path() / "schedstat");
      std::uint64_t running_ns = 0;
      if (!(schedstat >> running_ns)) throw std::runtime_error("cannot read " + (task.path() / "schedstat").string());
      sum.cpu_ns += running_ns;
      sum.voluntary_switches += switches_of(task.path());
    }
  }
  return sum;
}

}  // namespace gateway::bench
