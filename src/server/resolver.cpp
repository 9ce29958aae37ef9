#include <condition_variable>
#include <mutex>
#include <thread>

#include "control.hpp"

namespace gateway::server {
namespace {
constexpr std::chrono::seconds interval{30}, interval_after_failure{2};
}

struct ResolverThread::State {
  std::string host;
  std::uint16_t port;
  OnChange on_change;
  OnFailure on_failure;
  upstream::AddressList last;
  bool resolved = false;

  std::mutex mutex;  // held while a callback runs, so that stop() means no more of them
  std::condition_variable wake;
  bool stopping = false;  // guarded by mutex

  void look_up() {
    auto found = upstream::resolve(host, port);
    std::lock_guard const lock(mutex);
    if (stopping) return;
    resolved = !found.empty();
    if (!resolved) return on_failure();
    if (upstream::same_addresses(found, last)) return;
    last = found;
    on_change(std::make_shared<upstream::AddressList const>(std::move(found)));
  }

  // False when it is time to end.
  bool wait() {
    std::unique_lock lock(mutex);
    return !wake.wait_for(lock, resolved ? interval : interval_after_failure, [this] { return stopping; });
  }
};

ResolverThread::ResolverThread(std::string host, std::uint16_t port, OnChange on_change, OnFailure on_failure)
    : state_(std::make_shared<State>()) {
  state_->host = std::move(host);
  state_->port = port;
  state_->on_change = std::move(on_change);
  state_->on_failure = std::move(on_failure);
}

void ResolverThread::start() {
  state_->look_up();
  // On its own from here: a look-up that hangs must not hold up the end of the process.
  std::thread([state = state_] {
    while (state->wait()) state->look_up();
  }).detach();
}

void ResolverThread::stop() {
  {
    std::lock_guard const lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
}

}  // namespace gateway::server
