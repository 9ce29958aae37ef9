#pragma once
#include "gateway/proxy/downstream.hpp"
#include "gateway/proxy/exchange.hpp"

namespace gateway::proxy {

// The caller's body as it comes in: decoded, held to the limits, inspected. What it hands out has passed inspection as
// far as it has come, and the last bytes of a body are handed out only with the verdict on all of it.
class BodySource {
 public:
  BodySource(Downstream& down, Exchange& x) : down_(down), x_(x) {}

  // `100 Continue`, when the caller waits for it: the body will be taken.
  net::Task<Result<>> allow();
  // What is there now, at most `wire_limit` bytes of the connection; empty when nothing is. In the buffer of
  // Downstream::collect_body().
  Result<std::span<char const>> take(std::uint64_t wire_limit);
  // Until the caller sends more, or until `other`, a read of the vendor's answer, ends: then the read of the caller
  // stays pending for whoever comes next.
  net::Task<Result<>> wait(net::IoOp* other = nullptr);

 private:
  Downstream& down_;
  Exchange& x_;
};

}  // namespace gateway::proxy
