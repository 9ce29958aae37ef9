#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "gateway/base/failure.hpp"

// HTTP/1.x message heads (RFC 9112), read without I/O and without allocation. A Head only points into the caller's
// buffer and lives as long as those bytes stay where they are.
namespace gateway::http {

// Upper bound of limits.header_fields, and of the fields of a vendor answer.
inline constexpr std::size_t max_head_fields = 200;
// Upper bound of limits.header_bytes.
inline constexpr std::size_t max_head_bytes = 60 * 1024;
// Longer request targets are refused; the vendor's edge takes 8,192 characters.
inline constexpr std::size_t max_target_bytes = 8192;

// Field names that the gateway looks at; anything else is `other`.
enum class Name : std::uint8_t {
  other, accept, accept_language, age, argos_gateway_cache_control, authorization, cache_control, connection,
  content_disposition, content_encoding, content_language, content_length, content_range, content_type, cookie, date,
  etag, expect, expires, host, if_modified_since, if_none_match, keep_alive, last_modified, location, pragma,
  retry_after, set_cookie, te, trailer, traceparent, transfer_encoding, upgrade, vary, x_amzn_requestid, x_api_key,
  x_request_id,
};
Name name_of(std::string_view field_name);

enum class Method : std::uint8_t { get, post, del, head, other };
Method method_of(std::string_view token);

struct Field {
  std::string_view name;
  std::string_view value;  // without surrounding blanks
  Name id = Name::other;
};

struct FieldList {
  std::array<Field, max_head_fields> items;
  std::size_t count = 0;

  std::span<Field const> all() const { return {items.data(), count}; }
  // Value of the first such field, empty when there is none.
  std::string_view first(Name id) const;
  std::size_t occurrences(Name id) const;
  // Whether a Connection field names this one: then it is meant for the next hop only (RFC 9110 section 7.6.1).
  bool is_hop_by_hop(std::string_view name) const;
};

struct RequestHead {
  Method method = Method::other;
  std::string_view method_token;
  std::string_view target;
  int minor_version = 1;  // of HTTP/1
  FieldList fields;
};

struct ResponseHead {
  int status = 0;
  int minor_version = 1;
  FieldList fields;
};

struct HeadLimits {
  std::size_t bytes;   // whole head with its empty line, at most max_head_bytes
  std::size_t fields;  // at most max_head_fields
};

// Finds the end of a head in a growing buffer, looking at each byte once, and refuses early what can no longer become
// a head: a line that ends in a bare LF, a first byte that starts no method, more bytes than the limit.
class HeadScanner {
 public:
  enum class Kind : std::uint8_t { request, response };
  HeadScanner(Kind kind, HeadLimits limits) : limits_(limits), kind_(kind) {}

  // `buffer` is everything received so far. Gives the length of the head with its empty line, 0 when more is needed.
  Result<std::size_t> scan(std::string_view buffer);

 private:
  HeadLimits limits_;
  std::size_t scanned_ = 0;
  std::size_t line_start_ = 0;
  Kind kind_;
};

// Splits a complete head as the scanner delimited it. Every byte is judged: token characters, no folding, no bare CR,
// no control bytes, exactly the blanks that RFC 9112 allows.
Result<> parse_request_head(std::string_view bytes, HeadLimits limits, RequestHead& head);
Result<> parse_response_head(std::string_view bytes, HeadLimits limits, ResponseHead& head);

}  // namespace gateway::http
