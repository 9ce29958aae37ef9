#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

// A finding: says what does not hold and ends the program, which libFuzzer and the replay both take for a failure.
namespace gateway::fuzz {

inline void require(bool holds, char const* what, std::string const& details = {}) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s %s\n", what, details.c_str());
  std::abort();
}

}  // namespace gateway::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);
