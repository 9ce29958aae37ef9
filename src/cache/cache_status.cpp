#include "gateway/cache/cache_status.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "gateway/base/ascii.hpp"
#include "gateway/cache/directives.hpp"

namespace gateway::cache {
namespace {

constexpr std::string_view forward_tokens[] = {"",     "bypass",  "method", "uri-miss", "vary-miss",
                                               "miss", "request", "stale",  "partial"};

// A Token of RFC 8941 section 3.3.4; what is none would make the whole field unreadable.
bool is_sf_token(std::string_view text) {
  return !text.empty() && (is_alpha(text.front()) || text.front() == '*') &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_tchar(c) || c == ':' || c == '/'; });
}

}  // namespace

// The longest value fits: each part below has an upper bound, and the test writes them all at once.
CacheStatusText::CacheStatusText(CacheStatus const& status) {
  add("argos-gateway");
  if (status.hit) {
    add("; hit");
  } else if (status.forward != Forward::none) {
    add("; fwd=");
    add(forward_tokens[static_cast<std::size_t>(status.forward)]);
    // Sections 2.3, 2.5 and 2.6: these tell of a question that was forwarded.
    if (status.forward_status != 0) {
      add("; fwd-status=");
      add_number(status.forward_status);
    }
    if (status.stored) add("; stored");
    if (status.collapsed) add("; collapsed");
  }
  if (status.ttl) {
    add("; ttl=");
    // Towards the past: what has less than a second left is not said to have one.
    add_number(std::chrono::floor<std::chrono::seconds>(*status.ttl).count());
  }
  if (status.detail.size() <= max_detail_bytes && is_sf_token(status.detail)) {
    add("; detail=");
    add(status.detail);
  }
}

void CacheStatusText::add(std::string_view text) {
  std::copy(text.begin(), text.end(), text_.begin() + static_cast<std::ptrdiff_t>(size_));
  size_ += text.size();
}

void CacheStatusText::add_number(std::int64_t value) {
  auto const end = std::to_chars(text_.data() + size_, text_.data() + text_.size(), value).ptr;
  size_ = static_cast<std::size_t>(end - text_.data());
}

AgeText::AgeText(Duration age) {
  auto const seconds = std::clamp(std::chrono::duration_cast<Seconds>(age), Seconds(0), max_delta);
  size_ = static_cast<std::size_t>(std::to_chars(text_.data(), text_.data() + text_.size(), seconds.count()).ptr -
                                   text_.data());
}

}  // namespace gateway::cache
