#include <gtest/gtest.h>

#include <atomic>
#include <charconv>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "cache/support.hpp"

// The store against a plain reference: a vendor whose submissions have versions, changed through the gateway and behind
// its back. What an answer shows is written in its body, so every answer can be held to two rules: it is of the scope
// that asked, and it shows nothing older than the last change that had been completed when the question was asked.
namespace gateway::cache {
namespace {

using namespace test;

constexpr int submissions = 40, scopes = 3;
int account_of(int scope) { return scope == 2 ? 1 : 0; }  // two scopes share an account
std::string name_of(int submission) { return "sub-" + std::to_string(submission); }
Subject subject_of(int submission) { return submission_subject(name_of(submission)); }
Subject members_of(int account) { return membership_subject("account-" + std::to_string(account)); }
bool belongs(int submission, int account) { return submission % 2 == account; }

// What is asked: one submission, or the list of an account.
struct Ask {
  int scope, submission;  // -1: the list
  std::string key() const { return std::to_string(scope) + "|" + std::to_string(submission); }
  std::vector<Subject> subjects() const {
    if (submission < 0) return {members_of(account_of(scope))};
    return {subject_of(submission)};
  }
};

// "scope|submission|version of each submission,"
template <class Versions>
std::string body_of(Ask const& ask, Versions const& versions) {
  std::string body = ask.key() + "|";
  for (int i = 0; i < submissions; ++i) body += std::to_string(static_cast<long>(versions[static_cast<std::size_t>(i)])) + ",";
  return body;
}

std::vector<Subject> shown(Ask const& ask) {
  auto subjects = ask.subjects();
  if (ask.submission >= 0) return subjects;
  for (int i = 0; i < submissions; ++i)
    if (belongs(i, account_of(ask.scope))) subjects.push_back(subject_of(i));
  return subjects;
}

using Floors = std::array<long, submissions>;

// Why an answer may not be given to somebody who asked when `floor` held; empty when it may.
std::string fault_of(Ask const& ask, Floors const& floor, std::string_view body) {
  auto const head = ask.key() + "|";
  if (body.substr(0, head.size()) != head) return "an answer of another scope or key: " + std::string(body);
  body.remove_prefix(head.size());
  for (int i = 0; i < submissions; ++i) {
    auto const comma = body.find(',');
    long version = 0;
    std::from_chars(body.data(), body.data() + comma, version);
    body.remove_prefix(comma + 1);
    bool const concerned = ask.submission == i || (ask.submission < 0 && belongs(i, account_of(ask.scope)));
    if (concerned && version < floor[static_cast<std::size_t>(i)])
      return name_of(i) + " at version " + std::to_string(version) + " although " + std::to_string(floor[static_cast<std::size_t>(i)]) + " was completed";
  }
  return "";
}

// Random interleavings in one thread: the same seed gives the same run.
class Model {
 public:
  Model(std::uint64_t seed, std::size_t memory) : random_(seed), store_({.memory = memory, .max_waiters = 3}) {}

  void run(int steps) {
    for (int i = 0; i < steps && fault_.empty(); ++i) {
      step();
      if (store_.ledger().used() > store_.ledger().limit()) fault_ = "the ledger is over its limit";
    }
    while (!fetches_.empty() && fault_.empty()) land(0);
  }
  std::string const& fault() const { return fault_; }
  std::map<std::string, long> const& seen() const { return seen_; }

 private:
  struct Fetch {
    Ask ask;
    Floors floor;  // when its leader asked
    std::shared_ptr<Flight> flight;
    bool read = false;
    std::string body;
    bool led_by_somebody = true;
  };
  struct Waiting {
    Ask ask;
    Floors floor;
    Stamp joined;
    std::shared_ptr<Woken> waiter;
  };
  struct Change {
    int submission;
    bool applied = false;
  };

  std::size_t pick(std::size_t count) { return count == 0 ? 0 : static_cast<std::size_t>(random_() % count); }
  void count(std::string const& what) { ++seen_[what]; }
  void check(Ask const& ask, Floors const& floor, std::string_view body) {
    if (auto fault = fault_of(ask, floor, body); !fault.empty()) fault_ = fault;
  }

  void step() {
    switch (random_() % 20) {
      case 0: begin_change(); break;
      case 1: case 2: if (!changes_.empty()) advance_change(pick(changes_.size())); break;
      case 3: ++versions_[pick(submissions)]; break;  // behind the gateway's back
      case 4: case 5: case 6: case 7: if (!fetches_.empty()) land(pick(fetches_.size())); break;
      case 8: case 9: if (!fetches_.empty()) read(fetches_[pick(fetches_.size())]); break;
      case 10: cancel(); break;
      case 11: purge(); break;
      case 12: now_ += std::chrono::milliseconds(random_() % 50); store_.sweep(now_); break;
      default: ask({static_cast<int>(random_() % scopes), static_cast<int>(random_() % (submissions + 8)) - 8}); break;
    }
    deliver();
  }

