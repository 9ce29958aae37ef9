#include "gateway/cache/http_date.hpp"

#include <array>
#include <chrono>

#include "gateway/base/ascii.hpp"

namespace gateway::cache {
namespace {

constexpr std::array<std::string_view, 7> day_names{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                    "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 12> month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Fields {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

// Takes what is expected off the front of the text; once something else stands there, all that follows fails too.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool literal(std::string_view expected) {
    if (!good_ || rest_.size() < expected.size() || !iequals(rest_.substr(0, expected.size()), expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  void require(std::string_view expected) { good_ = good_ && literal(expected); }
  int digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      good_ = good_ && i < rest_.size() && is_digit(rest_[i]);
      if (!good_) return 0;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  int month() {
    for (std::size_t i = 0; i < month_names.size(); ++i)
      if (literal(month_names[i])) return static_cast<int>(i) + 1;
    good_ = false;
    return 0;
  }
  void clock(Fields& out) {
    out.hour = digits(2);
    require(":");
    out.minute = digits(2);
    require(":");
    out.second = digits(2);
  }
  bool finished() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

std::optional<std::int64_t> seconds_of(Fields const& at) {
  std::chrono::year_month_day const date{std::chrono::year(at.year),
                                         std::chrono::month(static_cast<unsigned>(at.month)),
                                         std::chrono::day(static_cast<unsigned>(at.day))};
  // A leap second may be sent (:60); it counts as the second behind it.
  if (!date.ok() || at.hour > 23 || at.minute > 59 || at.second > 60) return std::nullopt;
  auto const days = std::chrono::sys_days(date).time_since_epoch().count();
  return std::int64_t{days} * 86'400 + at.hour * 3'600 + at.minute * 60 + at.second;
}

// "Sun, 06 Nov 1994 08:49:37 GMT" behind its comma
std::optional<std::int64_t> fixdate(Cursor text) {
  Fields at;
  text.require(" ");
  at.day = text.digits(2);
  text.require(" ");
  at.month = text.month();
  text.require(" ");
  at.year = text.digits(4);
  text.require(" ");
  text.clock(at);
  text.require(" GMT");
  return text.finished() ? seconds_of(at) : std::nullopt;
}

// "Sunday, 06-Nov-94 08:49:37 GMT" behind its comma: a year that seems more than 50 years ahead is the last one that
// ended so.
std::optional<std::int64_t> rfc850(Cursor text, std::int64_t now) {
  Fields at;
  text.require(" ");
  at.day = text.digits(2);
  text.require("-");
  at.month = text.month();
  text.require("-");
  auto const two = text.digits(2);
  text.require(" ");
  text.clock(at);
  text.require(" GMT");
  if (!text.finished()) return std::nullopt;
  std::chrono::year_month_day const today(
      std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(now))));
  at.year = static_cast<int>(today.year()) / 100 * 100 + 100 + two;
  // sys_days takes 29 February of a common year for 1 March.
  auto const latest =
      std::chrono::sys_days(today + std::chrono::years(50)).time_since_epoch().count() * std::int64_t{86'400} +
      now % 86'400;
  for (int century = 0; century < 3; ++century, at.year -= 100) {
    auto const value = seconds_of(at);
    if (value && *value <= latest) return value;
  }
  return std::nullopt;
}

// "Sun Nov  6 08:49:37 1994" behind the name of its day
std::optional<std::int64_t> asctime_date(Cursor text) {
  Fields at;
  text.require(" ");
  at.month = text.month();
  text.require(" ");
  at.day = text.literal(" ") ? text.digits(1) : text.digits(2);
  text.require(" ");
  text.clock(at);
  text.require(" ");
  at.year = text.digits(4);
  return text.finished() ? seconds_of(at) : std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now) {
  for (auto const name : day_names) {
    Cursor full(text), brief(text);
    if (full.literal(name)) return full.literal(",") ? rfc850(full, now) : std::nullopt;
    if (brief.literal(name.substr(0, 3))) return brief.literal(",") ? fixdate(brief) : asctime_date(brief);
  }
  return std::nullopt;
}

}  // namespace gateway::cache
