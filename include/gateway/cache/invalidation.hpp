#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace gateway::cache {

// A point in the order of fills and invalidations. What was asked of the vendor at a stamp shows the state of that
// moment or of a later one; what was invalidated at a later stamp must not be served from it.
using Stamp = std::uint64_t;

// What an answer depends on: a submission, or the membership of an account's lists. Two that collide are invalidated
// together, which costs a fill and is never wrong. The same on every gateway: the first 64 bits of a SHA-256.
enum class Subject : std::uint64_t {};
Subject submission_subject(std::string_view submission_id);
// `account` names where the vendor key comes from, so that a rotated key stays the same account.
Subject membership_subject(std::string_view account);
// For purges: answers of an operation, by its number, and answers that show more submissions than they name.
Subject operation_subject(std::uint8_t operation);
Subject any_submission_subject();

// When each subject was last invalidated. A fixed table without locks, shared by all threads: an invalidation is two
// atomic writes however many answers it concerns, and whether an answer still holds is asked when it is served. Nothing
// has to be found, so nothing can be missed: not what another worker is storing this very moment either.
class Invalidations {
 public:
  // `slots` is rounded up to a power of two; eight bytes each.
  explicit Invalidations(std::size_t slots);
  // Marks whose stamps are of the same order as those of `other`, which has to outlive this.
  Invalidations(std::size_t slots, Invalidations& other);
  Invalidations(Invalidations const&) = delete;
  Invalidations& operator=(Invalidations const&) = delete;

  // Taken before a question is sent to the vendor.
  Stamp now() const { return clock_->load(); }
  void invalidate(Subject subject);
  void invalidate_all();
  // When the subject was last invalidated, alone or with all; 0: never.
  Stamp last(Subject subject) const;
  // Whether an answer to a question asked at `asked` still holds, as far as it shows `subject`.
  bool holds(Subject subject, Stamp asked) const { return last(subject) <= asked; }
  // The same for all that an answer shows, which may be nothing.
  bool hold(std::span<Subject const> subjects, Stamp asked) const;
  // Whether anything of `subjects` was invalidated after `asked`, up to `until`.
  bool any_between(std::span<Subject const> subjects, Stamp asked, Stamp until) const;
  // Invalidations so far, for the metric.
  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  std::size_t bytes() const { return (mask_ + 1) * sizeof(std::atomic<Stamp>); }

 private:
  void raise(std::atomic<Stamp>& slot);

  std::size_t mask_;
  std::unique_ptr<std::atomic<Stamp>[]> slots_;
  std::atomic<Stamp> all_{0};
  std::atomic<Stamp> own_clock_{1};
  std::atomic<Stamp>* clock_ = &own_clock_;
  std::atomic<std::uint64_t> count_{0};
};

}  // namespace gateway::cache
