#pragma once
#include <cstdint>
#include <span>

#include "gateway/base/failure.hpp"
#include "gateway/http/chunked.hpp"
#include "gateway/http/framing.hpp"

namespace gateway::http {

// Takes the body of one message out of the bytes of a connection, whatever its framing. Constant memory, no I/O.
class BodyReader {
 public:
  BodyReader() = default;
  explicit BodyReader(Framing framing) : framing_(framing), remaining_(framing.length) {
    done_ = framing.kind == Framing::Kind::none || (framing.kind == Framing::Kind::length && framing.length == 0);
  }

  struct Taken {
    std::size_t data = 0;      // body bytes, moved to the front of the buffer
    std::size_t consumed = 0;  // bytes of the buffer that belonged to the body and its framing
  };
  // Decodes in place. Bytes behind `consumed` belong to whatever follows the body. bad_chunk or bad_trailer.
  Result<Taken> take(std::span<char> buffer);
  // The connection ended. True when that is how this body ends.
  bool on_end();

  bool done() const { return done_; }
  // How many bytes may be read without reaching into what follows: unknown (the maximum) for chunked bodies.
  std::uint64_t wanted() const;
  std::uint64_t total() const { return total_; }  // body bytes so far
  Framing const& framing() const { return framing_; }

 private:
  Framing framing_;
  std::uint64_t remaining_ = 0, total_ = 0;
  ChunkReader chunks_;
  bool done_ = true;
};

}  // namespace gateway::http
