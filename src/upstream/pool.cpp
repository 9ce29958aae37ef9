#include "gateway/upstream/pool.hpp"

#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>

namespace gateway::upstream {

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    discard();
    connection_ = std::exchange(other.connection_, nullptr);
    reused_ = other.reused_;
  }
  return *this;
}

void Lease::release() {
  if (auto* connection = std::exchange(connection_, nullptr)) connection->pool->put_back(connection);
}

void Lease::discard() noexcept {
  if (auto* connection = std::exchange(connection_, nullptr)) connection->pool->discard(connection);
}

Pool::~Pool() {
  stop();
  bury();
}

void Pool::configure(PoolSettings settings) {
  bool const changed = settings.tls != settings_.tls;
  settings_ = std::move(settings);
  idle_.reserve(settings_.max_connections);
  if (changed) {
    sessions_.restrict_to(settings_.tls.get());
    close_idle();
  }
}

void Pool::set_addresses(std::shared_ptr<AddressList const> addresses) {
  addresses_ = std::move(addresses);
  next_address_ = 0;
}

net::Task<Result<Lease>> Pool::acquire(bool fresh) {
  if (auto* idle = fresh ? nullptr : take_idle()) co_return Lease(idle, true);
  if (open_ >= settings_.max_connections && fresh) close_idle();
  if (open_ >= settings_.max_connections) {
    GW_CO_TRY(given, co_await wait_for_place());
    // It was handed over a turn of the loop ago: looked at again, as one from the pool is. Its place stays ours.
    if (given != nullptr && !fresh && is_usable(*given)) co_return Lease(given, true);
    if (given != nullptr) retire(given);
  } else {
    ++open_;
  }
  GW_CO_TRY(connection, co_await connect());
  co_return Lease(connection, false);
}

Connection* Pool::take_idle() {
  while (!idle_.empty()) {
    auto* const connection = idle_.back();
    idle_.pop_back();
    connection->read_op.on_finish(nullptr, nullptr);
    if (is_usable(*connection)) {
      connection->deadline.disarm();
      connection->in_use = true;
      return connection;
    }
    discard(connection);
  }
  return nullptr;
}

// The pending read tells of a death that the loop has seen; what arrived since then only the kernel knows. Bytes that
// came before the request was sent must never be taken for its answer.
bool Pool::is_usable(Connection& connection) const {
  return !stopped_ && connection.read_op.pending() && !connection.deadline.expired() &&
         coarse_now() - connection.created <= settings_.max_age && connection.context == settings_.tls.get() &&
         connection.stream->probe_idle();
}

void Pool::link(Connection* connection) {
  connection->next = all_;
  if (all_ != nullptr) all_->previous = connection;
  all_ = connection;
}

void Pool::unlink(Connection* connection) {
  if (connection->previous != nullptr) connection->previous->next = connection->next;
  else all_ = connection->next;
  if (connection->next != nullptr) connection->next->previous = connection->previous;
  connection->next = connection->previous = nullptr;
}

// A connection that somebody gives back, or null when a place for a new one became free (and is ours already).
net::Task<Result<Connection*>> Pool::wait_for_place() {
  if (waiters_.size() >= max_waiters) co_return Failure{Code::upstream_pool_exhausted};
  Waiter waiter;
  waiter.op.begin();
  waiter.deadline.watch(sweep_, on_waiter_deadline, &waiter);
  waiter.deadline.arm(coarse_now() + settings_.connect_timeout, Code::upstream_pool_exhausted);
  waiters_.push_back(&waiter);
  co_await net::WaitOne(waiter.op);
  if (waiter.in_queue) std::erase(waiters_, &waiter);
  if (waiter.op.status() != net::IoStatus::ok) co_return Failure{Code::upstream_pool_exhausted};
  co_return waiter.given;
}

void Pool::on_waiter_deadline(void* context, Code) {
  static_cast<Waiter*>(context)->op.finish(net::IoStatus::aborted, 0);
}

// Through the event loop: resuming here would run one exchange inside another's, as deep as the queue is long.
void Pool::wake_waiter(Connection* connection) {
  auto* const waiter = waiters_.front();
  waiters_.pop_front();
  waiter->in_queue = false;
  waiter->given = connection;
  waiter->deadline.disarm();
  if (connection == nullptr) ++open_;
  boost::asio::post(loop_, [waiter] { waiter->op.finish(net::IoStatus::ok, 0); });
}

// Makes a connection for a place that is already counted in open_; gives the place back on failure.
net::Task<Result<Connection*>> Pool::connect() {
  // Pinned: a refresh may replace the list while we wait.
  auto const addresses = addresses_;
  if (stopped_ || !addresses || addresses->empty()) {
    free_place();
    co_return Failure{Code::upstream_unresolved};
  }
  auto const deadline = coarse_now() + settings_.connect_timeout;
  auto const attempts = addresses->size();
  Failure last{Code::upstream_connect_failed};
  for (std::size_t i = 0; i < attempts && !stopped_ && coarse_now() < deadline; ++i) {
    auto const& address = (*addresses)[(next_address_ + i) % attempts];
    auto* const connection = new Connection;
    connection->pool = this;
    connection->context = settings_.tls.get();
    link(connection);
    connection->deadline.watch(sweep_, on_deadline, connection);
    // What is left is shared out evenly, so that one black hole does not use up the others' time.
    auto const share = (deadline - coarse_now()) / static_cast<std::int64_t>(attempts - i);
    connection->deadline.arm(coarse_now() + share, Code::upstream_connect_timeout);
    auto const connected = co_await connect_to(*connection, address);
    if (connected) {
      next_address_ = (next_address_ + i) % attempts;
      connection->deadline.disarm();
      connection->created = coarse_now();
      connection->in_use = true;
      connection->buffer = std::make_unique_for_overwrite<char[]>(Connection::buffer_bytes);
      connection->stream->start_read(connection->read_op, {connection->buffer.get(), Connection::buffer_bytes});
      co_return connection;
    }
    last = connection->deadline.expired() ? Failure{Code::upstream_connect_timeout} : connected.error();
    retire(connection);
  }
  free_place();
  co_return last;
}

