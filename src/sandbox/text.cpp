#include "text.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <random>

namespace sandbox {
namespace {

std::mt19937_64& generator() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  return engine;
}

bool digits_at(std::string_view text, std::size_t from, std::size_t count) {
  std::string_view const part = text.substr(std::min(from, text.size()), count);
  return part.size() == count && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

int number_at(std::string_view text, std::size_t from, std::size_t count) {
  int value = 0;
  std::from_chars(text.data() + from, text.data() + from + count, value);
  return value;
}

std::tm utc(std::int64_t ms) {
  std::time_t const seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

bool is_label_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

}  // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return out;
}

bool same_ignoring_case(std::string_view a, std::string_view b) { return lower(a) == lower(b); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

bool is_email(std::string_view text) {
  std::size_t const at = text.find('@');
  if (at == std::string_view::npos || at == 0 || at > 64 || text.size() > 254) {
    return false;
  }
  std::string_view const local = text.substr(0, at);
  bool const local_ok = std::all_of(local.begin(), local.end(), [](char c) {
    auto const byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7F && c != '"' && c != '(' && c != ')' && c != ',' && c != ':' && c != ';' &&
           c != '<' && c != '>' && c != '[' && c != '\\' && c != ']';
  });
  std::string_view domain = text.substr(at + 1);
  std::size_t labels = 0;
  while (local_ok) {
    std::size_t const dot = domain.find('.');
    std::string_view const label = domain.substr(0, dot);
    if (label.empty() || label.size() > 63 || !std::all_of(label.begin(), label.end(), is_label_char)) {
      return false;
    }
    ++labels;
    if (dot == std::string_view::npos) {
      break;
    }
    domain.remove_prefix(dot + 1);
  }
  return local_ok && labels >= 2;
}

bool is_iso3(std::string_view text) {
  return text.size() == 3 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-' || !digits_at(text, 0, 4) || !digits_at(text, 5, 2) ||
      !digits_at(text, 8, 2)) {
    return false;
  }
  std::chrono::year_month_day const day{std::chrono::year{number_at(text, 0, 4)},
                                        std::chrono::month{static_cast<unsigned>(number_at(text, 5, 2))},
                                        std::chrono::day{static_cast<unsigned>(number_at(text, 8, 2))}};
  return day.ok();
}

std::optional<std::size_t> parse_number(std::string_view digits) {
  std::size_t value = 0;
  char const* const end = digits.data() + digits.size();
  auto const [stop, error] = std::from_chars(digits.data(), end, value);
  if (digits.empty() || error != std::errc{} || stop != end) {
    return std::nullopt;
  }
  return value;
}

std::int64_t now_ms() {
  auto const since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

std::string format_time(std::int64_t ms) {
  std::tm const parts = utc(ms);
  char text[80];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(ms % 1000));
  return text;
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  if (text.size() != 24 || !is_day(text.substr(0, 10)) || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text[19] != '.' || text[23] != 'Z' || !digits_at(text, 11, 2) || !digits_at(text, 14, 2) ||
      !digits_at(text, 17, 2) || !digits_at(text, 20, 3)) {
    return std::nullopt;
  }
  int const seconds = (number_at(text, 11, 2) * 60 + number_at(text, 14, 2)) * 60 + number_at(text, 17, 2);
  return day_start(text.substr(0, 10)) + std::int64_t{seconds} * 1000 + number_at(text, 20, 3);
}

std::int64_t day_start(std::string_view day) {
  std::tm parts{};
  parts.tm_year = number_at(day, 0, 4) - 1900;
  parts.tm_mon = number_at(day, 5, 2) - 1;
  parts.tm_mday = number_at(day, 8, 2);
  return static_cast<std::int64_t>(timegm(&parts)) * 1000;
}

std::string http_date() {
  std::tm const parts = utc(now_ms());
  char text[64];
  std::size_t const size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return std::string(text, size);
}

std::uint64_t random_between(std::uint64_t low, std::uint64_t high) {
  return std::uniform_int_distribution<std::uint64_t>(low, high)(generator());
}

std::string random_id(std::string_view prefix, std::size_t length) {
  static constexpr std::string_view alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string id(prefix);
  for (std::size_t i = 0; i < length; ++i) {
    id.push_back(alphabet[random_between(0, alphabet.size() - 1)]);
  }
  return id;
}

std::string random_uuid() {
  std::uint64_t const high = generator()();
  std::uint64_t const low = generator()();
  char text[64];
  std::snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012llx", static_cast<unsigned>(high >> 32),
                static_cast<unsigned>(high >> 16) & 0xFFFFU, static_cast<unsigned>(high) & 0x0FFFU,
                (static_cast<unsigned>(low >> 48) & 0x3FFFU) | 0x8000U,
                static_cast<unsigned long long>(low & 0xFFFFFFFFFFFFULL));
  return text;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::size_t const have = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = (group << 8U) | (k < have ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out.push_back(k <= have ? alphabet[(group >> (18U - 6U * k)) & 0x3FU] : '=');
    }
  }
  return out;
}

std::optional<ImageType> image_type(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xD8\xFF")) {
    return ImageType::jpeg;
  }
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) {
    return ImageType::png;
  }
  return std::nullopt;
}

}  // namespace sandbox
