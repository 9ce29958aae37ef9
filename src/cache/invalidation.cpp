#include "gateway/cache/invalidation.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>

namespace gateway::cache {
namespace {

Subject subject_of(char kind, std::string_view name) {
  // Fetched once: OpenSSL 3.0 searches its providers at each use of EVP_sha256().
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::array<unsigned char, 32> digest{};
  auto* const context = EVP_MD_CTX_new();
  bool const good = sha256 != nullptr && context != nullptr && EVP_DigestInit_ex2(context, sha256, nullptr) == 1 &&
                    EVP_DigestUpdate(context, &kind, 1) == 1 && EVP_DigestUpdate(context, name.data(), name.size()) == 1 &&
                    EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1;
  EVP_MD_CTX_free(context);
  if (!good) std::abort();  // without a hash nothing could ever be invalidated
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | digest[static_cast<std::size_t>(i)];
  return static_cast<Subject>(value);
}

}  // namespace

Subject submission_subject(std::string_view submission_id) { return subject_of('s', submission_id); }
Subject membership_subject(std::string_view account) { return subject_of('m', account); }
Subject operation_subject(std::uint8_t operation) {
  char const name = static_cast<char>(operation);
  return subject_of('o', {&name, 1});
}
Subject any_submission_subject() {
  static Subject const subject = subject_of('a', "");
  return subject;
}

Invalidations::Invalidations(std::size_t slots)
    : mask_(std::bit_ceil(std::max<std::size_t>(slots, 1)) - 1), slots_(std::make_unique<std::atomic<Stamp>[]>(mask_ + 1)) {}

Invalidations::Invalidations(std::size_t slots, Invalidations& other) : Invalidations(slots) { clock_ = other.clock_; }

// A question that takes its stamp after the clock moved is sent after this call began, so it may only see the new state
// or be invalidated by the next call.
void Invalidations::raise(std::atomic<Stamp>& slot) {
  auto const stamp = clock_->fetch_add(1) + 1;
  auto seen = slot.load();
  while (seen < stamp && !slot.compare_exchange_weak(seen, stamp)) continue;
  count_.fetch_add(1, std::memory_order_relaxed);
}

void Invalidations::invalidate(Subject subject) { raise(slots_[static_cast<std::uint64_t>(subject) & mask_]); }
void Invalidations::invalidate_all() { raise(all_); }

Stamp Invalidations::last(Subject subject) const {
  return std::max(slots_[static_cast<std::uint64_t>(subject) & mask_].load(), all_.load());
}

bool Invalidations::hold(std::span<Subject const> subjects, Stamp asked) const {
  return all_.load() <= asked && std::all_of(subjects.begin(), subjects.end(), [&](Subject subject) { return holds(subject, asked); });
}

// The last invalidation of a slot is all that is known of it: a later one hides one in between, and is told as such. That
// errs to the safe side only where it must: somebody who asked at `until` before that later one may have it refused.
bool Invalidations::any_between(std::span<Subject const> subjects, Stamp asked, Stamp until) const {
  auto const between = [&](Stamp ended) { return ended > asked && asked < until; };
  return between(all_.load()) || std::any_of(subjects.begin(), subjects.end(), [&](Subject subject) { return between(last(subject)); });
}

}  // namespace gateway::cache
