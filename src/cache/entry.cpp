#include "gateway/cache/entry.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace gateway::cache {
namespace {
constexpr std::size_t own_bytes = sizeof(Entry) + allocation_overhead + 16;  // the allocator rounds up to 16
}

EntryPtr Entry::make(EntryFacts const& facts, Bytes body, Ledger& ledger) {
  std::string_view const texts[text_count] = {facts.key, facts.head, facts.entity_tag, facts.vendor_tag, facts.vendor_modified, facts.vary};
  auto const subject_bytes = facts.subjects.size() * sizeof(Subject);
  std::size_t wanted = subject_bytes;
  for (auto const text : texts) wanted += text.size();
  Bytes own;
  if (!own.reserve(ledger, std::max<std::size_t>(wanted, 1)) || !ledger.reserve(own_bytes)) return {};
  auto* const entry = new (std::nothrow) Entry;
  if (entry == nullptr) {
    ledger.release(own_bytes);
    return {};
  }
  EntryPtr result(entry);
  // Subjects first: the memory is aligned for them there.
  auto* const subjects = reinterpret_cast<Subject*>(own.data());
  std::uninitialized_copy(facts.subjects.begin(), facts.subjects.end(), subjects);
  entry->subjects_ = {subjects, facts.subjects.size()};
  char* place = own.data() + subject_bytes;
  for (std::size_t i = 0; i < text_count; ++i) {
    if (!texts[i].empty()) std::memcpy(place, texts[i].data(), texts[i].size());
    entry->texts_[i] = {place, texts[i].size()};
    place += texts[i].size();
  }
  own.set_size(wanted);
  entry->operation_ = facts.operation;
  entry->status_ = facts.status;
  entry->asked_ = facts.asked;
  entry->order_ = facts.order;
  entry->times_ = facts.times;
  entry->refresh_behind_ = facts.refresh_behind;
  entry->useless_after_ = facts.useless_after;
  entry->vary_bits_ = facts.vary_bits;
  entry->last_modified_ = facts.last_modified;
  entry->bytes_ = own_bytes + own.charged() + body.charged();
  entry->own_ = std::move(own);
  entry->body_ = std::move(body);
  entry->ledger_ = &ledger;
  return result;
}

Entry::~Entry() {
  if (ledger_ != nullptr) ledger_->release(own_bytes);
}

bool Entry::holds(Invalidations const& invalidations) const {
  return invalidations.hold(subjects_, asked_);
}

}  // namespace gateway::cache
