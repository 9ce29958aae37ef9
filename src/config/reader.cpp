#include "reader.hpp"

#include <algorithm>

#include "gateway/base/ascii.hpp"
#include "scalars.hpp"

namespace gateway::config {
namespace {
std::int64_t bound(std::string_view text) { return parse_decimal<std::int64_t>(text).value_or(0); }

std::string kind_name(toml::node const& node) {
  switch (node.type()) {
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::boolean: return "a boolean";
    case toml::node_type::array: return "an array";
    case toml::node_type::table: return "a table";
    case toml::node_type::floating_point: return "a float";
    default: return "a date";
  }
}

std::vector<std::string_view> choices_of(std::string_view column) {
  std::vector<std::string_view> choices;
  while (true) {
    auto const bar = column.find('|');
    choices.push_back(column.substr(0, bar));
    if (bar == std::string_view::npos) return choices;
    column.remove_prefix(bar + 1);
  }
}

std::string join(std::vector<std::string_view> const& words) {
  std::string text;
  for (auto word : words) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}
}  // namespace

void Reader::problem(unsigned line, std::string key, std::string message, std::string remedy) const {
  problems_.push_back({file_, line, std::move(key), std::move(message), std::move(remedy)});
}

void Reader::unknown(unsigned line, std::string const& key, std::string_view word,
                     std::vector<std::string_view> const& known) const {
  auto const near = nearest(word, known);
  problem(line, key, "unknown key", near.empty() ? "known here: " + join(known) : "did you mean '" + near + "'?");
}

std::string Reader::resolve(std::string const& path) const {
  if (path.empty() || path.front() == '/') return path;
  return (folder_ / path).lexically_normal().string();
}

std::optional<std::string> Reader::text_of(toml::node const& node, std::string const& key) const {
  auto const value = node.value_exact<std::string>();
  if (!value) {
    problem(line_of(node), key, "is " + kind_name(node), "write a string in quotes");
    return std::nullopt;
  }
  auto text = *value;
  std::string missing;
  if (!expand_environment(text, missing)) {
    problem(line_of(node), key, "refers to the environment variable " + missing + ", which is not set",
            "export " + missing + " or write the value");
    return std::nullopt;
  }
  return text;
}

void Reader::read(toml::node const& node, std::string const& key, ParameterRow const& row, std::string& out) const {
  auto const text = text_of(node, key);
  if (!text) return;
  if (row.kind == "choice") {
    auto const choices = choices_of(row.max_text);
    if (std::find(choices.begin(), choices.end(), *text) == choices.end())
      return problem(line_of(node), key, "'" + *text + "' is not a choice", "use one of: " + join(choices));
  } else if (static_cast<std::int64_t>(text->size()) > bound(row.max_text)) {
    return problem(line_of(node), key, "is too long", "use at most " + std::string(row.max_text) + " characters");
  } else if (static_cast<std::int64_t>(text->size()) < bound(row.min_text)) {
    return problem(line_of(node), key, "is too short", "use at least " + std::string(row.min_text) + " characters");
  }
  out = row.kind == "path" ? resolve(*text) : *text;
}

void Reader::read(toml::node const& node, std::string const& key, ParameterRow const& row,
                  std::vector<std::string>& out) const {
  auto const* array = node.as_array();
  if (array == nullptr)
    return problem(line_of(node), key, "is " + kind_name(node), "write an array of strings, [\"...\"]");
  std::vector<std::string> items;
  for (auto const& item : *array)
    if (auto text = text_of(item, key)) items.push_back(std::move(*text));
  auto const count = static_cast<std::int64_t>(array->size());
  if (count < bound(row.min_text) || count > bound(row.max_text))
    return problem(line_of(node), key, "has " + std::to_string(count) + " elements",
                   "use " + std::string(row.min_text) + " to " + std::string(row.max_text));
  out = std::move(items);
}

void Reader::read(toml::node const& node, std::string const& key, ParameterRow const& row,
                  std::vector<std::int64_t>& out) const {
  auto const* array = node.as_array();
  if (array == nullptr || !std::all_of(array->begin(), array->end(), [](auto const& n) { return n.is_integer(); }))
    return problem(line_of(node), key, "is not an array of numbers", "write for instance [1001]");
  if (static_cast<std::int64_t>(array->size()) > bound(row.max_text))
    return problem(line_of(node), key, "has too many elements", "use at most " + std::string(row.max_text));
  out.clear();
  for (auto const& item : *array) {
    auto const value = item.value<std::int64_t>().value_or(-1);
    if (value < 0 || value > 0xfffffffe)
      return problem(line_of(item), key, "is not a user id", "use numbers from 0 to 4294967294");
    out.push_back(value);
  }
}

void Reader::read(toml::node const& node, std::string const& key, ParameterRow const& row, std::uint64_t& out) const {
  std::optional<std::uint64_t> size;
  if (auto const number = node.value_exact<std::int64_t>()) {
    if (*number >= 0) size = static_cast<std::uint64_t>(*number);
  } else if (node.is_string()) {
    auto const text = text_of(node, key);
    if (!text) return;
    size = parse_size(*text);
  }
  if (!size) return problem(line_of(node), key, "is not a size", "write for instance \"16KiB\" or \"10MiB\"");
  if (*size < static_cast<std::uint64_t>(bound(row.min_text)) || *size > static_cast<std::uint64_t>(bound(row.max_text)))
    return problem(line_of(node), key, "is out of range",
                   "use " + format_size(static_cast<std::uint64_t>(bound(row.min_text))) + " to " +
                       format_size(static_cast<std::uint64_t>(bound(row.max_text))));
  out = *size;
}

void Reader::read(toml::node const& node, std::string const& key, ParameterRow const& row,
                  std::chrono::milliseconds& out) const {
  std::optional<std::chrono::milliseconds> value;
  if (node.is_string()) {
    auto const text = text_of(node, key);
    if (!text) return;
    value = parse_duration(*text);
  }
  if (!value) return problem(line_of(node), key, "is not a duration", "write for instance \"250ms\", \"3s\", \"10m\"");
  using std::chrono::milliseconds;
  milliseconds const low(bound(row.min_text)), high(bound(row.max_text));
  if (*value < low || *value > high)
    return problem(line_of(node), key, "is out of range",
                   "use " + format_duration(low) + " to " + format_duration(high));
  out = *value;
}

void Reader::read(toml::node const& node, std::string const& key, ParameterRow const& row, std::int64_t& out) const {
  auto const number = node.value_exact<std::int64_t>();
  if (!number) return problem(line_of(node), key, "is " + kind_name(node), "write a whole number");
  if (*number < bound(row.min_text) || *number > bound(row.max_text))
    return problem(line_of(node), key, "is out of range",
                   "use " + std::string(row.min_text) + " to " + std::string(row.max_text));
  out = *number;
}

void Reader::read(toml::node const& node, std::string const& key, ParameterRow const&, bool& out) const {
  auto const flag = node.value_exact<bool>();
  if (!flag) return problem(line_of(node), key, "is " + kind_name(node), "write true or false");
  out = *flag;
}

void Reader::set_default(ParameterRow const& row, std::string& out) { out = row.default_text; }
void Reader::set_default(ParameterRow const& row, std::vector<std::string>& out) { out = split_list(row.default_text); }
void Reader::set_default(ParameterRow const&, std::vector<std::int64_t>& out) { out.clear(); }
void Reader::set_default(ParameterRow const& row, std::uint64_t& out) { out = parse_size(row.default_text).value(); }
void Reader::set_default(ParameterRow const& row, std::chrono::milliseconds& out) {
  out = parse_duration(row.default_text).value();
}
void Reader::set_default(ParameterRow const& row, std::int64_t& out) { out = bound(row.default_text); }
void Reader::set_default(ParameterRow const& row, bool& out) { out = row.default_text == "true"; }

}  // namespace gateway::config
