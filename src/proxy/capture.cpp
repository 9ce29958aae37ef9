#include <cstring>

#include "relay.hpp"

namespace gateway::proxy {
namespace {

// Heads of usual answers with their first body bytes: room is made for this much at least.
constexpr std::size_t first_room = 4096;

class Captor {
 public:
  Captor(Worker& worker, Exchange& x, upstream::Connection& up)
      : store_(*worker.cache), hash_(cache::hash_key(x.cache_key.view(), worker.cache_seed)), x_(x), up_(up), body_(x.answer_framing.body) {}

  net::Task<Result<bool>> run(AnswerStart start) {
    keep_head(start.begin);
    auto const framing = body_.framing();
    bool const known = framing.kind == http::Framing::Kind::length;
    if (known && !expect(framing.length)) co_return give_up();
    std::span<char> fresh(up_.buffer.get() + start.begin, start.end - start.begin);
    for (;;) {
      auto const taken = body_.take(fresh);
      if (!taken) co_return Failure{Code::upstream_bad_response};
      if (!keep({fresh.data(), taken->data})) co_return give_up();
      extra_ = taken->consumed < fresh.size();
      if (body_.done()) break;
      GW_CO_TRY(ended, co_await read(fresh));
      if (ended) break;
    }
    co_return !extra_ && x_.answer_framing.persistent && framing.kind != http::Framing::Kind::until_close;
  }

 private:
  // The fields of the answer point into the connection's buffer, which is read into again.
  void keep_head(std::size_t bytes) {
    auto& head = x_.capture->head;
    char const* const old = up_.buffer.get();
    head.assign(old, bytes);
    auto const moved = [&](std::string_view text) { return std::string_view(head.data() + (text.data() - old), text.size()); };
    for (std::size_t i = 0; i < x_.answer.fields.count; ++i) {
      auto& field = x_.answer.fields.items[i];
      field.name = moved(field.name);
      field.value = moved(field.value);
    }
  }

  bool expect(std::uint64_t bytes) {
    if (bytes > store_.max_body()) return false;
    if (bytes == 0) return true;
    return store_.make_room(hash_, bytes + first_room) && x_.capture->body.reserve(store_.ledger(), bytes);
  }

  bool keep(std::string_view data) {
    if (data.empty()) return true;
    auto& body = x_.capture->body;
    if (body.size() + data.size() > body.capacity() && !store_.make_room(hash_, 2 * (body.capacity() + data.size()) + first_room)) return false;
    return body.append(store_.ledger(), data, store_.max_body());
  }

  bool give_up() {
    store_.mark_too_long(hash_, coarse_now());
    x_.capture->unshared = true;
    x_.capture->body.clear();
    return false;
  }

  // More of the body, into the connection's buffer. True when the end of the connection is its end.
  net::Task<Result<bool>> read(std::span<char>& fresh) {
    std::span<char> const space(up_.buffer.get(), upstream::Connection::buffer_bytes);
    arm_upstream(x_, up_, x_.snapshot->config->values.limits_body_timeout, Code::upstream_body_timeout);
    up_.stream->start_read(up_.read_op, space);
    co_await net::WaitOne(up_.read_op);
    if (up_.read_op.status() == net::IoStatus::end && body_.on_end()) co_return true;
    if (up_.read_op.status() != net::IoStatus::ok) co_return read_failure(up_);
    up_.soil(up_.read_op.bytes());
    up_.read_op.reset();
    fresh = space.first(up_.read_op.bytes());
    co_return false;
  }

  cache::Store& store_;
  std::uint64_t hash_;
  Exchange& x_;
  upstream::Connection& up_;
  http::BodyReader body_;
  bool extra_ = false;
};

}  // namespace

net::Task<Result<bool>> capture_answer(Worker& worker, Exchange& x, upstream::Connection& up, AnswerStart start) {
  x.capture->body.clear();
  Captor captor(worker, x, up);
  co_return co_await captor.run(start);
}

}  // namespace gateway::proxy
