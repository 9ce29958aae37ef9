#include "control.hpp"

namespace gateway::server {

ResolverThread::ResolverThread(std::string host, std::uint16_t port, OnChange on_change, OnFailure on_failure)
    : host_(std::move(host)), port_(port), on_change_(std::move(on_change)), on_failure_(std::move(on_failure)) {}

void ResolverThread::start() {
  resolved_ = look_up();
  thread_ = std::thread([this] { run(); });
}

bool ResolverThread::look_up() {
  auto found = upstream::resolve(host_, port_);
  if (found.empty()) {
    on_failure_();
    return false;
  }
  if (!upstream::same_addresses(found, last_)) {
    last_ = found;
    on_change_(std::make_shared<upstream::AddressList const>(std::move(found)));
  }
  return true;
}

void ResolverThread::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (wake_.wait_for(lock, resolved_ ? interval : interval_after_failure, [this] { return stopping_; })) return;
    }
    resolved_ = look_up();
  }
}

void ResolverThread::stop() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace gateway::server
