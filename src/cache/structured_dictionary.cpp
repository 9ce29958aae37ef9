#include "structured_dictionary.hpp"

#include "gateway/base/ascii.hpp"

namespace gateway::cache {

DictionaryReader::DictionaryReader(std::string_view value) : rest_(value) {
  while (!rest_.empty() && rest_.back() == ' ') rest_.remove_suffix(1);
  skip_blanks(false);
}

bool DictionaryReader::accept(char c) {
  if (!at(c)) return false;
  rest_.remove_prefix(1);
  return true;
}

void DictionaryReader::skip_blanks(bool tabs) {
  while (at(' ') || (tabs && at('\t'))) rest_.remove_prefix(1);
}

bool DictionaryReader::next(DictionaryMember& member) {
  if (failed_ || rest_.empty()) return false;
  if (!first_) {
    skip_blanks(true);
    if (!accept(',')) return fail();
    skip_blanks(true);  // a comma with nothing behind it fails below: there is no key
  }
  first_ = false;
  member = {};
  if (!key(member.key)) return fail();
  if (!accept('=')) return parameters() || fail();
  if (!item(member) || !parameters()) return fail();
  return true;
}

bool DictionaryReader::key(std::string_view& out) {
  auto const starts = [](char c) { return (c >= 'a' && c <= 'z') || c == '*'; };
  auto const goes_on = [&](char c) { return starts(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; };
  if (rest_.empty() || !starts(rest_.front())) return false;
  std::size_t size = 1;
  while (size < rest_.size() && goes_on(rest_[size])) ++size;
  out = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return true;
}

bool DictionaryReader::parameters() {
  while (accept(';')) {
    skip_blanks(false);
    std::string_view name;
    DictionaryMember ignored;
    if (!key(name)) return false;
    if (accept('=') && !bare_item(ignored)) return false;
  }
  return true;
}

bool DictionaryReader::item(DictionaryMember& member) {
  if (!at('(')) return bare_item(member);
  member.type = DictionaryMember::Type::other;
  return inner_list();
}

bool DictionaryReader::inner_list() {
  accept('(');
  while (!rest_.empty()) {
    skip_blanks(false);
    if (accept(')')) return true;
    DictionaryMember ignored;
    if (!bare_item(ignored) || !parameters()) return false;
    if (!at(' ') && !at(')')) return false;
  }
  return false;
}

bool DictionaryReader::bare_item(DictionaryMember& member) {
  if (rest_.empty()) return false;
  char const c = rest_.front();
  if (c == '-' || is_digit(c)) return number(member);
  if (accept('?')) {
    bool const yes = at('1');
    member.type = yes ? DictionaryMember::Type::yes : DictionaryMember::Type::no;
    return accept(yes ? '1' : '0');
  }
  member.type = DictionaryMember::Type::other;
  if (c == '"') return string();
  if (c == ':') return bytes();
  return (is_alpha(c) || c == '*') && token();
}

// Integers have at most 15 digits; decimals 12 and behind the point 1 to 3.
bool DictionaryReader::number(DictionaryMember& member) {
  bool const negative = accept('-');
  std::size_t digits = 0;
  for (; !rest_.empty() && is_digit(rest_.front()); rest_.remove_prefix(1)) {
    if (++digits > 15) return false;
    member.integer = member.integer * 10 + (rest_.front() - '0');
  }
  if (digits == 0) return false;
  if (negative) member.integer = -member.integer;
  member.type = DictionaryMember::Type::integer;
  if (!accept('.')) return true;
  member.type = DictionaryMember::Type::other;
  std::size_t fraction = 0;
  for (; !rest_.empty() && is_digit(rest_.front()); rest_.remove_prefix(1)) ++fraction;
  return digits <= 12 && fraction >= 1 && fraction <= 3;
}

bool DictionaryReader::string() {
  accept('"');
  while (!rest_.empty()) {
    char const c = rest_.front();
    rest_.remove_prefix(1);
    if (c == '"') return true;
    if (c < 0x20 || c > 0x7e) return false;
    if (c == '\\' && !accept('"') && !accept('\\')) return false;
  }
  return false;
}

bool DictionaryReader::token() {
  while (!rest_.empty() && (is_tchar(rest_.front()) || at(':') || at('/'))) rest_.remove_prefix(1);
  return true;
}

bool DictionaryReader::bytes() {
  accept(':');
  while (!rest_.empty() && (is_alnum(rest_.front()) || at('+') || at('/') || at('='))) rest_.remove_prefix(1);
  return accept(':');
}

}  // namespace gateway::cache
