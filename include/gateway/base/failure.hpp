#pragma once
#include <boost/system/result.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

// The one table of everything that can go wrong with an exchange. The enum, the HTTP status, the reason in the answer,
// the metric label, the log field and the reference page (`argos-gateway doc reasons`) all come from these rows.
//
//   code, HTTP status, origin (whose fault), fate of the caller's connection, title, remedy
//
// Status 499 is never sent: it marks an exchange whose caller left.
#define GW_FAILURES(F)                                                                                                  \
  F(bad_request_line, 400, client, close, "Malformed request line", "Send `METHOD SP target SP HTTP/1.1 CRLF`.")         \
  F(bad_field, 400, client, close, "Malformed header field",                                                             \
    "Send header fields as RFC 9112 section 5 says: no folding, no bare CR or LF, no control bytes.")                    \
  F(bad_host, 400, client, close, "Missing, repeated or malformed Host", "Send exactly one valid Host field.")           \
  F(bad_content_length, 400, client, close, "Malformed Content-Length", "Send one decimal Content-Length.")              \
  F(bad_transfer_encoding, 400, client, close, "Unsupported Transfer-Encoding",                                          \
    "Send `Transfer-Encoding: chunked` once, on HTTP/1.1, or a Content-Length.")                                         \
  F(conflicting_length, 400, client, close, "Content-Length and Transfer-Encoding together", "Send only one of them.")   \
  F(bad_chunk, 400, client, close, "Malformed chunked body", "Check the client's chunked encoding.")                     \
  F(bad_trailer, 400, client, close, "Malformed or forbidden trailer", "Send no trailers.")                              \
  F(bad_target, 400, client, close, "Ambiguous request target",                                                          \
    "Send a plain path without dot segments, encoded slashes or double encoding, then the query.")                       \
  F(target_too_long, 414, client, close, "Request target too long", "Shorten the query; the vendor takes 8 KiB.")        \
  F(unsupported_version, 505, client, close, "Unsupported HTTP version", "Use HTTP/1.1 or HTTP/1.0.")                    \
  F(head_too_large, 431, client, close, "Header section too large", "Send fewer or smaller header fields.")              \
  F(too_many_fields, 431, client, close, "Too many header fields", "Send fewer header fields.")                          \
  F(header_timeout, 408, client, close, "Header not received in time", "Send the whole header at once.")                 \
  F(body_timeout, 408, client, close, "Body not received in time", "Check the caller's network or raise the limit.")     \
  F(unknown_path, 404, client, keep, "Unknown path", "Use one of the documented Argos paths below the path prefix.")     \
  F(method_not_allowed, 405, client, keep, "Method not allowed", "Use a method that the Allow field names.")             \
  F(unknown_caller, 401, client, keep, "Unknown caller",                                                                 \
    "Have the caller's address or other proof added to a tenant of the configuration.")                                  \
  F(operation_denied, 403, client, keep, "Operation not permitted", "Have the operation added to the tenant's list.")    \
  F(unsupported_expectation, 417, client, close, "Unsupported expectation", "Send `Expect: 100-continue` or nothing.")   \
  F(unexpected_body, 400, client, close, "Body not allowed", "Send this operation without a body.")                      \
  F(length_required, 411, client, close, "Length required", "Send Content-Length or `Transfer-Encoding: chunked`.")      \
  F(unsupported_content_type, 415, client, drain, "Unsupported content type",                                            \
    "Send the content type that the operation documents.")                                                               \
  F(unsupported_content_encoding, 415, client, drain, "Unsupported content encoding", "Send the body uncompressed.")     \
  F(body_too_large, 413, client, drain, "Body too large", "Send smaller files; the limit is limits.body_bytes.")         \
  F(client_gone, 499, client, close, "Caller left before the answer", "Look at the caller's own timeout.")               \
  F(api_key_missing, 503, gateway, drain, "No vendor key loaded", "Provide the key that [api_key] names.")               \
  F(overloaded, 503, gateway, close, "Gateway overloaded", "Retry later; raise limits.connections or add instances.")    \
  F(internal_error, 500, gateway, close, "Internal error", "Report the request id to the gateway's operators.")          \
  F(upstream_unresolved, 502, upstream, drain, "Vendor name does not resolve", "Check DNS from the gateway's host.")     \
  F(upstream_connect_failed, 502, upstream, drain, "Vendor connection failed", "Check egress and the vendor's status.")  \
  F(upstream_connect_timeout, 504, upstream, drain, "Vendor connection timed out", "Check egress and firewall rules.")   \
  F(upstream_tls_failed, 502, upstream, drain, "Vendor TLS handshake failed",                                            \
    "Check the vendor's certificate, upstream.ca_file and the clock.")                                                   \
  F(upstream_pool_exhausted, 503, gateway, drain, "No vendor connection free", "Raise upstream.max_connections.")        \
  F(upstream_first_byte_timeout, 504, upstream, drain, "Vendor did not answer in time",                                  \
    "The outcome of a submission is unknown: look it up before repeating it.")                                           \
  F(upstream_body_timeout, 504, upstream, drain, "Vendor answer stalled", "Retry lookups; look up submissions first.")   \
  F(upstream_total_timeout, 504, upstream, drain, "Exchange took too long", "Retry lookups; look up submissions first.") \
  F(upstream_reset, 502, upstream, drain, "Vendor closed the connection",                                                \
    "The outcome of a submission is unknown: look it up before repeating it.")                                           \
  F(upstream_bad_response, 502, upstream, drain, "Vendor answer violates HTTP", "Report it to the vendor.")              \
  F(upstream_head_too_large, 502, upstream, drain, "Vendor header too large", "Report it to the vendor.")                \
  F(upstream_redirect, 502, upstream, drain, "Vendor redirects", "Check upstream.base_url; redirects are not followed.") \
  F(upstream_key_rejected, 502, upstream, drain, "Vendor rejects the gateway's key", "Rotate the key in [api_key].")     \
  F(upstream_address_denied, 502, upstream, drain, "Vendor denies the gateway's address",                                \
    "Have the egress address added to the project's allow list at Argos.")                                              \
  F(upstream_forbidden, 502, upstream, drain, "Vendor answers 403 for a reason it does not name",                        \
    "Check upstream.base_url and the project's settings at Argos.")

