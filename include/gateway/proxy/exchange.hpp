#pragma once
#include <strings.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gateway/base/failure.hpp"
#include "gateway/base/identifiers.hpp"
#include "gateway/cache/cache_status.hpp"
#include "gateway/cache/key.hpp"
#include "gateway/cache/store.hpp"
#include "gateway/http/body.hpp"
#include "gateway/http/framing.hpp"
#include "gateway/http/head.hpp"
#include "gateway/net/buffers.hpp"
#include "gateway/observe/metrics.hpp"
#include "gateway/policy/operation.hpp"
#include "gateway/policy/tenant.hpp"
#include "gateway/proxy/held_back.hpp"
#include "gateway/proxy/snapshot.hpp"
#include "gateway/upload/inspection.hpp"

// The phases of an exchange, in their order. A failure remembers the one it happened in.
#define GW_PHASES(P) \
  P(read_head) P(framing) P(identify) P(route) P(authorize) P(plan_body) P(credential) P(cache) P(inspect) P(connect) P(relay) P(done)

namespace gateway::proxy {

enum class Phase : std::uint8_t {
#define GW_ROW(name) name,
  GW_PHASES(GW_ROW)
#undef GW_ROW
};

// Bytes that are written to one side: filled front to back, refuses what does not fit.
template <std::size_t capacity>
class OutBuffer {
 public:
  void clear() {
    used_ = std::max(used_, size_);
    size_ = 0;
    overflow_ = false;
  }
  // The same, and nothing that was in it stays in memory.
  void wipe() {
    clear();
    ::explicit_bzero(bytes_.data(), std::exchange(used_, 0));
  }
  void append(std::string_view text) {
    if (text.size() > capacity - size_) {
      overflow_ = true;
      return;
    }
    std::copy(text.begin(), text.end(), bytes_.data() + size_);
    size_ += text.size();
  }
  void field(std::string_view name, std::string_view value) {
    append(name);
    append(": ");
    append(value);
    append("\r\n");
  }
  void number(std::uint64_t value);
  bool overflow() const { return overflow_; }
  std::size_t size() const { return size_; }
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, capacity> bytes_;
  std::size_t size_ = 0;
  std::size_t used_ = 0;  // at most, since the last wipe
  bool overflow_ = false;
};

template <std::size_t capacity>
void OutBuffer<capacity>::number(std::uint64_t value) {
  char digits[20];
  char* first = digits + sizeof digits;
  do *--first = static_cast<char>('0' + value % 10);
  while ((value /= 10) != 0);
  append({first, static_cast<std::size_t>(digits + sizeof digits - first)});
}

// An answer that goes to the cache, and from there to all who wait for it, instead of to one caller.
struct Capture {
  cache::Bytes body;
  std::string head;        // the bytes that x.answer points into
  bool unshared = false;   // too large, or no room for it: whoever wants it has to fetch it for themselves
};

// What a request may change at the vendor, hence what of the cache it ends.
struct Worker;
struct Change {
  Worker* worker = nullptr;  // null: it changes nothing
  bool announced = false;         // the vendor may have the whole request
  bool answered = false;          // the vendor's answer came after that
};

// One request and its answer. Large, hence pooled by the worker and reset for each request.
struct Exchange {
  // Request line and allow-listed fields: the caller's header limit and what we add.
  static constexpr std::size_t request_out_bytes = http::max_head_bytes + 4 * 1024;
  // Fields that a vendor answer may pass on fit its own header limit; problem bodies are far smaller.
  static constexpr std::size_t answer_out_bytes = 20 * 1024;

  std::shared_ptr<Snapshot const> snapshot;
  RequestId id;
  TraceContext trace;
  Phase phase = Phase::read_head;
  Phase failed_in = Phase::done;

  http::RequestHead head;  // views into the caller's buffer: valid until the request is forwarded
  http::RequestFraming framing;
  http::BodyReader body;  // of the request
  bool body_started = false;
  bool continue_sent = false;
  upload::Problems problems;  // for `errors` of the answer
  upload::Inspection inspection;
  net::Block small_body;  // a body that was judged before a connection was asked for, or the front of a longer one
  std::size_t small_body_size = 0;
  HeldBack held_back;

  policy::Identity identity{nullptr, policy::Proof::none};
  policy::Operation const* operation = nullptr;
  http::Method method = http::Method::other;
  bool http10 = false;
  bool had_client_key = false;

  // The vendor's request as it is sent: everything before the key, the key from its own memory, everything after.
  OutBuffer<request_out_bytes> request_out;
  std::size_t key_at = 0;
  // Here and not in the sender's frame: an answer may come while the write that refers to it is still pending.
  http::ChunkHead upload_chunk{0};
  std::uint64_t ever_sent_upstream = 0;  // bytes handed to the kernel, in all attempts

  cache::KeyBuffer cache_key;
  observe::CacheResult cache_result = observe::CacheResult::none;
  std::optional<cache::CacheStatus> cache_status;  // told to the caller when there is one
  cache::EntryPtr cached;       // what is being sent to the caller
  cache::EntryPtr revalidated;  // what the vendor is asked about with If-None-Match
  Capture* capture = nullptr;
  Change change;
  bool upstream_counted = false;  // its metrics are those of a fetch

  http::ResponseHead answer;
  http::ResponseFraming answer_framing;
  OutBuffer<answer_out_bytes> answer_out;
  bool answer_started = false;   // bytes of an answer have gone to the caller
  bool answered_early = false;   // the vendor's answer was there before the upload was through
  bool response_begun = false;   // a byte of the vendor's answer has come, in the current attempt

  Fate fate = Fate::keep;
  int status = 0;
  int reason = observe::no_reason;
  int upstream_status = 0;
  int attempts = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  Instant started{}, request_sent{};
  std::int64_t started_unix_ns = 0;
  Duration upstream_time{};

  void enter(Phase next) { phase = next; }
  void fail(Failure failure) {
    failed_in = phase;
    reason = static_cast<int>(failure.code);
    fate = std::max(fate, failure.traits().fate);
  }
  // Back to the state of a new request, without touching the large buffers.
  void reset();
};

}  // namespace gateway::proxy
