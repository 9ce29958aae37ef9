#pragma once
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/ascii.hpp"

// A second opinion on cache keys, which shares nothing with the code that builds them: what a query asks, as a list of
// symbols. Used by the tests and by the fuzz target.
namespace gateway::test {

// A byte as readers of forms may take it. `raw` tells the plain byte from the encoded one where they differ.
struct Symbol {
  char byte;
  bool raw;
  bool operator==(Symbol const&) const = default;
};
using Symbols = std::vector<Symbol>;
struct Question {
  Symbols name;
  std::optional<Symbols> value;  // nothing: there was no '='
  bool operator==(Question const&) const = default;
};
using Questions = std::vector<Question>;

inline bool either_form_is_one(char c) {
  return is_alnum(c) || std::string_view("-._~:/?@,!$'()*").find(c) != std::string_view::npos;
}

inline Symbols symbols_of(std::string_view text) {
  Symbols symbols;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool const raw = text[i] != '%';
    char c = text[i];
    if (!raw) {
      c = static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
      i += 2;
    }
    symbols.push_back({c, raw || either_form_is_one(c)});
  }
  return symbols;
}

// The pairs as they come, without empty ones. The text must be well-formed.
inline Questions questions_of(std::string_view query) {
  Questions questions;
  std::size_t begin = 0;
  while (begin <= query.size()) {
    auto const end = std::min(query.find('&', begin), query.size());
    auto const pair = query.substr(begin, end - begin);
    begin = end + 1;
    if (pair.empty()) continue;
    auto const equals = pair.find('=');
    Question question{symbols_of(pair.substr(0, equals)), std::nullopt};
    if (equals != std::string_view::npos) question.value = symbols_of(pair.substr(equals + 1));
    questions.push_back(std::move(question));
  }
  return questions;
}

inline std::string folded_name(Question const& question) {
  std::string folded;
  for (auto symbol : question.name)
    if (is_alnum(symbol.byte) || (symbol.byte & 0x80) != 0) folded += to_lower(symbol.byte);
  return folded;
}

// The order that the key gives them, by the standard library.
inline Questions in_key_order(Questions questions) {
  for (auto const& question : questions) {
    auto const holds_semicolon = [](Symbols const& symbols) {
      return std::find(symbols.begin(), symbols.end(), Symbol{';', true}) != symbols.end();
    };
    if (holds_semicolon(question.name) || (question.value && holds_semicolon(*question.value))) return questions;
  }
  std::multimap<std::string, Question> by_name;  // keeps the order of equal names
  for (auto& question : questions) by_name.emplace(folded_name(question), std::move(question));
  questions.clear();
  for (auto& [name, question] : by_name) questions.push_back(std::move(question));
  return questions;
}

}  // namespace gateway::test
