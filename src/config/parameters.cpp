#include "gateway/config/parameters.hpp"

#include <string>

#include "gateway/config/config.hpp"
#include "scalars.hpp"

// The default column mixes strings, numbers and booleans; as text all are alike.
#define GW_TEXT_OF(x) strip(#x)

namespace gateway::config {
namespace {
constexpr std::string_view strip(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"') return text.substr(1, text.size() - 2);
  return text;
}
constexpr bool reloads(std::string_view word) { return word == "yes"; }
}  // namespace

std::vector<ParameterRow> const& parameter_rows() {
  static std::vector<ParameterRow> const rows = {
#define GW_ROW(kind_, section, id, key, default_, min, max, reload, doc) \
  {#kind_, section, #key, GW_TEXT_OF(default_), GW_TEXT_OF(min), GW_TEXT_OF(max), reloads(#reload), doc},
      GW_PARAMETERS(GW_ROW)
#undef GW_ROW
  };
  return rows;
}

std::vector<ParameterRow> const& tenant_parameter_rows() {
  static std::vector<ParameterRow> const rows = {
#define GW_ROW(kind_, section, id, key, default_, min, max, reload, doc) \
  {#kind_, section, #key, GW_TEXT_OF(default_), GW_TEXT_OF(min), GW_TEXT_OF(max), reloads(#reload), doc},
      GW_TENANT_PARAMETERS(GW_ROW)
#undef GW_ROW
  };
  return rows;
}

namespace {
std::string cell_for_default(ParameterRow const& row) {
  if (row.kind == "list" || row.kind == "numbers") {
    std::string items;
    for (auto const& item : split_list(row.default_text)) items += (items.empty() ? "\"" : ", \"") + item + "\"";
    return "`[" + items + "]`";
  }
  if (row.default_text.empty()) return "`\"\"`";
  if (row.kind == "count" || row.kind == "flag") return "`" + std::string(row.default_text) + "`";
  return "`\"" + std::string(row.default_text) + "\"`";
}

std::string cell_for_range(ParameterRow const& row) {
  if (row.kind == "flag") return "";
  if (row.kind == "choice") {
    std::string text(row.max_text);
    for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 3) text.replace(at, 1, ", ");
    return text;
  }
  std::string const unit = row.kind == "duration" ? " ms" : row.kind == "size" ? " bytes"
                           : row.kind == "count" ? ""
                           : row.kind == "text" || row.kind == "path" ? " characters" : " elements";
  return std::string(row.min_text) + " to " + std::string(row.max_text) + unit;
}

void append_rows(std::string& page, std::vector<ParameterRow> const& rows, std::string_view section) {
  page += "| key | kind | default | range | reload | meaning |\n|---|---|---|---|---|---|\n";
  for (auto const& row : rows)
    if (row.section == section)
      page += "| `" + std::string(row.key) + "` | " + std::string(row.kind) + " | " + cell_for_default(row) + " | " +
              cell_for_range(row) + " | " + (row.reloadable ? "yes" : "restart") + " | " + std::string(row.doc) + " |\n";
  page += "\n";
}
}  // namespace

std::string reference_page() {
  std::string page =
      "# Configuration reference\n\n"
      "Made by `argos-gateway doc config`; do not edit. Sizes take `B`, `KiB`, `MiB`, `GiB`; durations `ms`, `s`, `m`, `h`.\n"
      "Paths are relative to the folder of the configuration file. `${NAME}` in a string is replaced by the environment.\n"
      "Deadlines are looked at four times a second, so a time-out can come up to 250 ms late.\n"
      "`reload`: whether SIGHUP takes a new value over, or a restart is needed.\n\n";
  std::string_view section;
  for (auto const& row : parameter_rows()) {
    if (row.section == section) continue;
    section = row.section;
    page += "## `[" + std::string(section) + "]`\n\n";
    append_rows(page, parameter_rows(), section);
  }
  page += "## `[[tenant]]`\n\n";
  append_rows(page, tenant_parameter_rows(), "tenant");
  page.pop_back();
  return page;
}

}  // namespace gateway::config
