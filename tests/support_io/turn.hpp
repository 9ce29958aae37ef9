#pragma once

namespace gateway::test {

// Whether the calling thread runs the gateway's code at the moment, rather than the test's own ends of connections:
// only then are faults injected and allocations counted.
inline thread_local int gateway_turns = 0;

class GatewayTurn {
 public:
  GatewayTurn() { ++gateway_turns; }
  ~GatewayTurn() { --gateway_turns; }
  GatewayTurn(GatewayTurn const&) = delete;
  GatewayTurn& operator=(GatewayTurn const&) = delete;
};

}  // namespace gateway::test
