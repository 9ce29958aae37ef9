#include "gateway/net/deadline.hpp"

namespace gateway::net {

void Deadline::watch(DeadlineSweep& sweep, Expire expire, void* context) {
  unlink();
  sweep_ = &sweep;
  expire_ = expire;
  context_ = context;
  next_ = sweep.first_;
  if (next_ != nullptr) next_->previous_ = this;
  sweep.first_ = this;
}

void Deadline::unlink() {
  if (sweep_ == nullptr) return;
  if (sweep_->cursor_ == this) sweep_->cursor_ = next_;
  if (previous_ != nullptr) previous_->next_ = next_;
  else sweep_->first_ = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  next_ = previous_ = nullptr;
  sweep_ = nullptr;
}

void DeadlineSweep::tick(Instant now) {
  cursor_ = first_;
  while (cursor_ != nullptr) {
    auto& deadline = *cursor_;
    cursor_ = deadline.next_;
    if (deadline.at_ > now) continue;
    deadline.at_ = Instant::max();
    deadline.expired_ = true;
    deadline.expire_(deadline.context_, deadline.reason_);
  }
}

}  // namespace gateway::net
