#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "gateway/base/failure.hpp"
#include "gateway/base/identifiers.hpp"
#include "gateway/base/peer.hpp"
#include "gateway/observe/log.hpp"
#include "gateway/observe/metrics.hpp"
#include "gateway/policy/operation.hpp"
#include "gateway/policy/tenant.hpp"

namespace gateway::observe {

// What the access log says of one exchange. Only numbers, names from tables, and ids that are no personal data: there
// is no room for a query, a header or a body.
struct AccessRecord {
  std::int64_t wall_ns = 0;  // when it ended
  RequestId request_id;
  char trace_id[32];
  std::uint16_t tenant = TenantLabels::unknown;
  policy::OperationId operation = policy::OperationId::none;
  policy::Proof proof = policy::Proof::none;
  http::Method method = http::Method::other;
  int status = 0;
  int reason = no_reason;
  int upstream_status = 0;
  int attempts = 0;
  CacheResult cache = CacheResult::none;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  Duration duration{}, upstream{};
  Peer peer;
  std::uint8_t file_count = 0;   // AccessFiles that belong to it
  std::uint16_t files_more = 0;  // files that came besides
};

// A file of an upload that came whole. The names are literals.
struct AccessFile {
  std::string_view part, type;
  std::uint64_t bytes = 0;
  bool hashed = false;
  std::array<unsigned char, 32> sha256;
};

// A bounded queue from one thread to another that never blocks.
template <class T, std::size_t capacity>
class SpscRing {
 public:
  SpscRing() : items_(std::make_unique_for_overwrite<T[]>(capacity)) {}

  // The writer's side.
  std::size_t room() const { return capacity - (tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_acquire)); }
  void push(T const& item) {  // only when there is room
    auto const tail = tail_.load(std::memory_order_relaxed);
    items_[tail % capacity] = item;
    tail_.store(tail + 1, std::memory_order_release);
  }
  // The reader's side.
  std::size_t size() const { return tail_.load(std::memory_order_acquire) - head_.load(std::memory_order_relaxed); }
  T const& at(std::size_t index) const { return items_[(head_.load(std::memory_order_relaxed) + index) % capacity]; }
  void pop(std::size_t count) { head_.store(head_.load(std::memory_order_relaxed) + count, std::memory_order_release); }

 private:
  std::unique_ptr<T[]> items_;
  alignas(64) std::atomic<std::uint64_t> head_{0};
  alignas(64) std::atomic<std::uint64_t> tail_{0};
};

// From one worker to the log's thread; what finds no room is dropped and counted. Files travel beside the records, which
// stay small: the ring is walked from end to end, and most records have none.
class AccessRing {
 public:
  static constexpr std::size_t capacity = 8192;
  static constexpr std::size_t file_capacity = 2048;
  static constexpr std::size_t max_files = 4;  // of a record

  bool push(AccessRecord record, std::span<AccessFile const> files = {}) {
    files = files.first(std::min(files.size(), max_files));
    if (records_.room() == 0 || files_.room() < files.size()) return false;
    record.file_count = static_cast<std::uint8_t>(files.size());
    for (auto const& file : files) files_.push(file);
    records_.push(record);
    return true;
  }
  // Calls take(record, files) for each.
  template <class Take>
  void drain(Take&& take) {
    auto const count = records_.size();
    std::array<AccessFile, max_files> files;
    for (std::size_t i = 0; i < count; ++i) {
      auto const& record = records_.at(i);
      for (std::size_t k = 0; k < record.file_count; ++k) files[k] = files_.at(k);
      files_.pop(record.file_count);
      take(record, std::span<AccessFile const>(files.data(), record.file_count));
    }
    records_.pop(count);
  }

 private:
  SpscRing<AccessRecord, capacity> records_;
  SpscRing<AccessFile, file_capacity> files_;
};

// Formats and writes the workers' records in a thread of its own, through the Log.
class AccessLog {
 public:
  AccessLog(Log& log, TenantLabels const& tenants) : log_(log), tenants_(tenants) {}
  ~AccessLog() { stop(); }

  // Before start().
  AccessRing& add_ring();
  void start();
  // Writes what is left. Idempotent.
  void stop();

 private:
  static constexpr std::chrono::milliseconds period{20};
  static constexpr std::size_t batch_bytes = 48 * 1024;  // handed to the log as one message
  void run();
  void drain_all();

  Log& log_;
  TenantLabels const& tenants_;
  std::vector<std::unique_ptr<AccessRing>> rings_;
  std::vector<std::string> names_;
  std::string lines_;  // of the batch being formatted
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace gateway::observe
