#pragma once
#include "gateway/policy/response.hpp"
#include "gateway/proxy/worker.hpp"

namespace gateway::proxy {

// Sends the request over a connection and passes the answer on. On success the exchange is complete on the caller's
// side, and the lease has been given back or closed as the answer allows.
net::Task<Result<>> relay(Worker& worker, Downstream& down, Exchange& x, upstream::Lease& lease);

// The steps of relay(), each in its own file.

// Request head and body to the vendor. Ends early, without failure, when an answer begins before the body is through.
net::Task<Result<>> send_request(Downstream& down, Exchange& x, upstream::Connection& up);

// The vendor's answer head, past any interim ones: x.answer and x.answer_framing. Gives the number of bytes of the
// connection's buffer that the heads took.
struct AnswerStart {
  std::size_t begin, end;  // body bytes in the connection's buffer
};
net::Task<Result<AnswerStart>> receive_head(Worker& worker, Downstream& down, Exchange& x, upstream::Connection& up);

// Whether the vendor's 403, whose body is read here, means the key or the address.
net::Task<Failure> explain_forbidden(Exchange& x, upstream::Connection& up, AnswerStart start);

// Head and body of the answer to the caller. True when the vendor connection may be used again.
net::Task<Result<bool>> send_answer(Downstream& down, Exchange& x, upstream::Connection& up, AnswerStart start);

// The body of the answer into x.capture; a vendor that answers without end is cut off at what the cache takes.
net::Task<Result<bool>> capture_answer(Worker& worker, Exchange& x, upstream::Connection& up, AnswerStart start);

// What a read of the vendor's connection that did not bring bytes means.
Failure read_failure(upstream::Connection const& up);
// Arms the connection's deadline: `reason` after `timeout`, or the end of the whole exchange when that is nearer.
void arm_upstream(Exchange const& x, upstream::Connection& up, Duration timeout, Code reason);

}  // namespace gateway::proxy
