#include "control.hpp"

// Readiness off, keep accepting for a while, then no more connections, then wait for what is in flight, then end.
namespace gateway::server {
namespace {
// How long connections whose handshake had begun may take to arrive once new ones go elsewhere.
constexpr std::chrono::milliseconds late_arrivals{150};
constexpr std::chrono::milliseconds poll{50};
}  // namespace

void Control::after(Duration delay, void (Control::*then)()) {
  drain_timer_.expires_after(std::chrono::duration_cast<Clock::duration>(delay));
  drain_timer_.async_wait([this, then](boost::system::error_code cancelled) {
    if (!cancelled && !finished_) (this->*then)();
  });
}

void Control::start_drain() {
  draining_ = true;
  auto const& values = config_->values;
  drain_ends_ = Clock::now() + values.drain_deadline;
  log_.info("drain", "draining: not ready any more", {{"connections", std::to_string(open_connections_.load())}});
  each_worker([](WorkerThread& thread) { thread.worker().draining = true; });
  after(values.drain_hold, &Control::stop_listening);
}

void Control::stop_listening() {
  auto const sockets = static_cast<unsigned>(threads_.size());
  each_worker([sockets](WorkerThread& thread) {
    thread.steer_away(sockets);
    thread.accept_queued();
  });
  drain_timer_.expires_after(late_arrivals);
  drain_timer_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled || finished_) return;
    each_worker([](WorkerThread& thread) {
      thread.accept_queued();
      thread.stop_listening();
      thread.worker().close_idle();
    });
    watch_drain();
  });
}

void Control::watch_drain() {
  if (open_connections_ == 0) return finish();
  if (Clock::now() >= drain_ends_) {
    log_.warn("drain", "the deadline has come: ending what is left", {{"connections", std::to_string(open_connections_.load())}});
    each_worker([](WorkerThread& thread) { thread.worker().abort_all(); });
    return finish();
  }
  after(poll, &Control::watch_drain);
}

void Control::finish() {
  if (finished_) return;
  finished_ = true;
  each_worker([](WorkerThread& thread) { thread.finish(); });
  admin_->stop();
  if (key_watch_) key_watch_->stop();
  sweep_timer_.cancel();
  drain_timer_.cancel();
  boost::system::error_code ignored;
  signals_.cancel(ignored);
}

void Control::stop_now() {
  log_.warn("stop", "second signal: ending at once");
  exit_code_ = 1;
  each_worker([](WorkerThread& thread) { thread.worker().abort_all(); });
  finish();
}

}  // namespace gateway::server
