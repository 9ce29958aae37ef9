#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
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
  // A file of an upload that came whole. The names are literals.
  struct File {
    std::string_view part, type;
    std::uint64_t bytes = 0;
    bool hashed = false;
    std::array<unsigned char, 32> sha256;
  };
  static constexpr std::size_t max_files = 4;

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
  std::uint64_t bytes_in = 0, bytes_out = 0;
  Duration duration{}, upstream{};
  Peer peer;
  std::uint8_t file_count = 0;
  std::array<File, max_files> files;
};

// From one worker to the log's thread: a bounded ring that never blocks; what finds it full is dropped and counted.
class AccessRing {
 public:
  static constexpr std::size_t capacity = 8192;
  AccessRing() : records_(std::make_unique_for_overwrite<AccessRecord[]>(capacity)) {}

  bool push(AccessRecord const& record) {
    auto const tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == capacity) return false;
    records_[tail % capacity] = record;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  template <class Take>
  void drain(Take&& take) {
    auto head = head_.load(std::memory_order_relaxed);
    auto const tail = tail_.load(std::memory_order_acquire);
    for (; head != tail; ++head) take(records_[head % capacity]);
    head_.store(head, std::memory_order_release);
  }

 private:
  std::unique_ptr<AccessRecord[]> records_;
  alignas(64) std::atomic<std::uint64_t> head_{0};
  alignas(64) std::atomic<std::uint64_t> tail_{0};
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
