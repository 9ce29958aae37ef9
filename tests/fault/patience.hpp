#pragma once
#include "support_io/faults.hpp"
#include "support_io/rig.hpp"

namespace gateway::test {

// After a write that broke the gateway waits a second for an answer that may be there. Here that second passes as soon as
// nothing happens any more. Longer deadlines do not come: what needs one of them is a hang.
inline void let_a_second_pass_when_idle(Rig& rig) {
  rig.loop.pumps.push_back([&rig, calls = std::size_t{0}, quiet = 0]() mutable {
    if (std::exchange(calls, calls_counted()) != calls_counted()) quiet = 0;
    if (++quiet < 50) return false;
    quiet = 0;
    rig.advance(std::chrono::milliseconds(1'500));
    return false;
  });
}

}  // namespace gateway::test
