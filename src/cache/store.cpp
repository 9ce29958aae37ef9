#include "gateway/cache/store.hpp"

#include <algorithm>
#include <bit>

namespace gateway::cache {
namespace {

constexpr std::size_t bytes_a_shard = 4 * 1024 * 1024;
constexpr std::size_t max_shards = 64;
constexpr std::size_t bytes_a_bucket = 1024;  // a submission takes two to three KiB
constexpr std::size_t bytes_a_ghost = 4096;
constexpr std::size_t bytes_a_slot = 512;     // of the table of invalidations
constexpr std::size_t soft_slots = 1024;
constexpr std::size_t largest_body = 8 * 1024 * 1024;  // 2,000 items, the longest page, are about 4 MB
constexpr std::size_t evicted_at_once = 32;
constexpr std::size_t swept_buckets = 2048;

std::size_t shard_count(std::size_t memory) { return std::bit_floor(std::clamp<std::size_t>(memory / bytes_a_shard, 1, max_shards)); }

}  // namespace

Store::Store(StoreLimits limits)
    : limits_(limits),
      ledger_(limits.memory),
      invalidations_(limits.memory / bytes_a_slot),
      soft_(soft_slots, invalidations_),
      max_body_(std::min(largest_body, limits.memory / 8)) {
  auto const count = shard_count(limits.memory);
  auto tables = invalidations_.bytes() + soft_.bytes();
  for (std::size_t i = 0; i < count; ++i) {
    shards_.push_back(std::make_unique<Shard>(limits.memory / bytes_a_bucket / count, limits.memory / bytes_a_ghost / count, invalidations_, metrics_));
    tables += shards_.back()->table_bytes() + sizeof(Shard);
  }
  ledger_.reserve(tables);
}

Store::~Store() = default;

Reply Store::ask(Question const& question, Asker& asker) {
  return shard_of(question.hash).ask(question, asker, limits_.max_waiters);
}

void Store::drop(Flight const& flight) { shard_of(flight.hash()).remove(flight); }

EntryPtr Store::find(Question const& question) { return shard_of(question.hash).find(question); }

void Store::land(Flight& flight, std::shared_ptr<Outcome> outcome, bool storable) {
  outcome->asked = flight.asked();
  auto const waiters = shard_of(flight.hash()).land(flight, outcome->answer, storable, outcome->stored);
  for (auto const& waiter : waiters) waiter->wake(outcome);
}

bool Store::suits(Entry const& answer, Stamp joined) const {
  return !invalidations_.any_between(answer.subjects(), answer.asked(), joined);
}

// The key's own shard gives unless another has clearly more. If it always gave, nothing would bring a shard back to its
// share: what one gives up, keys of all the others take, and sizes drift apart until some shards keep nothing for long
// enough to see it asked for again.
Shard& Store::donor(std::uint64_t hash) {
  auto* chosen = &shard_of(hash);
  auto const enough = chosen->bytes() + chosen->bytes() / 16;
  auto most = enough;
  for (auto const& shard : shards_)
    if (shard->bytes() > most) {
      chosen = shard.get();
      most = shard->bytes();
    }
  return *chosen;
}

bool Store::make_room(std::uint64_t hash, std::size_t bytes) {
  for (;;) {
    if (ledger_.limit() - std::min(ledger_.limit(), ledger_.used()) >= bytes) return true;
    auto& shard = donor(hash);
    // Nothing left anywhere: what is on the ledger is being sent or received.
    if (shard.evict(evicted_at_once).empty() && shard.bytes() == 0 && donor(hash).bytes() == 0) return false;
  }
}

void Store::mark_too_long(std::uint64_t hash, Instant now) {
  auto& mark = long_[hash % long_marks];
  mark.hash.store(hash, std::memory_order_relaxed);
  mark.until.store((now + mark_lifetime).time_since_epoch().count(), std::memory_order_relaxed);
}

bool Store::too_long(std::uint64_t hash, Instant now) const {
  auto const& mark = long_[hash % long_marks];
  return mark.hash.load(std::memory_order_relaxed) == hash && now.time_since_epoch().count() < mark.until.load(std::memory_order_relaxed);
}

void Store::sweep(Instant now) {
  auto const shard = next_swept_.fetch_add(1, std::memory_order_relaxed) & (shards_.size() - 1);
  shards_[shard]->sweep(swept_buckets, now);
}

}  // namespace gateway::cache
