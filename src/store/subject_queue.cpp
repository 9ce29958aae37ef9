#include "subject_queue.hpp"

#include <algorithm>
#include <bit>

namespace gateway::store {

SubjectQueue::SubjectQueue(std::size_t capacity)
    : mask_(std::bit_ceil(std::max<std::size_t>(capacity, 2)) - 1), places_(std::make_unique<Place[]>(mask_ + 1)) {
  for (std::size_t i = 0; i <= mask_; ++i) places_[i].turn.store(i, std::memory_order_relaxed);
}

// A place is free for position p when its turn is p, filled when it is p + 1, and free again one round later.
bool SubjectQueue::push(cache::Subject subject) noexcept {
  auto position = head_.load(std::memory_order_relaxed);
  for (;;) {
    auto& place = places_[position & mask_];
    auto const turn = place.turn.load(std::memory_order_acquire);
    if (turn == position) {
      if (!head_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed)) continue;
      place.subject = subject;
      place.turn.store(position + 1, std::memory_order_release);
      return true;
    }
    if (static_cast<std::ptrdiff_t>(turn - position) < 0) return false;  // still holds what was put in a round ago
    position = head_.load(std::memory_order_relaxed);
  }
}

bool SubjectQueue::pop(cache::Subject& subject) noexcept {
  auto& place = places_[tail_ & mask_];
  if (place.turn.load(std::memory_order_acquire) != tail_ + 1) return false;
  subject = place.subject;
  place.turn.store(tail_ + mask_ + 1, std::memory_order_release);
  ++tail_;
  return true;
}

}  // namespace gateway::store
