#include "connection.hpp"

#include "deliver.hpp"
#include "text.hpp"

#include <sys/socket.h>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdio>

namespace sandbox {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using TlsStream = asio::ssl::stream<tcp::socket&>;
using Parser = http::request_parser<http::string_body>;

/// An answer that comes before the body was read keeps the connection when the rest is no longer than this.
constexpr std::uint64_t cheap_rest = 1U << 20U;
constexpr std::size_t longest_drain = 16U << 20U;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

/// Ends the sending side in order. The reading side is shut first, because the TLS shutdown would wait for the peer.
void end_stream(tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void end_stream(TlsStream& stream) {
  boost::system::error_code ignored;
  stream.next_layer().shutdown(tcp::socket::shutdown_receive, ignored);
  stream.shutdown(ignored);
  stream.next_layer().shutdown(tcp::socket::shutdown_send, ignored);
}

template <class Stream>
class Connection {
 public:
  Connection(Stream& stream, tcp::socket& socket, Service& service, Connections& connections,
             Connections::Handle handle)
      : stream_(stream), socket_(socket), service_(service), connections_(connections), handle_(handle) {
    boost::system::error_code error;
    peer_ = socket.remote_endpoint(error).address();
  }

  void run() {
    while (serve_one()) {
    }
  }

 private:
  /// False when the connection is over.
  bool serve_one() {
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(head_limit));
    parser.body_limit(boost::none);  // judged below, behind the key
    boost::system::error_code error;
    http::read_header(stream_, buffer_, parser, error);
    connections_.touch(handle_);
    if (error) {
      return refuse_head(error);
    }
    Head head;
    head.method = view(parser.get().method_string());
    head.target = view(parser.get().target());
    if (auto const field = parser.get().find("x-api-key"); field != parser.get().end()) {
      head.key = view(field->value());
    }
    head.peer = peer_;
    Admission admission = service_.admit(head);
    if (!admission.refusal && parser.content_length() && *parser.content_length() > body_limit) {
      admission.refusal = message_answer(413, "Request Entity Too Large");
    }
    std::string const expectation = lower(view(parser.get()[http::field::expect]));
    if (!admission.refusal && !expectation.empty() && expectation != "100-continue") {
      admission.refusal = message_answer(417, "Expectation Failed");
    }
    if (admission.refusal) {
      admission.refusal->delivery.head_only = head.method == "HEAD";
      return answer_early(parser, *admission.refusal, expectation.empty());
    }
    return answer_operation(parser, admission, !expectation.empty());
  }

  bool answer_operation(Parser& parser, Admission const& admission, bool expected) {
    boost::system::error_code error;
    if (expected && !parser.is_done()) {
      asio::write(stream_, asio::buffer(std::string_view("HTTP/1.1 100 Continue\r\n\r\n")), error);
    }
    while (!error && !parser.is_done() && parser.get().body().size() <= body_limit) {
      http::read_some(stream_, buffer_, parser, error);
      connections_.touch(handle_);
    }
    if (parser.get().body().size() > body_limit) {  // chunked, or it would have been refused by its length
      return send_last(message_answer(413, "Request Entity Too Large"), parser);
    }
    if (error) {
      return false;
    }
    Request request;
    request.operation = *admission.operation;
    request.project = admission.project;
    request.query = admission.query;
    request.content_type = view(parser.get()[http::field::content_type]);
    request.body = parser.get().body();
    return send(service_.handle(request), parser, parser.keep_alive());
  }

  /// The answer does not wait for the body; what of it still comes is thrown away.
  bool answer_early(Parser& parser, Answer const& answer, bool body_follows) {
    auto const rest = parser.content_length_remaining();
    bool const cheap = parser.is_done() || (body_follows && rest && *rest <= cheap_rest);
    if (!cheap) {
      return send_last(answer, parser);
    }
    if (!send(answer, parser, parser.keep_alive())) {
      return false;
    }
    boost::system::error_code error;
    while (!error && !parser.is_done()) {
      http::read_some(stream_, buffer_, parser, error);
      connections_.touch(handle_);
    }
    return !error;
  }

  /// Closing with unread bytes would reset the connection and could destroy the answer on its way.
  bool send_last(Answer const& answer, Parser const& parser) {
    if (deliver(stream_, socket_, answer, false, connections_, handle_)) {
      log(parser, answer);
    }
    std::string bin(64U << 10U, '\0');
    std::size_t drained = 0;
    boost::system::error_code error;
    while (!error && drained < longest_drain) {
      drained += stream_.read_some(asio::buffer(bin), error);
      connections_.touch(handle_);
    }
    end_stream(stream_);
    return false;
  }

  bool send(Answer const& answer, Parser const& parser, bool keep_alive) {
    bool const keep = keep_alive && !answer.delivery.close && answer.delivery.framing != Framing::until_close;
    log(parser, answer);
    if (!deliver(stream_, socket_, answer, keep, connections_, handle_)) {
      return false;
    }
    connections_.touch(handle_);
    if (!keep) {
      end_stream(stream_);
    }
    return keep;
  }

  bool refuse_head(boost::system::error_code const& error) {
    if (error == http::error::end_of_stream) {
      end_stream(stream_);
      return false;
    }
    bool const syntax = error.category() == http::make_error_code(http::error::bad_method).category();
    if (syntax && error != http::error::partial_message) {
      bool const large = error == http::error::header_limit || error == http::error::buffer_overflow;
      return send_last(
          large ? message_answer(431, "Request Header Fields Too Large") : message_answer(400, "Bad Request"),
          Parser{});
    }
    return false;
  }

  /// Neither query nor body: they hold personal data.
  void log(Parser const& parser, Answer const& answer) const {
    if (!service_.options().log) {
      return;
    }
    std::string_view const target = view(parser.get().target());
    std::string const line = format_time(now_ms()) + ' ' + std::string(view(parser.get().method_string())) + ' ' +
                             std::string(target.substr(0, target.find('?'))) + ' ' + std::to_string(answer.status) +
                             " in=" + std::to_string(parser.get().body().size()) +
                             " out=" + std::to_string(answer.body ? answer.body->size() : 0) + '\n';
    std::fputs(line.c_str(), stderr);
  }

  Stream& stream_;
  tcp::socket& socket_;
  Service& service_;
  Connections& connections_;
  Connections::Handle handle_;
  asio::ip::address peer_;
  boost::beast::flat_buffer buffer_;
};

/// Keeps the socket in the list for as long as it is open, and not a moment longer.
class Registration {
 public:
  Registration(Connections& connections, tcp::socket& socket)
      : connections_(connections), handle_(connections.add(socket)) {}
  ~Registration() { connections_.remove(handle_); }
  Registration(Registration const&) = delete;
  Registration& operator=(Registration const&) = delete;
  [[nodiscard]] Connections::Handle handle() const { return handle_; }

 private:
  Connections& connections_;
  Connections::Handle handle_;
};

}  // namespace

void serve_connection(tcp::socket socket, asio::ssl::context* tls, Service& service, Connections& connections) {
  boost::system::error_code error;
  socket.set_option(tcp::no_delay(true), error);
  Registration const registration(connections, socket);
  Connections::Handle const handle = registration.handle();
  if (tls == nullptr) {
    Connection<tcp::socket>(socket, socket, service, connections, handle).run();
  } else {
    TlsStream stream(socket, *tls);
    stream.handshake(asio::ssl::stream_base::server, error);
    if (!error) {
      Connection<TlsStream>(stream, socket, service, connections, handle).run();
    }
  }
}

}  // namespace sandbox
