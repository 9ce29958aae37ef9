#pragma once

#include "answer.hpp"
#include "connections.hpp"

#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/completion_condition.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <string>
#include <string_view>

namespace sandbox {

/// Sends one answer the way its `delivery` says. False when the connection has to be closed as it is, without any
/// orderly end.
template <class Stream>
class Deliverer {
 public:
  Deliverer(Stream& stream, boost::asio::ip::tcp::socket& socket, Answer const& answer, Connections& connections,
            Connections::Handle handle)
      : stream_(stream),
        socket_(socket),
        answer_(answer),
        how_(answer.delivery),
        connections_(connections),
        handle_(handle),
        body_(answer.body && !how_.head_only ? std::string_view(*answer.body) : std::string_view{}) {}

  bool run(bool keep_alive) {
    if (how_.delay.count() > 0 && !connections_.pause(how_.delay, handle_)) {
      return false;
    }
    if (how_.fault == Fault::no_answer) {
      return false;
    }
    if (how_.fault == Fault::reset) {
      // Not through Asio, which takes the option back when it destroys a socket.
      linger const at_once{1, 0};
      ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      return false;
    }
    if (how_.fault == Fault::garbage) {
      write("\x16\x03garbage instead of an answer\r\n\r\n");
      return false;
    }
    if (how_.interim) {
      write("HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n");
    }
    std::string const head = make_head(answer_, keep_alive);
    if (how_.fault == Fault::half_head) {
      write(std::string_view(head).substr(0, head.size() / 2));
      return false;
    }
    bool const ended = send_body(head);
    if (how_.fault == Fault::extra_bytes) {
      write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nextra");
    }
    return ended && !broken_;
  }

 private:
  bool send_body(std::string_view head) {
    bool const plain = how_.fault == Fault::none && how_.drip.count() == 0 && how_.framing != Framing::chunked;
    if (plain) {
      std::array<boost::asio::const_buffer, 2> const both = {boost::asio::buffer(head), boost::asio::buffer(body_)};
      return write_all(both);
    }
    write(head);
    std::size_t const half = body_.size() / 2;
    if (how_.fault == Fault::half_body) {
      send_pieces(body_.substr(0, half));
      return false;
    }
    if (how_.fault == Fault::stall) {
      send_pieces(body_.substr(0, half));
      if (broken_ || !connections_.pause(how_.stall, handle_)) {
        return false;
      }
      send_pieces(body_.substr(half));
    } else {
      send_pieces(body_);
    }
    if (how_.framing == Framing::chunked) {
      write("0\r\n\r\n");
    }
    return true;
  }

  void send_pieces(std::string_view bytes) {
    std::size_t const pieces = how_.drip.count() > 0 ? 16 : how_.framing == Framing::chunked ? 4 : 1;
    std::size_t const step = std::max<std::size_t>(1, (bytes.size() + pieces - 1) / pieces);
    while (!bytes.empty() && !broken_) {
      std::string_view const piece = bytes.substr(0, step);
      bytes.remove_prefix(piece.size());
      if (how_.framing == Framing::chunked) {
        char size[20];
        std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
        write(size);
        write(piece);
        write("\r\n");
      } else {
        write(piece);
      }
      if (how_.drip.count() > 0 && !bytes.empty() && !connections_.pause(how_.drip, handle_)) {
        broken_ = true;
      }
    }
  }

  void write(std::string_view bytes) {
    if (!broken_) {
      broken_ = !write_all(boost::asio::buffer(bytes));
    }
  }

  /// Any progress counts as activity, so that a slow reader is not taken for an idle one.
  template <class Buffers>
  bool write_all(Buffers const& buffers) {
    boost::system::error_code error;
    auto const progress = [this](boost::system::error_code const& failure, std::size_t sent) {
      connections_.touch(handle_);
      return boost::asio::transfer_all()(failure, sent);
    };
    boost::asio::write(stream_, buffers, progress, error);
    return !error;
  }

  Stream& stream_;
  boost::asio::ip::tcp::socket& socket_;
  Answer const& answer_;
  Delivery const& how_;
  Connections& connections_;
  Connections::Handle handle_;
  std::string_view body_;
  bool broken_ = false;
};

template <class Stream>
bool deliver(Stream& stream, boost::asio::ip::tcp::socket& socket, Answer const& answer, bool keep_alive,
             Connections& connections, Connections::Handle handle) {
  return Deliverer<Stream>(stream, socket, answer, connections, handle).run(keep_alive);
}

}  // namespace sandbox
