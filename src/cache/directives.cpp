#include "gateway/cache/directives.hpp"

#include <algorithm>
#include <string_view>

#include "gateway/base/ascii.hpp"
#include "structured_dictionary.hpp"

namespace gateway::cache {
namespace {

// What stands behind the "=" of a directive.
struct Argument {
  bool present = false;
  bool good = true;  // token or quoted-string and nothing behind it
  std::string_view text;
};

// The end of the quoted-string that begins at `text[0]`, npos when it is not closed.
std::size_t quoted_end(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i;
  }
  return std::string_view::npos;
}

std::size_t token_end(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && is_tchar(text[i])) ++i;
  return i;
}

// Takes the argument off `rest`. A quoted-string that is never closed is read as if its quote were any other byte:
// what it would swallow are directives that somebody meant.
Argument take_argument(std::string_view& rest) {
  Argument argument;
  if (rest.empty() || rest.front() != '=') return argument;
  argument.present = true;
  rest.remove_prefix(1);
  if (!rest.empty() && rest.front() == '"') {
    auto const end = quoted_end(rest);
    if (end == std::string_view::npos) {
      argument.good = false;
      return argument;
    }
    argument.text = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    return argument;
  }
  auto const end = token_end(rest);
  argument.text = rest.substr(0, end);
  argument.good = end > 0;
  rest.remove_prefix(end);
  return argument;
}

// Calls `visit(name, argument)` for each directive of one field line; false when something in it is no directive.
template <class Visit>
bool for_each_directive(std::string_view value, Visit&& visit) {
  bool well_formed = true;
  while (true) {
    while (!value.empty() && (value.front() == ',' || value.front() == ' ' || value.front() == '\t'))
      value.remove_prefix(1);
    if (value.empty()) return well_formed;
    auto const name = value.substr(0, token_end(value));
    value.remove_prefix(name.size());
    auto argument = take_argument(value);
    auto const comma = value.find(',');
    if (!trim(value.substr(0, comma)).empty()) argument.good = false;
    value.remove_prefix(comma == std::string_view::npos ? value.size() : comma);
    well_formed &= argument.good && !name.empty();
    if (!name.empty()) visit(name, argument);
  }
}

// delta-seconds (section 1.2.2); empty when it is none.
std::optional<Seconds> delta_seconds(Argument const& argument) {
  if (!argument.present || !argument.good || argument.text.empty()) return std::nullopt;
  std::int64_t value = 0;
  for (char c : argument.text) {
    if (!is_digit(c)) return std::nullopt;
    value = std::min(value * 10 + (c - '0'), max_delta.count());
  }
  return Seconds(value);
}

void keep_smaller(std::optional<Seconds>& kept, Seconds given) { kept = kept ? std::min(*kept, given) : given; }
void keep_larger(std::optional<Seconds>& kept, Seconds given) { kept = kept ? std::max(*kept, given) : given; }

void take(RequestDirectives& out, std::string_view name, Argument const& argument) {
  if (iequals(name, "no-cache")) {
    out.no_cache = true;
  } else if (iequals(name, "no-store")) {
    out.no_store = true;
  } else if (iequals(name, "only-if-cached")) {
    out.only_if_cached = true;
  } else if (iequals(name, "max-age")) {
    keep_smaller(out.max_age, delta_seconds(argument).value_or(Seconds(0)));
  } else if (iequals(name, "min-fresh")) {
    keep_larger(out.min_fresh, delta_seconds(argument).value_or(max_delta));
  } else if (iequals(name, "max-stale")) {
    if (!argument.present && argument.good)
      out.any_stale = true;
    else
      keep_smaller(out.max_stale, delta_seconds(argument).value_or(Seconds(0)));
  }
}

void take(ResponseDirectives& out, std::string_view name, Argument const& argument) {
  if (iequals(name, "no-store"))
    out.no_store = true;
  else if (iequals(name, "private"))
    out.private_ = true;
  else if (iequals(name, "no-cache"))
    out.no_cache = true;
  else if (iequals(name, "must-revalidate"))
    out.must_revalidate = true;
  else if (iequals(name, "proxy-revalidate"))
    out.proxy_revalidate = true;
  else if (iequals(name, "must-understand"))
    out.must_understand = true;
  else if (iequals(name, "public"))
    out.public_ = true;
  else if (iequals(name, "max-age"))
    keep_smaller(out.max_age, delta_seconds(argument).value_or(Seconds(0)));
  else if (iequals(name, "s-maxage"))
    keep_smaller(out.s_maxage, delta_seconds(argument).value_or(Seconds(0)));
}

// RFC 9213 section 2.1: lifetimes are Integers; one that is something else, or negative, leaves no lifetime.
Seconds lifetime_of_member(DictionaryMember const& member) {
  if (member.type != DictionaryMember::Type::integer || member.integer < 0) return Seconds(0);
  return std::min(Seconds(member.integer), max_delta);
}

// Here the names are compared as they are: keys of a dictionary are lower case, and the last of a name holds.
void take(ResponseDirectives& out, DictionaryMember const& member) {
  // Present with a string, a list or a token is present; only the Boolean false says that it is not.
  bool const set = member.type != DictionaryMember::Type::no;
  if (member.key == "no-store")
    out.no_store = set;
  else if (member.key == "private")
    out.private_ = set;
  else if (member.key == "no-cache")
    out.no_cache = set;
  else if (member.key == "must-revalidate")
    out.must_revalidate = set;
  else if (member.key == "proxy-revalidate")
    out.proxy_revalidate = set;
  else if (member.key == "must-understand")
    out.must_understand = set;
  else if (member.key == "public")
    out.public_ = set;
  else if (member.key == "max-age")
    out.max_age = lifetime_of_member(member);
  else if (member.key == "s-maxage")
    out.s_maxage = lifetime_of_member(member);
}

// Empty when the field is absent, empty or no dictionary: then it counts as absent (RFC 9213 section 2.1).
std::optional<ResponseDirectives> targeted_directives(http::FieldList const& fields) {
  ResponseDirectives out;
  for (auto const& field : fields.all()) {
    if (field.id != http::Name::argos_gateway_cache_control || field.value.empty()) continue;
    DictionaryReader reader(field.value);
    DictionaryMember member;
    while (reader.next(member)) {
      out.targeted = true;
      take(out, member);
    }
    if (reader.failed()) return std::nullopt;
  }
  return out.targeted ? std::optional(out) : std::nullopt;
}

}  // namespace

RequestDirectives request_directives(http::FieldList const& fields) {
  RequestDirectives out;
  bool said = false, pragma = false;
  for (auto const& field : fields.all()) {
    if (field.id == http::Name::cache_control) {
      said = true;
      for_each_directive(field.value,
                         [&](std::string_view name, Argument const& argument) { take(out, name, argument); });
    } else if (field.id == http::Name::pragma) {
      for_each_directive(field.value,
                         [&](std::string_view name, Argument const&) { pragma |= iequals(name, "no-cache"); });
    }
  }
  if (!said) out.no_cache = pragma;
  if (out.max_stale) out.any_stale = false;
  return out;
}

ResponseDirectives response_directives(http::FieldList const& fields) {
  if (auto targeted = targeted_directives(fields)) return *targeted;
  ResponseDirectives out;
  for (auto const& field : fields.all())
    if (field.id == http::Name::cache_control)
      out.malformed |= !for_each_directive(
          field.value, [&](std::string_view name, Argument const& argument) { take(out, name, argument); });
  return out;
}

}  // namespace gateway::cache
