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
  F(body_too_large, 413, client, drain, "Body too large",                                                                  \
    "Send smaller files; the limit is limits.body_bytes, for JSON and urlencoded bodies 64 KiB.")\
  F(query_invalid, 400, client, keep, "Invalid query",                                                                      \
    "Correct the query parameters that `errors` lists; leave out those without a value.")\
  F(fields_invalid, 400, client, drain, "Invalid fields", "Correct the fields that `errors` lists.")                    \
  F(json_invalid, 400, client, drain, "Malformed JSON body",                                                            \
    "Send one JSON object whose members are strings, each once, in UTF-8.")\
  F(form_invalid, 400, client, drain, "Malformed form body",                                                            \
    "Send `name=value` pairs joined by `&`, percent-encoded, in UTF-8.")\
  F(content_type_malformed, 400, client, drain, "Malformed Content-Type",                                               \
    "Send `multipart/form-data; boundary=...` and nothing else but a charset of utf-8.")\
  F(boundary_missing, 400, client, drain, "Content-Type lacks the boundary",                                            \
    "Let the HTTP client set Content-Type: it knows the boundary; do not set it by hand.")\
  F(boundary_repeated, 400, client, drain, "Content-Type names two boundaries", "Send one boundary.")                   \
  F(boundary_too_long, 400, client, drain, "Boundary too long",                                                         \
    "Use a boundary of at most 70 characters (RFC 2046).")\
  F(boundary_malformed, 400, client, drain, "Boundary of forbidden characters",                                         \
    "Use letters, digits and ' ( ) + _ , - . / : = ?, not dashes alone; quote it in full or not at all.")\
  F(multipart_preamble, 400, client, drain, "Data before the first boundary",                                           \
    "Begin the body with the first boundary.")\
  F(multipart_epilogue, 400, client, drain, "Data after the last boundary",                                             \
    "End the body with the last boundary and at most one CRLF.")\
  F(multipart_bare_newline, 400, client, drain, "Line of a multipart body without CRLF",                                \
    "End boundary and header lines with CRLF.")\
  F(multipart_delimiter_malformed, 400, client, drain, "Malformed boundary line",                                       \
    "Send nothing but CRLF or two dashes behind a boundary.")\
  F(multipart_boundary_in_part, 400, client, drain, "Boundary inside a part",                                           \
    "Choose a boundary that does not occur in the content.")\
  F(multipart_unfinished, 400, client, drain, "Last boundary missing",                                                  \
    "Send the body whole; end it with the closing boundary.")\
  F(multipart_empty, 400, client, drain, "No parts", "Send the parts that the operation documents.")                    \
  F(too_many_parts, 413, client, drain, "Too many parts", "Send fewer parts; the limit is limits.parts.")               \
  F(part_header_too_large, 400, client, drain, "Part header too large",                                                 \
    "Send only Content-Disposition and Content-Type in a part, with short names.")\
  F(part_header_folded, 400, client, drain, "Folded part header", "Send each part header on one line.")                 \
  F(part_header_malformed, 400, client, drain, "Malformed part header",                                                 \
    "Send part headers as `Name: value` in printable characters.")\
  F(part_header_unknown, 400, client, drain, "Unknown part header",                                                     \
    "Send only Content-Disposition and Content-Type in a part; some clients add Content-Length.")\
  F(part_header_repeated, 400, client, drain, "Repeated part header", "Send each part header once.")                    \
  F(part_transfer_encoding, 400, client, drain, "Content-Transfer-Encoding in a part",                                  \
    "Send parts as they are, without Content-Transfer-Encoding (RFC 7578 section 4.7).")\
  F(part_disposition_missing, 400, client, drain, "Part without Content-Disposition",                                   \
    "Begin each part with Content-Disposition: form-data and a quoted name.")\
  F(part_disposition_malformed, 400, client, drain, "Malformed Content-Disposition",                                    \
    "Send form-data, then the quoted name, then for files the quoted filename.")\
  F(part_parameter_repeated, 400, client, drain, "Repeated Content-Disposition parameter",                              \
    "Send name and filename once each.")\
  F(part_parameter_unknown, 400, client, drain, "Unknown Content-Disposition parameter",                                \
    "Send no parameters but name and filename.")\
  F(part_filename_extended, 400, client, drain, "Extended file name (filename*)",                                       \
    "Send a plain filename; RFC 7578 section 4.2 forbids filename*.")\
  F(part_filename_invalid, 400, client, drain, "Ambiguous file name",                                                   \
    "Send a plain file name without path, quotes, control or encoded characters (`%22`, `&amp;`); no part without a file.")\
  F(part_name_missing, 400, client, drain, "Part without a name", "Give each part a name.")                             \
  F(part_name_empty, 400, client, drain, "Part with an empty name", "Give each part a name.")                           \
  F(part_name_invalid, 400, client, drain, "Ambiguous part name",                                                       \
    "Use letters, digits, `_`, `-` and `.` in part names.")\
  F(part_name_repeated, 400, client, drain, "Repeated part name",                                                       \
    "Send each part once; names that differ only in case, or in `.` and `_`, are one name to some readers.")\
  F(part_charset_field, 400, client, drain, "Part named _charset_", "Send UTF-8 and no _charset_ part.")                \
  F(part_nested, 400, client, drain, "Nested multipart", "Send each file as a part of its own.")                        \
  F(part_type_missing, 400, client, drain, "File part without Content-Type",                                            \
    "Name the type of each file, image/jpeg or image/png; some clients leave it out unless they are told.")\
  F(part_type_unexpected, 400, client, drain, "Text part with a Content-Type",                                          \
    "Send text parts without Content-Type: parsers take such a part for a file.")\
  F(part_type_malformed, 400, client, drain, "Malformed Content-Type of a part",                                        \
    "Send a plain type and subtype without parameters.")\
  F(part_text_invalid, 400, client, drain, "Text part is not UTF-8", "Send text in UTF-8, without NUL bytes.")          \
  F(field_too_large, 413, client, drain, "Text part too large",                                                         \
    "Send shorter text; the limit is limits.field_bytes.")\
  F(file_too_large, 413, client, drain, "File too large", "Send a smaller file; the limit is limits.file_bytes.")       \
  F(file_empty, 400, client, drain, "Empty file", "Send the file with its content.")                                    \
  F(file_type_not_allowed, 415, client, drain, "File type not allowed",                                                 \
    "Send one of the types that uploads.content_types lists; the first bytes decide.")\
  F(file_type_mismatch, 415, client, drain, "Declared type and content differ",                                         \
    "Declare the type that the file has.")\
  F(file_name_mismatch, 415, client, drain, "File name and content differ",                                             \
    "Name the file after its type, or without an ending.")\
  F(image_malformed, 422, client, drain, "Malformed picture",                                                           \
    "Send the picture as the camera or an encoder wrote it.")\
  F(image_truncated, 422, client, drain, "Truncated picture", "Send the whole file.")                                   \
  F(image_trailing_data, 422, client, drain, "Data behind the picture",                                                 \
    "Send the picture alone; encode it again when something was appended.")\
  F(image_dimensions_invalid, 422, client, drain, "Picture of impossible size",                                         \
    "Send a picture of at least one pixel and at most 65,535 on a side.")\
  F(image_too_many_pixels, 422, client, drain, "Picture too large",                                                     \
    "Send a smaller picture; the limit is uploads.max_pixels.")\
  F(client_gone, 499, client, close, "Caller left before the answer", "Look at the caller's own timeout.")               \
  F(api_key_missing, 503, gateway, drain, "No vendor key loaded", "Provide the key that [api_key] names.")               \
  F(overloaded, 503, gateway, close, "Gateway overloaded", "Retry later; raise limits.connections or add instances.")    \
  F(not_in_cache, 504, gateway, keep, "Not in the cache",                                                                \
    "The caller asked for a cached answer only: leave `Cache-Control: only-if-cached` out.")                             \
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
