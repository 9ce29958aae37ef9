#include "gateway/proxy/worker.hpp"

#include <algorithm>

namespace gateway::proxy {

std::unique_ptr<Exchange> Worker::borrow_exchange() {
  if (exchanges_.empty()) return std::unique_ptr<Exchange>(new Exchange);  // its buffers stay uninitialised
  auto exchange = std::move(exchanges_.back());
  exchanges_.pop_back();
  return exchange;
}

void Worker::give_back(std::unique_ptr<Exchange> exchange) {
  exchange->reset();
  if (exchanges_.capacity() == 0) exchanges_.reserve(kept_exchanges);
  if (exchanges_.size() < kept_exchanges) exchanges_.push_back(std::move(exchange));
}

void Worker::unsettle(cache::Subject submission, bool any_submission, Instant until) {
  if (cache == nullptr) return;
  // With so many nobody knows any more: the oldest is taken to be every submission.
  if (unsettled_.size() == max_unsettled) {
    unsettled_.front().any_submission = true;
    unsettled_.front().until = std::max(unsettled_.front().until, until);
    return;
  }
  unsettled_.push_back({submission, snapshot->cache.members, any_submission, until});
}

void Worker::invalidate(std::span<cache::Subject const> subjects, bool any) {
  if (any) cache->invalidations().invalidate_all();
  for (auto const subject : subjects) cache->invalidations().invalidate(subject);
  if (peers == nullptr) return;
  if (any) peers->publish_all();
  else peers->publish(subjects);
}

void Worker::sweep_cache(Instant now) {
  if (cache == nullptr) return;
  cache->sweep(now);
  for (auto const& change : unsettled_) {
    cache::Subject const subjects[] = {change.submission, change.members};
    invalidate(subjects, change.any_submission);
  }
  std::erase_if(unsettled_, [now](auto const& change) { return change.until < now; });
}

void Worker::link(Downstream& down) {
  down.next = sessions;
  if (sessions != nullptr) sessions->previous = &down;
  sessions = &down;
  ++connections;
  metrics.connections.add();
}

void Worker::unlink(Downstream& down) {
  if (down.previous != nullptr) down.previous->next = down.next;
  else sessions = down.next;
  if (down.next != nullptr) down.next->previous = down.previous;
  --connections;
  metrics.connections.subtract();
}

void Worker::close_idle() {
  closing = true;
  for (auto* down = sessions; down != nullptr;) {
    auto* const next = down->next;  // ending one may free it
    if (down->idle) down->read_op.interrupt();
    down = next;
  }
}

void Worker::abort_all() {
  closing = draining = true;
  for (auto* down = sessions; down != nullptr; down = down->next) down->stream().abort(true);
  pool.abort_all();
}

}  // namespace gateway::proxy
