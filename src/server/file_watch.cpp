#include "gateway/server/file_watch.hpp"

#include <sys/inotify.h>

#include <boost/asio/buffer.hpp>
#include <filesystem>

namespace gateway::server {

FileWatch::FileWatch(boost::asio::io_context& loop, std::string path, std::function<void()> on_change)
    : path_(std::move(path)), on_change_(std::move(on_change)), events_(loop.get_executor()), timer_(loop.get_executor()) {}

void FileWatch::start() {
  auto folder = std::filesystem::path(path_).parent_path();
  if (folder.empty()) folder = ".";
  int const descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor >= 0) {
    ::inotify_add_watch(descriptor, folder.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB);
    boost::system::error_code ignored;
    events_.assign(descriptor, ignored);
    read_events();
  }
  look_later();
}

void FileWatch::read_events() {
  events_.async_read_some(boost::asio::buffer(buffer_), [this](boost::system::error_code error, std::size_t) {
    if (error || stopped_) return;
    on_change_();
    read_events();
  });
}

void FileWatch::look_later() {
  timer_.expires_after(interval);
  timer_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled || stopped_) return;
    on_change_();
    look_later();
  });
}

void FileWatch::stop() {
  stopped_ = true;
  boost::system::error_code ignored;
  timer_.cancel();
  events_.close(ignored);
}

}  // namespace gateway::server
