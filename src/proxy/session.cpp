#include <array>
#include <cstring>
#include <span>

#include "gateway/net/tls.hpp"
#include "inspect.hpp"
#include "messages.hpp"
#include "phases.hpp"

namespace gateway::proxy {
namespace {

// How long and how much a connection is read on after its last answer, so that a caller that is still sending can
// read it instead of a reset.
constexpr std::chrono::seconds linger_time{5};
constexpr std::uint64_t linger_least_bytes = 64 * 1024 * 1024;  // a body that was refused for its size is the common case

// The only place that turns a failure into an answer.
net::Task<Result<>> rescue(Worker& worker, Downstream& down, Exchange& x, Failure failure) {
  if (x.answer_started || failure.code == Code::client_gone) {
    // Too late for another answer: the connection is broken off, visibly.
    if (failure.code == Code::client_gone && !x.answer_started) x.status = failure.traits().status;
    x.fate = Fate::close;
    co_return failure;
  }
  // A rest of the body that is here already is passed over; with more of it outstanding the connection cannot be kept.
  if (x.fate != Fate::close && !x.body.done() && !down.unread().empty() && !down.read_op.pending()) {
    auto const taken = x.body.take(down.unread_bytes());
    if (taken) down.consume(taken->consumed);
  }
  if (x.fate != Fate::close) x.fate = x.body.done() ? Fate::keep : Fate::drain;
  if (worker.draining || !x.framing.persistent) x.fate = std::max(x.fate, x.body.done() ? Fate::close : Fate::drain);
  build_problem(x, failure, worker.date);
  auto const text = x.answer_out.view();
  iovec const part{const_cast<char*>(text.data()), text.size()};
  x.answer_started = true;
  down.start_write({&part, 1});
  if (down.write_op.pending()) {
    down.arm_write(x.snapshot->config->values.limits_body_timeout);
    co_await net::WaitOne(down.write_op);
    down.disarm();
  }
  x.bytes_out += down.write_op.bytes();
  co_return down.write_result();
}

constexpr std::uint64_t with_operation(Exchange const& x, Code code) {
  return static_cast<std::uint64_t>(x.operation->id) << 16 | static_cast<std::uint64_t>(code);
}

void count_uploads(Worker& worker, Exchange const& x) {
  if (x.operation == nullptr) return;
  if (x.reason != observe::no_reason && is_upload_refusal(static_cast<Code>(x.reason))) {
    if (x.operation->body != policy::BodyKind::none) worker.metrics.uploads_rejected.add(with_operation(x, static_cast<Code>(x.reason)));
    return;
  }
  for (auto const& problem : x.problems.all()) worker.metrics.uploads_reported.add(with_operation(x, problem.code));
}

using NotedFiles = std::array<observe::AccessFile, upload::Inspection::max_files>;
static_assert(upload::Inspection::max_files <= observe::AccessRing::max_files);

std::span<observe::AccessFile const> note_files(upload::Inspection const& inspection, NotedFiles& place) {
  std::size_t count = 0;
  for (auto const& file : inspection.files()) {
    auto& noted = place[count++];
    noted.part = file.part;
    noted.type = file.type == upload::ImageType::unknown ? "unknown" : upload::media_type(file.type);
    noted.bytes = file.bytes;
    noted.hashed = file.sha256.has_value();
    if (file.sha256) noted.sha256 = *file.sha256;
  }
  return {place.data(), count};
}

// Metrics and the access line: once for each exchange, on every path.
void observe(Worker& worker, Downstream const& down, Exchange const& x) {
  auto const operation = x.operation == nullptr ? policy::OperationId::none : x.operation->id;
  auto const tenant = x.identity.tenant == nullptr ? observe::TenantLabels::unknown : x.identity.tenant->label;
  auto const index = static_cast<std::size_t>(operation);
  auto const duration = precise_now() - x.started;
  auto& metrics = worker.metrics;
  metrics.requests.add(observe::WorkerMetrics::request_key(tenant, operation, x.status, x.reason));
  metrics.request_duration[index][static_cast<std::size_t>(observe::cache_label(x.cache_result))].observe(duration);
  if (x.cache_result != observe::CacheResult::none) metrics.cache_requests[static_cast<std::size_t>(x.cache_result)].add();
  if (x.upstream_status != 0 && !x.upstream_counted) metrics.upstream_duration[index].observe(x.upstream_time);
  if (x.body.total() > 0) metrics.upload_bytes[index].add(x.body.total());
  count_uploads(worker, x);
  auto const gauges = worker.pool.gauges();
  metrics.upstream_idle.set(gauges.idle);
  metrics.upstream_busy.set(gauges.busy);

  observe::AccessRecord record;
  record.wall_ns = x.started_unix_ns + duration.count();
  record.request_id = x.id;
  std::memcpy(record.trace_id, x.trace.trace_id().data(), sizeof record.trace_id);
  record.tenant = tenant;
  record.operation = operation;
  record.proof = x.identity.proof;
  record.method = x.method;
  record.status = x.status;
  record.reason = x.reason;
  record.upstream_status = x.upstream_status;
  record.attempts = x.attempts;
  record.cache = x.cache_result;
  record.bytes_in = x.bytes_in;
  record.bytes_out = x.bytes_out;
  record.duration = duration;
  record.upstream = x.upstream_time;
  record.peer = down.peer();
  record.files_more = static_cast<std::uint16_t>(x.inspection.files_more());  // limits.parts is at most 1024
  NotedFiles files;
  if (!worker.access.push(record, note_files(x.inspection, files))) metrics.access_dropped.add();
}

// Reads and parses the next head. Its length is consumed; the views into it stay valid until the next read.
net::Task<Result<>> read_head(Downstream& down, Exchange& x) {
  auto const& values = x.snapshot->config->values;
  http::HeadLimits const limits{values.limits_header_bytes, static_cast<std::size_t>(values.limits_header_fields)};
  http::HeadScanner scanner(http::HeadScanner::Kind::request, limits);
  down.arm(values.limits_header_timeout, Code::header_timeout);
  std::size_t length = 0;
  for (;;) {
    GW_CO_TRY(scanned, scanner.scan(down.unread()));
    length = scanned;
    if (length > 0) break;
    GW_CO_CHECK(co_await down.read_more());
  }
  down.disarm();
  x.bytes_in = length;
  auto const parsed = http::parse_request_head(down.unread().substr(0, length), limits, x.head);
  down.consume(length);
  x.method = x.head.method;
  x.http10 = x.head.minor_version == 0;
  co_return parsed;
}

// The caller's own ids are kept, whatever becomes of the request; where there are none they are made.
void take_identifiers(Worker& worker, Exchange& x, bool has_head) {
  using http::Name;
  std::string_view given, traceparent;
  if (has_head) {
    if (x.head.fields.occurrences(Name::x_request_id) == 1) given = x.head.fields.first(Name::x_request_id);
    traceparent = x.head.fields.first(Name::traceparent);
    x.had_client_key = x.head.fields.occurrences(Name::x_api_key) > 0;
  }
  auto const parsed = RequestId::parse(given);
  x.id = parsed ? *parsed : RequestId::make(x.started_unix_ns, worker.entropy);
  x.trace = TraceContext::continue_from(traceparent, worker.entropy, parsed ? nullptr : &x.id);
}

net::Task<Fate> serve_exchange(Worker& worker, Downstream& down, Exchange& x) {
  worker.metrics.in_flight.add();
  x.snapshot = worker.snapshot;
  x.started = precise_now();
  x.started_unix_ns = wall_clock_ns();
  auto outcome = co_await read_head(down, x);
  take_identifiers(worker, x, outcome.has_value());
  if (outcome) outcome = co_await run_phases(worker, down, x);
  if (!outcome) {
    x.fail(outcome.error());
    outcome = co_await rescue(worker, down, x, outcome.error());
  }
  x.enter(Phase::done);
  observe(worker, down, x);
  worker.metrics.in_flight.subtract();
  if (!outcome) {
    down.stream().abort(true);  // what the caller has is not whole, and it shall see that
    co_return Fate::close;
  }
  co_return x.fate;
}

// Says goodbye: the end of our stream first, then what the caller still sends is read and dropped for a while.
net::Task<void> linger(Downstream& down, std::uint64_t bytes) {
  if (down.failed()) co_return;
  down.stream().shutdown_write();
  down.arm(linger_time, Code::client_gone);
  for (std::uint64_t dropped = 0; dropped < bytes;) {
    if (!down.read_op.pending()) {
      if (down.half_closed() || down.failed()) break;
      down.start_discard();
    }
    co_await net::WaitOne(down.read_op);
    if (down.read_op.pending()) break;  // time is up
    dropped += down.read_op.bytes();
    if (!down.settle()) break;
  }
  down.disarm();
}

// Waits for the first bytes of the next request. False when there will be none.
net::Task<bool> wait_for_request(Worker& worker, Downstream& down) {
  if (!down.unread().empty()) co_return true;
  if (down.settle()) {
    if (!down.unread().empty()) co_return true;
    down.listen();
    down.idle = true;
    down.arm(worker.snapshot->config->values.limits_idle_timeout, Code::header_timeout);
    if (!worker.closing) co_await net::WaitOne(down.read_op);
    down.idle = false;
    down.disarm();
    if (down.read_op.pending()) co_return false;  // idle for too long, or the gateway stops
    if (down.settle()) co_return true;
  }
  co_return false;
}

net::Task<Fate> serve_next(Worker& worker, Downstream& down) {
  auto exchange = worker.borrow_exchange();
  auto const fate = co_await serve_exchange(worker, down, *exchange);
  worker.give_back(std::move(exchange));
  down.release_relay();
  co_return fate;
}

net::Task<bool> shake_hands(Worker& worker, Downstream& down) {
  down.arm(worker.snapshot->config->values.limits_header_timeout, Code::header_timeout);
  auto& tls = static_cast<net::TlsStream&>(down.stream());
  tls.start_server_handshake(down.read_op);
  co_await net::WaitOne(down.read_op);
  down.disarm();
  bool const good = !down.read_op.pending() && down.read_op.status() == net::IoStatus::ok;
  if (!down.read_op.pending()) down.read_op.reset();
  co_return good;
}

// Membership in the worker's list of connections, also when an exception ends the session.
class Membership {
 public:
  Membership(Worker& worker, Downstream& down) : worker_(worker), down_(down) { worker.link(down); }
  Membership(Membership const&) = delete;
  Membership& operator=(Membership const&) = delete;
  ~Membership() { worker_.unlink(down_); }

 private:
  Worker& worker_;
  Downstream& down_;
};

net::Task<void> serve_connection(Worker& worker, std::unique_ptr<Downstream> owned, bool tls) {
  auto& down = *owned;
  Membership const membership(worker, down);
  bool alive = !tls || co_await shake_hands(worker, down);
  while (alive && co_await wait_for_request(worker, down)) {
    auto const fate = co_await serve_next(worker, down);
    alive = fate == Fate::keep;
    if (alive) continue;
    co_await linger(down, std::max(4 * worker.snapshot->config->values.limits_body_bytes, linger_least_bytes));
  }
  down.stream().shutdown_write();
  down.stream().abort(false);
  // Operations in flight refer to the connection until they have ended.
  if (down.read_op.pending()) co_await net::WaitOne(down.read_op);
  if (down.write_op.pending()) co_await net::WaitOne(down.write_op);
}

}  // namespace

void start_session(Worker& worker, std::unique_ptr<Downstream> down, bool tls) {
  net::spawn(serve_connection(worker, std::move(down), tls), [&worker](std::exception_ptr thrown) {
    if (thrown) worker.metrics.session_bugs.add();
    if (worker.on_session_end) worker.on_session_end();
  });
}

}  // namespace gateway::proxy
