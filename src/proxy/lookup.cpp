#include "lookup.hpp"

#include <algorithm>

#include "fetch.hpp"
#include "gateway/cache/directives.hpp"
#include "gateway/cache/etag.hpp"
#include "gateway/cache/vary.hpp"
#include "messages.hpp"

namespace gateway::proxy {
namespace {

using cache::CacheStatus;
using cache::Forward;
using cache::Reply;
using observe::CacheResult;

constexpr std::chrono::seconds grace{1};
constexpr std::chrono::milliseconds look_again{250};
constexpr std::size_t piece_bytes = 64 * 1024;  // has to go within limits.body_timeout
constexpr int max_tries = 3;  // answers that turned out not to be for this caller

bool is_vendor_failure(int status) { return status == 500 || status == 502 || status == 503 || status == 504; }

// One lookup: how it judges what is stored, and how it waits.
class Lookup final : public cache::Asker {
 public:
  Lookup(Worker& worker, Downstream& down, Exchange& x, policy::Permit permit, Credential credential, policy::Route const& route)
      : worker_(worker),
        down_(down),
        x_(x),
        permit_(permit),
        credential_(credential),
        route_(route),
        store_(*worker.cache),
        rules_(x.snapshot->cache),
        request_(cache::request_directives(x.head.fields)) {}

  net::Task<Result<bool>> run() {
    if (!make_question()) co_return bypass("unclear-query");
    if (request_.only_if_cached) co_return co_await only_stored();
    if (store_.too_long(question_.hash, coarse_now())) co_return bypass("too-long");
    for (int tries = 0; tries < max_tries; ++tries) {
      auto const joined = store_.invalidations().now();
      auto reply = store_.ask(question_, *this);
      switch (reply.kind) {
        case Reply::Kind::hit: co_return co_await send_stored(std::move(reply.entry), CacheResult::hit);
        case Reply::Kind::stale:
          if (reply.flight) begin(std::move(reply), false);
          co_return co_await send_stored(std::move(reply.entry), CacheResult::stale);
        case Reply::Kind::crowded: co_return refuse(Failure{Code::overloaded});
        case Reply::Kind::lead: begin(std::move(reply), true); break;
        case Reply::Kind::wait: break;
      }
      bool const led = reply.kind == Reply::Kind::lead;
      auto const waited = co_await wait();
      if (!waited) co_return refuse(waited.error());
      GW_CO_TRY(done, co_await use(**waited, led, joined));
      if (done) co_return true;
      if (unshared_) break;
    }
    co_return bypass("not-shared");
  }

  cache::Use judge(cache::Entry const& entry) override {
    seen_ = true;
    if (!cache::Vary::of_bits(entry.vary_bits()).matches(entry.vary(), x_.head.fields)) {
      forward_ = Forward::vary_miss;
      return cache::Use::refetch;
    }
    weigh(entry);
    switch (judgement_.verdict) {
      case cache::Verdict::fresh:
      case cache::Verdict::stale_accepted: return cache::Use::fresh;
      case cache::Verdict::stale_while_revalidating: return cache::Use::stale;
      case cache::Verdict::must_fetch:
      case cache::Verdict::unavailable: break;
    }
    forward_ = judgement_.by_request ? Forward::request : Forward::stale;
    return cache::Use::refetch;
  }

  std::vector<cache::Subject> subjects() override {
    auto const what = submission_ ? cache::submission_subject(*cache::asked_submission(route_.query)) : rules_.members;
    return {what, cache::operation_subject(static_cast<std::uint8_t>(x_.operation->id))};
  }

  std::shared_ptr<cache::Waiter> waiter() override {
    waiter_ = std::make_shared<FlightWaiter>(worker_);
    return waiter_;
  }

 private:
  // False when there is no telling what is asked.
  bool make_question() {
    auto const& scopes = rules_.scopes;
    auto const tenant = static_cast<std::size_t>(&permit_.tenant() - x_.snapshot->config->tenants.all().data());
    auto const& scope = scopes.size() == 1 ? scopes[0] : scopes[tenant];
    if (!cache::build_key(scope, x_.operation->id, route_.query, x_.cache_key)) return false;
    auto const asked = cache::asked_submission(route_.query);
    bool const one = x_.operation->id == policy::OperationId::read_submission && asked;
    if (asked.kind() == cache::AskedSubmission::Kind::unclear) return false;
    submission_ = one;
    question_.key = x_.cache_key.view();
    question_.hash = cache::hash_key(question_.key, worker_.cache_seed);
    // Who wants the vendor's word of now does not take that of a question which is on its way already.
    question_.alone = request_.no_cache || (request_.max_age && *request_.max_age == cache::Seconds(0));
    return true;
  }