namespace gateway {

enum class Code : std::uint8_t {
#define GW_ROW(name, status, origin, fate, title, remedy) name,
  GW_FAILURES(GW_ROW)
#undef GW_ROW
};

// Whose fault it is: the caller's, the vendor's (or the way to it), or our own.
enum class Origin : std::uint8_t { client, upstream, gateway };

// What becomes of the caller's connection after the answer. Ordered: the stricter fate wins.
enum class Fate : std::uint8_t { keep, drain, close };

struct FailureTraits {
  std::string_view token;  // the reason code
  int status;
  Origin origin;
  Fate fate;
  std::string_view title;
  std::string_view remedy;
};

inline constexpr FailureTraits failure_traits[] = {
#define GW_ROW(name, status, origin, fate, title, remedy) {#name, status, Origin::origin, Fate::fate, title, remedy},
    GW_FAILURES(GW_ROW)
#undef GW_ROW
};
inline constexpr std::size_t failure_count = std::size(failure_traits);

constexpr FailureTraits const& traits_of(Code code) { return failure_traits[static_cast<std::size_t>(code)]; }

// A failure as a value. It never holds text of the caller or the vendor: `detail` is a number whose meaning the code
// gives (a limit in bytes, an errno, a vendor status), 0 when there is none.
struct Failure {
  Code code;
  std::int64_t detail = 0;

  constexpr FailureTraits const& traits() const { return traits_of(code); }
};

template <class T = void>
using Result = boost::system::result<T, Failure>;

namespace detail {
constexpr bool statuses_match_origins() {
  for (auto const& row : failure_traits) {
    bool const client_range = row.status >= 400 && row.status < 500;
    if (row.origin == Origin::client && !client_range && row.status != 505) return false;
    if (row.origin != Origin::client && client_range) return false;
  }
  return true;
}
static_assert(statuses_match_origins(), "a caller's fault is 4xx (or 505), everything else 5xx");
}  // namespace detail

}  // namespace gateway

// Propagation of a Failure out of a coroutine.
#define GW_CO_TRY(name, expr)                          \
  auto name##_result = (expr);                         \
  if (!name##_result) co_return name##_result.error(); \
  auto& name = *name##_result
#define GW_CO_CHECK(expr) \
  if (auto checked = (expr); !checked) co_return checked.error()
// The same for plain functions.
#define GW_CHECK(expr) \
  if (auto checked = (expr); !checked) return checked.error()
