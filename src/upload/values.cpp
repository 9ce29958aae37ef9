#include "values.hpp"

#include <algorithm>
#include <array>

#include "gateway/base/ascii.hpp"
#include "gateway/base/utf8.hpp"

namespace gateway::upload {
namespace {

constexpr std::uint32_t first_year = 1900, last_year = 2200;
constexpr unsigned max_count = 2000;
constexpr std::size_t max_email = 254, max_local_part = 64, max_label = 63;

// The codes that ISO 3166-1 assigns officially, four bytes each, sorted.
constexpr std::string_view alpha3_codes =
    "ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE "
    "BDI BEL BEN BES BFA BGD BGR BHR BHS BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA "
    "CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB CUW CXR CYM CYP CZE "
    "DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM "
    "GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY "
    "HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR JPN "
    "KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA "
    "MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT "
    "NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN "
    "PAK PAN PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA "
    "SAU SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR "
    "TCA TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB "
    "VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE ";
constexpr std::size_t alpha3_count = alpha3_codes.size() / 4;
constexpr std::string_view alpha3_at(std::size_t i) { return alpha3_codes.substr(i * 4, 3); }

constexpr bool alpha3_table_is_sound() {
  for (std::size_t i = 0; i < alpha3_count; ++i) {
    for (char c : alpha3_at(i))
      if (c < 'A' || c > 'Z') return false;
    if (alpha3_codes[i * 4 + 3] != ' ' || (i > 0 && alpha3_at(i - 1) >= alpha3_at(i))) return false;
  }
  return alpha3_codes.size() % 4 == 0;
}
static_assert(alpha3_count == 249);
static_assert(alpha3_table_is_sound(), "three capitals and a blank each, sorted, none twice");

constexpr std::uint32_t days_of_month(std::uint32_t year, std::uint32_t month) {
  constexpr std::array<std::uint8_t, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool const leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : days[month - 1];
}

// RFC 5322 section 3.2.3.
constexpr bool is_atext(char c) {
  return is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

// Pieces between dots, at least `fewest`, each of which `good` takes.
template <class Good>
constexpr bool dotted(std::string_view text, std::size_t fewest, Good good) {
  for (std::size_t pieces = 1;; ++pieces) {
    auto const dot = text.find('.');
    if (!good(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return pieces >= fewest;
    text.remove_prefix(dot + 1);
  }
}

bool is_atom(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_atext); }

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= max_label && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '-'; });
}

std::string judge_text(FieldRule const& rule, std::string_view value) {
  if (!is_utf8(value)) return "is not UTF-8";
  if (has_control_byte(value, rule.place == Place::body)) {
    return rule.place == Place::body ? "contains a control byte that is neither a tab nor a line end"
                                     : "contains a control byte";
  }
  return {};
}

std::string listed(std::string_view choices) {
  std::string text = "must be one of ";
  for (char c : choices) text += c == '|' ? std::string(", ") : std::string(1, c);
  return text;
}

std::string judge_shape(FieldRule const& rule, std::string_view value) {
  switch (rule.shape) {
    case Shape::text: return judge_text(rule, value);
    case Shape::id:
      if (is_id(value)) return {};
      return "must be an id as the vendor gave it: visible ASCII characters without blanks, quotes and backslashes";
    case Shape::email:
      if (is_email(value)) return {};
      // A plus sign that was sent as it is has become a blank.
      return rule.place == Place::query && value.find_first_of(" +") != std::string_view::npos
                 ? "must be an e-mail address; a plus sign in it is sent as %2B"
                 : "must be an e-mail address";
    case Shape::date:
      if (parse_date(value)) return {};
      return "must be a date that exists, as YYYY-MM-DD, of the years 1900 to 2200";
    case Shape::alpha3:
      if (is_alpha3(value)) return {};
      return "must be a country code of ISO 3166-1 alpha-3: three capital letters";
    case Shape::count:
      if (is_count(value)) return {};
      return "must be a whole number from 1 to 2000, in digits without sign and leading zeros";
    case Shape::choice:
      if (is_choice(value, rule.choices)) return {};
      return listed(rule.choices);
    case Shape::file: break;
  }
  return "must be a file";
}

}  // namespace

bool has_control_byte(std::string_view text, bool lines) {
  return std::any_of(text.begin(), text.end(), [lines](char c) {
    if (lines && (c == '\t' || c == '\n' || c == '\r')) return false;
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

bool is_id(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7f && std::string_view("\"'`\\").find(c) == std::string_view::npos;
  });
}

bool is_email(std::string_view text) {
  auto const sign = text.rfind('@');
  if (sign == std::string_view::npos || sign > max_local_part || text.size() > max_email) return false;
  return dotted(text.substr(0, sign), 1, is_atom) && dotted(text.substr(sign + 1), 2, is_label);
}

bool is_alpha3(std::string_view text) {
  if (text.size() != 3) return false;
  std::size_t low = 0, high = alpha3_count;
  while (low < high) {
    auto const middle = (low + high) / 2;
    if (alpha3_at(middle) < text)
      low = middle + 1;
    else
      high = middle;
  }
  return low < alpha3_count && alpha3_at(low) == text;
}

bool is_count(std::string_view text) {
  auto const number = parse_decimal<unsigned>(text);
  return number && text.front() != '0' && *number <= max_count;
}

bool is_choice(std::string_view text, std::string_view choices) {
  while (true) {
    auto const bar = choices.find('|');
    if (choices.substr(0, bar) == text) return true;
    if (bar == std::string_view::npos) return false;
    choices.remove_prefix(bar + 1);
  }
}

std::optional<std::uint32_t> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  auto const year = parse_decimal<std::uint32_t>(text.substr(0, 4));
  auto const month = parse_decimal<std::uint32_t>(text.substr(5, 2));
  auto const day = parse_decimal<std::uint32_t>(text.substr(8, 2));
  if (!year || !month || !day || *year < first_year || *year > last_year) return std::nullopt;
  if (*month < 1 || *month > 12 || *day < 1 || *day > days_of_month(*year, *month)) return std::nullopt;
  return *year * 10'000 + *month * 100 + *day;
}

std::optional<std::string> form_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    int const high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string judge_value(FieldRule const& rule, std::string_view value, bool truncated) {
  bool const measured = rule.shape == Shape::text || rule.shape == Shape::id || rule.shape == Shape::email;
  if (truncated || value.size() > rule.max_bytes) {
    // Of the other shapes the length says less than what they look like.
    return measured ? "is longer than " + std::to_string(rule.max_bytes) + " bytes" : judge_shape(rule, {});
  }
  // Forms send what was not filled in, and nobody takes an empty part for a value. In a query it means too much: an empty
  // submission_id, from a variable that was not set, is no filter to some readers, and the answer a list of everybody.
  if (value.empty() && !rule.required)
    return rule.place == Place::query ? "must not be empty; leave it out instead" : std::string();
  if (is_blank(value) && (rule.required || rule.place == Place::query)) return "must not be empty";
  return judge_shape(rule, value);
}

}  // namespace gateway::upload
