#include "fetch.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

#include "gateway/base/secret.hpp"
#include "gateway/cache/etag.hpp"
#include "gateway/cache/vary.hpp"
#include "gateway/policy/response.hpp"
#include "messages.hpp"
#include "null_stream.hpp"

namespace gateway::proxy {

// Through the event loop of the worker that waits: the flight may land in another thread, or deep inside this one.
void FlightWaiter::wake(std::shared_ptr<cache::Outcome const> result) noexcept {
  boost::asio::post(worker_.loop, [self = shared_from_this(), result = std::move(result)]() mutable {
    self->outcome = std::move(result);
    if (!self->left_) self->op.finish(net::IoStatus::ok, 0);
  });
}

namespace {

using cache::PageKind;

class Fetch {
 public:
  Fetch(Worker& worker, Exchange const& asker, FetchOrder& order)
      : worker_(worker),
        permit_(order.permit),
        credential_(order.credential),
        flight_(std::move(order.flight)),
        leader_(std::move(order.leader)),
        stale_(std::move(order.stale)),
        keep_(order.keep),
        asked_(cache::asked_submission(order.route.query)),
        owned_(worker.borrow_exchange()),
        x_(*owned_),
        down_(std::make_unique<NullStream>(), Peer(), worker.sweep) {
    x_.snapshot = asker.snapshot;
    x_.id = asker.id;
    x_.trace = asker.trace;
    x_.operation = asker.operation;
    x_.method = asker.method;
    x_.identity = asker.identity;
    x_.started = precise_now();
    x_.capture = &capture_;
    if (stale_ && (!stale_->vendor_tag().empty() || !stale_->vendor_modified().empty())) x_.revalidated = stale_;
    copy_fields(asker);
    prepared_ = build_upstream_request(x_, order.route);
    x_.cache_key.copy(asker.cache_key);
  }
  Fetch(Fetch const&) = delete;
  Fetch& operator=(Fetch const&) = delete;
  ~Fetch() {
    worker_.give_back(std::move(owned_));
    for (auto* const text : {&capture_.head, &fields_, &old_head_}) wipe(*text);
  }

  net::Task<void> run() {
    auto forwarded = prepared_;
    if (forwarded) forwarded = co_await forward(worker_, down_, x_, permit_, credential_);
    auto outcome = std::make_shared<cache::Outcome>();
    outcome->upstream_status = x_.upstream_status;
    outcome->attempts = x_.attempts;
    outcome->upstream_time = x_.upstream_time;
    if (x_.upstream_status != 0) worker_.metrics.upstream_duration[static_cast<std::size_t>(x_.operation->id)].observe(x_.upstream_time);
    bool storable = false;
    if (!forwarded) outcome->failure = forwarded.error();
    else if (capture_.unshared) outcome->shareable = false;
    else storable = conclude(*outcome);
    land(std::move(outcome), storable && keep_);
  }

  // Whatever became of it: a flight that never landed would keep its key waiting for ever.
  void land_in_vain() {
    if (landed_) return;
    auto outcome = std::make_shared<cache::Outcome>();
    outcome->failure = Failure{Code::internal_error};
    land(std::move(outcome), false);
  }

 private:
  void land(std::shared_ptr<cache::Outcome> outcome, bool storable) {
    landed_ = true;
    worker_.cache->land(*flight_, outcome, storable);
    if (leader_) leader_->wake(std::move(outcome));
  }

  // Only what is forwarded: the head of the caller who began is gone when the answer comes.
  void copy_fields(Exchange const& asker) {
    std::size_t bytes = 0;
    auto const wanted = [&](http::Field const& field) {
      return policy::passes_to_vendor(field.id) && !asker.head.fields.is_hop_by_hop(field.name);
    };
    for (auto const& field : asker.head.fields.all())
      if (wanted(field)) bytes += field.name.size() + field.value.size();
    fields_.reserve(bytes);
    x_.head.fields.count = 0;
    for (auto const& field : asker.head.fields.all()) {
      if (!wanted(field)) continue;
      auto const copy = [&](std::string_view text) {
        auto const at = fields_.size();
        fields_.append(text);
        return std::string_view(fields_.data() + at, text.size());
      };
      auto const name = copy(field.name), value = copy(field.value);
      x_.head.fields.items[x_.head.fields.count++] = {name, value, field.id};
    }
  }

  // The vendor's answer as an entry. True when it may be stored.
  bool conclude(cache::Outcome& outcome) {
    bool const confirmed = x_.answer.status == 304;
    if (confirmed) {
      auto const body = stale_->body();
      if (!worker_.cache->make_room(flight_->hash(), body.size() + 1024) ||
          !capture_.body.append(worker_.cache->ledger(), body, worker_.cache->max_body())) {
        outcome.shareable = false;
        return false;
      }
      merge_confirmed();
    }
    capture_.body.shrink(worker_.cache->ledger());
    auto const id = asked_ ? *asked_ : std::string_view();
    auto const facts = cache::read_page(x_.operation->id, id, capture_.body.view());
    auto const content = cache::content_lifetime(facts, x_.operation->id, x_.snapshot->cache.ttls);
    cache::Exchanged const when{x_.request_sent, coarse_now(), wall_clock_ns()};
    auto const life = cache::lifetime_of(x_.answer, content.value_or(Duration::zero()), when);
    bool const good = x_.answer.status == 200;
    bool const storable = good && content && life.storable == cache::Storable::yes;
    outcome.shareable = !good || life.storable == cache::Storable::yes;
    if (good && !storable) worker_.cache->drop(*flight_);
    outcome.answer = make_entry(facts, life, when.answered, confirmed);
    if (!outcome.answer) outcome.shareable = false;
    return storable && outcome.answer;
  }

