#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/cache/flight.hpp"
#include "gateway/cache/queue.hpp"

namespace gateway::cache {

// What may be done with an entry that was found.
enum class Use : std::uint8_t {
  fresh,    // serve it
  stale,    // serve it and have it refreshed
  refetch,  // it may not be served without asking the vendor
};

// One request that asks. Called with a lock held: no waiting, no I/O.
class Asker {
 public:
  virtual ~Asker() = default;
  virtual Use judge(Entry const& entry) = 0;
  // What the question itself concerns; asked for when nothing stored answers it.
  virtual std::vector<Subject> subjects() = 0;
  // Made only when the asker has to wait.
  virtual std::shared_ptr<Waiter> waiter() = 0;
};

struct Question {
  std::string_view key;
  std::uint64_t hash = 0;
  bool alone = false;                 // shares no flight with others, because it wants the vendor's own word
};

struct Reply {
  enum class Kind : std::uint8_t {
    hit,        // `entry`
    stale,      // `entry`; `flight` is set when the asker has to refresh it
    lead,       // `flight` has to be flown by the asker; `entry`, if any, could not be served
    wait,       // the waiter is woken by somebody else's flight
    crowded,    // too many wait already
  };
  Kind kind = Kind::lead;
  EntryPtr entry;
  std::shared_ptr<Flight> flight;
};

struct StoreMetrics {
  std::atomic<std::uint64_t> entries{0}, evictions{0};
};

// A part of the store with a lock of its own, held for a look-up or a change of a few links, never across I/O.
class Shard {
 public:
  Shard(std::size_t buckets, std::size_t ghosts, Invalidations const& invalidations, StoreMetrics& metrics);
  ~Shard();
  Shard(Shard const&) = delete;
  Shard& operator=(Shard const&) = delete;

  Reply ask(Question const& question, Asker& asker, std::size_t max_waiters);
  EntryPtr find(Question const& question);
  EntryPtr remove(Flight const& flight);
  // Ends the flight: stores the answer if `storable` and nothing invalidated it, and gives those who wait.
  std::vector<std::shared_ptr<Waiter>> land(Flight& flight, EntryPtr const& answer, bool storable, bool& stored);
  // Drops up to `count` entries to make room; they are destroyed by the caller. Fewer when there are no more.
  std::vector<EntryPtr> evict(std::size_t count);
  // Looks at the next `buckets` buckets and drops what is of no more use.
  std::vector<EntryPtr> sweep(std::size_t buckets, Instant now);
  // Of its entries, for others to compare shards by; any thread.
  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::size_t table_bytes() const { return buckets_.size() * sizeof(Entry*) + queue_.table_bytes(); }

 private:
  Entry* lookup(Question const& question, std::vector<EntryPtr>& dropped);
  bool link(EntryPtr const& entry, std::uint64_t hash, std::vector<EntryPtr>& dropped);
  EntryPtr unlink(Entry* entry);
  Entry** place_of(std::uint64_t hash) { return &buckets_[hash & (buckets_.size() - 1)]; }
  bool joinable(Flight const& flight) const;

  std::mutex mutex_;
  std::vector<Entry*> buckets_;
  S3Fifo queue_;
  std::unordered_map<std::string_view, std::shared_ptr<Flight>> flights_;  // keys are the flights' own
  std::atomic<std::size_t> bytes_{0};
  std::size_t cursor_ = 0;
  std::uint64_t flights_begun_ = 0;
  Invalidations const& invalidations_;
  StoreMetrics& metrics_;
};

struct StoreLimits {
  std::size_t memory = 256 * 1024 * 1024;
  std::size_t max_waiters = 8192;  // a flight
};

// The answers of one gateway process, shared by its workers.
class Store {
 public:
  explicit Store(StoreLimits limits);
  ~Store();
  Store(Store const&) = delete;
  Store& operator=(Store const&) = delete;

  // Finds a usable entry, or joins or begins a flight.
  Reply ask(Question const& question, Asker& asker);
  // The vendor does not want what is stored under the flight's key kept any longer.
  void drop(Flight const& flight);
  // An entry that still holds, fresh or not; for a stand-in when the vendor fails.
  EntryPtr find(Question const& question);
  // Everybody who begins a flight has to land it, whatever became of it.
  void land(Flight& flight, std::shared_ptr<Outcome> outcome, bool storable);

  // Whether an answer is one for somebody who asked at `joined`: nothing that it shows was invalidated between the
  // question that brought it and theirs.
  bool suits(Entry const& answer, Stamp joined) const;

  // Questions whose answers turned out too long to be kept: for a while they go to the vendor straight away, since a fetch
  // in vain costs a call. `hash`: of the key; two that share a slot forget each other.
  void mark_too_long(std::uint64_t hash, Instant now);
  bool too_long(std::uint64_t hash, Instant now) const;

  // Room for an answer that is being received; entries are dropped for it. False when even that did not help.
  bool make_room(std::uint64_t hash, std::size_t bytes);
  // Drops what is of no more use, a part of the store a call. Any thread, now and then.
  void sweep(Instant now);

  Invalidations& invalidations() { return invalidations_; }
  Invalidations const& invalidations() const { return invalidations_; }
  // Marks of a soft purge: what was asked before is stale, not gone.
  Invalidations& soft() { return soft_; }
  Ledger& ledger() { return ledger_; }
  StoreMetrics const& metrics() const { return metrics_; }
  // The longest body that is kept.
  std::size_t max_body() const { return max_body_; }

 private:
  Shard& donor(std::uint64_t hash);
  Shard& shard_of(std::uint64_t hash) { return *shards_[(hash >> 48) & (shards_.size() - 1)]; }

  StoreLimits limits_;
  Ledger ledger_;
  Invalidations invalidations_, soft_;
  StoreMetrics metrics_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::size_t max_body_;
  std::atomic<std::size_t> next_swept_{0};
  static constexpr std::size_t long_marks = 256;
  static constexpr std::chrono::minutes mark_lifetime{1};
  struct LongMark {
    std::atomic<std::uint64_t> hash{0};
    std::atomic<std::int64_t> until{0};  // nanoseconds of the coarse clock
  };
  std::array<LongMark, long_marks> long_;
};

}  // namespace gateway::cache
