#pragma once
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http/chunked.hpp"
#include "text.hpp"

namespace gateway::test {

// What a chunk reader made of some bytes.
struct Decoded {
  std::string token;         // "done", "more" or the reason code
  std::string data;          // empty when refused
  std::size_t consumed = 0;  // bytes up to the end of the body; 0 unless done
  bool operator==(Decoded const&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, Decoded const& decoded) {
  return out << decoded.token << " " << decoded.consumed << " [" << shown(decoded.data) << "]";
}

inline std::vector<std::size_t> every_cut(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

// Feeds `bytes` in the pieces that the offsets `cuts` make, each in a buffer of exactly its size.
inline Decoded decode(std::string_view bytes, std::vector<std::size_t> const& cuts, http::ChunkLimits limits = {}) {
  http::ChunkReader reader(limits);
  Decoded decoded{"more", "", 0};
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= cuts.size() && !reader.done(); ++i) {
    auto const end = i < cuts.size() ? cuts[i] : bytes.size();
    ExactCopy const arrived(bytes.substr(begin, end - begin));
    auto rest = arrived.view();
    while (!rest.empty() && !reader.done()) {
      auto const piece = reader.next(rest);
      if (!piece) return {token_of(piece), "", 0};
      decoded.data += piece->data;
      rest.remove_prefix(piece->consumed);
    }
    begin = end;
    if (reader.done()) decoded.consumed = end - rest.size();
  }
  if (reader.done()) decoded.token = "done";
  return decoded;
}

}  // namespace gateway::test
