#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/base/time.hpp"

namespace gateway::cache {

// Why the vendor was asked (RFC 9211 section 2.2). `none`: it was not, the answer is a hit or the gateway's own.
enum class Forward : std::uint8_t { none, bypass, method, uri_miss, vary_miss, miss, request, stale, partial };

struct CacheStatus {
  bool hit = false;
  Forward forward = Forward::none;  // not with hit
  int forward_status = 0;           // the vendor's, where it differs from the answer's; 0: left out
  bool stored = false;
  bool collapsed = false;         // waited for another caller's question
  std::optional<Duration> ttl{};  // what is left of the lifetime, negative when stale
  std::string_view detail{};      // a token; left out when it is none
};

// The value of Cache-Status for this gateway, written in place. Nothing of the question is in it: no `key`.
class CacheStatusText {
 public:
  explicit CacheStatusText(CacheStatus const& status);
  std::string_view view() const { return {text_.data(), size_}; }

  static constexpr std::size_t max_detail_bytes = 32;

 private:
  void add(std::string_view text);
  void add_number(std::int64_t value);

  std::array<char, 192> text_;
  std::size_t size_ = 0;
};

// The value of Age (RFC 9111 section 5.1): whole seconds, at most 2^31.
class AgeText {
 public:
  explicit AgeText(Duration age);
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 12> text_;
  std::size_t size_;
};

}  // namespace gateway::cache
