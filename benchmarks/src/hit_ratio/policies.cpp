#include "policies.hpp"

#include <deque>
#include <utility>

namespace gateway::bench {

namespace {

constexpr Item nothing = ~Item{0};

/// A list through arrays that are indexed by item.
class List {
 public:
  explicit List(const Costs& costs) : costs_(&costs), newer_(costs.size(), nothing), older_(costs.size(), nothing) {}

  void push(Item item) {
    newer_[item] = nothing;
    older_[item] = newest_;
    (newest_ == nothing ? oldest_ : newer_[newest_]) = item;
    newest_ = item;
    bytes_ += (*costs_)[item];
    ++size_;
  }
  void remove(Item item) {
    (older_[item] == nothing ? oldest_ : newer_[older_[item]]) = newer_[item];
    (newer_[item] == nothing ? newest_ : older_[newer_[item]]) = older_[item];
    bytes_ -= (*costs_)[item];
    --size_;
  }
  [[nodiscard]] Item oldest() const { return oldest_; }
  [[nodiscard]] Item newer(Item item) const { return newer_[item]; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  const Costs* costs_;
  std::vector<Item> newer_, older_;
  Item oldest_ = nothing, newest_ = nothing;
  std::size_t bytes_ = 0, size_ = 0;
};

class OneList : public Policy {
 public:
  OneList(const Costs& costs, std::size_t capacity, bool moves)
      : costs_(&costs), capacity_(capacity), moves_(moves), list_(costs), there_(costs.size()) {}

  bool ask(Item item) override {
    if (there_[item]) {
      if (moves_) {
        list_.remove(item);
        list_.push(item);
      }
      return true;
    }
    while (list_.size() > 0 && list_.bytes() + (*costs_)[item] > capacity_) {
      there_[list_.oldest()] = false;
      list_.remove(list_.oldest());
    }
    there_[item] = true;
    list_.push(item);
    return false;
  }

 private:
  const Costs* costs_;
  std::size_t capacity_;
  bool moves_;
  List list_;
  std::vector<bool> there_;
};

class Sieve : public Policy {
 public:
  Sieve(const Costs& costs, std::size_t capacity)
      : costs_(&costs), capacity_(capacity), list_(costs), there_(costs.size()), visited_(costs.size()) {}

  bool ask(Item item) override {
    if (there_[item]) {
      visited_[item] = true;
      return true;
    }
    while (list_.size() > 0 && list_.bytes() + (*costs_)[item] > capacity_) evict();
    there_[item] = true;
    visited_[item] = false;
    list_.push(item);
    return false;
  }

 private:
  void evict() {
    Item item = hand_ == nothing ? list_.oldest() : hand_;
    while (visited_[item]) {
      visited_[item] = false;
      item = list_.newer(item) == nothing ? list_.oldest() : list_.newer(item);
    }
    hand_ = list_.newer(item);
    there_[item] = false;
    list_.remove(item);
  }

  const Costs* costs_;
  std::size_t capacity_;
  List list_;
  std::vector<bool> there_, visited_;
  Item hand_ = nothing;
};

class PlainS3Fifo : public Policy {
 public:
  PlainS3Fifo(const Costs& costs, std::size_t capacity, unsigned promoted_at)
      : costs_(&costs),
        capacity_(capacity),
        promoted_at_(promoted_at),
        small_(costs),
        main_(costs),
        last_ghost_(costs.size()),
        where_(costs.size(), Where::nowhere),
        uses_(costs.size()) {}

  bool ask(Item item) override {
    if (where_[item] == Where::small || where_[item] == Where::main) {
      if (uses_[item] < 3) ++uses_[item];
      return true;
    }
    while (small_.size() + main_.size() > 0 && small_.bytes() + main_.bytes() + (*costs_)[item] > capacity_) {
      if (small_.size() > 0 && (small_.bytes() >= capacity_ / 10 || main_.size() == 0)) {
        evict_from_small();
      } else {
        evict_from_main();
      }
    }
    const bool known = where_[item] == Where::ghost;  // asked after evicting, which may have forgotten it
    uses_[item] = 0;
    where_[item] = known ? Where::main : Where::small;
    (known ? main_ : small_).push(item);
    return false;
  }

 private:
  enum class Where : std::uint8_t { nowhere, small, main, ghost };

  void evict_from_small() {
    while (small_.size() > 0) {
      const Item item = small_.oldest();
      small_.remove(item);
      if (uses_[item] >= promoted_at_) {
        uses_[item] = 0;
        where_[item] = Where::main;
        main_.push(item);
        continue;
      }
      add_ghost(item);
      return;
    }
  }

  /// Remembers as much as the main queue has room for.
  void add_ghost(Item item) {
    where_[item] = Where::ghost;
    ghosts_.emplace_back(item, ++ghosts_seen_);
    last_ghost_[item] = ghosts_seen_;
    ghost_bytes_ += (*costs_)[item];
    while (ghost_bytes_ > capacity_ - capacity_ / 10) {
      const auto [oldest, number] = ghosts_.front();
      ghosts_.pop_front();
      ghost_bytes_ -= (*costs_)[oldest];
      // It may have come back and become a ghost again since.
      if (where_[oldest] == Where::ghost && last_ghost_[oldest] == number) where_[oldest] = Where::nowhere;
    }
  }

  void evict_from_main() {
    while (main_.size() > 0) {
      const Item item = main_.oldest();
      main_.remove(item);
      if (uses_[item] == 0) {
        where_[item] = Where::nowhere;
        return;
      }
      --uses_[item];
      main_.push(item);
    }
  }

  const Costs* costs_;
  std::size_t capacity_;
  unsigned promoted_at_;
  List small_, main_;
  std::deque<std::pair<Item, std::uint32_t>> ghosts_;
  std::vector<std::uint32_t> last_ghost_;
  std::uint32_t ghosts_seen_ = 0;
  std::size_t ghost_bytes_ = 0;
  std::vector<Where> where_;
  std::vector<std::uint8_t> uses_;
};

}  // namespace

std::unique_ptr<Policy> make_lru(const Costs& costs, std::size_t capacity) {
  return std::make_unique<OneList>(costs, capacity, true);
}

std::unique_ptr<Policy> make_fifo(const Costs& costs, std::size_t capacity) {
  return std::make_unique<OneList>(costs, capacity, false);
}

std::unique_ptr<Policy> make_sieve(const Costs& costs, std::size_t capacity) {
  return std::make_unique<Sieve>(costs, capacity);
}

std::unique_ptr<Policy> make_s3_fifo(const Costs& costs, std::size_t capacity, unsigned promoted_at) {
  return std::make_unique<PlainS3Fifo>(costs, capacity, promoted_at);
}

}  // namespace gateway::bench
