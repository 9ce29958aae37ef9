#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/cache/store.hpp"

// What tests of the store ask with, and stand-ins for the ends that the request path has.
namespace gateway::cache::test {

class Always final : public Asker {
 public:
  Always(Use use, std::vector<Subject> subjects, std::shared_ptr<Waiter> waiter)
      : use_(use), subjects_(std::move(subjects)), waiter_(std::move(waiter)) {}
  Use judge(Entry const&) override { return use_; }
  std::vector<Subject> subjects() override { return subjects_; }
  std::shared_ptr<Waiter> waiter() override { return waiter_; }

 private:
  Use use_;
  std::vector<Subject> subjects_;
  std::shared_ptr<Waiter> waiter_;
};


class Woken final : public Waiter {
 public:
  void wake(std::shared_ptr<Outcome const> result) noexcept override { outcome = std::move(result); }
  std::shared_ptr<Outcome const> outcome;
};

// A question that owns its key.
struct Asked : Question {
  Asked(std::string text, std::vector<Subject> about) : key_text(std::move(text)), subject_list(std::move(about)) {
    key = key_text;
    hash = std::hash<std::string>()(key_text) * 0x9e3779b97f4a7c15ull;
  }
  Asked(Asked const&) = delete;
  Asked& operator=(Asked const&) = delete;
  std::string key_text;
  std::vector<Subject> subject_list;
};
inline Asked ask_for(std::string key, std::vector<Subject> subjects = {}) { return {std::move(key), std::move(subjects)}; }

inline Reply ask(Store& store, Asked const& question, Use use, std::shared_ptr<Waiter> waiter = nullptr) {
  Always asker(use, question.subject_list, std::move(waiter));
  return store.ask(question, asker);
}

inline std::shared_ptr<Outcome> land(Store& store, Flight& flight, std::string_view text, std::vector<Subject> subjects,
                                     Instant useless_after = Instant::max()) {
  auto outcome = std::make_shared<Outcome>();
  Bytes body;
  EntryFacts facts;
  facts.asked = flight.asked();
  facts.order = flight.order();
  facts.subjects = std::move(subjects);
  facts.key = flight.key();
  facts.useless_after = useless_after;
  store.make_room(flight.hash(), text.size() + 1024);
  if (body.append(store.ledger(), text, store.max_body())) outcome->answer = Entry::make(facts, std::move(body), store.ledger());
  store.land(flight, outcome, true);
  return outcome;
}

}  // namespace gateway::cache::test
