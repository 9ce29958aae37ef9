#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/time.hpp"
#include "gateway/cache/freshness.hpp"
#include "gateway/cache/invalidation.hpp"
#include "gateway/cache/ledger.hpp"
#include "gateway/policy/operation.hpp"

namespace gateway::cache {

// What an answer is stored with, besides its bytes.
struct EntryFacts {
  policy::OperationId operation{};
  Stamp asked = 0;          // when the question went to the vendor
  std::uint64_t order = 0;  // of its flight
  int status = 200;
  StoredTimes times;
  bool refresh_behind = false;  // may be given while it is refreshed
  Instant useless_after = Instant::max();  // neither fresh nor a stale stand-in from then on
  std::vector<Subject> subjects;  // an invalidation of any of them ends the entry
  std::string_view key;            // copied, as are all texts here
  std::string_view head;           // status line and header fields as they are sent, without the empty line
  std::string_view entity_tag;     // of the answer as the caller sees it; quoted, perhaps W/
  std::string_view vendor_tag, vendor_modified;  // validators that the vendor gave, empty when it gave none
  std::uint64_t vary_bits = 0;     // of Vary
  std::string_view vary;           // the values it was chosen by, as Vary::values() gives them
  std::optional<std::int64_t> last_modified;  // dependable_last_modified()
};

// One answer of the vendor, ready to be written to a socket. Immutable once it is shared; shared by reference count
// between the store and the exchanges that are sending it, in any thread. It holds personal data: whatever it held is
// wiped when the last reference goes, and its memory is on the store's ledger until then.
class Entry {
 public:
  // Takes over `body`. Null when the ledger has no room for it.
  static class EntryPtr make(EntryFacts const& facts, Bytes body, Ledger& ledger);

  Entry(Entry const&) = delete;
  Entry& operator=(Entry const&) = delete;

  policy::OperationId operation() const { return operation_; }
  Stamp asked() const { return asked_; }
  std::uint64_t order() const { return order_; }
  int status() const { return status_; }
  StoredTimes const& times() const { return times_; }
  bool refresh_behind() const { return refresh_behind_; }
  Instant useless_after() const { return useless_after_; }
  std::uint64_t vary_bits() const { return vary_bits_; }
  std::optional<std::int64_t> last_modified() const { return last_modified_; }
  std::span<Subject const> subjects() const { return subjects_; }
  std::string_view key() const { return texts_[0]; }
  std::string_view head() const { return texts_[1]; }
  std::string_view entity_tag() const { return texts_[2]; }
  std::string_view vendor_tag() const { return texts_[3]; }
  std::string_view vendor_modified() const { return texts_[4]; }
  std::string_view vary() const { return texts_[5]; }
  std::string_view body() const { return body_.view(); }
  // Of the whole entry, allocator's overhead included.
  std::size_t bytes() const { return bytes_; }
  // Whether no invalidation has ended it.
  bool holds(Invalidations const& invalidations) const;

 private:
  friend class EntryPtr;
  friend class Shard;
  friend class EntryQueue;
  friend class S3Fifo;
  Entry() = default;
  ~Entry();
  static constexpr std::size_t text_count = 6;

  mutable std::atomic<std::uint32_t> references_{0};
  mutable std::atomic<std::uint8_t> uses_{0};  // since it was last looked at by the eviction, at most 3
  policy::OperationId operation_{};
  std::uint8_t queue_ = 0;
  int status_ = 0;
  std::uint64_t hash_ = 0;
  Stamp asked_ = 0;
  std::uint64_t order_ = 0;
  StoredTimes times_;
  bool refresh_behind_ = false;
  Instant useless_after_ = Instant::max();
  std::uint64_t vary_bits_ = 0;
  std::optional<std::int64_t> last_modified_;
  std::span<Subject const> subjects_;
  std::string_view texts_[text_count];
  Bytes body_;
  Bytes own_;  // the memory of subjects and texts
  std::size_t bytes_ = 0;
  Ledger* ledger_ = nullptr;
  // The shard's links, guarded by its lock.
  Entry* chain_ = nullptr;
  Entry* older_ = nullptr;
  Entry* newer_ = nullptr;
};

// A counted reference.
class EntryPtr {
 public:
  EntryPtr() = default;
  explicit EntryPtr(Entry const* entry) : entry_(entry) { hold(); }
  EntryPtr(EntryPtr const& other) : entry_(other.entry_) { hold(); }
  EntryPtr(EntryPtr&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  EntryPtr& operator=(EntryPtr other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~EntryPtr() { reset(); }
  void reset() noexcept {
    if (auto const* entry = std::exchange(entry_, nullptr); entry != nullptr && entry->references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete entry;
  }
  explicit operator bool() const { return entry_ != nullptr; }
  Entry const* get() const { return entry_; }
  Entry const& operator*() const { return *entry_; }
  Entry const* operator->() const { return entry_; }

 private:
  void hold() const {
    if (entry_ != nullptr) entry_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  Entry const* entry_ = nullptr;
};

}  // namespace gateway::cache
