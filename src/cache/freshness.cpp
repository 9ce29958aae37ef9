#include "gateway/cache/freshness.hpp"

#include <algorithm>

#include "gateway/base/ascii.hpp"
#include "gateway/cache/http_date.hpp"
#include "gateway/cache/vary.hpp"

namespace gateway::cache {
namespace {

using http::Name;
constexpr std::int64_t ns_per_second = 1'000'000'000;

std::int64_t whole_seconds(std::int64_t ns) { return ns / ns_per_second; }
// Dates may lie millennia apart, durations in nanoseconds may not.
Duration bounded(std::int64_t seconds) { return Seconds(std::clamp<std::int64_t>(seconds, 0, max_delta.count())); }

// Section 5.1: the first member counts, and what is no number is ignored.
Duration age_value(http::FieldList const& fields) {
  auto const first = fields.first(Name::age);
  auto const text = trim(first.substr(0, first.find(',')));
  std::int64_t value = 0;
  for (char c : text) {
    if (!is_digit(c)) return Duration(0);
    value = std::min(value * 10 + (c - '0'), max_delta.count());
  }
  return bounded(value);
}

// RFC 9110 section 6.6.1: an answer without a (readable) Date is dated by whoever receives it.
std::int64_t date_of(http::FieldList const& fields, std::int64_t answered_s) {
  return parse_http_date(fields.first(Name::date), answered_s).value_or(answered_s);
}

// Section 5.3: what is no date, "0" above all, lies in the past. Of several the earliest counts (section 4.2.1).
std::optional<Duration> expires_lifetime(http::FieldList const& fields, std::int64_t answered_s) {
  std::optional<Duration> lifetime;
  for (auto const& field : fields.all()) {
    if (field.id != Name::expires) continue;
    auto const expires = parse_http_date(field.value, answered_s);
    auto const left = expires ? bounded(*expires - date_of(fields, answered_s)) : Duration(0);
    lifetime = lifetime ? std::min(*lifetime, left) : left;
  }
  return lifetime;
}

// Section 4.2.1, without the heuristics: what the content shows is known better.
std::optional<Duration> vendor_lifetime(ResponseDirectives const& said, http::FieldList const& fields,
                                        std::int64_t answered_s) {
  if (said.no_cache || said.malformed) return Duration(0);
  if (said.s_maxage) return *said.s_maxage;
  if (said.max_age) return *said.max_age;
  if (said.targeted) return std::nullopt;  // RFC 9213 section 2.2: Expires is not looked at either
  return expires_lifetime(fields, answered_s);
}

Storable storable(http::ResponseHead const& answer, ResponseDirectives const& said) {
  auto const& fields = answer.fields;
  if (answer.status == 206 || fields.occurrences(Name::content_range) != 0) return Storable::partial;
  if (answer.status != 200 && answer.status != 304) return Storable::status;
  // Section 5.2.2.3: who understands the status code goes by must-understand instead of no-store.
  if (said.no_store && !said.must_understand) return Storable::no_store;
  if (said.private_) return Storable::private_;
  if (!Vary(fields).storable()) return Storable::vary;
  if (fields.occurrences(Name::set_cookie) != 0) return Storable::set_cookie;
  return Storable::yes;
}

// Section 5.2.2.10: s-maxage brings proxy-revalidate with it.
bool forbids_stale(ResponseDirectives const& said) {
  return said.must_revalidate || said.proxy_revalidate || said.s_maxage || said.no_cache;
}

}  // namespace

Duration corrected_initial_age(http::FieldList const& fields, Exchanged const& when) {
  auto const answered_s = whole_seconds(when.answered_wall_ns);
  auto const apart = answered_s - date_of(fields, answered_s);
  // One second apart is what the resolution of Date makes of an answer that crossed a tick on its way; the delay below
  // covers that way, and lifetimes here are as short as a second.
  auto const apparent = apart <= 1 ? Duration(0) : bounded(apart);
  auto const delay = std::max(when.answered - when.asked, Duration(0));
  return std::max(apparent, age_value(fields) + delay);
}

Lifetime lifetime_of(http::ResponseHead const& answer, Duration content_lifetime, Exchanged const& when) {
  auto const said = response_directives(answer.fields);
  auto const vendor = vendor_lifetime(said, answer.fields, whole_seconds(when.answered_wall_ns));
  Lifetime out;
  out.storable = storable(answer, said);
  out.may_be_stale = !forbids_stale(said);
  out.fresh = vendor ? std::min(*vendor, content_lifetime) : content_lifetime;
  out.initial_age = corrected_initial_age(answer.fields, when);
  return out;
}

Lifetime refreshed(Lifetime const& stored, http::ResponseHead const& not_modified, Duration content_lifetime,
                   Exchanged const& when) {
  auto out = lifetime_of(not_modified, content_lifetime, when);
  out.fresh = std::min(stored.fresh, out.fresh);
  out.may_be_stale = out.may_be_stale && stored.may_be_stale;
  return out;
}

std::string_view detail_of(Storable storable) {
  static constexpr std::string_view tokens[] = {"", "status", "no-store", "private", "vary", "set-cookie", "partial"};
  return tokens[static_cast<std::size_t>(storable)];
}

Judgement judge(StoredTimes const& stored, RequestDirectives const& request, Instant now,
                StaleAllowances const& allowed) {
  Judgement out;
  out.age = stored.initial_age + std::max(now - stored.answered, Duration(0));
  out.ttl = stored.fresh - out.age;
  // Section 4.2: fresh while the lifetime is greater than the age.
  bool const fresh = out.ttl > Duration(0);
  if (fresh && request.indifferent()) {
    out.verdict = Verdict::fresh;
    return out;
  }
  auto const staleness = -out.ttl;
  // Sections 5.2.1.1, 5.2.1.3 and 5.2.1.4: what the caller does not want to see at all. An age of less than a tick of
  // the clock is no reason to give a stored answer to somebody who says max-age=0.
  bool const refused = request.no_cache ||
                       (request.max_age && (out.age > *request.max_age || *request.max_age == Seconds(0))) ||
                       (request.min_fresh && out.ttl < *request.min_fresh);
  // Sections 5.2.1.1 and 5.2.1.2: whoever names an age wants nothing stale, unless max-stale says how much of it.
  bool const named = request.max_stale || request.any_stale;
  bool const stale_refused =
      !stored.may_be_stale || (request.max_age && !named) || (request.max_stale && staleness > *request.max_stale);
  if (!refused && fresh) {
    out.verdict = Verdict::fresh;
    return out;
  }
  if (!refused && !stale_refused) {
    out.usable_on_error = staleness <= allowed.on_error;
    out.verdict = staleness <= allowed.while_revalidating ? Verdict::stale_while_revalidating
                  : named                                 ? Verdict::stale_accepted
                                                          : Verdict::must_fetch;
  }
  if (out.verdict != Verdict::must_fetch) return out;
  out.by_request = refused && fresh;
  if (request.only_if_cached) {
    out.verdict = Verdict::unavailable;
    out.usable_on_error = false;
  }
  return out;
}

Verdict judge_absent(RequestDirectives const& request) {
  return request.only_if_cached ? Verdict::unavailable : Verdict::must_fetch;
}

}  // namespace gateway::cache
