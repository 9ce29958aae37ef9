#include "gateway/server/admin.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "gateway/http/framing.hpp"
#include "gateway/http/head.hpp"

namespace gateway::server {
namespace {
constexpr http::HeadLimits head_limits{8 * 1024, 100};
constexpr std::chrono::seconds patience{10};
}  // namespace

struct Admin::Session {
  std::unique_ptr<net::SocketStream> stream;
  net::IoOp read_op, write_op;
  net::Deadline deadline;
  char buffer[8 * 1024];
  std::size_t size = 0;
};

Admin::Admin(boost::asio::io_context& loop, net::ListenSocket socket, net::DeadlineSweep& sweep, Handler handler)
    : loop_(loop),
      sweep_(sweep),
      handler_(std::move(handler)),
      acceptor_(
          loop, std::move(socket), [this](int descriptor, int family, Peer const&) { on_accept(descriptor, family); }, [](int) {}) {}

Admin::~Admin() = default;

void Admin::stop() {
  acceptor_.close();
  for (auto& session : sessions_) session->stream->abort(false);
}

void Admin::on_accept(int descriptor, int family) {
  if (sessions_.size() >= max_sessions) {
    ::close(descriptor);
    return;
  }
  sessions_.push_back(std::make_unique<Session>());
  auto& session = *sessions_.back();
  session.stream = std::make_unique<net::SocketStream>(loop_.get_executor(), family, descriptor);
  session.deadline.watch(
      sweep_, [](void* stream, Code) { static_cast<net::SocketStream*>(stream)->abort(false); }, session.stream.get());
  net::spawn(serve(session), [this, &session](std::exception_ptr) {
    std::erase_if(sessions_, [&](auto const& item) { return item.get() == &session; });
  });
}

net::Task<void> Admin::serve(Session& session) {
  while (co_await serve_one(session)) continue;
  session.stream->shutdown_write();
  session.stream->abort(false);
}

net::Task<bool> Admin::serve_one(Session& session) {
  http::HeadScanner scanner(http::HeadScanner::Kind::request, head_limits);
  session.deadline.arm(coarse_now() + patience, Code::header_timeout);
  Result<std::size_t> length(std::size_t{0});
  while ((length = scanner.scan({session.buffer, session.size})) && *length == 0) {
    session.stream->start_read(session.read_op, {session.buffer + session.size, sizeof session.buffer - session.size});
    co_await net::WaitOne(session.read_op);
    if (session.read_op.status() != net::IoStatus::ok) co_return false;
    session.size += session.read_op.bytes();
  }
  http::RequestHead head;
  bool const parsed = length && http::parse_request_head({session.buffer, *length}, head_limits, head);
  auto const framing = parsed ? http::judge_request(head) : Result<http::RequestFraming>(Failure{Code::bad_request_line});
  AdminAnswer answer{400, "text/plain; charset=utf-8", "bad request\n", {}};
  bool keep = framing && framing->persistent && !framing->body.has_body();
  if (framing) {
    auto const question = head.target.find('?');
    answer = handler_({head.method, head.target.substr(0, question),
                       question == std::string_view::npos ? std::string_view() : head.target.substr(question + 1)});
  }
  auto const text = "HTTP/1.1 " + std::to_string(answer.status) + " \r\ncontent-type: " + answer.content_type +
                    "\r\ncontent-length: " + std::to_string(answer.body.size()) +
                    "\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n" + (answer.allow.empty() ? "" : "allow: " + std::string(answer.allow) + "\r\n") +
                    (keep ? "" : "connection: close\r\n") + "\r\n" + answer.body;
  if (length) {
    std::memmove(session.buffer, session.buffer + *length, session.size - *length);
    session.size -= *length;
  }
  iovec const part{const_cast<char*>(text.data()), text.size()};
  session.stream->start_write(session.write_op, {&part, 1});
  co_await net::WaitOne(session.write_op);
  co_return keep && session.write_op.status() == net::IoStatus::ok;
}

}  // namespace gateway::server
