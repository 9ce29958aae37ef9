#pragma once
#include <atomic>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace gateway::cache {

// The memory that the cache may use, all of it: entries with the allocator's overhead, also those that were dropped and
// are still being sent, answers that are being received, and the tables. Any thread.
class Ledger {
 public:
  explicit Ledger(std::size_t limit) : limit_(limit) {}
  Ledger(Ledger const&) = delete;
  Ledger& operator=(Ledger const&) = delete;

  bool reserve(std::size_t bytes) {
    auto used = used_.load(std::memory_order_relaxed);
    do {
      if (bytes > limit_ || used > limit_ - bytes) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  void release(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  std::size_t limit() const { return limit_; }

 private:
  std::size_t const limit_;
  std::atomic<std::size_t> used_{0};
};

// Bytes that are paid for from a ledger and wiped before they are given back. Grows by copying.
class Bytes {
 public:
  Bytes() = default;
  Bytes(Bytes&& other) noexcept;
  Bytes& operator=(Bytes&& other) noexcept;
  ~Bytes() { clear(); }

  // Room for `capacity` bytes altogether; what is there is kept. False when the ledger or the system has none.
  bool reserve(Ledger& ledger, std::size_t capacity);
  // Appends within the capacity, doubling it when it does not fit, up to `limit` bytes. False: not appended.
  bool append(Ledger& ledger, std::string_view data, std::size_t limit);
  // Gives back what is not used, when that is worth a copy.
  void shrink(Ledger& ledger);
  void clear() noexcept;

  std::string_view view() const { return {data_, size_}; }
  char* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  // What the ledger was charged.
  std::size_t charged() const { return charged_; }
  // Fills the capacity from outside: `size` bytes are there now.
  void set_size(std::size_t size) { size_ = size; }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0, charged_ = 0;
  Ledger* ledger_ = nullptr;
};

// What an allocation of the C library costs besides the bytes that can be used.
inline constexpr std::size_t allocation_overhead = 16;

}  // namespace gateway::cache
