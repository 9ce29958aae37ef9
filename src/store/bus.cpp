#include "gateway/store/bus.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "bus_thread.hpp"

// The part that other threads call.
namespace gateway::store {

Signal::Signal() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Signal::~Signal() { ::close(descriptor_); }

// Neither can fail in a way that matters: one that cannot be raised further is raised.
void Signal::raise() noexcept {
  std::uint64_t const one = 1;
  [[maybe_unused]] auto const written = ::write(descriptor_, &one, sizeof one);
}

void Signal::clear() noexcept {
  std::uint64_t value;
  [[maybe_unused]] auto const taken = ::read(descriptor_, &value, sizeof value);
}

Bus::Bus(BusOptions options, cache::Invalidations& invalidations, Log log)
    : thread_(std::make_unique<Thread>(std::move(options), invalidations, std::move(log), isolated_, metrics_)) {}

Bus::~Bus() { stop(); }

std::string Bus::start() { return thread_->start(); }
void Bus::stop() noexcept { thread_->stop(); }
void Bus::publish(std::span<cache::Subject const> subjects) noexcept { thread_->publish(subjects); }
void Bus::publish_all() noexcept { thread_->publish_all(); }

std::string Bus::Thread::start() {
  std::string problem;
  if (options_.url.tls && (tls_ = make_tls_context(options_.ca_file, problem)) == nullptr) return problem;
  // Signals are for the other threads; and writing to a closed TLS connection must not end the process.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (std::system_error const&) {
    problem = "the system gives no thread for the connection to Redis";
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return problem;
}

void Bus::Thread::stop() noexcept {
  stopping_ = true;
  stop_.raise();
  if (thread_.joinable()) thread_.join();
}

void Bus::Thread::publish(std::span<cache::Subject const> subjects) noexcept {
  std::uint64_t refused = 0;
  for (auto const subject : subjects) refused += queue_.push(subject) ? 0 : 1;
  if (refused > 0) {
    metrics_.dropped.fetch_add(refused, std::memory_order_relaxed);
    everything_ = true;
  }
  if (!subjects.empty()) wake();
}

void Bus::Thread::publish_all() noexcept {
  everything_ = true;
  wake();
}

// One system call for all that is published until the thread comes to look. The thread takes the mark off before it
// looks, so whoever finds it set can rely on being seen.
void Bus::Thread::wake() noexcept {
  if (!woken_.exchange(true)) wake_.raise();
}

}  // namespace gateway::store
