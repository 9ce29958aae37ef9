#include "session.hpp"

#include "message.hpp"

#include <optional>

namespace gateway::bench {

namespace {

constexpr std::size_t largest_answer = std::size_t{64} * 1024;

struct AnswerHead {
  int status = 0;
  std::optional<std::size_t> length;
  bool request_id = false;
  bool close = false;
};

AnswerHead read_answer_head(std::string_view head) {
  AnswerHead answer;
  const std::string_view line = start_line(head);
  if (line.starts_with("HTTP/1.1 ") && line.size() >= 12) {
    answer.status = static_cast<int>(parse_length(line.substr(9, 3)).value_or(0));
  }
  for_each_field(head, [&answer](std::string_view name, std::string_view value) {
    if (same_ignoring_case(name, "content-length")) {
      answer.length = parse_length(value);
    } else if (same_ignoring_case(name, "x-request-id")) {
      answer.request_id = !value.empty();
    } else if (same_ignoring_case(name, "connection")) {
      answer.close = same_ignoring_case(value, "close");
    }
  });
  return answer;
}

}  // namespace

bool Session::wants_write() const {
  if (!busy_ || sent_ == head_.size() + job_->body.size()) return false;
  // During a handshake TLS waits for the peer: asking for writability would only spin.
  return stream_.ssl() == nullptr || SSL_want_read(stream_.ssl()) == 0;
}

void Session::begin(std::uint64_t number, std::uint64_t now) {
  if (job_->counter_at != std::string::npos) {
    for (std::size_t i = counter_mark.size(); i-- > 0; number /= 10) {
      head_[job_->counter_at + i] = static_cast<char>('0' + number % 10);
    }
  }
  sent_ = 0;
  busy_ = true;
  started_at_ = now;
  send_rest();
}

Progress Session::resume(std::span<char> scratch) {
  if (busy_) send_rest();
  const Moved got = stream_.read(scratch);
  switch (got.state) {
    case Transfer::would_block:
      return Progress::waiting;
    case Transfer::ended:
      return busy_ ? fail("connection closed before the answer was complete") : Progress::closed;
    case Transfer::failed:
      return busy_ ? fail("connection broke before the answer was complete") : Progress::closed;
    case Transfer::moved:
      break;
  }
  // TLS keeps reading its own messages (tickets) while idle; bytes of an answer nobody asked for are a fault.
  if (!busy_) return fail("bytes without a request");
  const std::string_view bytes(scratch.data(), got.bytes);
  if (partial_.empty()) return take(bytes);
  partial_.append(bytes);
  return take(partial_);
}

void Session::send_rest() {
  const std::size_t whole = head_.size() + job_->body.size();
  while (sent_ < whole) {
    const std::span<const char> body = std::span(job_->body).subspan(sent_ > head_.size() ? sent_ - head_.size() : 0);
    const std::span<const char> head = sent_ < head_.size() ? std::span<const char>(head_).subspan(sent_)
                                                            : std::span<const char>();
    const Moved put = stream_.write(head, body);
    // A broken write is left to the next read: an early answer may explain why the peer stopped reading.
    if (put.state != Transfer::moved) return;
    sent_ += put.bytes;
  }
}

Progress Session::take(std::string_view bytes) {
  const auto head_length = head_size(bytes);
  if (!head_length) {
    if (bytes.size() > largest_answer) return fail("answer head too large");
    if (partial_.empty()) partial_.assign(bytes);
    return Progress::waiting;
  }
  const std::string_view head = bytes.substr(0, *head_length);
  const AnswerHead answer = read_answer_head(head);
  if (!answer.length || *answer.length > largest_answer) return fail("no usable content-length: " + std::string(head));
  if (answer.status != job_->expected_status) return fail("unexpected status: " + std::string(start_line(head)));
  if (!answer.request_id) return fail("no x-request-id on the answer");
  const std::string_view body = bytes.substr(*head_length);
  if (body.size() < *answer.length) {
    if (partial_.empty()) partial_.assign(bytes);
    return Progress::waiting;
  }
  if (body.size() > *answer.length) return fail("bytes after the answer");
  peer_will_close_ = answer.close;
  return judge(head, body);
}

Progress Session::judge(std::string_view head, std::string_view body) {
  if (sent_ != head_.size() + job_->body.size()) return fail("answered before the request was sent: " + std::string(head));
  if (!job_->expected_body.empty() && !is_expected(body)) return fail("unexpected body: " + std::string(body));
  if (body.find(job_->expected_marker) == std::string_view::npos) {
    return fail("body without \"" + job_->expected_marker + "\": " + std::string(body));
  }
  partial_.clear();
  busy_ = false;
  return Progress::complete;
}

bool Session::is_expected(std::string_view body) const {
  const std::string_view expected = job_->expected_body;
  const std::size_t at = job_->expected_at;
  if (at == std::string_view::npos) return body == expected;
  const std::size_t end = at + counter_mark.size();
  return body.size() == expected.size() && body.substr(0, at) == expected.substr(0, at) &&
         body.substr(end) == expected.substr(end) &&
         body.substr(at, counter_mark.size()) == std::string_view(head_).substr(job_->counter_at, counter_mark.size());
}

Progress Session::fail(std::string problem) {
  constexpr std::size_t longest = 400;
  problem.resize(std::min(problem.size(), longest));
  problem_ = std::move(problem);
  return Progress::wrong;
}

}  // namespace gateway::bench
