#pragma once
#include <boost/json.hpp>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

// The table of tests/wire (its README explains the members).
namespace gateway::test {

struct WireCase {
  std::string name;
  std::string raw;
  std::set<std::string> first;  // reasons that are right for the first answer, "none" when the vendor answers
  std::size_t answers = 0;
};

inline boost::json::array read_json_array(std::string const& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << in.rdbuf();
  return boost::json::parse(text.str()).as_array();
}

// The characters of the table stand for one byte each.
inline std::string narrow(boost::json::string const& text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto const c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      bytes += static_cast<char>(c);
      continue;
    }
    if ((c != 0xc2 && c != 0xc3) || i + 1 == text.size())
      throw std::runtime_error("a wire case has a character above U+00FF");
    bytes += static_cast<char>((c & 3) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3f));
  }
  return bytes;
}

inline std::string wire_bytes(boost::json::value const& raw) {
  if (raw.is_string()) return narrow(raw.as_string());
  std::string bytes;
  for (auto const& piece : raw.as_array()) {
    if (piece.is_string()) {
      bytes += narrow(piece.as_string());
      continue;
    }
    auto const unit = narrow(piece.at("repeat").as_string());
    for (std::int64_t i = 0; i < piece.at("times").as_int64(); ++i) bytes += unit;
  }
  return bytes;
}

inline std::vector<WireCase> wire_cases(std::string const& file) {
  auto const reason = [](boost::json::value const& verdict) {
    auto const* named = verdict.as_object().if_contains("reason");
    return named == nullptr ? std::string("none") : std::string(named->as_string());
  };
  std::vector<WireCase> cases;
  for (auto const& item : read_json_array(std::string(ARGOS_REPO) + "/tests/wire/" + file)) {
    WireCase one;
    one.name = item.at("name").as_string();
    one.raw = wire_bytes(item.at("raw"));
    auto const& expect = item.at("expect").as_array();
    one.answers = expect.size();
    if (!expect.empty()) {
      if (expect[0].is_array())
        for (auto const& verdict : expect[0].as_array()) one.first.insert(reason(verdict));
      else
        one.first.insert(reason(expect[0]));
    }
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace gateway::test
