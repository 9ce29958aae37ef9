#pragma once
#include <string>

#include "gateway/config/config.hpp"

namespace gateway::test {

// The least that makes a valid configuration, apart from what a test adds.
inline std::string const key_section = "[api_key]\nenv = \"ARGOS_API_KEY\"\n";
inline std::string const one_tenant = "[[tenant]]\nname = \"local\"\ncidr = [\"127.0.0.0/8\"]\n";
inline std::string const minimal = key_section + one_tenant;

inline config::Loaded parse_text(std::string const& text) { return config::parse(text, "test.toml", "/etc/argos"); }

// All problems, one a line.
inline std::string problems_of(config::Loaded const& loaded) {
  std::string all;
  for (auto const& problem : loaded.problems) all += problem.text() + "\n";
  return all;
}
inline std::string problems_of(std::string const& text) { return problems_of(parse_text(text)); }

inline bool mentions(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

}  // namespace gateway::test
