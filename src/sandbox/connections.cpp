#include "connections.hpp"

#include <sys/socket.h>
#include <algorithm>

namespace sandbox {

bool Connections::wait_for_room() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || threads_ < most_; });
  if (stopping_) {
    return false;
  }
  ++threads_;
  return true;
}

Connections::Handle Connections::add(boost::asio::ip::tcp::socket& socket) {
  std::lock_guard const lock(mutex_);
  if (stopping_) {
    ::shutdown(socket.native_handle(), SHUT_RDWR);
  }
  return entries_.insert(entries_.end(), Entry{&socket, now_});
}

void Connections::remove(Handle handle) {
  std::lock_guard const lock(mutex_);
  entries_.erase(handle);
}

void Connections::thread_ended() {
  std::lock_guard const lock(mutex_);
  --threads_;
  changed_.notify_all();
}

void Connections::touch(Handle handle) {
  std::lock_guard const lock(mutex_);
  handle->last_active = now_;
}

void Connections::tick() {
  std::lock_guard const lock(mutex_);
  ++now_;
  for (Entry const& entry : entries_) {
    if (now_ - entry.last_active > idle_ticks_) {
      ::shutdown(entry.socket->native_handle(), SHUT_RDWR);
    }
  }
}

void Connections::stop() {
  std::lock_guard const lock(mutex_);
  stopping_ = true;
  for (Entry const& entry : entries_) {
    ::shutdown(entry.socket->native_handle(), SHUT_RDWR);
  }
  changed_.notify_all();
}

bool Connections::wait_until_ended(std::chrono::seconds longest) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, longest, [this] { return threads_ == 0; });
}

bool Connections::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return stopping_; });
}

bool Connections::pause(std::chrono::milliseconds time, Handle handle) {
  constexpr std::chrono::milliseconds slice{500};
  while (time.count() > 0) {
    touch(handle);
    if (!pause(std::min(time, slice))) {
      return false;
    }
    time -= std::min(time, slice);
  }
  touch(handle);
  return true;
}

}  // namespace sandbox
