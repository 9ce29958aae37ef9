#pragma once
#include <map>
#include <string>
#include <vector>

#include "reader.hpp"

namespace gateway::config {

// Where in the file things stand, for problems that show only when keys are seen together.
struct Lines {
  std::map<std::string, unsigned> keys;
  std::vector<unsigned> tenants;
};

// Checks that go beyond one key, and fills in what is derived: end points, the vendor URL, the tenants.
void validate(Reader const& reader, Lines const& lines, Config& config);

}  // namespace gateway::config