  void weigh(cache::Entry const& entry) {
    auto times = entry.times();
    auto allowed = rules_.stale;
    // What was purged softly is stale, however fresh it was: asked for again, and a stand-in when the vendor fails.
    if (!store_.soft().hold(entry.subjects(), entry.asked())) {
      times.fresh = -std::chrono::seconds(1);
      allowed.while_revalidating = Duration::zero();
    }
    if (!entry.refresh_behind()) allowed.while_revalidating = Duration::zero();
    if (worker_.peers != nullptr && worker_.peers->isolated()) {
      allowed = {};
      times.fresh = std::min(times.fresh, times.initial_age + Duration(cache::isolated_age));
      times.may_be_stale = false;
    }
    judgement_ = cache::judge(times, request_, coarse_now(), allowed);
  }

  void begin(Reply&& reply, bool leads) {
    std::shared_ptr<FlightWaiter> leader;
    if (leads) {
      waiter();
      leader = waiter_;
    }
    start_fetch(worker_, x_, {permit_, credential_, route_, std::move(reply.flight), std::move(leader), reply.entry, !request_.no_store});
  }

  // Until the flight lands, the caller breaks the connection, or time is up. The caller is not read meanwhile: its head,
  // which is still needed, lies where it would be read to.
  net::Task<Result<std::shared_ptr<cache::Outcome const>>> wait() {
    auto& waiter = *waiter_;
    // The flight has the same time; its end is to be heard, since a stale answer may stand in then.
    auto const end = x_.started + Duration(x_.snapshot->config->values.upstream_total_timeout) + grace;
    for (bool first = true; waiter.op.pending(); first = false) {
      bool const gone = !first && down_.stream().is_broken();
      if (gone || coarse_now() >= end) {
        waiter.leave();
        co_return Failure{gone ? Code::client_gone : Code::upstream_total_timeout};
      }
      down_.arm_waking(waiter.op, look_again, Code::client_gone);
      co_await net::WaitOne(waiter.op);
      down_.disarm();
    }
    co_return waiter.outcome;
  }

  // False when the outcome is not for this caller.
  net::Task<Result<bool>> use(cache::Outcome const& outcome, bool led, cache::Stamp joined) {
    auto const result = led ? CacheResult::miss : CacheResult::coalesced;
    x_.upstream_counted = true;
    if (led) {
      x_.upstream_status = outcome.upstream_status;
      x_.attempts = outcome.attempts;
      x_.upstream_time = outcome.upstream_time;
    }
    CacheStatus status{.forward = seen_ ? forward_ : Forward::uri_miss, .stored = outcome.stored, .collapsed = !led};
    if (outcome.answer && outcome.upstream_status != outcome.answer->status()) status.forward_status = outcome.upstream_status;
    bool const failed = outcome.failure || (outcome.answer && is_vendor_failure(outcome.answer->status()));
    if (failed)
      if (auto stand_in = usable_on_error()) {
        status = {.forward = Forward::stale, .forward_status = outcome.upstream_status, .ttl = judgement_.ttl, .detail = "stale-if-error"};
        x_.cached = std::move(stand_in);
        co_return co_await send(status, CacheResult::stale);
      }
    x_.cache_result = result;
    x_.cache_status = status;
    if (outcome.failure) co_return *outcome.failure;
    unshared_ = !outcome.answer || (!outcome.shareable && !led);
    if (unshared_) co_return false;
    auto const& answer = *outcome.answer;
    if (!led && (!store_.suits(answer, joined) || !cache::Vary::of_bits(answer.vary_bits()).matches(answer.vary(), x_.head.fields)))
      co_return false;
    x_.cached = outcome.answer;
    weigh(answer);
    if (outcome.stored) status.ttl = judgement_.ttl;
    co_return co_await send(status, result);
  }

  cache::EntryPtr usable_on_error() {
    auto entry = store_.find(question_);
    if (!entry || judge(*entry) == cache::Use::fresh) return entry;
    return judgement_.usable_on_error && forward_ != Forward::vary_miss ? entry : cache::EntryPtr();
  }

