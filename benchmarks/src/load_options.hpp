#pragma once

#include "session.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace gateway::bench {

struct LoadOptions {
  std::uint16_t port = 0;
  std::size_t connections = 64;
  std::uint64_t warmup_ms = 300;
  std::uint64_t measure_ms = 1000;
  std::uint64_t limit_ms = 60'000;  // whatever happens, the program ends
  bool idle = false;                // one request a connection, then hold them all open until stdin ends
  bool warm = false;                // each of the keys once, then the end
  std::uint64_t keys = 0;           // numbers that requests are drawn from; 0: each request has a number of its own
  std::string ca_file;              // not empty: TLS to the proxy
  std::string server_name = "localhost";
  std::vector<pid_t> pids;          // the proxy under test
  Job job;
};

/// Throws std::invalid_argument with a sentence for the user.
LoadOptions parse_load_options(int argc, char** argv);

}  // namespace gateway::bench
