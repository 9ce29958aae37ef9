#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <tuple>

#include "gateway/base/ascii.hpp"
#include "reader.hpp"
#include "scalars.hpp"
#include "validate.hpp"

namespace gateway::config {
namespace {

std::vector<std::string_view> known_sections() {
  std::vector<std::string_view> names{"tenant"};
  for (auto const& row : parameter_rows())
    if (auto const top = row.section.substr(0, row.section.find('.')); names.back() != top) names.push_back(top);
  return names;
}

std::vector<std::string_view> known_keys(std::vector<ParameterRow> const& rows, std::string_view section) {
  std::vector<std::string_view> names;
  for (auto const& row : rows)
    if (row.section == section) names.push_back(row.key);
  return names;
}

// Reads one section's table. Keys that are no row of it are problems, subsections ("tls") are left to their own pass.
template <class ReadRow>
void read_section(Reader const& reader, toml::table const& table, std::string const& section,
                  std::vector<ParameterRow> const& rows, std::vector<std::string_view> const& subsections,
                  ReadRow&& read_row) {
  auto known = known_keys(rows, section);
  for (auto&& [name, node] : table) {
    std::string_view const key = name.str();
    auto const full = section + "." + std::string(key);
    if (std::find(known.begin(), known.end(), key) != known.end()) {
      read_row(key, node, full);
    } else if (std::find(subsections.begin(), subsections.end(), key) == subsections.end()) {
      auto all = known;
      all.insert(all.end(), subsections.begin(), subsections.end());
      reader.unknown(static_cast<unsigned>(name.source().begin.line), full, key, all);
    }
  }
}

ParameterRow const& row_of(std::vector<ParameterRow> const& rows, std::string_view section, std::string_view key) {
  return *std::find_if(rows.begin(), rows.end(), [&](auto const& row) { return row.section == section && row.key == key; });
}

void read_value(Reader const& reader, Values& values, std::string_view section, std::string_view key,
                toml::node const& node, std::string const& full) {
#define GW_ROW(kind_, section_, id, key_, default_, min, max, reload, doc)                  \
  if (section == section_ && key == #key_)                                                  \
    return reader.read(node, full, row_of(parameter_rows(), section_, #key_), values.id##_##key_);
  GW_PARAMETERS(GW_ROW)
#undef GW_ROW
}

void read_tenant_value(Reader const& reader, TenantValues& values, std::string_view key, toml::node const& node,
                       std::string const& full) {
#define GW_ROW(kind_, section_, id, key_, default_, min, max, reload, doc) \
  if (key == #key_) return reader.read(node, full, row_of(tenant_parameter_rows(), section_, #key_), values.key_);
  GW_TENANT_PARAMETERS(GW_ROW)
#undef GW_ROW
}

void set_defaults(Values& values) {
#define GW_ROW(kind_, section_, id, key_, default_, min, max, reload, doc) \
  Reader::set_default(row_of(parameter_rows(), section_, #key_), values.id##_##key_);
  GW_PARAMETERS(GW_ROW)
#undef GW_ROW
}

void set_defaults(TenantValues& values) {
#define GW_ROW(kind_, section_, id, key_, default_, min, max, reload, doc) \
  Reader::set_default(row_of(tenant_parameter_rows(), section_, #key_), values.key_);
  GW_TENANT_PARAMETERS(GW_ROW)
#undef GW_ROW
}

void read_tenants(Reader const& reader, toml::node const& node, std::vector<TenantValues>& tenants,
                  std::vector<unsigned>& lines) {
  auto const* array = node.as_array();
  if (array == nullptr || !array->is_array_of_tables())
    return reader.problem(line_of(node), "tenant", "is not a list of tables", "write [[tenant]]");
  for (auto const& item : *array) {
    TenantValues values;
    set_defaults(values);
    read_section(reader, *item.as_table(), "tenant", tenant_parameter_rows(), {},
                 [&](std::string_view key, toml::node const& value, std::string const& full) {
                   read_tenant_value(reader, values, key, value, full);
                 });
    tenants.push_back(std::move(values));
    lines.push_back(line_of(item));
  }
}

void read_root(Reader const& reader, toml::table const& root, Config& config, Lines& lines) {
  auto const sections = known_sections();
  for (auto&& [name, node] : root) {
    std::string const section(name.str());
    auto const line = static_cast<unsigned>(name.source().begin.line);
    if (std::find(sections.begin(), sections.end(), section) == sections.end()) {
      reader.unknown(line, section, section, sections);
      continue;
    }
    if (section == "tenant") {
      read_tenants(reader, node, config.tenant_values, lines.tenants);
      continue;
    }
    auto const* table = node.as_table();
    if (table == nullptr) {
      reader.problem(line, section, "is not a table", "write [" + section + "]");
      continue;
    }
    auto const take = [&](std::string const& full_section) {
      return [&, full_section](std::string_view key, toml::node const& value, std::string const& full) {
        lines.keys[full] = line_of(value);
        read_value(reader, config.values, full_section, key, value, full);
      };
    };
    bool const is_server = section == "server";
    read_section(reader, *table, section, parameter_rows(), is_server ? std::vector<std::string_view>{"tls"} : std::vector<std::string_view>{}, take(section));
    if (!is_server || !table->contains("tls")) continue;
    if (auto const* tls = table->get_as<toml::table>("tls"))
      read_section(reader, *tls, "server.tls", parameter_rows(), {}, take("server.tls"));
    else
      reader.problem(line_of(*table->get("tls")), "server.tls", "is not a table", "write [server.tls]");
  }
}

}  // namespace

std::string Problem::text() const {
  std::string where = file;
  if (line > 0) where += ":" + std::to_string(line);
  return where + ": " + (key.empty() ? "" : key + ": ") + message + (remedy.empty() ? "" : " (" + remedy + ")");
}

Loaded parse(std::string_view text, std::string const& name, std::filesystem::path const& folder) {
  Loaded loaded;
  auto config = std::make_unique<Config>();
  config->file = name;
  set_defaults(config->values);
  Reader const reader(name, folder, loaded.problems);
  Lines lines;
  try {
    auto const root = toml::parse(text, name);
    read_root(reader, root, *config, lines);
  } catch (toml::parse_error const& error) {
    reader.problem(static_cast<unsigned>(error.source().begin.line), "", std::string(error.description()),
                   "correct the TOML syntax; nothing after it was read");
    return loaded;
  }
  validate(reader, lines, *config);
  config->lines = std::move(lines.keys);
  loaded.config = std::move(config);
  // In the order of the file.
  std::sort(loaded.problems.begin(), loaded.problems.end(), [](auto const& a, auto const& b) {
    return std::tie(a.line, a.key, a.message) < std::tie(b.line, b.key, b.message);
  });
  return loaded;
}

Loaded load(std::filesystem::path const& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || in.bad()) {
    Loaded loaded;
    loaded.problems.push_back({file.string(), 0, "", "cannot be read", "check the path and its permissions"});
    return loaded;
  }
  return parse(text.str(), file.string(), std::filesystem::absolute(file).parent_path());
}

}  // namespace gateway::config
