#pragma once
#include <toml++/toml.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/config.hpp"

namespace gateway::config {

// Turns TOML nodes into values of the parameter kinds and collects what is wrong with them.
class Reader {
 public:
  Reader(std::string file, std::filesystem::path folder, std::vector<Problem>& problems)
      : file_(std::move(file)), folder_(std::move(folder)), problems_(problems) {}

  // One overload a kind. `key` is the full key for problems; `min` and `max` are the columns of the table.
  void read(toml::node const& node, std::string const& key, ParameterRow const& row, std::string& out) const;
  void read(toml::node const& node, std::string const& key, ParameterRow const& row, std::vector<std::string>& out) const;
  void read(toml::node const& node, std::string const& key, ParameterRow const& row, std::vector<std::int64_t>& out) const;
  void read(toml::node const& node, std::string const& key, ParameterRow const& row, std::uint64_t& out) const;
  void read(toml::node const& node, std::string const& key, ParameterRow const& row, std::chrono::milliseconds& out) const;
  void read(toml::node const& node, std::string const& key, ParameterRow const& row, std::int64_t& out) const;
  void read(toml::node const& node, std::string const& key, ParameterRow const& row, bool& out) const;

  // Sets the default column.
  static void set_default(ParameterRow const& row, std::string& out);
  static void set_default(ParameterRow const& row, std::vector<std::string>& out);
  static void set_default(ParameterRow const& row, std::vector<std::int64_t>& out);
  static void set_default(ParameterRow const& row, std::uint64_t& out);
  static void set_default(ParameterRow const& row, std::chrono::milliseconds& out);
  static void set_default(ParameterRow const& row, std::int64_t& out);
  static void set_default(ParameterRow const& row, bool& out);

  void problem(unsigned line, std::string key, std::string message, std::string remedy) const;
  void unknown(unsigned line, std::string const& key, std::string_view word,
               std::vector<std::string_view> const& known) const;
  std::string resolve(std::string const& path) const;

 private:
  std::optional<std::string> text_of(toml::node const& node, std::string const& key) const;

  std::string file_;
  std::filesystem::path folder_;
  std::vector<Problem>& problems_;
};

inline unsigned line_of(toml::node const& node) { return static_cast<unsigned>(node.source().begin.line); }

}  // namespace gateway::config