net::Task<Result<>> Pool::connect_to(Connection& connection, Address const& address) {
  int const family = address.bytes.ss_family;
  auto const* name = reinterpret_cast<sockaddr const*>(&address.bytes);
  int const descriptor = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) co_return Failure{Code::upstream_connect_failed, errno};
  Failure const refused{Code::upstream_connect_failed};
  if (!settings_.tls) {
    auto stream = std::make_unique<net::SocketStream>(loop_.get_executor(), family, descriptor);
    auto& plain = *stream;
    connection.stream = std::move(stream);
    plain.start_connect(connection.write_op, name, address.size);
    co_await net::WaitOne(connection.write_op);
    if (connection.write_op.status() != net::IoStatus::ok) co_return refused;
    co_return Result<>();
  }
  auto stream = std::make_unique<net::TlsStream>(settings_.tls, loop_.get_executor(), family, descriptor, net::TlsStream::client_input_bytes);
  auto& tls = *stream;
  connection.stream = std::move(stream);
  tls.start_connect(connection.write_op, name, address.size);
  co_await net::WaitOne(connection.write_op);
  if (connection.write_op.status() != net::IoStatus::ok) co_return refused;
  if (!tls.expect_host(settings_.host, sessions_)) co_return Failure{Code::upstream_tls_failed};
  tls.start_client_handshake(connection.write_op);
  co_await net::WaitOne(connection.write_op);
  if (connection.write_op.status() != net::IoStatus::ok) co_return Failure{Code::upstream_tls_failed};
  co_return Result<>();
}

void Connection::clean() noexcept {
  if (buffer) ::explicit_bzero(buffer.get(), std::exchange(soiled, 0));
}

void Pool::put_back(Connection* connection) {
  connection->clean();
  bool const alive = connection->read_op.pending() && !connection->write_op.pending() &&
                     connection->write_op.status() == net::IoStatus::ok && !connection->deadline.expired();
  if (!alive || stopped_ || connection->context != settings_.tls.get()) return discard(connection);
  ++connection->exchanges;
  if (!waiters_.empty()) {
    connection->deadline.disarm();
    return wake_waiter(connection);
  }
  make_idle(connection);
}

void Pool::make_idle(Connection* connection) {
  connection->in_use = connection->probed = false;
  connection->read_op.on_finish(on_idle_read, connection);
  connection->deadline.arm(coarse_now() + settings_.idle_timeout, Code::upstream_reset);
  idle_.push_back(connection);
}

// The vendor closed an idle connection, or talks out of turn; or its idle time is over.
void Pool::on_idle_read(void* context) {
  auto* const connection = static_cast<Connection*>(context);
  auto& idle = connection->pool->idle_;
  idle.erase(std::find(idle.begin(), idle.end(), connection));
  connection->pool->discard(connection);
}

void Pool::on_deadline(void* context, Code) {
  auto* const connection = static_cast<Connection*>(context);
  connection->stream->abort(connection->in_use);
}

void Pool::discard(Connection* connection) noexcept {
  retire(connection);
  free_place();
}

void Pool::free_place() {
  --open_;
  if (!stopped_ && !waiters_.empty() && open_ < settings_.max_connections) wake_waiter(nullptr);
}

void Pool::retire(Connection* connection) noexcept {
  unlink(connection);
  connection->deadline.disarm();
  connection->read_op.on_finish(on_dead, connection);
  connection->write_op.on_finish(on_dead, connection);
  // An exchange that is broken off must not look complete to the vendor: a reset, and never the last chunk.
  if (connection->stream) connection->stream->abort(connection->in_use);
  on_dead(connection);
}

// Operations in flight still refer to the connection; the last one to end lets it go.
void Pool::on_dead(void* context) {
  auto* const connection = static_cast<Connection*>(context);
  if (connection->read_op.pending() || connection->write_op.pending()) return;
  connection->pool->graveyard_.push_back(connection);
}

// The end of the vendor's stream may have come together with the answer, before the read that would tell.
void Pool::probe_idle() {
  for (std::size_t i = idle_.size(); i-- > 0;) {
    auto* const connection = idle_[i];
    if (std::exchange(connection->probed, true) || connection->stream->probe_idle()) continue;
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
    discard(connection);
  }
}

void Pool::sweep() {
  probe_idle();
  bury();
}

void Pool::bury() {
  for (auto* connection : graveyard_) {
    connection->clean();
    delete connection;
  }
  graveyard_.clear();
}

void Pool::close_idle() {
  while (!idle_.empty()) {
    auto* const connection = idle_.back();
    idle_.pop_back();
    discard(connection);
  }
}

void Pool::abort_all() {
  stop();
  while (!waiters_.empty()) {
    auto* const waiter = waiters_.front();
    waiters_.pop_front();
    waiter->in_queue = false;
    waiter->deadline.disarm();
    boost::asio::post(loop_, [waiter] { waiter->op.finish(net::IoStatus::aborted, 0); });
  }
  // Their operations end through the loop, so the list does not change under our feet.
  for (auto* connection = all_; connection != nullptr; connection = connection->next)
    if (connection->stream) connection->stream->abort(true);
}

void Pool::stop() {
  stopped_ = true;
  close_idle();
}

}  // namespace gateway::upstream
