#include "gateway/cache/ledger.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace gateway::cache {
namespace {
constexpr std::size_t worth_a_copy = 1024;
}

Bytes::Bytes(Bytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)),
      charged_(std::exchange(other.charged_, 0)),
      ledger_(std::exchange(other.ledger_, nullptr)) {}

Bytes& Bytes::operator=(Bytes&& other) noexcept {
  if (this != &other) {
    clear();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    charged_ = std::exchange(other.charged_, 0);
    ledger_ = std::exchange(other.ledger_, nullptr);
  }
  return *this;
}

void Bytes::clear() noexcept {
  if (data_ == nullptr) return;
  ::explicit_bzero(data_, capacity_);
  std::free(data_);
  ledger_->release(charged_);
  data_ = nullptr;
  size_ = capacity_ = charged_ = 0;
}

bool Bytes::reserve(Ledger& ledger, std::size_t capacity) {
  if (capacity <= capacity_) return true;
  // The allocator rounds up; what it takes beyond the estimate is charged once it is known.
  auto charge = capacity + allocation_overhead;
  if (!ledger.reserve(charge)) return false;
  auto* const fresh = static_cast<char*>(std::malloc(capacity));
  if (fresh == nullptr) {
    ledger.release(charge);
    return false;
  }
  auto const usable = ::malloc_usable_size(fresh);
  if (usable > capacity && !ledger.reserve(usable - capacity)) {
    std::free(fresh);
    ledger.release(charge);
    return false;
  }
  charge = usable + allocation_overhead;
  auto const size = size_;
  if (size > 0) std::memcpy(fresh, data_, size);
  clear();
  data_ = fresh;
  size_ = size;
  capacity_ = usable;
  charged_ = charge;
  ledger_ = &ledger;
  return true;
}

bool Bytes::append(Ledger& ledger, std::string_view data, std::size_t limit) {
  if (data.size() > limit || size_ > limit - data.size()) return false;
  auto const wanted = size_ + data.size();
  if (wanted > capacity_ && !reserve(ledger, std::min(limit, std::max(wanted, 2 * capacity_))) && !reserve(ledger, wanted)) return false;
  if (!data.empty()) std::memcpy(data_ + size_, data.data(), data.size());
  size_ = wanted;
  return true;
}

void Bytes::shrink(Ledger& ledger) {
  if (capacity_ - size_ < worth_a_copy || size_ == 0) return;
  Bytes tight;
  if (!tight.reserve(ledger, size_)) return;
  std::memcpy(tight.data_, data_, size_);
  tight.size_ = size_;
  *this = std::move(tight);
}

}  // namespace gateway::cache
