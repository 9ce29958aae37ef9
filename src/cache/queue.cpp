#include "gateway/cache/queue.hpp"

#include <algorithm>
#include <bit>

namespace gateway::cache {

void EntryQueue::push(Entry* entry) {
  entry->newer_ = nullptr;
  entry->older_ = newest_;
  (newest_ == nullptr ? oldest_ : newest_->newer_) = entry;
  newest_ = entry;
  bytes_ += entry->bytes();
}

void EntryQueue::remove(Entry* entry) {
  (entry->older_ == nullptr ? oldest_ : entry->older_->newer_) = entry->newer_;
  (entry->newer_ == nullptr ? newest_ : entry->newer_->older_) = entry->older_;
  entry->older_ = entry->newer_ = nullptr;
  bytes_ -= entry->bytes();
}

Ghosts::Ghosts(std::size_t slots) : marks_(std::bit_ceil(std::max<std::size_t>(slots, 1))) {}

// One slot a key, the newest wins; a mark is good for as many additions as there are slots.
void Ghosts::add(std::uint64_t hash) {
  marks_[hash & (marks_.size() - 1)] = {static_cast<std::uint32_t>(hash >> 32) | 1, ++clock_};
}

bool Ghosts::take(std::uint64_t hash) {
  auto& mark = marks_[hash & (marks_.size() - 1)];
  if (mark.print != (static_cast<std::uint32_t>(hash >> 32) | 1) || clock_ - mark.when >= marks_.size()) return false;
  mark = {};
  return true;
}

void S3Fifo::add(Entry* entry, std::uint64_t hash) {
  bool const known = ghosts_.take(hash);
  entry->queue_ = known ? in_main : in_small;
  (known ? main_ : small_).push(entry);
}

void S3Fifo::remove(Entry* entry) {
  if (entry->queue_ != in_none) (entry->queue_ == in_small ? small_ : main_).remove(entry);
  entry->queue_ = in_none;
}

Entry* S3Fifo::victim() {
  bool const small_is_large = small_.bytes() * 10 >= bytes();
  if (!small_.empty() && (small_is_large || main_.empty()))
    if (auto* const entry = from_small()) return entry;
  if (auto* const entry = from_main()) return entry;
  return small_.empty() ? nullptr : small_.oldest();
}

// Entries that were asked for again move on; the first that was not is the victim.
Entry* S3Fifo::from_small() {
  while (auto* const entry = small_.oldest()) {
    if (entry->uses_.load(std::memory_order_relaxed) == 0) return entry;
    entry->uses_.store(0, std::memory_order_relaxed);
    small_.remove(entry);
    entry->queue_ = in_main;
    main_.push(entry);
  }
  return nullptr;
}

// Ends: each round takes a use off an entry, and there are at most three.
Entry* S3Fifo::from_main() {
  while (auto* const entry = main_.oldest()) {
    auto const uses = entry->uses_.load(std::memory_order_relaxed);
    if (uses == 0) return entry;
    entry->uses_.store(static_cast<std::uint8_t>(uses - 1), std::memory_order_relaxed);
    main_.remove(entry);
    main_.push(entry);
  }
  return nullptr;
}

void S3Fifo::dropped(Entry const* entry, std::uint64_t hash) {
  if (entry->queue_ == in_small) ghosts_.add(hash);
}

}  // namespace gateway::cache
