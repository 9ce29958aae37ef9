#pragma once
#include <cstdint>
#include <vector>

#include "gateway/cache/entry.hpp"

namespace gateway::cache {

// A first-in first-out list through the entries themselves.
class EntryQueue {
 public:
  void push(Entry* entry);
  void remove(Entry* entry);
  Entry* oldest() const { return oldest_; }
  std::size_t bytes() const { return bytes_; }
  bool empty() const { return oldest_ == nullptr; }

 private:
  Entry* oldest_ = nullptr;
  Entry* newest_ = nullptr;
  std::size_t bytes_ = 0;
};

// Remembers keys that were dropped from the small queue a while ago: an approximate set of fixed size.
class Ghosts {
 public:
  explicit Ghosts(std::size_t slots);
  void add(std::uint64_t hash);
  // Whether the key was dropped not long ago; forgets it.
  bool take(std::uint64_t hash);
  std::size_t bytes() const { return marks_.size() * sizeof(Mark); }

 private:
  struct Mark {
    std::uint32_t print = 0;
    std::uint32_t when = 0;
  };
  std::vector<Mark> marks_;
  std::uint32_t clock_ = 0;
};

// Which entry goes when room is needed: S3-FIFO (Yang et al., SOSP 2023), by bytes. New entries wait in a small queue, a
// tenth of the whole; only those that were asked for again while they waited enter the main one, so that a scan of keys
// that are asked for once passes through without touching what is in use. A hit costs one relaxed store, no lock of its
// own and no list operation, which LRU and W-TinyLFU cannot offer.
class S3Fifo {
 public:
  explicit S3Fifo(std::size_t ghost_slots) : ghosts_(ghost_slots) {}
  void add(Entry* entry, std::uint64_t hash);
  void remove(Entry* entry);
  // The next entry to go; it stays in its queue until remove() is called. Null when there is none.
  Entry* victim();
  // Tells that a victim was dropped for want of room.
  void dropped(Entry const* entry, std::uint64_t hash);
  std::size_t bytes() const { return small_.bytes() + main_.bytes(); }
  std::size_t table_bytes() const { return ghosts_.bytes(); }

 private:
  enum : std::uint8_t { in_none, in_small, in_main };
  Entry* from_small();
  Entry* from_main();

  EntryQueue small_, main_;
  Ghosts ghosts_;
};

}  // namespace gateway::cache
