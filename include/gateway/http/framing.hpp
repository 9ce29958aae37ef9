#pragma once
#include <cstdint>

#include "gateway/base/failure.hpp"
#include "gateway/http/head.hpp"

namespace gateway::http {

// How the body of a message is delimited (RFC 9112 section 6.3).
struct Framing {
  enum class Kind : std::uint8_t { none, length, chunked, until_close };
  Kind kind = Kind::none;
  std::uint64_t length = 0;  // bytes, for Kind::length

  bool has_body() const { return kind != Kind::none && !(kind == Kind::length && length == 0); }
};

struct RequestFraming {
  Framing body;
  bool persistent = true;       // the caller may send another request on this connection
  bool expects_continue = false;
};

// The judge of every request head; nothing else looks at a head before it has agreed. Stricter than RFC 9112 where
// parsers are known to differ: one Host, one Content-Length of plain digits, one `chunked` and only on HTTP/1.1,
// never both, an origin-form target that has one reading.
Result<RequestFraming> judge_request(RequestHead const& head);

struct ResponseFraming {
  Framing body;
  bool persistent = true;
};

// The same for a vendor answer to a GET, POST or DELETE. Every violation is upstream_bad_response.
Result<ResponseFraming> judge_response(ResponseHead const& head);

// An origin-form target (RFC 9112 section 3.2.1) that every server reads the same way: visible ASCII, valid percent
// encodings, no fragment; in the path no `//`, no backslash, no dot segments and no encoded octet that could turn
// into a separator, a dot, a NUL or a percent sign.
Result<> judge_target(std::string_view target);

}  // namespace gateway::http
