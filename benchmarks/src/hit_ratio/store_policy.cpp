#include "store_policy.hpp"

#include "gateway/cache/store.hpp"

#include <charconv>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace gateway::bench {

namespace {

using cache::Bytes;
using cache::Entry;
using cache::EntryPtr;
using cache::Reply;

// Takes whatever there is; nobody else asks, so nothing ever waits.
class Single final : public cache::Asker {
 public:
  cache::Use judge(const Entry&) override { return cache::Use::fresh; }
  std::vector<cache::Subject> subjects() override { return {}; }
  std::shared_ptr<cache::Waiter> waiter() override { throw std::logic_error("nobody else asks"); }
};

constexpr std::size_t key_bytes = 48;    // scope, operation, submission_id=...
constexpr std::size_t head_bytes = 360;  // as the gateway writes it

EntryPtr make_entry(std::string_view key, std::uint64_t order, std::uint32_t body_size, cache::Ledger& ledger) {
  static const std::string head(head_bytes, 'h');
  Bytes body;
  // What is in it does not matter, and not writing it saves most of the time.
  if (!body.reserve(ledger, body_size)) return {};
  body.set_size(body_size);
  cache::EntryFacts facts;
  facts.asked = 1;
  facts.order = order;
  facts.subjects = {cache::Subject{order}};
  facts.key = key;
  facts.head = head;
  return Entry::make(facts, std::move(body), ledger);
}

std::string key_of(Item item) {
  std::string key(key_bytes, '.');
  std::to_chars(key.data(), key.data() + key.size(), item);
  return key;
}

}  // namespace

struct StorePolicy::Parts {
  Parts(const std::vector<std::uint32_t>& sizes, std::size_t memory) : body_sizes(sizes), store({.memory = memory}) {
    room = store.ledger().limit() - store.ledger().used();
  }
  const std::vector<std::uint32_t>& body_sizes;
  cache::Store store;
  std::size_t room;
};

StorePolicy::StorePolicy(const std::vector<std::uint32_t>& body_sizes, std::size_t memory)
    : parts_(std::make_unique<Parts>(body_sizes, memory)) {}

StorePolicy::~StorePolicy() = default;

std::size_t StorePolicy::room() const { return parts_->room; }

bool StorePolicy::ask(Item item) {
  const std::string key = key_of(item);
  cache::Question question;
  question.key = key;
  question.hash = mixed(item + std::uint64_t{0x9e3779b97f4a7c15});
  Single asker;
  const Reply reply = parts_->store.ask(question, asker);
  if (reply.kind == Reply::Kind::hit) return true;
  if (reply.kind != Reply::Kind::lead) throw std::logic_error("nobody else asks");
  auto outcome = std::make_shared<cache::Outcome>();
  const std::uint32_t size = parts_->body_sizes[item];
  if (parts_->store.make_room(question.hash, entry_bytes(size))) {
    outcome->answer = make_entry(key, reply.flight->order(), size, parts_->store.ledger());
  }
  parts_->store.land(*reply.flight, std::move(outcome), true);
  return false;
}

std::uint32_t entry_bytes(std::uint32_t body_size) {
  cache::Ledger plenty(std::size_t{1} << 30);
  return static_cast<std::uint32_t>(make_entry(key_of(0), 1, body_size, plenty)->bytes());
}

}  // namespace gateway::bench
