#pragma once
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <chrono>
#include <functional>
#include <string>

namespace gateway::server {

// Tells when a file may have changed: written in place, replaced by a rename, or reached through a symbolic link that
// was swapped (the `..data` link of a Kubernetes volume). Watches the folder, and looks at the file every few seconds
// for changes that the folder does not show. May tell too often; never loses a change for longer than the interval.
class FileWatch {
 public:
  FileWatch(boost::asio::io_context& loop, std::string path, std::function<void()> on_change);
  FileWatch(FileWatch const&) = delete;
  FileWatch& operator=(FileWatch const&) = delete;
  void start();
  void stop();

 private:
  using Executor = boost::asio::io_context::executor_type;
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds interval{5};
  void read_events();
  void look_later();

  std::string path_;
  std::function<void()> on_change_;
  boost::asio::posix::basic_stream_descriptor<Executor> events_;
  boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor> timer_;
  bool stopped_ = false;
  alignas(8) char buffer_[4096];
};

}  // namespace gateway::server
