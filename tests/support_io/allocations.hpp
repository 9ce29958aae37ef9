#pragma once
#include <cstddef>

namespace gateway::test {

// Allocations of the calling thread while it runs the gateway's code: by operator new, and by malloc and its kin, from
// whatever library they come.
std::size_t allocations_of_gateway();

}  // namespace gateway::test
