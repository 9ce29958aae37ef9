#pragma once
#include "gateway/base/failure.hpp"
#include "gateway/base/time.hpp"

namespace gateway::net {

class DeadlineSweep;

// A point in time after which something is ended. Arming is a store: one timer per worker looks at all deadlines four
// times a second, which beats a timer per operation by three microseconds a request. Fires at most once per arming.
class Deadline {
 public:
  using Expire = void (*)(void* context, Code reason);

  Deadline() = default;
  Deadline(Deadline const&) = delete;
  Deadline& operator=(Deadline const&) = delete;
  ~Deadline() { unlink(); }

  // `expire` is called from the sweep; it may destroy this object.
  void watch(DeadlineSweep& sweep, Expire expire, void* context);
  void arm(Instant at, Code reason) {
    at_ = at;
    reason_ = reason;
    expired_ = false;
  }
  void disarm() { at_ = Instant::max(); }
  bool expired() const { return expired_; }
  Code reason() const { return reason_; }

 private:
  friend class DeadlineSweep;
  void unlink();

  Deadline* next_ = nullptr;
  Deadline* previous_ = nullptr;
  DeadlineSweep* sweep_ = nullptr;
  Expire expire_ = nullptr;
  void* context_ = nullptr;
  Instant at_ = Instant::max();
  Code reason_{};
  bool expired_ = false;
};

// All deadlines of one worker. `tick` is a plain function of time, so that time-outs are tested without waiting.
class DeadlineSweep {
 public:
  static constexpr std::chrono::milliseconds period{250};
  void tick(Instant now);

 private:
  friend class Deadline;
  Deadline* first_ = nullptr;
  Deadline* cursor_ = nullptr;  // the next to look at, kept right while callbacks unlink
};

}  // namespace gateway::net
