#pragma once
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "gateway/cache/invalidation.hpp"

namespace gateway::store {

// From any number of threads to one, bounded, without a lock: whoever puts something in never waits for another thread,
// not even for one that the system has put aside in the middle of it. (A ring whose places each carry the number of the
// round that may use them next, after Dmitry Vyukov.)
class SubjectQueue {
 public:
  // Rounded up to a power of two.
  explicit SubjectQueue(std::size_t capacity);
  SubjectQueue(SubjectQueue const&) = delete;
  SubjectQueue& operator=(SubjectQueue const&) = delete;

  // False when there is no room. From any thread.
  bool push(cache::Subject subject) noexcept;
  // False when there is none, or when the next one is still being put in: whoever does so wakes the taker afterwards.
  // From one thread.
  bool pop(cache::Subject& subject) noexcept;

 private:
  struct Place {
    std::atomic<std::size_t> turn;
    cache::Subject subject;
  };
  std::size_t mask_;
  std::unique_ptr<Place[]> places_;
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::size_t tail_ = 0;
};

}  // namespace gateway::store
