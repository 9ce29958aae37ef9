#include "messages.hpp"
#include "relay.hpp"

namespace gateway::proxy {
namespace {

iovec part_of(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

// Passes the body of one answer on, chunk by chunk: the next read starts when the previous write is done, and that is
// all the back-pressure there is.
class AnswerWriter {
 public:
  AnswerWriter(Downstream& down, Exchange& x, upstream::Connection& up)
      : down_(down), x_(x), up_(up), body_(x.answer_framing.body), values_(x.snapshot->config->values) {
    using Kind = http::Framing::Kind;
    auto const kind = x.answer_framing.body.kind;
    bool const unknown_length = kind == Kind::chunked || kind == Kind::until_close;
    chunked_ = unknown_length && !x.http10;
    // HTTP/1.0 callers learn the end of such a body by the end of the connection.
    if (unknown_length && x.http10) x.fate = Fate::close;
  }

  net::Task<Result<bool>> run(AnswerStart start) {
    GW_CO_CHECK(build_answer_head(x_, chunked_));
    std::span<char> fresh(up_.buffer.get() + start.begin, start.end - start.begin);
    GW_CO_CHECK(take(fresh));
    add(x_.answer_out.view());
    add_body();
    GW_CO_CHECK(co_await write());
    while (!body_.done()) {
      GW_CO_CHECK(co_await read());
      add_body();
      GW_CO_CHECK(co_await write());
    }
    bool const clean = !extra_bytes_ && x_.answer_framing.persistent && body_.framing().kind != http::Framing::Kind::until_close;
    co_return clean;
  }

 private:
  Result<> take(std::span<char> bytes) {
    auto const taken = body_.take(bytes);
    if (!taken) return Failure{Code::upstream_bad_response};
    data_ = {bytes.data(), taken->data};
    // Bytes behind the end of an answer belong to no request of ours: never use that connection again.
    extra_bytes_ = taken->consumed < bytes.size();
    return {};
  }

  // The next bytes: what is there already in one large piece, else what comes next in the connection's own buffer.
  net::Task<Result<>> read() {
    data_ = {};
    if (may_have_more_ && body_.wanted() > upstream::Connection::buffer_bytes) {
      if (!block_) block_ = net::Block(net::BlockSize::relay);
      auto const got = up_.stream->try_read(block_.span());
      may_have_more_ = got == block_.size();
      if (got > 0) co_return take(block_.span().first(got));
    }
    block_.release();
    std::span<char> const space(up_.buffer.get(), upstream::Connection::buffer_bytes);
    arm_upstream(x_, up_, values_.limits_body_timeout, Code::upstream_body_timeout);
    up_.stream->start_read(up_.read_op, space);
    co_await net::WaitOne(up_.read_op);
    if (up_.read_op.status() == net::IoStatus::end && body_.on_end()) co_return Result<>();
    if (up_.read_op.status() != net::IoStatus::ok) co_return read_failure(up_);
    up_.soil(up_.read_op.bytes());
    up_.read_op.reset();
    may_have_more_ = up_.read_op.bytes() == space.size();
    co_return take(space.first(up_.read_op.bytes()));
  }

  void add(std::string_view text) { parts_[count_++] = part_of(text); }
  void add_body() {
    if (!data_.empty()) {
      if (chunked_) {
        chunk_head_ = http::ChunkHead(data_.size());
        add(chunk_head_.view());
      }
      add({data_.data(), data_.size()});
      if (chunked_) add(http::chunk_end);
    }
    if (chunked_ && body_.done()) add(http::last_chunk);
  }

  net::Task<Result<>> write() {
    if (count_ == 0) co_return Result<>();
    // The vendor is not late while the caller is slow.
    up_.deadline.disarm();
    x_.answer_started = true;
    down_.start_write({parts_, std::exchange(count_, 0)});
    if (down_.write_op.pending()) {
      down_.arm_write(values_.limits_body_timeout);
      co_await net::WaitOne(down_.write_op);
      down_.disarm();
    }
    x_.bytes_out += down_.write_op.bytes();
    co_return down_.write_result();
  }

  Downstream& down_;
  Exchange& x_;
  upstream::Connection& up_;
  http::BodyReader body_;
  config::Values const& values_;
  net::Block block_;
  std::span<char const> data_;
  http::ChunkHead chunk_head_{0};
  iovec parts_[net::ByteStream::max_parts];
  std::size_t count_ = 0;
  bool chunked_ = false;
  bool extra_bytes_ = false;
  bool may_have_more_ = true;  // the last read filled its buffer
};

}  // namespace

net::Task<Result<bool>> send_answer(Downstream& down, Exchange& x, upstream::Connection& up, AnswerStart start) {
  AnswerWriter writer(down, x, up);
  co_return co_await writer.run(start);
}

}  // namespace gateway::proxy
