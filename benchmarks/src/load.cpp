// argos-bench-load: a closed-loop HTTP/1.1 generator on one thread. Every answer is verified; the proxy's CPU time is
// read in the same moment as the request counter.
#include "cpu_meter.hpp"
#include "histogram.hpp"
#include "load_options.hpp"
#include "session.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <vector>

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace gateway::bench {

namespace {

constexpr std::uint64_t ns_per_ms = 1'000'000;
constexpr std::size_t most_faults = 50;     // then the run ends: it is worthless already
constexpr std::size_t opening_at_once = 16;  // idle mode
constexpr std::uint64_t stdin_tag = ~std::uint64_t{0};

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

struct Snapshot {
  std::uint64_t at = 0;
  std::uint64_t completed = 0;
  CpuReading cpu;
};

class Load {
 public:
  explicit Load(LoadOptions options)
      : options_(std::move(options)),
        meter_(options_.pids),
        deadline_(now_ns() + options_.limit_ms * ns_per_ms),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        scratch_(std::size_t{64} * 1024) {
    if (!epoll_.valid()) throw std::runtime_error("no epoll");
    if (!options_.ca_file.empty()) context_ = make_client_context(options_.ca_file);
  }

  void run_closed_loop();
  void run_warm();
  void run_idle();

 private:
  struct Slot {
    std::unique_ptr<Session> session;
    bool write_armed = false;
  };

  void open(std::size_t index);
  [[nodiscard]] std::uint64_t next_number();
  void start_request(std::size_t index);
  void serve(std::size_t index, Progress progress);
  void arm(std::size_t index);
  void poll_once(int timeout_ms);
  void on_complete(std::size_t index);
  void note_fault(const std::string& problem);
  [[nodiscard]] Snapshot snapshot() const { return {now_ns(), completed_, meter_.read()}; }
  [[nodiscard]] bool over() const { return faults_ > most_faults || now_ns() > deadline_; }
  void report(const Snapshot& begin, const Snapshot& end) const;

  LoadOptions options_;
  CpuMeter meter_;
  std::uint64_t deadline_;
  Descriptor epoll_;
  SslContext context_;
  std::vector<char> scratch_;
  std::vector<Slot> slots_;
  std::unique_ptr<Histogram> latency_ = std::make_unique<Histogram>();
  bool measuring_ = false;
  bool stdin_ended_ = false;
  std::uint64_t next_number_ = now_ns() % 1'000'000'000;
  std::uint64_t completed_ = 0;
  std::uint64_t reconnects_ = 0;
  std::uint64_t closed_idle_ = 0;
  std::size_t faults_ = 0;
  std::vector<std::string> problems_;
};

void Load::open(std::size_t index) {
  Descriptor socket = connect_to_loopback(options_.port);
  Stream stream = context_ ? Stream::connect_tls(std::move(socket), context_.get(), options_.server_name)
                           : Stream(std::move(socket));
  Slot& slot = slots_[index];
  slot.session = std::make_unique<Session>(options_.job, std::move(stream));
  slot.write_armed = false;
  epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, slot.session->descriptor(), &event) != 0) {
    throw std::runtime_error("epoll_ctl failed");
  }
}

std::uint64_t Load::next_number() {
  const std::uint64_t number = next_number_++;
  if (options_.keys == 0 || options_.warm) return number;
  // Spread over all keys in no order that a prefetcher or a queue of the proxy could gain from.
  std::uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return (mixed ^ (mixed >> 31)) % options_.keys;
}

void Load::start_request(std::size_t index) {
  if (options_.warm && next_number_ == options_.keys) return;
  slots_[index].session->begin(next_number(), now_ns());
  arm(index);
}

void Load::arm(std::size_t index) {
  Slot& slot = slots_[index];
  const bool wanted = slot.session->wants_write();
  if (wanted == slot.write_armed) return;
  slot.write_armed = wanted;
  epoll_event event{.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.u64 = index}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, slot.session->descriptor(), &event);
}

void Load::serve(std::size_t index, Progress progress) {
  switch (progress) {
    case Progress::waiting:
      arm(index);
      return;
    case Progress::complete:
      on_complete(index);
      return;
    case Progress::wrong:
      note_fault(slots_[index].session->problem());
      break;
    case Progress::closed:
      ++(options_.idle ? closed_idle_ : reconnects_);
      break;
  }
  slots_[index].session.reset();
  if (options_.idle || faults_ > most_faults) return;
  open(index);
  start_request(index);
}

void Load::on_complete(std::size_t index) {
  ++completed_;
  if (measuring_) latency_->add(now_ns() - slots_[index].session->started_at());
  if (options_.idle) {
    arm(index);
    return;
  }
  if (slots_[index].session->peer_will_close()) {
    ++reconnects_;
    slots_[index].session.reset();
    open(index);
  }
  start_request(index);
}

