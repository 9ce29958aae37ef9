#pragma once
#include "gateway/policy/operation.hpp"
#include "gateway/proxy/downstream.hpp"
#include "gateway/proxy/exchange.hpp"

namespace gateway::proxy {

// The rules of the operation for query and content type, which the head alone decides; begins the inspection of a body
// that is to come.
Result<> plan_inspection(Exchange& x, policy::Route const& route);

// A body of at most this many bytes is judged whole before a connection to the vendor is asked for.
inline constexpr std::size_t small_body_bytes = net::block_bytes(net::BlockSize::head);

// Reads a body into x.small_body as far as it fits. What does not fit streams: that is decided by its length, or, for
// chunked bodies, by what comes.
net::Task<Result<>> judge_small_body(Downstream& down, Exchange& x);

// Whether a failure is a judgement on a request's body or content, as uploads_rejected_total counts them.
bool is_upload_refusal(Code code);

}  // namespace gateway::proxy
