#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox {

[[nodiscard]] std::string lower(std::string_view text);
[[nodiscard]] bool same_ignoring_case(std::string_view a, std::string_view b);
[[nodiscard]] std::string_view trimmed(std::string_view text);
[[nodiscard]] bool is_email(std::string_view text);
[[nodiscard]] bool is_iso3(std::string_view text);
/// A calendar day as YYYY-MM-DD.
[[nodiscard]] bool is_day(std::string_view text);
[[nodiscard]] std::optional<std::size_t> parse_number(std::string_view digits);

/// Milliseconds since 1970, UTC.
[[nodiscard]] std::int64_t now_ms();
/// 2024-05-06T07:08:09.010Z
[[nodiscard]] std::string format_time(std::int64_t ms);
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);
/// First millisecond of the day; the text must be a day.
[[nodiscard]] std::int64_t day_start(std::string_view day);
[[nodiscard]] std::string http_date();

[[nodiscard]] std::string random_id(std::string_view prefix, std::size_t length);
[[nodiscard]] std::string random_uuid();
[[nodiscard]] std::uint64_t random_between(std::uint64_t low, std::uint64_t high);
[[nodiscard]] std::string base64(std::string_view bytes);

enum class ImageType { jpeg, png };
/// Told by the first bytes alone, as the vendor is assumed to do.
[[nodiscard]] std::optional<ImageType> image_type(std::string_view bytes);

}  // namespace sandbox
