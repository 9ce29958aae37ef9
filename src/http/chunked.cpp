#include "gateway/http/chunked.hpp"

#include <algorithm>

#include "gateway/base/ascii.hpp"
#include "gateway/http/head.hpp"

namespace gateway::http {
namespace {
constexpr int max_size_digits = 15;  // 2^60 bytes: no overflow, and more than any limit

bool is_forbidden_trailer(std::string_view name) {
  switch (name_of(name)) {
    case Name::content_length:
    case Name::transfer_encoding:
    case Name::host:
    case Name::trailer:
    case Name::te:
    case Name::connection:
    case Name::upgrade:
    case Name::content_type:
    case Name::content_encoding:
    case Name::authorization:
    case Name::cookie:
    case Name::x_api_key:
    case Name::expect:
      return true;
    default:
      return false;
  }
}

bool is_extension_byte(char c) { return c == '\t' || (c >= 0x20 && c < 0x7f); }
bool is_value_byte(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); }
}  // namespace

Result<ChunkReader::Piece> ChunkReader::next(std::string_view input) {
  Piece piece;
  while (piece.consumed < input.size() && state_ != State::done) {
    if (state_ == State::data) {
      auto const take = std::min<std::uint64_t>(remaining_, input.size() - piece.consumed);
      piece.data = input.substr(piece.consumed, take);
      piece.consumed += take;
      remaining_ -= take;
      if (remaining_ == 0) state_ = State::data_cr;
      return piece;
    }
    GW_CHECK(on_byte(input[piece.consumed]));
    ++piece.consumed;
  }
  return piece;
}

Result<> ChunkReader::on_byte(char c) {
  auto const expect = [&](char wanted, State then, Code code = Code::bad_chunk) -> Result<> {
    if (c != wanted) return Failure{code};
    state_ = then;
    return {};
  };
  switch (state_) {
    case State::size_start:
    case State::size:
      return on_size(c);
    case State::extension:
      if (c == '\r') {
        state_ = State::size_lf;
        return {};
      }
      if (!is_extension_byte(c) || ++extension_ > limits_.extension_bytes ||
          ++total_extension_ > limits_.total_extension_bytes)
        return Failure{Code::bad_chunk};
      return {};
    case State::size_lf:
      return expect('\n', remaining_ == 0 ? State::trailer_start : State::data);
    case State::data_cr:
      return expect('\r', State::data_lf);
    case State::data_lf:
      size_digits_ = 0;
      return expect('\n', State::size_start);
    case State::trailer_start:
      return on_trailer_start(c);
    case State::trailer:
      if (++trailer_bytes_ > limits_.trailer_bytes) return Failure{Code::bad_trailer};
      if (c == '\r') return finish_trailer();
      if (!trailer_colon_) {
        if (c == ':') {
          trailer_colon_ = true;
        } else if (!is_tchar(c)) {
          return Failure{Code::bad_trailer};
        } else {
          if (trailer_name_bytes_ < sizeof trailer_name_) trailer_name_[trailer_name_bytes_] = c;
          ++trailer_name_bytes_;
        }
        return {};
      }
      return is_value_byte(c) ? Result<>() : Result<>(Failure{Code::bad_trailer});
    case State::trailer_lf:
      return expect('\n', State::trailer_start, Code::bad_trailer);
    case State::end_lf:
      return expect('\n', State::done, Code::bad_trailer);
    case State::data:
    case State::done:
      break;
  }
  return Failure{Code::internal_error};
}

Result<> ChunkReader::on_size(char c) {
  if (int const digit = hex_value(c); digit >= 0) {
    if (state_ == State::size_start) remaining_ = 0;
    if (++size_digits_ > max_size_digits) return Failure{Code::bad_chunk};
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
    state_ = State::size;
    return {};
  }
  if (state_ == State::size_start) return Failure{Code::bad_chunk};  // a size has at least one digit
  if (c == '\r') {
    state_ = State::size_lf;
    return {};
  }
  // No blank before the semicolon: RFC 9112 calls it bad, and parsers disagree on it.
  if (c != ';') return Failure{Code::bad_chunk};
  extension_ = 0;
  state_ = State::extension;
  return {};
}

Result<> ChunkReader::on_trailer_start(char c) {
  if (c == '\r') {
    state_ = State::end_lf;
    return {};
  }
  if (!is_tchar(c) || ++trailer_fields_ > limits_.trailer_fields) return Failure{Code::bad_trailer};
  trailer_name_[0] = c;
  trailer_name_bytes_ = 1;
  trailer_colon_ = false;
  state_ = State::trailer;
  return ++trailer_bytes_ > limits_.trailer_bytes ? Result<>(Failure{Code::bad_trailer}) : Result<>();
}

Result<> ChunkReader::finish_trailer() {
  if (!trailer_colon_) return Failure{Code::bad_trailer};
  if (trailer_name_bytes_ <= sizeof trailer_name_ && is_forbidden_trailer({trailer_name_, trailer_name_bytes_}))
    return Failure{Code::bad_trailer};
  state_ = State::trailer_lf;
  return {};
}

ChunkHead::ChunkHead(std::uint64_t size) : size_(2) {
  static constexpr char digits[] = "0123456789abcdef";
  char* out = bytes_ + sizeof bytes_;
  *--out = '\n';
  *--out = '\r';
  do {
    *--out = digits[size & 15];
    size >>= 4;
    ++size_;
  } while (size != 0);
}

}  // namespace gateway::http
