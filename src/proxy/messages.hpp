#pragma once
#include <string>

#include "gateway/proxy/exchange.hpp"

// The heads that the gateway writes. Nothing of the caller's or the vendor's bytes is relayed: each message is built
// from allow-listed fields.
namespace gateway::proxy {

// The vendor's request for an exchange that has been authorised: into x.request_out.
Result<> build_upstream_request(Exchange& x, policy::Route const& route);

// The caller's answer head for x.answer. `chunked`: the body is sent chunked; otherwise the length is that of the
// vendor's framing, or none. Fails when the vendor's fields are too large.
Result<> build_answer_head(Exchange& x, bool chunked);

// Status line and fields of x.answer as an entry keeps them: no empty line, no Age, nothing of one exchange.
std::string stored_head(Exchange const& x, std::string_view tag, std::size_t body_bytes);
// What an answer from x.cached has besides what the entry keeps; the whole head of a 304.
Result<> build_cached_head(Exchange& x, Duration age, bool aged, bool not_modified);

// A problem answer (RFC 9457), head and body. `date` is an IMF-fixdate.
void build_problem(Exchange& x, Failure failure, std::string_view date);

inline constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace gateway::proxy
