#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "gateway/base/failure.hpp"

namespace gateway::http {

// Bounds of what surrounds the data of a chunked body.
struct ChunkLimits {
  std::size_t extension_bytes = 256;       // of one chunk
  std::size_t total_extension_bytes = 16 * 1024;
  std::size_t trailer_bytes = 4 * 1024;    // whole trailer section
  std::size_t trailer_fields = 16;
};

// Reads a chunked body (RFC 9112 section 7.1) piece by piece, in constant memory, however the input is split.
// Extensions are checked, bounded and dropped; trailers likewise, and those that would frame, route or authorise
// (Content-Length, Transfer-Encoding, Host, ...) are refused.
class ChunkReader {
 public:
  explicit ChunkReader(ChunkLimits limits = {}) : limits_(limits) {}

  struct Piece {
    std::size_t consumed = 0;      // bytes of the input that are done with
    std::string_view data;         // body bytes inside the input, may be empty
  };
  // Takes the next piece off `input`. Call again with the rest until `consumed` is 0 or done().
  Result<Piece> next(std::string_view input);
  bool done() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t {
    size_start, size, extension, size_lf, data, data_cr, data_lf, trailer_start, trailer, trailer_lf, end_lf, done
  };
  Result<> on_byte(char c);
  Result<> on_size(char c);
  Result<> on_trailer_start(char c);
  Result<> finish_trailer();

  ChunkLimits limits_;
  State state_ = State::size_start;
  int size_digits_ = 0;
  std::uint64_t remaining_ = 0;
  std::size_t extension_ = 0, total_extension_ = 0;
  std::size_t trailer_bytes_ = 0, trailer_fields_ = 0;
  char trailer_name_[32];
  std::size_t trailer_name_bytes_ = 0;
  bool trailer_colon_ = false;
};

// Head of one chunk, "<hex>\r\n". A chunk of size 0 would end the body: callers skip empty pieces.
class ChunkHead {
 public:
  explicit ChunkHead(std::uint64_t size);
  std::string_view view() const { return {bytes_ + sizeof bytes_ - size_, size_}; }

 private:
  char bytes_[18];
  std::size_t size_;
};
inline constexpr std::string_view chunk_end = "\r\n";
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace gateway::http
