#pragma once
#include "forward.hpp"

namespace gateway::proxy {

// Waits in one worker for a flight that may land in another.
class FlightWaiter final : public cache::Waiter, public std::enable_shared_from_this<FlightWaiter> {
 public:
  explicit FlightWaiter(Worker& worker) : worker_(worker) { op.begin(); }
  void wake(std::shared_ptr<cache::Outcome const> outcome) noexcept override;
  // Nobody waits any more. In the worker's thread, as is everything but wake().
  void leave() { left_ = true; }

  net::IoOp op;
  std::shared_ptr<cache::Outcome const> outcome;

 private:
  Worker& worker_;
  bool left_ = false;
};

// What a fetch is made for: everything of the request that began it which the vendor is told, or the entry depends on.
struct FetchOrder {
  policy::Permit permit;
  Credential credential;
  policy::Route const& route;                // used before fetch() first suspends
  std::shared_ptr<cache::Flight> flight;
  std::shared_ptr<FlightWaiter> leader;      // null: a refresh that nobody waits for
  cache::EntryPtr stale;                     // to be revalidated when the vendor gave validators
  bool keep = true;                          // false: the caller forbids to store it
};

// Flies: asks the vendor on behalf of all who wait, whether the one who began it stays or not, and lands.
void start_fetch(Worker& worker, Exchange const& asker, FetchOrder order);

}  // namespace gateway::proxy
