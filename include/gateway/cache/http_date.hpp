#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace gateway::cache {

// Seconds since 1970-01-01 UTC of a date in one of the three forms of RFC 9110 section 5.6.7. Letters may have any case
// and the zone is GMT or nothing (RFC 9111 section 4.2). `now` (the same unit) decides the century of two-digit years.
std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now);

}  // namespace gateway::cache
