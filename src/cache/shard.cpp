#include <strings.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "gateway/cache/store.hpp"

namespace gateway::cache {

Flight::~Flight() { ::explicit_bzero(key_.data(), key_.size()); }

Shard::Shard(std::size_t buckets, std::size_t ghosts, Invalidations const& invalidations, StoreMetrics& metrics)
    : buckets_(std::bit_ceil(buckets)), queue_(ghosts), invalidations_(invalidations), metrics_(metrics) {}

Shard::~Shard() {
  while (!evict(64).empty()) continue;
}

Entry* Shard::lookup(Question const& question, std::vector<EntryPtr>& dropped) {
  for (auto* entry = *place_of(question.hash); entry != nullptr; entry = entry->chain_) {
    if (entry->hash_ != question.hash || entry->key() != question.key) continue;
    if (entry->holds(invalidations_)) return entry;
    dropped.push_back(unlink(entry));
    return nullptr;
  }
  return nullptr;
}

// A flight that began before an invalidation of what is asked now is not for those who ask after it.
bool Shard::joinable(Flight const& flight) const {
  return invalidations_.hold(flight.subjects_, flight.asked_);
}

Reply Shard::ask(Question const& question, Asker& asker, std::size_t max_waiters) {
  std::vector<EntryPtr> dropped;  // destroyed after the lock is gone
  std::lock_guard const lock(mutex_);
  Reply reply;
  auto use = Use::refetch;
  if (auto* const entry = lookup(question, dropped)) {
    use = asker.judge(*entry);
    reply.entry = EntryPtr(entry);
    auto const uses = entry->uses_.load(std::memory_order_relaxed);
    if (uses < 3) entry->uses_.store(static_cast<std::uint8_t>(uses + 1), std::memory_order_relaxed);
  }
  if (use == Use::fresh) {
    reply.kind = Reply::Kind::hit;
    return reply;
  }
  auto const found = question.alone ? flights_.end() : flights_.find(question.key);
  bool const join = found != flights_.end() && joinable(*found->second);
  if (use == Use::stale) {
    reply.kind = Reply::Kind::stale;
    if (join) return reply;
  } else if (join) {
    auto& waiters = found->second->waiters_;
    reply.kind = waiters.size() < max_waiters ? Reply::Kind::wait : Reply::Kind::crowded;
    if (reply.kind == Reply::Kind::wait) waiters.push_back(asker.waiter());
    return reply;
  } else {
    reply.kind = Reply::Kind::lead;
  }
  reply.flight = std::make_shared<Flight>(question.key, question.hash, invalidations_.now(), ++flights_begun_, asker.subjects());
  if (question.alone) return reply;
  if (found != flights_.end()) flights_.erase(found);  // it goes on for those who wait for it
  flights_.emplace(reply.flight->key(), reply.flight);
  return reply;
}

EntryPtr Shard::find(Question const& question) {
  std::vector<EntryPtr> dropped;
  std::lock_guard const lock(mutex_);
  return EntryPtr(lookup(question, dropped));
}

// Not what somebody was told later than this flight began.
EntryPtr Shard::remove(Flight const& flight) {
  std::lock_guard const lock(mutex_);
  for (auto* entry = *place_of(flight.hash_); entry != nullptr; entry = entry->chain_)
    if (entry->hash_ == flight.hash_ && entry->key() == flight.key() && entry->order() < flight.order()) return unlink(entry);
  return {};
}

std::vector<std::shared_ptr<Waiter>> Shard::land(Flight& flight, EntryPtr const& answer, bool storable, bool& stored) {
  std::vector<EntryPtr> dropped;
  std::lock_guard const lock(mutex_);
  stored = storable && answer && answer->holds(invalidations_);
  stored = stored && link(answer, flight.hash_, dropped);
  flight.ended_ = true;
  auto const found = flights_.find(flight.key());
  if (found != flights_.end() && found->second.get() == &flight) flights_.erase(found);
  return std::exchange(flight.waiters_, {});
}

// False when what is there was asked for later.
bool Shard::link(EntryPtr const& answer, std::uint64_t hash, std::vector<EntryPtr>& dropped) {
  auto* const entry = const_cast<Entry*>(answer.get());  // its links are ours to change, under the lock
  for (auto* old = *place_of(hash); old != nullptr; old = old->chain_) {
    if (old->hash_ != hash || old->key() != entry->key()) continue;
    if (old->order() > entry->order()) return false;
    dropped.push_back(unlink(old));
    break;
  }
  entry->hash_ = hash;
  entry->chain_ = *place_of(hash);
  *place_of(hash) = entry;
  queue_.add(entry, hash);
  bytes_.store(queue_.bytes(), std::memory_order_relaxed);
  entry->references_.fetch_add(1, std::memory_order_relaxed);  // the store's own
  metrics_.entries.fetch_add(1, std::memory_order_relaxed);
  return true;
}

EntryPtr Shard::unlink(Entry* entry) {
  auto** place = place_of(entry->hash_);
  while (*place != entry) place = &(*place)->chain_;
  *place = entry->chain_;
  entry->chain_ = nullptr;
  queue_.remove(entry);
  bytes_.store(queue_.bytes(), std::memory_order_relaxed);
  metrics_.entries.fetch_sub(1, std::memory_order_relaxed);
  EntryPtr result(entry);
  entry->references_.fetch_sub(1, std::memory_order_relaxed);  // the store's; `result` holds it
  return result;
}

std::vector<EntryPtr> Shard::evict(std::size_t count) {
  std::vector<EntryPtr> victims;
  std::lock_guard const lock(mutex_);
  while (victims.size() < count) {
    auto* const entry = queue_.victim();
    if (entry == nullptr) break;
    queue_.dropped(entry, entry->hash_);
    victims.push_back(unlink(entry));
  }
  metrics_.evictions.fetch_add(victims.size(), std::memory_order_relaxed);
  return victims;
}

std::vector<EntryPtr> Shard::sweep(std::size_t buckets, Instant now) {
  std::vector<EntryPtr> dropped;
  std::lock_guard const lock(mutex_);
  for (std::size_t i = 0; i < std::min(buckets, buckets_.size()); ++i) {
    cursor_ = (cursor_ + 1) & (buckets_.size() - 1);
    for (auto* entry = buckets_[cursor_]; entry != nullptr;) {
      auto* const next = entry->chain_;
      if (now > entry->useless_after() || !entry->holds(invalidations_)) dropped.push_back(unlink(entry));
      entry = next;
    }
  }
  return dropped;
}

}  // namespace gateway::cache
