#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/base/failure.hpp"
#include "gateway/cache/entry.hpp"

namespace gateway::cache {

// What a question to the vendor came to. Shared by all who waited for it.
struct Outcome {
  EntryPtr answer;                 // null when it failed
  std::optional<Failure> failure;  // why there is no answer
  Stamp asked = 0;                 // when the question went to the vendor
  bool stored = false;
  bool shareable = true;  // false: for the caller that asked alone (no-store, private, too large)
  int upstream_status = 0;
  int attempts = 0;
  Duration upstream_time{};
};

// Somebody who waits for a flight. Woken once, from any thread and without locks held; whoever no longer waits ignores it.
class Waiter {
 public:
  virtual ~Waiter() = default;
  virtual void wake(std::shared_ptr<Outcome const> outcome) noexcept = 0;
};

// One question on its way to the vendor, for all who ask it meanwhile. Everything but key and stamp is guarded by the
// lock of the shard.
class Flight {
 public:
  Flight(std::string_view key, std::uint64_t hash, Stamp asked, std::uint64_t order, std::vector<Subject> subjects)
      : key_(key), hash_(hash), asked_(asked), order_(order), subjects_(std::move(subjects)) {}
  ~Flight();
  Flight(Flight const&) = delete;
  Flight& operator=(Flight const&) = delete;

  std::string_view key() const { return key_; }
  std::uint64_t hash() const { return hash_; }
  Stamp asked() const { return asked_; }
  // A later flight of the same key has a larger one: what it saw is never replaced by what an earlier one saw.
  std::uint64_t order() const { return order_; }
  // What the question itself concerns, before its answer is known.
  std::span<Subject const> subjects() const { return subjects_; }

 private:
  friend class Shard;
  std::string key_;  // may name a person: wiped
  std::uint64_t hash_;
  Stamp asked_;
  std::uint64_t order_;
  std::vector<Subject> subjects_;
  std::vector<std::shared_ptr<Waiter>> waiters_;
  bool ended_ = false;
};

}  // namespace gateway::cache
