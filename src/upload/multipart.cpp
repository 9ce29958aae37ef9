#include "gateway/upload/multipart.hpp"

#include <algorithm>
#include <cstring>

#include "byte_pairs.hpp"

// The stream: boundaries, the data between them, the end. Part headers are in part_head.cpp.
namespace gateway::upload {

void MultipartReader::begin(Boundary const& boundary, std::size_t max_parts) {
  max_parts_ = max_parts;
  state_ = State::start;
  matched_ = part_number_ = held_size_ = 0;
  end_pending_ = false;
  failure_pending_.reset();
  names_.clear();
  head_ = {};
  data_ = {};
  auto const text = boundary.view();
  dash_boundary_[0] = dash_boundary_[1] = '-';
  std::memcpy(dash_boundary_.data() + 2, text.data(), text.size());
  dash_boundary_size_ = 2 + text.size();
  leading_dashes_ = 2 + text.find_first_not_of('-');
}

Result<MultipartReader::Event> MultipartReader::next(std::span<char const>& input) {
  data_ = {};
  if (failure_pending_) return Failure{*failure_pending_};
  if (end_pending_) {
    end_pending_ = false;
    return Event::part_end;
  }
  while (!input.empty()) {
    switch (state_) {
      case State::start: GW_CHECK(start(input)); break;
      case State::delimiter: GW_CHECK(delimiter(input)); break;
      case State::head: {
        auto const complete = read_head(input);
        if (!complete) return complete.error();
        if (*complete) return Event::part_begin;
        break;
      }
      case State::data: {
        if (held_size_ > 0) read_joint(input);
        else read_data(input);
        if (!data_.empty()) return Event::part_data;
        if (end_pending_ || failure_pending_) return next(input);
        break;
      }
      case State::closed:
      case State::after_cr:
      case State::done: GW_CHECK(epilogue(input)); break;
    }
  }
  return Event::need_more;
}

// The body begins with the first boundary. RFC 2046 would allow a preamble; no client sends one, and what a parser makes
// of one is its own affair.
Result<> MultipartReader::start(std::span<char const>& input) {
  auto const size = std::min(input.size(), dash_boundary_size_ - matched_);
  if (std::memcmp(input.data(), dash_boundary_.data() + matched_, size) != 0) return Failure{Code::multipart_preamble};
  matched_ += size;
  input = input.subspan(size);
  if (matched_ == dash_boundary_size_) {
    state_ = State::delimiter;
    matched_ = 0;
  }
  return {};
}

// The two bytes behind a boundary.
Result<> MultipartReader::delimiter(std::span<char const>& input) {
  char const c = input.front();
  input = input.subspan(1);
  if (matched_ == 0) {
    if (c == '\n') return Failure{Code::multipart_bare_newline};
    if (c != '\r' && c != '-') return Failure{Code::multipart_delimiter_malformed};
    first_of_two_ = c;
    matched_ = 1;
    return {};
  }
  matched_ = 0;
  if (c != (first_of_two_ == '\r' ? '\n' : '-'))
    return Failure{first_of_two_ == '\r' ? Code::multipart_bare_newline : Code::multipart_delimiter_malformed};
  if (c == '-') {
    if (part_number_ == 0) return Failure{Code::multipart_empty};
    state_ = State::closed;
    return {};
  }
  if (part_number_ == max_parts_) return Failure{Code::too_many_parts, static_cast<std::int64_t>(max_parts_)};
  ++part_number_;
  state_ = State::head;
  head_ = {};
  disposition_seen_ = type_seen_ = type_malformed_ = name_seen_ = file_name_seen_ = false;
  line_fault_.reset();
  head_bytes_ = line_size_ = 0;
  line_ended_ = false;
  return {};
}

// Nothing but one CRLF may follow the last boundary.
Result<> MultipartReader::epilogue(std::span<char const>& input) {
  char const expected = state_ == State::closed ? '\r' : '\n';
  if (state_ == State::done || input.front() != expected) return Failure{Code::multipart_epilogue};
  state_ = state_ == State::closed ? State::after_cr : State::done;
  input = input.subspan(1);
  return {};
}

Result<> MultipartReader::finish() const {
  if (state_ == State::after_cr) return Failure{Code::multipart_epilogue};
  if (state_ == State::head && line_fault_) return Failure{*line_fault_};
  if (state_ != State::closed && state_ != State::done) return Failure{Code::multipart_unfinished};
  return {};
}

// Where the boundary with its two dashes stands in full, whatever precedes it; the size of `bytes` when nowhere. Looks
// at runs of dashes: each is compared once, so that a body of nothing but dashes costs no more than any other.
std::size_t MultipartReader::find_boundary(std::span<char const> bytes) const {
  char const* const begin = bytes.data();
  char const* const end = begin + bytes.size();
  char const* const rest = dash_boundary_.data() + leading_dashes_;
  auto const rest_size = static_cast<std::ptrdiff_t>(dash_boundary_size_ - leading_dashes_);
  for (char const* at = begin; at != end;) {
    at += find_two_dashes({at, end});  // there are two at the front of every boundary
    char const* const run = at;
    while (at != end && *at == '-') ++at;
    if (static_cast<std::size_t>(at - run) < leading_dashes_ || end - at < rest_size) continue;
    if (std::memcmp(at, rest, static_cast<std::size_t>(rest_size)) == 0)
      return static_cast<std::size_t>(at - begin) - leading_dashes_;
  }
  return bytes.size();
}

// The boundary was found at `at`: what precedes it must be a CRLF, which belongs to it, and the data before that.
void MultipartReader::end_data(std::span<char const> bytes, std::size_t at) {
  bool const line_feed = at >= 1 && bytes[at - 1] == '\n';
  bool const crlf = line_feed && at >= 2 && bytes[at - 2] == '\r';
  // Several parsers take a boundary behind a lone CR or LF; some split at it wherever it stands. The data before it is
  // given first, as it would be if it had come alone.
  if (!crlf) {
    data_ = bytes.first(at);
    failure_pending_ = line_feed || (at >= 1 && bytes[at - 1] == '\r') ? Code::multipart_bare_newline : Code::multipart_boundary_in_part;
    return;
  }
  data_ = bytes.first(at - 2);
  end_pending_ = true;
  state_ = State::delimiter;
}

void MultipartReader::hold(std::span<char const> bytes) {
  std::memcpy(held_.data(), bytes.data(), bytes.size());
  held_size_ = bytes.size();
}

// Data in the input itself. Its last bytes are held: they may be the front of a CRLF and boundary.
void MultipartReader::read_data(std::span<char const>& input) {
  auto const bytes = input;
  auto const at = find_boundary(bytes);
  if (at != bytes.size()) {
    input = input.subspan(at + dash_boundary_size_);
    return end_data(bytes, at);
  }
  auto const held = std::min(bytes.size(), dash_boundary_size_ + 1);
  data_ = bytes.first(bytes.size() - held);
  hold(bytes.last(held));
  input = {};
}

// Data across two inputs: what was held, and enough of the new bytes to see every boundary that begins in it.
void MultipartReader::read_joint(std::span<char const>& input) {
  auto const taken = std::min(input.size(), dash_boundary_size_ + 2);
  auto const held = std::exchange(held_size_, 0);
  std::memcpy(joint_.data(), held_.data(), held);
  std::memcpy(joint_.data() + held, input.data(), taken);
  std::span<char const> const bytes(joint_.data(), held + taken);
  auto const at = find_boundary(bytes);
  if (at != bytes.size()) {
    // The bytes that were held are no whole boundary, so it ends in the new ones.
    input = input.subspan(at + dash_boundary_size_ - held);
    return end_data(bytes, at);
  }
  if (taken == dash_boundary_size_ + 2) {
    // No boundary begins in what was held, nor in the two bytes behind it: the new bytes are looked at on their own.
    data_ = bytes.first(held);
    return;
  }
  input = {};
  auto const kept = std::min(bytes.size(), dash_boundary_size_ + 1);
  data_ = bytes.first(bytes.size() - kept);
  hold(bytes.last(kept));
}

}  // namespace gateway::upload
