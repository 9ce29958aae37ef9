#include "gateway/proxy/exchange.hpp"

namespace gateway::proxy {

void Exchange::reset() {
  snapshot.reset();
  phase = Phase::read_head;
  failed_in = Phase::done;
  head.fields.count = 0;
  head.method = http::Method::other;
  framing = {};
  body = http::BodyReader();
  body_started = continue_sent = false;
  inspection.end();
  problems.clear();
  small_body.release();
  small_body_size = 0;
  held_back.clear();
  identity = {nullptr, policy::Proof::none};
  operation = nullptr;
  method = http::Method::other;
  http10 = had_client_key = false;
  request_out.wipe();
  key_at = 0;
  ever_sent_upstream = 0;
  cache_key.clear();
  cache_result = observe::CacheResult::none;
  cache_status.reset();
  cached.reset();
  revalidated.reset();
  capture = nullptr;
  change = {};
  upstream_counted = false;
  answer.fields.count = 0;
  answer.status = 0;
  answer_framing = {};
  answer_out.wipe();
  answer_started = answered_early = response_begun = false;
  fate = Fate::keep;
  status = 0;
  reason = observe::no_reason;
  upstream_status = attempts = 0;
  bytes_in = bytes_out = 0;
  started = request_sent = {};
  upstream_time = {};
}

}  // namespace gateway::proxy