  void ask(Ask asked) {
    if (asked.submission < -1) asked.submission = -1;
    Asked question(asked.key(), asked.subjects());
    question.alone = random_() % 16 == 0;
    Use const uses[] = {Use::fresh, Use::fresh, Use::fresh, Use::stale, Use::refetch};
    auto const joined = store_.invalidations().now();
    auto const waiter = std::make_shared<Woken>();
    auto reply = test::ask(store_, question, uses[pick(5)], waiter);
    switch (reply.kind) {
      case Reply::Kind::hit: count("hit"); check(asked, floor_, reply.entry->body()); break;
      case Reply::Kind::stale:
        count(reply.flight ? "stale, refreshing" : "stale");
        check(asked, floor_, reply.entry->body());
        break;
      case Reply::Kind::wait:
        count("wait");
        waiting_.push_back({asked, floor_, joined, waiter});
        break;
      case Reply::Kind::crowded: count("crowded"); break;
      case Reply::Kind::lead: count(question.alone ? "alone" : "lead"); break;
    }
    if (reply.flight) fetches_.push_back({asked, floor_, reply.flight, false, "", reply.kind == Reply::Kind::lead});
    while (fetches_.size() > 64 && fault_.empty()) land(0);
  }

  // The vendor looks at its data at some moment between question and answer.
  void read(Fetch& fetch) {
    if (std::exchange(fetch.read, true)) return;
    fetch.body = body_of(fetch.ask, versions_);
  }

  void land(std::size_t index) {
    auto fetch = fetches_[index];
    fetches_.erase(fetches_.begin() + static_cast<std::ptrdiff_t>(index));
    read(fetch);
    if (random_() % 12 == 0) {
      count("failed");
      auto outcome = std::make_shared<Outcome>();
      outcome->failure = Failure{Code::upstream_reset};
      return store_.land(*fetch.flight, outcome, false);
    }
    if (fetch.led_by_somebody) check(fetch.ask, fetch.floor, fetch.body);
    auto const outcome = test::land(store_, *fetch.flight, fetch.body, shown(fetch.ask), now_ + std::chrono::milliseconds(random_() % 200));
    count(outcome->stored ? "stored" : "not stored");
  }

  void deliver() {
    for (std::size_t i = waiting_.size(); i-- > 0;) {
      auto const& waiting = waiting_[i];
      auto const outcome = waiting.waiter->outcome;
      if (!outcome) continue;
      if (outcome->answer && store_.suits(*outcome->answer, waiting.joined)) {
        count("woken");
        check(waiting.ask, waiting.floor, outcome->answer->body());
      } else {
        count(outcome->answer ? "woken in vain" : "woken by a failure");
      }
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  void cancel() {
    if (waiting_.empty()) return;
    count("cancelled");
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(pick(waiting_.size())));
  }

  void invalidate(int submission) {
    store_.invalidations().invalidate(subject_of(submission));
    store_.invalidations().invalidate(members_of(submission % 2));
  }
  // Sent, applied by the vendor some time later, answered some time after that.
  void begin_change() {
    if (changes_.size() > 8) return;
    changes_.push_back({static_cast<int>(pick(submissions))});
    invalidate(changes_.back().submission);
  }
  void advance_change(std::size_t index) {
    auto& change = changes_[index];
    auto const at = static_cast<std::size_t>(change.submission);
    if (!std::exchange(change.applied, true)) {
      ++versions_[at];
      return;
    }
    invalidate(change.submission);
    floor_[at] = std::max(floor_[at], versions_[at]);  // all that was applied when the answer came counts as completed
    changes_.erase(changes_.begin() + static_cast<std::ptrdiff_t>(index));
    count("changed");
  }

  void purge() {
    switch (random_() % 40) {
      case 0:
        store_.invalidations().invalidate_all();
        for (std::size_t i = 0; i < submissions; ++i) floor_[i] = versions_[i];
        count("purged all");
        break;
      case 1: {
        auto const one = pick(submissions);
        store_.invalidations().invalidate(subject_of(static_cast<int>(one)));
        floor_[one] = versions_[one];
        count("purged one");
        break;
      }
      default: break;
    }
  }

  std::mt19937_64 random_;
  Store store_;
  Instant now_{};
  std::array<long, submissions> versions_{};
  Floors floor_{};
  std::vector<Fetch> fetches_;
  std::vector<Waiting> waiting_;
  std::vector<Change> changes_;
  std::map<std::string, long> seen_;
  std::string fault_;
};

TEST(StoreModel, NoAnswerIsOlderThanTheLastCompletedChange) {
  constexpr int runs = 8, steps = 250'000;
  std::map<std::string, long> seen;
  auto const first_seed = std::random_device()();
  for (int run = 0; run < runs; ++run) {
    auto const seed = std::uint64_t{first_seed} + static_cast<std::uint64_t>(run);
    // From one that holds a dozen entries to one that holds them all.
    Model model(seed, std::size_t{96 * 1024} << (run % 4));
    model.run(steps);
    ASSERT_EQ(model.fault(), "") << "seed " << seed;
    for (auto const& [what, times] : model.seen()) seen[what] += times;
  }
  std::printf("%d steps from seed %u:", runs * steps, first_seed);
  for (auto const& [what, times] : seen) std::printf(" %s %ld;", what.c_str(), times);
  std::printf("\n");
  // A run that never came to one of these would prove nothing about it.
  for (auto const* what : {"hit", "stale", "stale, refreshing", "wait", "crowded", "lead", "alone", "failed", "stored", "not stored", "woken",
                           "woken in vain", "woken by a failure", "cancelled", "changed", "purged all", "purged one"})
    EXPECT_GT(seen[what], 0) << what;
}

// The same rules with threads: each asks, leads, changes and purges on its own.
class Threads {
 public:
  Threads() : store_({.memory = 256 * 1024, .max_waiters = 64}) {}

