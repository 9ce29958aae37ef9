#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "gateway/base/time.hpp"

namespace gateway {

// Random bytes from the kernel, fetched in blocks. Not for keys that outlive the process. One instance a thread.
class Entropy {
 public:
  virtual ~Entropy() = default;
  // Eight random bytes; never fails (the process ends if the kernel has no entropy source).
  virtual std::uint64_t next() = 0;
};

class KernelEntropy final : public Entropy {
 public:
  std::uint64_t next() override;

 private:
  std::array<std::uint64_t, 64> block_{};
  std::size_t used_ = 64;
};

// A request id: 1..128 bytes of [A-Za-z0-9._-], kept without allocation.
class RequestId {
 public:
  static constexpr std::size_t max_bytes = 128;
  // The caller's id when it is well formed.
  static std::optional<RequestId> parse(std::string_view text);
  // A new UUIDv7 (RFC 9562 section 5.7) for the given wall clock, nanoseconds since 1970.
  static RequestId make(std::int64_t unix_ns, Entropy& entropy);
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, max_bytes> bytes_;
  std::uint8_t size_ = 0;
};

// W3C Trace Context (level 1) of one exchange: the caller's trace id is kept, the parent id is ours.
class TraceContext {
 public:
  static constexpr std::size_t header_bytes = 55;
  // Continues a valid `traceparent`; anything else starts a new, unsampled trace. The new trace's id is that of `made`, a
  // request id of RequestId::make() (62 of its last 64 bits are random), so that one leads to the other.
  static TraceContext continue_from(std::string_view traceparent, Entropy& entropy, RequestId const* made = nullptr);
  // "00-<trace id>-<our parent id>-<flags>"
  std::string_view header() const { return {text_.data(), header_bytes}; }
  std::string_view trace_id() const { return header().substr(3, 32); }

 private:
  std::array<char, header_bytes> text_;
};

// Writes 2 * bytes.size() lower-case hex digits; returns the end.
char* write_hex(std::span<unsigned char const> bytes, char* out);

}  // namespace gateway
