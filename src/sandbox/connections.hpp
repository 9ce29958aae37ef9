#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <list>
#include <mutex>

namespace sandbox {

/// The open connections: bounds their number, ends idle ones and ends all of them at the stop. Threads block in reads
/// and writes, so the only way to wake one is to shut its socket down.
class Connections {
 public:
  struct Entry {
    boost::asio::ip::tcp::socket* socket = nullptr;
    std::size_t last_active = 0;  ///< in ticks
  };
  using Handle = std::list<Entry>::iterator;

  Connections(std::size_t most, std::size_t idle_ticks) : most_(most), idle_ticks_(idle_ticks) {}

  /// Waits until there is room. False: the server stops.
  [[nodiscard]] bool wait_for_room();
  [[nodiscard]] Handle add(boost::asio::ip::tcp::socket& socket);
  /// Has to happen before the socket is closed, so that no other file gets the shutdown.
  void remove(Handle handle);
  /// A thread is done with everything that it borrowed.
  void thread_ended();
  void touch(Handle handle);

  /// One second has passed.
  void tick();
  void stop();
  [[nodiscard]] bool wait_until_ended(std::chrono::seconds longest);
  /// Sleeps; false when the server stops meanwhile.
  [[nodiscard]] bool pause(std::chrono::milliseconds time);
  /// The same on behalf of a connection, which does not count as idle meanwhile.
  [[nodiscard]] bool pause(std::chrono::milliseconds time, Handle handle);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Entry> entries_;
  std::size_t most_;
  std::size_t idle_ticks_;
  std::size_t now_ = 0;
  std::size_t threads_ = 0;
  bool stopping_ = false;
};

}  // namespace sandbox