  // The stored fields, updated by those of the 304 (RFC 9111 section 4.3.4). The old Date says nothing about now.
  void merge_confirmed() {
    old_head_ = std::string(stale_->head()) + "\r\n";
    http::ResponseHead old;
    if (!http::parse_response_head(old_head_, {old_head_.size() + 1, http::max_head_fields}, old)) return;
    auto& fields = x_.answer.fields;
    for (auto const& field : old.fields.all()) {
      bool const replaced = field.id == http::Name::date || field.id == http::Name::content_length ||
                            (field.id != http::Name::other && fields.occurrences(field.id) > 0);
      if (!replaced && fields.count < fields.items.size()) fields.items[fields.count++] = field;
    }
    x_.answer.status = stale_->status();
  }

  cache::EntryPtr make_entry(cache::PageFacts const& facts, cache::Lifetime const& life, Instant answered, bool confirmed) {
    auto const& stale = x_.snapshot->cache.stale;
    cache::EntryFacts entry;
    auto const body = capture_.body.view();
    auto const vendor_tag = cache::vendor_tag(x_.answer.fields);
    auto const tag = cache::BodyTag({&body, 1});
    auto const own_tag = x_.answer.status == 200 ? tag.view() : std::string_view();
    entry.entity_tag = vendor_tag.empty() ? own_tag : vendor_tag;
    auto const head = stored_head(x_, entry.entity_tag, body.size());
    auto const vary = cache::Vary(x_.answer.fields);
    auto const values = vary.values(x_.head.fields);
    entry.operation = x_.operation->id;
    entry.asked = flight_->asked();
    entry.order = flight_->order();
    entry.status = x_.answer.status;
    entry.times = {answered, life.fresh, life.initial_age, life.may_be_stale};
    entry.refresh_behind = settled(facts) && life.may_be_stale;
    auto const kept = std::max(stale.on_error, entry.refresh_behind ? stale.while_revalidating : Duration::zero());
    entry.useless_after = answered + std::max(Duration::zero(), life.fresh - life.initial_age) + (life.may_be_stale ? kept : Duration::zero());
    entry.subjects = subjects_of(facts);
    entry.key = flight_->key();
    entry.head = head;
    entry.vendor_tag = confirmed && vendor_tag.empty() ? stale_->vendor_tag() : vendor_tag;
    if (x_.answer.fields.occurrences(http::Name::last_modified) == 1) entry.vendor_modified = x_.answer.fields.first(http::Name::last_modified);
    entry.vary_bits = vary.bits();
    entry.vary = values;
    entry.last_modified = cache::dependable_last_modified(x_.answer.fields, wall_clock_ns() / 1'000'000'000);
    worker_.cache->make_room(flight_->hash(), 4096 + head.size() + values.size() + entry.subjects.size() * sizeof(cache::Subject));
    return cache::Entry::make(entry, std::move(capture_.body), worker_.cache->ledger());
  }

  // Verdicts that do not change by themselves. Anything else is asked for anew when its lifetime is over, so that a
  // caller who polls sees a verdict no later than that.
  bool settled(cache::PageFacts const& facts) const {
    if (x_.operation->id == policy::OperationId::read_applicant) return facts.kind == PageKind::readable;
    auto const final_ones = facts.count(cache::KycResult::approved) + facts.count(cache::KycResult::rejected);
    return facts.kind == PageKind::readable && facts.asked_for_one && facts.items > 0 && final_ones == facts.items;
  }

  // Everything an invalidation of which ends the answer.
  std::vector<cache::Subject> subjects_of(cache::PageFacts const& facts) const {
    auto const asked = flight_->subjects();
    std::vector<cache::Subject> subjects(asked.begin(), asked.end());
    for (auto const subject : facts.shown())
      if (std::find(subjects.begin(), subjects.end(), subject) == subjects.end()) subjects.push_back(subject);
    // A list of which not every submission is known falls with any that is purged.
    bool const all_known = facts.kind == PageKind::readable || facts.kind == PageKind::empty;
    if (facts.more || (!all_known && !asked_)) subjects.push_back(cache::any_submission_subject());
    // What is not there may come to be.
    if (facts.kind == PageKind::empty && asked_) subjects.push_back(x_.snapshot->cache.members);
    return subjects;
  }

  Worker& worker_;
  policy::Permit permit_;
  Credential credential_;
  std::shared_ptr<cache::Flight> flight_;
  std::shared_ptr<FlightWaiter> leader_;
  cache::EntryPtr stale_;
  bool keep_;
  cache::AskedSubmission asked_;
  std::unique_ptr<Exchange> owned_;
  Exchange& x_;
  Downstream down_;
  Capture capture_;
  std::string fields_, old_head_;
  Result<> prepared_{};
  bool landed_ = false;
};

net::Task<void> run_fetch(std::unique_ptr<Fetch> fetch) {
  try {
    co_await fetch->run();
  } catch (...) {
    fetch->land_in_vain();
    throw;
  }
}

}  // namespace

void start_fetch(Worker& worker, Exchange const& asker, FetchOrder order) {
  net::spawn(run_fetch(std::make_unique<Fetch>(worker, asker, order)), [&worker](std::exception_ptr thrown) {
    if (thrown) worker.metrics.session_bugs.add();
  });
}

}  // namespace gateway::proxy
