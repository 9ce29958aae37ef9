#include "gateway/http/body.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace gateway::http {

Result<BodyReader::Taken> BodyReader::take(std::span<char> buffer) {
  Taken taken;
  if (done_) return taken;
  if (framing_.kind == Framing::Kind::chunked) {
    while (taken.consumed < buffer.size() && !chunks_.done()) {
      auto const piece = chunks_.next({buffer.data() + taken.consumed, buffer.size() - taken.consumed});
      if (!piece) return piece.error();
      if (!piece->data.empty()) std::memmove(buffer.data() + taken.data, piece->data.data(), piece->data.size());
      taken.data += piece->data.size();
      taken.consumed += piece->consumed;
    }
    done_ = chunks_.done();
  } else {
    bool const bounded = framing_.kind == Framing::Kind::length;
    taken.data = bounded ? static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, buffer.size())) : buffer.size();
    taken.consumed = taken.data;
    remaining_ -= bounded ? taken.data : 0;
    done_ = bounded && remaining_ == 0;
  }
  total_ += taken.data;
  return taken;
}

bool BodyReader::on_end() {
  if (framing_.kind != Framing::Kind::until_close) return done_;
  done_ = true;
  return true;
}

std::uint64_t BodyReader::wanted() const {
  return framing_.kind == Framing::Kind::length ? remaining_ : std::numeric_limits<std::uint64_t>::max();
}

}  // namespace gateway::http
