#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/http/head.hpp"
#include "gateway/net/deadline.hpp"
#include "gateway/net/listener.hpp"
#include "gateway/net/task.hpp"

namespace gateway::server {

struct AdminAnswer {
  int status = 200;
  std::string content_type;
  std::string body;
  std::string_view allow;  // of 405
};

struct AdminQuestion {
  http::Method method = http::Method::get;
  std::string_view path, query;
};

// The listener for operators, apart from the callers' one: plain HTTP, small requests without a body. Runs in the control
// thread. What a path answers is handed in.
class Admin {
 public:
  using Handler = std::function<AdminAnswer(AdminQuestion const&)>;

  Admin(boost::asio::io_context& loop, net::ListenSocket socket, net::DeadlineSweep& sweep, Handler handler);
  ~Admin();
  void start() { acceptor_.start(); }
  // Ends all connections; wait until idle() before the loop is torn down.
  void stop();
  bool idle() const { return sessions_.empty(); }

 private:
  struct Session;
  net::Task<void> serve(Session& session);
  net::Task<bool> serve_one(Session& session);
  void on_accept(int descriptor, int family);

  static constexpr std::size_t max_sessions = 64;
  boost::asio::io_context& loop_;
  net::DeadlineSweep& sweep_;
  Handler handler_;
  net::Acceptor acceptor_;
  std::list<std::unique_ptr<Session>> sessions_;
};

}  // namespace gateway::server
