#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/http/head.hpp"

namespace gateway::cache {

// Which fields of the question an answer depends on (RFC 9111 section 4.1). Only what the gateway forwards can tell two
// questions apart: for the vendor every other field is the same in each of them.
class Vary {
 public:
  Vary() = default;  // of nothing
  explicit Vary(http::FieldList const& answer);
  // As bits() gave it.
  static Vary of_bits(std::uint64_t bits);

  // False for `*` and for what is no list of field names.
  bool storable() const { return storable_; }
  // The same answer for every caller: there is nothing to compare.
  bool constant() const { return bits_ == 0; }
  std::uint64_t bits() const { return bits_; }

  // The values of those fields in this question, in a normal form that is equal for equal meanings only. Empty when
  // constant.
  std::string values(http::FieldList const& request) const;
  // Whether the question has these values; allocates nothing.
  bool matches(std::string_view values, http::FieldList const& request) const;

 private:
  std::uint64_t bits_ = 0;  // by http::Name
  bool storable_ = true;
};

}  // namespace gateway::cache
