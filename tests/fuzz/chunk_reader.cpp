// Chunked bodies. The first byte chooses limits and cuts. Holds that the outcome does not depend on the cuts, that the
// in-place body reader gives the same bytes, and that what was read, written again, reads the same.
#include <algorithm>
#include <vector>

#include "gateway/http/body.hpp"
#include "require.hpp"
#include "support/chunks.hpp"

namespace {

using namespace gateway;
using fuzz::require;

void check_in_place(std::string_view bytes, test::Decoded const& expected) {
  http::BodyReader reader({http::Framing::Kind::chunked, 0});
  test::ExactCopy buffer(bytes);
  auto const taken = reader.take({buffer.data(), buffer.size()});
  require(taken.has_value() == !expected.token.starts_with("bad"), "the body reader agrees with the chunk reader");
  if (!taken) return;
  require(std::string_view(buffer.data(), taken->data) == expected.data, "the same data in place");
  require(reader.done() == (expected.token == "done"), "the same end");
  require(!reader.done() || taken->consumed == expected.consumed, "the same rest");
  require(reader.total() == expected.data.size(), "bytes are counted");
}

void check_rewritten(std::string const& data) {
  std::string wire;
  for (std::size_t done = 0; done < data.size();) {
    auto const size = std::min<std::size_t>(data.size() - done, 1 + static_cast<unsigned char>(data[done]));
    wire += std::string(http::ChunkHead(size).view()) + data.substr(done, size) + std::string(http::chunk_end);
    done += size;
  }
  wire += http::last_chunk;
  require(test::decode(wire, {}) == test::Decoded{"done", data, wire.size()}, "what is written is read back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  unsigned const choice = data[0];
  std::string_view const bytes(reinterpret_cast<char const*>(data) + 1, size - 1);
  http::ChunkLimits const limits = (choice & 1) != 0 ? http::ChunkLimits{8, 16, 32, 3} : http::ChunkLimits{};
  auto const whole = test::decode(bytes, {}, limits);
  std::vector<std::size_t> cuts;
  for (std::size_t at = 1 + choice / 2 % 5; at < bytes.size();
       at += 1 + (static_cast<unsigned char>(bytes[at]) + choice) % 17)
    cuts.push_back(at);
  require(test::decode(bytes, cuts, limits) == whole, "the outcome does not depend on the cuts");
  require(test::decode(bytes, test::every_cut(bytes.size()), limits) == whole, "the outcome is the same byte by byte");
  if ((choice & 1) == 0) check_in_place(bytes, whole);
  if (whole.token == "done") {
    require(whole.consumed <= bytes.size() && bytes.substr(0, whole.consumed).ends_with("\r\n"),
            "a body ends with an empty line");
    check_rewritten(whole.data);
  }
  return 0;
}