void Load::note_fault(const std::string& problem) {
  constexpr std::size_t kept = 3;
  ++faults_;
  if (problems_.size() < kept) problems_.push_back(problem);
}

void Load::poll_once(int timeout_ms) {
  std::array<epoll_event, 256> events{};
  const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
  for (int i = 0; i < ready; ++i) {
    const std::uint64_t tag = events[static_cast<std::size_t>(i)].data.u64;
    if (tag == stdin_tag) {
      std::array<char, 64> ignored{};
      stdin_ended_ = ::read(STDIN_FILENO, ignored.data(), ignored.size()) <= 0;
      continue;
    }
    if (slots_[tag].session) serve(tag, slots_[tag].session->resume(scratch_));
  }
}

void Load::run_closed_loop() {
  slots_.resize(options_.connections);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    open(i);
    start_request(i);
  }
  const std::uint64_t warm_at = now_ns() + options_.warmup_ms * ns_per_ms;
  while (now_ns() < warm_at && !over()) poll_once(10);
  const Snapshot begin = snapshot();
  measuring_ = true;
  const std::uint64_t end_at = now_ns() + options_.measure_ms * ns_per_ms;
  while (now_ns() < end_at && !over()) poll_once(10);
  report(begin, snapshot());
}

void Load::run_warm() {
  next_number_ = 0;
  slots_.resize(options_.connections);
  const Snapshot begin = snapshot();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    open(i);
    start_request(i);
  }
  while (completed_ + faults_ < options_.keys && !over()) poll_once(10);
  report(begin, snapshot());
}

void Load::run_idle() {
  slots_.resize(options_.connections);
  const Snapshot begin = snapshot();
  std::size_t opened = 0;
  while (completed_ + faults_ < slots_.size() && !over()) {
    while (opened < slots_.size() && opened - completed_ - faults_ < opening_at_once) {
      open(opened);
      start_request(opened++);
    }
    poll_once(10);
  }
  std::puts(faults_ == 0 && completed_ == slots_.size() ? "ready" : "failed");
  std::fflush(stdout);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = stdin_tag}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, STDIN_FILENO, &event);
  while (!stdin_ended_ && !over()) poll_once(100);
  report(begin, snapshot());
}

void print_json_text(const std::string& text) {
  std::putchar('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      std::printf("\\%c", c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::printf("\\u%04x", static_cast<unsigned>(c));
    } else {
      std::putchar(c);
    }
  }
  std::putchar('"');
}

void Load::report(const Snapshot& begin, const Snapshot& end) const {
  const auto us = [this](double share) { return static_cast<double>(latency_->quantile(share)) / 1000.0; };
  std::printf(R"({"wall_ns":%llu,"requests":%llu,"all_requests":%llu,"cpu_ns":%llu,"voluntary_switches":%llu,)",
              static_cast<unsigned long long>(end.at - begin.at),
              static_cast<unsigned long long>(end.completed - begin.completed),
              static_cast<unsigned long long>(completed_),
              static_cast<unsigned long long>(end.cpu.cpu_ns - begin.cpu.cpu_ns),
              static_cast<unsigned long long>(end.cpu.voluntary_switches - begin.cpu.voluntary_switches));
  std::printf(R"("p50_us":%.1f,"p99_us":%.1f,"p999_us":%.1f,"max_us":%.1f,"reconnects":%llu,"closed_idle":%llu,"wrong":%zu,)",
              us(0.5), us(0.99), us(0.999), static_cast<double>(latency_->largest()) / 1000.0,
              static_cast<unsigned long long>(reconnects_), static_cast<unsigned long long>(closed_idle_), faults_);
  std::printf("\"deadline_passed\":%s,\"problems\":[", now_ns() > deadline_ ? "true" : "false");
  for (std::size_t i = 0; i < problems_.size(); ++i) {
    if (i > 0) std::putchar(',');
    print_json_text(problems_[i]);
  }
  std::puts("]}");
}

}  // namespace

}  // namespace gateway::bench

int main(int argc, char** argv) {
  try {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    gateway::bench::raise_descriptor_limit();
    gateway::bench::LoadOptions options = gateway::bench::parse_load_options(argc, argv);
    const bool idle = options.idle;
    const bool warm = options.warm;
    gateway::bench::Load load(std::move(options));
    if (idle) {
      load.run_idle();
    } else if (warm) {
      load.run_warm();
    } else {
      load.run_closed_loop();
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "argos-bench-load: %s\n", error.what());
    return 1;
  }
}
