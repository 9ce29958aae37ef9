#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/failure.hpp"
#include "gateway/base/time.hpp"
#include "gateway/policy/operation.hpp"

namespace gateway::observe {

// A number that one thread writes and any thread may read.
class Cell {
 public:
  void add(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void subtract(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed); }
  void set(std::uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Upper bounds in seconds: microsecond answers of the gateway itself up to uploads that use the whole time-out.
inline constexpr std::array<double, 18> duration_buckets = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                            0.1,    0.25,    0.5,    1,     2.5,    5,     10,   35,    60};

struct Histogram {
  std::array<Cell, duration_buckets.size() + 1> buckets;
  Cell sum_ns;
  void observe(Duration duration);
};

// Counters with labels that are few but not known in advance (status codes): a fixed table, written by one thread and
// read by any, without locks. What finds no place is counted as `overflow`.
template <std::size_t slots>
class LabelledCounters {
 public:
  void add(std::uint64_t key) {
    for (std::size_t probe = 0, at = hash(key); probe < slots; ++probe, at = (at + 1) % slots) {
      auto const seen = keys_[at].load(std::memory_order_relaxed);
      if (seen == key + 1) return counts_[at].add();
      if (seen != 0) continue;
      counts_[at].add();
      keys_[at].store(key + 1, std::memory_order_release);
      return;
    }
    overflow_.add();
  }
  template <class Visit>
  void visit(Visit&& visit_one) const {
    for (std::size_t at = 0; at < slots; ++at)
      if (auto const key = keys_[at].load(std::memory_order_acquire); key != 0) visit_one(key - 1, counts_[at].get());
  }
  std::uint64_t overflow() const { return overflow_.get(); }

 private:
  static std::size_t hash(std::uint64_t key) { return (key * 0x9e3779b97f4a7c15ull >> 32) % slots; }
  std::array<std::atomic<std::uint64_t>, slots> keys_{};
  std::array<Cell, slots> counts_;
  Cell overflow_;
};

// Names of tenants as metric labels: an index that stays the same for the life of the process, across reloads.
class TenantLabels {
 public:
  static constexpr std::uint16_t unknown = 0;
  static constexpr std::size_t max_labels = 1024;
  // The index of a name; names beyond the limit share "unknown".
  std::uint16_t intern(std::string const& name);
  std::vector<std::string> names() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> names_{"unknown"};
};

inline constexpr int no_reason = -1;  // the vendor or the cache answered

// What the cache had to do with an exchange. `none`: not a lookup, or refused before it was looked up.
enum class CacheResult : std::uint8_t { none, hit, stale, miss, coalesced, bypass };
inline constexpr std::size_t cache_result_count = 6;
constexpr std::string_view cache_result_name(CacheResult result) {
  constexpr std::string_view names[] = {"none", "hit", "stale", "miss", "coalesced", "bypass"};
  return names[static_cast<std::size_t>(result)];
}
// The label of durations has fewer values: who waited for another's question missed as well.
enum class CacheLabel : std::uint8_t { none, hit, stale, miss };
inline constexpr std::size_t cache_label_count = 4;
constexpr CacheLabel cache_label(CacheResult result) {
  if (result == CacheResult::hit) return CacheLabel::hit;
  if (result == CacheResult::stale) return CacheLabel::stale;
  return result == CacheResult::miss || result == CacheResult::coalesced ? CacheLabel::miss : CacheLabel::none;
}
inline constexpr std::size_t operation_labels = policy::operation_count + 1;

// Everything one worker counts. Written by that worker alone.
struct WorkerMetrics {
  static constexpr std::uint64_t request_key(std::uint16_t tenant, policy::OperationId operation, int status, int reason) {
    return std::uint64_t{tenant} << 32 | static_cast<std::uint64_t>(operation) << 24 |
           static_cast<std::uint64_t>(status) << 8 | static_cast<std::uint64_t>(reason + 1);
  }

  LabelledCounters<2048> requests;            // request_key
  LabelledCounters<512> upstream_responses;   // operation << 16 | status
  LabelledCounters<512> upstream_errors;      // operation << 16 | code
  LabelledCounters<256> client_api_key_ignored;  // tenant
  LabelledCounters<1024> uploads_rejected;    // operation << 16 | code
  LabelledCounters<1024> uploads_reported;    // the same, of what was forwarded all the same
  std::array<std::array<Histogram, cache_label_count>, operation_labels> request_duration;
  std::array<Cell, cache_result_count> cache_requests;
  std::array<Histogram, operation_labels> upstream_duration;
  std::array<Cell, operation_labels> upload_bytes;
  Cell in_flight, connections, connections_refused, accept_errors;
  Cell upstream_idle, upstream_busy, upstream_retries;
  Cell session_bugs, access_dropped;
};

// What the process counts outside its workers; any thread.
struct ProcessMetrics {
  std::atomic<std::uint64_t> reloads_good{0}, reloads_bad{0}, key_rejected{0};
  std::atomic<std::int64_t> last_reload_unix{0}, key_loaded_unix{0}, certificate_expiry_unix{0};
  std::mutex mutex;
  std::string key_fingerprint;  // guarded by mutex
};

// What the store says of itself.
struct CacheNumbers {
  std::uint64_t entries = 0, bytes = 0, limit = 0, evictions = 0, invalidations = 0;
};

// What the way to other gateways says of itself.
struct StoreNumbers {
  bool used = false, connected = false, isolated = false;
  std::uint64_t sent = 0, received = 0, malformed = 0, resyncs = 0, reconnects = 0;
  std::vector<double> round_trip_bounds;        // seconds
  std::vector<std::uint64_t> round_trips;       // one more than bounds, not cumulative
  double round_trip_sum = 0;
};

struct MetricSources {
  std::vector<WorkerMetrics const*> workers;
  ProcessMetrics* process;
  TenantLabels const* tenants;
  CacheNumbers cache;
  StoreNumbers store;
  std::string version, commit, compiler;
};

// All metrics in the Prometheus text format. Takes no lock that a worker takes.
std::string render_metrics(MetricSources const& sources);

}  // namespace gateway::observe
