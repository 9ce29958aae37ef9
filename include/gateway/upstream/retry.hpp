#pragma once
#include <algorithm>
#include <cstdint>

namespace gateway::upstream {

// Lets retries be at most a tenth of recent requests, so that a failing vendor is not hit twice as hard. A bucket: each
// request pays in a tenth of a retry, up to what 100 requests pay. One a worker; not thread safe.
class RetryBudget {
 public:
  void on_request() { tenths_ = std::min(tenths_ + 1, capacity_tenths); }
  // Takes one retry out; false when there is none left.
  bool take() {
    if (tenths_ < 10) return false;
    tenths_ -= 10;
    return true;
  }

 private:
  static constexpr std::int32_t capacity_tenths = 100;
  std::int32_t tenths_ = capacity_tenths / 3;  // a fresh worker may retry three times
};

}  // namespace gateway::upstream