  void run(std::uint64_t seed, int steps) {
    std::mt19937_64 random(seed);
    for (int i = 0; i < steps && !failed_; ++i) {
      auto const dice = random() % 32;
      if (dice == 0) change(static_cast<std::size_t>(random() % submissions));
      else if (dice == 1) store_.sweep(Instant(std::chrono::seconds(1)));
      else if (dice == 2 && random() % 50 == 0) store_.invalidations().invalidate_all();
      else ask(random);
    }
  }
  std::string fault() {
    std::lock_guard const lock(mutex_);
    return fault_;
  }
  std::atomic<long> hits{0}, waits{0}, leads{0};

 private:
  class Waiting final : public Waiter {
   public:
    void wake(std::shared_ptr<Outcome const> result) noexcept override {
      std::lock_guard const lock(mutex);
      outcome = std::move(result);
    }
    std::shared_ptr<Outcome const> take() {
      std::lock_guard const lock(mutex);
      return std::exchange(outcome, nullptr);
    }

   private:
    std::mutex mutex;
    std::shared_ptr<Outcome const> outcome;
  };

  void check(Ask const& ask, Floors const& floor, std::string_view body) {
    auto const fault = fault_of(ask, floor, body);
    if (fault.empty()) return;
    std::lock_guard const lock(mutex_);
    fault_ = fault;
    failed_ = true;
  }

  void change(std::size_t at) {
    auto const invalidate = [&] {
      store_.invalidations().invalidate(subject_of(static_cast<int>(at)));
      store_.invalidations().invalidate(members_of(static_cast<int>(at % 2)));
    };
    invalidate();
    auto const version = versions_[at].fetch_add(1) + 1;
    invalidate();
    auto seen = floors_[at].load();
    while (seen < version && !floors_[at].compare_exchange_weak(seen, version)) continue;
  }

  void ask(std::mt19937_64& random) {
    Ask asked{static_cast<int>(random() % scopes), static_cast<int>(random() % (submissions + 4)) - 4};
    if (asked.submission < -1) asked.submission = -1;
    Floors floor;
    for (std::size_t i = 0; i < submissions; ++i) floor[i] = floors_[i].load();
    Asked question(asked.key(), asked.subjects());
    auto const joined = store_.invalidations().now();
    auto const waiting = std::make_shared<Waiting>();
    auto const reply = test::ask(store_, question, random() % 8 == 0 ? Use::stale : Use::fresh, waiting);
    if (reply.entry && reply.kind != Reply::Kind::lead) {
      ++hits;
      check(asked, floor, reply.entry->body());
    }
    if (reply.flight) {
      ++leads;
      auto const body = body_of(asked, versions_);
      if (random() % 4 == 0) std::this_thread::yield();
      test::land(store_, *reply.flight, body, shown(asked));
    } else if (reply.kind == Reply::Kind::wait) {
      ++waits;
      std::shared_ptr<Outcome const> outcome;
      while (!(outcome = waiting->take())) std::this_thread::yield();
      if (outcome->answer && store_.suits(*outcome->answer, joined)) check(asked, floor, outcome->answer->body());
    }
    if (store_.ledger().used() > store_.ledger().limit()) {
      std::lock_guard const lock(mutex_);
      fault_ = "the ledger is over its limit";
      failed_ = true;
    }
  }

  Store store_;
  std::array<std::atomic<long>, submissions> versions_{}, floors_{};
  std::mutex mutex_;
  std::string fault_;
  std::atomic<bool> failed_{false};
};

TEST(StoreModel, TheSameHoldsAcrossThreads) {
  auto const seed = std::random_device()();
  Threads threads;
  std::vector<std::thread> running;
  for (std::uint64_t t = 0; t < 4; ++t) running.emplace_back([&threads, seed, t] { threads.run(seed + t, 60'000); });
  for (auto& thread : running) thread.join();
  EXPECT_EQ(threads.fault(), "") << "seed " << seed;
  std::printf("seed %u: %ld hits, %ld waits, %ld leads\n", seed, threads.hits.load(), threads.waits.load(), threads.leads.load());
  EXPECT_GT(threads.hits, 0);
  EXPECT_GT(threads.leads, 0);
}

}  // namespace
}  // namespace gateway::cache