  net::Task<Result<bool>> only_stored() {
    auto entry = store_.find(question_);
    if (entry && judge(*entry) != cache::Use::refetch) co_return co_await send_stored(std::move(entry), CacheResult::hit);
    x_.cache_result = CacheResult::bypass;
    x_.cache_status = CacheStatus{.detail = "only-if-cached"};
    co_return Failure{Code::not_in_cache};
  }

  net::Task<Result<bool>> send_stored(cache::EntryPtr entry, CacheResult result) {
    x_.cached = std::move(entry);
    co_return co_await send({.hit = true, .ttl = judgement_.ttl}, result);
  }

  // x_.cached to the caller; the kernel copies from the entry itself.
  net::Task<Result<bool>> send(CacheStatus const& status, CacheResult result) {
    x_.cache_result = result;
    x_.cache_status = status;
    if (worker_.draining) x_.fate = std::max(x_.fate, Fate::close);
    auto const& entry = *x_.cached;
    bool const unchanged = entry.status() == 200 && cache::not_modified(x_.head.fields, {entry.entity_tag(), entry.last_modified()}, x_.started_unix_ns / 1'000'000'000);
    auto const age = judgement_.age;
    bool const aged = result == CacheResult::hit || result == CacheResult::stale || age >= std::chrono::seconds(1);
    GW_CO_CHECK(build_cached_head(x_, age, aged, unchanged));
    x_.answer_started = true;
    if (unchanged) {
      GW_CO_CHECK(co_await write({}, {}));
      co_return true;
    }
    // In pieces, because a slow caller has the time-out for each.
    auto body = entry.body();
    GW_CO_CHECK(co_await write(entry.head(), take_piece(body)));
    x_.answer_out.clear();
    while (!body.empty()) GW_CO_CHECK(co_await write({}, take_piece(body)));
    co_return true;
  }

  static std::string_view take_piece(std::string_view& body) {
    auto const piece = body.substr(0, piece_bytes);
    body.remove_prefix(piece.size());
    return piece;
  }

  // The entry's head, x.answer_out, a piece of the body.
  net::Task<Result<>> write(std::string_view head, std::string_view piece) {
    iovec parts[3];
    std::size_t count = 0;
    for (auto const text : {head, x_.answer_out.view(), piece})
      if (!text.empty()) parts[count++] = {const_cast<char*>(text.data()), text.size()};
    down_.start_write({parts, count});
    if (down_.write_op.pending()) {
      down_.arm_write(x_.snapshot->config->values.limits_body_timeout);
      co_await net::WaitOne(down_.write_op);
      down_.disarm();
    }
    x_.bytes_out += down_.write_op.bytes();
    co_return down_.write_result();
  }

  Failure refuse(Failure failure) {
    x_.cache_result = CacheResult::miss;
    if (!x_.cache_status) x_.cache_status = CacheStatus{.forward = seen_ ? forward_ : Forward::uri_miss};
    return failure;
  }

  bool bypass(std::string_view why) {
    x_.cache_result = CacheResult::bypass;
    x_.cache_status = CacheStatus{.forward = Forward::bypass, .detail = why};
    x_.upstream_counted = false;
    return false;
  }

  Worker& worker_;
  Downstream& down_;
  Exchange& x_;
  policy::Permit permit_;
  Credential credential_;
  policy::Route const& route_;
  cache::Store& store_;
  CacheRules const& rules_;
  cache::RequestDirectives request_;
  cache::Question question_;
  bool submission_ = false;  // asked for one, by its id
  cache::Judgement judgement_;
  std::shared_ptr<FlightWaiter> waiter_;
  Forward forward_ = Forward::uri_miss;
  bool seen_ = false;      // something was stored
  bool unshared_ = false;  // what came back is for nobody else
};

}  // namespace

net::Task<Result<bool>> look_up(Worker& worker, Downstream& down, Exchange& x, policy::Permit permit, Credential credential,
                                policy::Route const& route) {
  if (worker.cache == nullptr || !x.snapshot->cache.enabled) {
    x.cache_result = CacheResult::bypass;
    x.cache_status = CacheStatus{.forward = Forward::bypass, .detail = "disabled"};
    co_return false;
  }
  Lookup lookup(worker, down, x, permit, credential, route);
  co_return co_await lookup.run();
}

}  // namespace gateway::proxy
