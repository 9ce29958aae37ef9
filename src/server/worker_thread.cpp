#include "gateway/server/worker_thread.hpp"

#include <pthread.h>
#include <unistd.h>

#include <ctime>

namespace gateway::server {
namespace {
// Connections above the limit that are still told so; beyond them they are closed unheard.
constexpr std::size_t told_overloaded = 64;

std::string http_date() {
  std::time_t const now = wall_clock_ns() / 1'000'000'000;
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[40];
  auto const size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}
}  // namespace

WorkerThread::WorkerThread(observe::AccessRing& ring, Limits limits)
    : worker_(loop_, ring), limits_(limits), timer_(loop_.get_executor()) {
  worker_.date = http_date();
  worker_.on_session_end = [this] { limits_.open_connections->fetch_sub(1, std::memory_order_relaxed); };
}

void WorkerThread::listen(net::ListenSocket socket) {
  acceptors_.push_back(std::make_unique<net::Acceptor>(
      loop_, std::move(socket), [this](int descriptor, int family, Peer const& peer) { on_accept(descriptor, family, peer); },
      [this](int) { worker_.metrics.accept_errors.add(); }));
}

void WorkerThread::on_accept(int descriptor, int family, Peer const& peer) {
  auto const open = limits_.open_connections->fetch_add(1, std::memory_order_relaxed);
  auto const limit = limits_.max_connections->load(std::memory_order_relaxed);
  if (open >= limit + told_overloaded) {
    limits_.open_connections->fetch_sub(1, std::memory_order_relaxed);
    worker_.metrics.connections_refused.add();
    ::close(descriptor);
    return;
  }
  auto const& context = worker_.snapshot->server_tls;
  bool const tls = context != nullptr && family != AF_UNIX;
  std::unique_ptr<net::ByteStream> stream;
  if (tls) stream = std::make_unique<net::TlsStream>(context, loop_.get_executor(), family, descriptor, net::TlsStream::server_input_bytes);
  else stream = std::make_unique<net::SocketStream>(loop_.get_executor(), family, descriptor);
  auto down = std::make_unique<proxy::Downstream>(std::move(stream), peer, worker_.sweep);
  down->refused = open >= limit;
  if (down->refused) worker_.metrics.connections_refused.add();
  proxy::start_session(worker_, std::move(down), tls);
}

void WorkerThread::start(unsigned index) {
  thread_ = std::thread([this, index] { run(index); });
}

void WorkerThread::run(unsigned index) {
  auto const name = "worker-" + std::to_string(index);
  ::pthread_setname_np(::pthread_self(), name.c_str());
  for (auto& acceptor : acceptors_) acceptor->start();
  tick();
  for (;;) {
    try {
      loop_.run();
      return;
    } catch (...) {
      // A handler threw past a session: counted, and the others go on.
      worker_.metrics.session_bugs.add();
    }
  }
}

void WorkerThread::tick() {
  worker_.sweep.tick(coarse_now());
  worker_.pool.sweep();
  worker_.sweep_cache(coarse_now());
  auto date = http_date();
  if (date != worker_.date) worker_.date = std::move(date);
  auto const gauges = worker_.pool.gauges();
  worker_.metrics.upstream_idle.set(gauges.idle);
  worker_.metrics.upstream_busy.set(gauges.busy);
  if (finishing_ && worker_.connections == 0 && worker_.pool.empty()) return;
  timer_.expires_after(net::DeadlineSweep::period);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) tick();
  });
}

void WorkerThread::steer_away(unsigned sockets_per_address) {
  for (auto& acceptor : acceptors_) acceptor->steer_away(sockets_per_address);
}
void WorkerThread::accept_queued() {
  for (auto& acceptor : acceptors_) acceptor->accept_queued();
}
void WorkerThread::stop_listening() {
  for (auto& acceptor : acceptors_) acceptor->close();
}

void WorkerThread::finish() {
  finishing_ = true;
  stop_listening();
  // Nobody is left: what is still asked of the vendor is asked for the cache alone.
  worker_.pool.abort_all();
  timer_.cancel();
  tick();
}

void WorkerThread::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace gateway::server
