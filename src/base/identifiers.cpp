#include "gateway/base/identifiers.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "gateway/base/ascii.hpp"

namespace gateway {

std::uint64_t KernelEntropy::next() {
  if (used_ == block_.size()) {
    // getrandom never returns short for up to 256 bytes, hence the two halves.
    auto* bytes = reinterpret_cast<char*>(block_.data());
    for (std::size_t done = 0; done < sizeof block_; done += 256)
      if (::getrandom(bytes + done, 256, 0) != 256) std::abort();
    used_ = 0;
  }
  return block_[used_++];
}

char* write_hex(std::span<unsigned char const> bytes, char* out) {
  static constexpr char digits[] = "0123456789abcdef";
  for (auto byte : bytes) {
    *out++ = digits[byte >> 4];
    *out++ = digits[byte & 15];
  }
  return out;
}

std::optional<RequestId> RequestId::parse(std::string_view text) {
  if (text.empty() || text.size() > max_bytes) return std::nullopt;
  auto const allowed = [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; };
  if (!std::all_of(text.begin(), text.end(), allowed)) return std::nullopt;
  RequestId id;
  std::memcpy(id.bytes_.data(), text.data(), text.size());
  id.size_ = static_cast<std::uint8_t>(text.size());
  return id;
}

RequestId RequestId::make(std::int64_t unix_ns, Entropy& entropy) {
  unsigned char raw[16];
  auto const ms = static_cast<std::uint64_t>(unix_ns / 1'000'000);
  for (int i = 0; i < 6; ++i) raw[i] = static_cast<unsigned char>(ms >> (40 - 8 * i));
  std::uint64_t const a = entropy.next();
  std::uint64_t const b = entropy.next();
  std::memcpy(raw + 6, &a, 2);
  std::memcpy(raw + 8, &b, 8);
  raw[6] = static_cast<unsigned char>((raw[6] & 0x0f) | 0x70);
  raw[8] = static_cast<unsigned char>((raw[8] & 0x3f) | 0x80);

  RequestId id;
  char* out = id.bytes_.data();
  int from = 0;
  for (int group : {4, 2, 2, 2, 6}) {
    if (from != 0) *out++ = '-';
    out = write_hex({raw + from, static_cast<std::size_t>(group)}, out);
    from += group;
  }
  id.size_ = 36;
  return id;
}

namespace {
bool is_lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}
bool all_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

bool valid_traceparent(std::string_view t) {
  if (t.size() < TraceContext::header_bytes || t[2] != '-' || t[35] != '-' || t[52] != '-') return false;
  auto const version = t.substr(0, 2);
  if (!is_lower_hex(version) || version == "ff") return false;
  // Version 00 has exactly this length; later ones may carry more after another dash.
  if (version == "00" ? t.size() != TraceContext::header_bytes
                      : t.size() > TraceContext::header_bytes && t[TraceContext::header_bytes] != '-')
    return false;
  auto const trace = t.substr(3, 32), parent = t.substr(36, 16), flags = t.substr(53, 2);
  return is_lower_hex(trace) && is_lower_hex(parent) && is_lower_hex(flags) && !all_zero(trace) && !all_zero(parent);
}
}  // namespace

TraceContext TraceContext::continue_from(std::string_view traceparent, Entropy& entropy, RequestId const* made) {
  TraceContext context;
  char* out = context.text_.data();
  std::memcpy(out, "00-", 3);
  bool const valid = valid_traceparent(traceparent);
  if (valid) {
    std::memcpy(out + 3, traceparent.data() + 3, 32);
  } else if (made != nullptr) {
    auto const uuid = made->view();
    std::remove_copy(uuid.begin(), uuid.end(), out + 3, '-');
  } else {
    std::uint64_t const halves[2] = {entropy.next() | 1, entropy.next()};  // a trace id of zeros would be invalid
    write_hex({reinterpret_cast<unsigned char const*>(halves), 16}, out + 3);
  }
  out[35] = '-';
  std::uint64_t const parent = entropy.next() | 1;
  write_hex({reinterpret_cast<unsigned char const*>(&parent), 8}, out + 36);
  out[52] = '-';
  std::memcpy(out + 53, valid ? traceparent.data() + 53 : "00", 2);
  return context;
}

}  // namespace gateway
