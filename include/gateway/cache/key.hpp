#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "gateway/http/head.hpp"
#include "gateway/policy/operation.hpp"

namespace gateway::cache {

// Who shares an entry: opaque bytes, which name the vendor key or the tenant.
using Scope = std::array<std::uint8_t, 16>;

// The bytes that two questions share exactly when they are the same question: scope, operation, canonical query.
// Nothing is allocated; what is in it, addresses of people among it, is wiped.
class KeyBuffer {
 public:
  // A canonical query is never longer than the query.
  static constexpr std::size_t head_bytes = sizeof(Scope) + 1;
  static constexpr std::size_t capacity = head_bytes + http::max_target_bytes;

  KeyBuffer() : size_(0) {}
  KeyBuffer(KeyBuffer const&) = delete;
  KeyBuffer& operator=(KeyBuffer const&) = delete;
  ~KeyBuffer() { clear(); }

  std::string_view view() const { return {bytes_.data(), size_}; }
  bool empty() const { return size_ == 0; }
  void clear() noexcept;
  // The same question, to be asked by somebody else.
  void copy(KeyBuffer const& other);

 private:
  friend bool build_key(Scope const&, policy::OperationId, std::string_view, KeyBuffer&);

  std::array<char, capacity> bytes_;  // not filled with zeros: a key is built for each lookup
  std::size_t size_;
};

// More parameters are not cached: no documented lookup has ten, and sorting must stay cheap.
inline constexpr std::size_t max_key_pairs = 64;

// Whether the query can be a key, which it cannot with a '%' without two hexadecimal digits, bytes that no target may
// have, or too many pairs; `key` is empty then. Pairs are sorted by name; empty ones ("&&") are left out. Percent-encoding
// is made one where every reader takes the encoded byte for the plain one, and kept where some do not: '+', ';', '=',
// '&', '%' and all that a URI may not hold plain. "a" stays another question than "a=".
bool build_key(Scope const& scope, policy::OperationId operation, std::string_view query, KeyBuffer& key);

// 64 bits of a key, of which every one depends on each bit of the key and of the seed. The seed is secret: who can
// choose keys must not be able to choose which of them share a slot.
std::uint64_t hash_key(std::string_view bytes, std::uint64_t seed);

// The submission that a query names: submission_id, submissionId, in any case.
class AskedSubmission {
 public:
  static constexpr std::size_t max_id_bytes = 256;
  //   none     no parameter names one
  //   one      exactly one does
  //   unclear  readers may differ on which one is meant: several, an empty or very long one, a raw '+' or ';', an
  //            unusual spelling, a malformed query. Whoever invalidates must then take it for any submission.
  enum class Kind : std::uint8_t { none, one, unclear };

  Kind kind() const { return kind_; }
  // As std::optional has them.
  explicit operator bool() const { return kind_ == Kind::one; }
  std::string_view operator*() const { return {id_.data(), size_}; }

 private:
  friend AskedSubmission asked_submission(std::string_view query);

  void read(std::string_view name, std::string_view value);

  Kind kind_ = Kind::none;
  std::uint16_t size_ = 0;
  std::array<char, max_id_bytes> id_;
};
AskedSubmission asked_submission(std::string_view query);

}  // namespace gateway::cache
