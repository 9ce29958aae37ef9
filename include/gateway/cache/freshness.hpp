#pragma once
#include <cstdint>
#include <string_view>

#include "gateway/base/time.hpp"
#include "gateway/cache/directives.hpp"
#include "gateway/http/head.hpp"

// How long a stored answer may be given, and to whom (RFC 9111 section 4.2). All times are arguments.
namespace gateway::cache {

// When a vendor answer was asked for and when its head was there.
struct Exchanged {
  Instant asked;
  Instant answered;
  std::int64_t answered_wall_ns = 0;  // of the wall clock, for comparison with dates
};

// Why an answer is not stored.
enum class Storable : std::uint8_t { yes, status, no_store, private_, vary, set_cookie, partial };
// The same as the detail of Cache-Status; empty for yes.
std::string_view detail_of(Storable storable);

struct Lifetime {
  Storable storable = Storable::yes;
  // False: never given when stale, not even when the vendor fails (must-revalidate, proxy-revalidate, s-maxage,
  // no-cache).
  bool may_be_stale = true;
  Duration fresh{};        // of its age; 0: to be revalidated before each use
  Duration initial_age{};  // at the time of the answer
};

// RFC 9111 section 4.2.3: how old the answer was when it arrived.
Duration corrected_initial_age(http::FieldList const& fields, Exchanged const& when);

// `content_lifetime` is what the configuration says for what the body shows; the vendor can only shorten it.
Lifetime lifetime_of(http::ResponseHead const& answer, Duration content_lifetime, Exchanged const& when);
// Of a stored answer that the vendor's 304 confirmed (section 4.3.4). `stored` is what lifetime_of gave for it: what
// held then holds on, the 304 can only shorten it further. Not storable: it forbids to keep what is stored.
Lifetime refreshed(Lifetime const& stored, http::ResponseHead const& not_modified, Duration content_lifetime,
                   Exchanged const& when);

// What is kept of it beside the answer.
struct StoredTimes {
  Instant answered;
  Duration fresh{};
  Duration initial_age{};
  bool may_be_stale = true;
};

// What the configuration allows behind the end of the lifetime.
struct StaleAllowances {
  Duration while_revalidating{};
  Duration on_error{};
};

enum class Verdict : std::uint8_t {
  fresh,                     // give it
  stale_accepted,            // give it: the caller's max-stale covers it
  stale_while_revalidating,  // give it and have it refreshed once in the background
  must_fetch,                // ask the vendor (revalidate with what is stored)
  unavailable,               // only-if-cached: 504, the vendor is not asked (section 5.2.1.7)
};

struct Judgement {
  Verdict verdict = Verdict::must_fetch;
  bool by_request = false;       // must_fetch because of what this caller said: fwd=request, else fwd=stale
  bool usable_on_error = false;  // should the vendor fail, or not be asked because it does
  Duration age{};
  Duration ttl{};  // what is left of the lifetime; negative when stale

  bool gives_stored() const { return verdict < Verdict::must_fetch; }
};

Judgement judge(StoredTimes const& stored, RequestDirectives const& request, Instant now,
                StaleAllowances const& allowed);
// When nothing is stored.
Verdict judge_absent(RequestDirectives const& request);

}  // namespace gateway::cache
