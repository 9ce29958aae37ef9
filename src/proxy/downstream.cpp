#include "gateway/proxy/downstream.hpp"

#include <strings.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace gateway::proxy {

Downstream::Downstream(std::unique_ptr<net::ByteStream> stream, Peer const& peer, net::DeadlineSweep& sweep)
    : stream_(std::move(stream)), peer_(peer) {
  deadline_.watch(sweep, on_deadline, this);
}

void Downstream::on_deadline(void* self, Code) {
  auto& down = *static_cast<Downstream*>(self);
  if (auto* const nudged = std::exchange(down.nudged_, nullptr)) return nudged->interrupt();
  // A caller that does not take its answer gets no other; one that sends too slowly is told so.
  if (!down.write_op.pending()) return down.read_op.interrupt();
  // Any change means that the caller has taken something: without that nothing can be written either.
  auto const unsent = down.stream_->unsent_bytes();
  if (unsent != 0 && unsent != down.unsent_) return down.arm_write(down.write_timeout_);
  down.stream_->abort(true);
}

Downstream::~Downstream() { forget(); }

// Everything that was read has been used: what it said is not kept while the connection is idle, nor afterwards.
void Downstream::forget() {
  ::explicit_bzero(buffer(), to_);
  if (block_) ::explicit_bzero(inline_, inline_bytes);  // the front of what outgrew it
  block_.release();
  from_ = to_ = 0;
}

void Downstream::listen() {
  if (read_op.pending() || from_ != to_ || ended_ || failed_) return;
  forget();
  relay_.release();
  target_ = Target::buffer;
  stream_->start_read(read_op, {inline_, inline_bytes});
}

bool Downstream::settle() {
  if (!read_op.done()) return !ended_ && !failed_;
  read_op.reset();
  auto const target = std::exchange(target_, Target::none);
  switch (read_op.status()) {
    case net::IoStatus::ok:
      if (target == Target::buffer) to_ += static_cast<std::uint32_t>(read_op.bytes());
      may_have_more_ = to_ == capacity();
      return true;
    case net::IoStatus::end:
      ended_ = true;
      return false;
    case net::IoStatus::truncated:
    case net::IoStatus::failed:
    case net::IoStatus::aborted:
      break;
  }
  failed_ = true;
  return false;
}

// Space behind the unread bytes: at the front of the buffer, or in a larger, borrowed one.
void Downstream::make_room() {
  if (from_ > 0) {
    std::memmove(buffer(), buffer() + from_, to_ - from_);
    to_ -= from_;
    from_ = 0;
  }
  if (to_ < capacity() || capacity() >= net::block_bytes(net::BlockSize::head)) return;
  // Most heads that are longer than the buffer inside fit the small block; a crowd of callers holds one each.
  net::Block larger(block_ ? net::BlockSize::head : net::BlockSize::small);
  std::memcpy(larger.data(), buffer(), to_);
  if (block_) ::explicit_bzero(block_.data(), to_);
  block_ = std::move(larger);
}

net::Task<Result<>> Downstream::read_more() {
  if (ended_ || failed_) co_return Failure{Code::client_gone};
  if (!read_op.pending()) {
    make_room();
    target_ = Target::buffer;
    stream_->start_read(read_op, {buffer() + to_, capacity() - to_});
  }
  co_await net::WaitOne(read_op);
  if (read_op.pending()) co_return expired() ? expiry() : Failure{Code::client_gone};
  if (!settle()) co_return Failure{Code::client_gone};
  co_return Result<>();
}

std::span<char> Downstream::collect_body(std::uint64_t wanted) {
  if (!relay_) relay_ = net::Block::for_body(wanted);
  auto const limit = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, relay_.size()));
  auto size = std::min<std::size_t>(to_ - from_, limit);
  std::memcpy(relay_.data(), buffer() + from_, size);
  consume(size);
  if (from_ == to_ && !read_op.pending()) forget();
  if (may_have_more_ && size < limit && !read_op.pending()) {
    auto const got = stream_->try_read({relay_.data() + size, limit - size});
    size += got;
    may_have_more_ = size == limit;
  }
  if (size == 0) relay_.release();
  return {relay_.data(), size};
}

void Downstream::start_body_wait(std::uint64_t wanted) {
  forget();  // the head has been forwarded
  target_ = Target::buffer;
  stream_->start_read(read_op, {buffer(), static_cast<std::size_t>(std::min<std::uint64_t>(wanted, capacity()))});
}

void Downstream::start_discard() {
  if (!relay_) relay_ = net::Block(net::BlockSize::relay);
  target_ = Target::relay;
  stream_->start_read(read_op, relay_.span());
}

bool Downstream::unread_back(std::span<char const> rest) {
  if (rest.empty()) return true;
  if (from_ != to_) return false;
  from_ = to_ = 0;
  if (rest.size() > capacity()) {
    bool const fits_head = rest.size() <= net::block_bytes(net::BlockSize::head);
    bool const fits_relay = rest.size() <= net::block_bytes(net::BlockSize::relay);
    block_ = net::Block(fits_head ? net::BlockSize::head : fits_relay ? net::BlockSize::relay : net::BlockSize::wide);
  }
  std::memcpy(buffer(), rest.data(), rest.size());
  to_ = static_cast<std::uint32_t>(rest.size());
  return true;
}

Result<> Downstream::write_result() const {
  if (write_op.status() == net::IoStatus::ok) return {};
  return Failure{Code::client_gone};
}

}  // namespace gateway::proxy
