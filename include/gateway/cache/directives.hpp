#pragma once
#include <chrono>
#include <cstdint>
#include <optional>

#include "gateway/http/head.hpp"

// Cache-Control as the two sides send it (RFC 9111 section 5.2), read without allocation. What cannot be read is taken
// in its most restrictive sense: a needless question to the vendor costs one call, a needless hit may be wrong.
namespace gateway::cache {

using Seconds = std::chrono::duration<std::int64_t>;
// RFC 9111 section 1.2.2: larger numbers count as this one.
inline constexpr Seconds max_delta{std::int64_t{1} << 31};

struct RequestDirectives {
  bool no_cache = false;
  bool no_store = false;
  bool only_if_cached = false;
  bool any_stale = false;  // max-stale without a number
  std::optional<Seconds> max_age;
  std::optional<Seconds> min_fresh;
  std::optional<Seconds> max_stale;

  // Nothing that concerns a stored answer: what nearly every request says.
  bool indifferent() const {
    return !no_cache && !only_if_cached && !any_stale && !max_age && !min_fresh && !max_stale;
  }
  bool operator==(RequestDirectives const&) const = default;
};

// `Pragma: no-cache` counts where there is no Cache-Control (section 5.4).
RequestDirectives request_directives(http::FieldList const& fields);

struct ResponseDirectives {
  bool targeted = false;  // from Argos-Gateway-Cache-Control: Cache-Control and Expires are not looked at (RFC 9213)
  bool malformed = false;
  bool no_store = false;
  bool private_ = false;  // with or without field names
  bool no_cache = false;  // with or without field names
  bool must_revalidate = false;
  bool proxy_revalidate = false;
  bool must_understand = false;
  bool public_ = false;
  std::optional<Seconds> max_age;
  std::optional<Seconds> s_maxage;

  bool operator==(ResponseDirectives const&) const = default;
};

ResponseDirectives response_directives(http::FieldList const& fields);

}  // namespace gateway::cache
