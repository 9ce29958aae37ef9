#include <gtest/gtest.h>

#include <map>
#include <set>

#include "config/scalars.hpp"
#include "gateway/base/ascii.hpp"
#include "support/config_text.hpp"

// Each key of the table: its default, a good value, a value of the wrong type, values outside its bounds.
namespace gateway::test {
namespace {

using config::ParameterRow;

std::string full(ParameterRow const& row) { return std::string(row.section) + "." + std::string(row.key); }
std::int64_t number(std::string_view text) { return parse_decimal<std::int64_t>(text).value_or(-1); }

// A configuration that says `key = value`, and whatever else a file needs.
std::string with(ParameterRow const& row, std::string const& value) {
  std::string const line = std::string(row.key) + " = " + value + "\n";
  if (row.section == "tenant") {
    bool const has_name = row.key == "name", has_block = row.key == "cidr";
    return key_section + "[[tenant]]\n" + (has_name ? "" : "name = \"t\"\n") +
           (has_block ? "" : "cidr = [\"10.0.0.0/8\"]\n") + line;
  }
  if (row.section == "api_key") return "[api_key]\n" + line + one_tenant;
  return key_section + "[" + std::string(row.section) + "]\n" + line + one_tenant;
}

// Problems that name this key.
std::string problems_with(ParameterRow const& row, std::string const& value) {
  std::string found;
  for (auto const& problem : parse_text(with(row, value)).problems)
    if (problem.key == full(row)) found += problem.text() + "\n";
  return found;
}

std::vector<ParameterRow> all_rows() {
  auto rows = config::parameter_rows();
  rows.insert(rows.end(), config::tenant_parameter_rows().begin(), config::tenant_parameter_rows().end());
  return rows;
}

// A value that the further rules take too, with the lines that they ask for.
std::string good_value(ParameterRow const& row) {
  static std::map<std::string, std::string> const special = {
      {"server.listen", "[\"127.0.0.1:8080\", \"unix:/run/x.sock\"]"},
      {"server.path_prefix", "\"/v9\""},
      {"admin.listen", "\"[::1]:9901\""},
      {"upstream.base_url", "\"https://vendor.test/v3\""},
      {"upstream.total_timeout", "\"50s\""},
      {"upstream.first_byte_timeout", "\"1s\""},
      {"uploads.content_types", "[\"image/png\"]"},
      {"store.redis", "\"redis://h\""},
      {"audit.fail_closed", "[\"get_image\"]"},
      {"tenant.name", "\"a-b_c.1\""},
      {"tenant.cidr", "[\"10.0.0.0/8\", \"::1\"]"},
      {"tenant.tokens", "[\"sha256:" + std::string(64, 'a') + "\"]"},
      {"tenant.spiffe", "[\"spiffe://prod/x\"]"},
      {"tenant.operations", "[\"*\"]"},
      {"server.tls.certificate", "\"c\"\nprivate_key = \"k\""},
      {"server.tls.private_key", "\"k\"\ncertificate = \"c\""},
      {"server.tls.client_ca", "\"ca\"\ncertificate = \"c\"\nprivate_key = \"k\""},
      {"server.tls.require_client_certificate", "true\nclient_ca = \"ca\"\ncertificate = \"c\"\nprivate_key = \"k\""},
      {"tenant.rate", "\"50/s\""},
      {"tenant.unix_uid", "[0, 1000]"}};
  if (auto const found = special.find(full(row)); found != special.end()) return found->second;
  if (row.kind == "flag") return "true";
  if (row.kind == "count") return std::string(row.min_text);
  if (row.kind == "size" || row.kind == "duration")
    return "\"" + std::string(row.max_text) + (row.kind == "size" ? "B" : "ms") + "\"";
  if (row.kind == "choice") return "\"" + std::string(row.max_text.substr(0, row.max_text.find('|'))) + "\"";
  if (row.kind == "list") return "[\"x\"]";
  return "\"x\"";
}

TEST(ConfigKeys, AMinimalFileIsGood) {
  auto const loaded = parse_text(minimal);
  EXPECT_TRUE(loaded.good()) << problems_of(loaded);
  EXPECT_EQ(loaded.config->file, "test.toml");
}

TEST(ConfigKeys, TheTableIsSane) {
  std::set<std::string> names;
  for (auto const& row : all_rows()) {
    EXPECT_TRUE(names.insert(full(row)).second) << full(row);
    EXPECT_FALSE(row.doc.empty()) << full(row);
    EXPECT_EQ(row.doc.back(), '.') << full(row) << ": one sentence";
    EXPECT_EQ(row.doc.find('|'), row.doc.npos) << full(row) << " would break the table of the reference page";
    if (row.kind == "choice") {
      EXPECT_NE(("|" + std::string(row.max_text) + "|").find("|" + std::string(row.default_text) + "|"),
                std::string::npos)
          << full(row);
      continue;
    }
    EXPECT_LE(number(row.min_text), number(row.max_text)) << full(row);
    EXPECT_GE(number(row.min_text), 0) << full(row);
  }
  EXPECT_GE(names.size(), 68u);
}

TEST(ConfigKeys, EachDefaultIsWithinItsBounds) {
  for (auto const& row : all_rows()) {
    std::int64_t value = -1;
    if (row.kind == "count")
      value = number(row.default_text);
    else if (row.kind == "size")
      value = static_cast<std::int64_t>(config::parse_size(row.default_text).value_or(0));
    else if (row.kind == "duration")
      value = config::parse_duration(row.default_text).value_or(std::chrono::milliseconds(-1)).count();
    else if (row.kind == "list")
      value = static_cast<std::int64_t>(config::split_list(row.default_text).size());
    else
      continue;
    EXPECT_GE(value, number(row.min_text)) << full(row);
    EXPECT_LE(value, number(row.max_text)) << full(row);
  }
}

TEST(ConfigKeys, EachTakesAGoodValue) {
  for (auto const& row : all_rows())
    EXPECT_EQ(problems_with(row, good_value(row)), "") << full(row) << " = " << good_value(row);
}

TEST(ConfigKeys, EachRefusesValuesOfAnotherType) {
  for (auto const& row : all_rows())
    for (std::string const value :
         {"true", "1", "1.5", "\"~\"", "[1]", "[\"~\"]", "[[]]", "{a = 1}", "2026-01-01", "-1", "nan"}) {
      bool const text = row.kind == "text" || row.kind == "path" || row.kind == "choice";
      bool const fits = (row.kind == "flag" && value == "true") || (row.kind == "count" && value == "1") ||
                        (row.kind == "size" && value == "1") || (text && value[0] == '"') ||
                        (row.kind == "list" && value == "[\"~\"]") || (row.kind == "numbers" && value == "[1]");
      if (fits) continue;
      auto const problems = problems_with(row, value);
      EXPECT_NE(problems, "") << full(row) << " = " << value;
      EXPECT_TRUE(mentions(problems, "test.toml:")) << problems << ": with the line";
    }
}

TEST(ConfigKeys, EachHasBounds) {
  for (auto const& row : all_rows()) {
    auto const low = number(row.min_text), high = number(row.max_text);
    if (row.kind == "count") {
      EXPECT_EQ(problems_with(row, std::to_string(low)), "") << full(row);
      EXPECT_EQ(problems_with(row, std::to_string(high)), "") << full(row);
      EXPECT_TRUE(mentions(problems_with(row, std::to_string(low - 1)), "out of range")) << full(row);
      EXPECT_TRUE(mentions(problems_with(row, std::to_string(high + 1)), "out of range")) << full(row);
      EXPECT_NE(problems_with(row, "9223372036854775807"), "") << full(row);
    } else if (row.kind == "size") {
      EXPECT_EQ(problems_with(row, std::to_string(low)), "") << full(row);
      EXPECT_EQ(problems_with(row, "\"" + std::to_string(high) + "\""), "") << full(row);
      EXPECT_TRUE(mentions(problems_with(row, std::to_string(low - 1)), low == 0 ? "no" : "out of range")) << full(row);
      EXPECT_TRUE(mentions(problems_with(row, "\"" + std::to_string(high + 1) + "B\""), "out of range")) << full(row);
    } else if (row.kind == "duration") {
      EXPECT_TRUE(mentions(problems_with(row, "\"" + std::to_string(high + 1) + "ms\""), "out of range")) << full(row);
      if (low > 0) {
        EXPECT_TRUE(mentions(problems_with(row, "\"" + std::to_string(low - 1) + "ms\""), "out of range")) << full(row);
      }
    } else if (row.kind == "text" || row.kind == "path") {
      EXPECT_TRUE(
          mentions(problems_with(row, "\"" + std::string(static_cast<std::size_t>(high) + 1, 'x') + "\""), "too long"))
          << full(row);
      if (low > 0) {
        EXPECT_TRUE(mentions(problems_with(row, "\"\""), "too short")) << full(row);
      }
    } else if (row.kind == "choice") {
      EXPECT_TRUE(mentions(problems_with(row, "\"nonsense\""), "is not a choice")) << full(row);
    }
  }
}

TEST(ConfigKeys, ListsHaveBoundsToo) {
  for (auto const& row : all_rows()) {
    if (row.kind != "list" && row.kind != "numbers") continue;
    std::string many = "[";
    for (std::int64_t i = 0; i <= number(row.max_text); ++i)
      many += row.kind == "list" ? "\"x\"," : std::to_string(i) + ",";
    EXPECT_TRUE(mentions(problems_with(row, many + "]"), "elements")) << full(row);
    if (number(row.min_text) > 0) {
      EXPECT_TRUE(mentions(problems_with(row, "[]"), "elements")) << full(row);
    }
  }
}

TEST(ConfigKeys, ValuesArriveInTheStruct) {
  auto const loaded = parse_text(
      "[server]\nlisten = [\"127.0.0.1:1\", \"[::1]:2\"]\nworkers = 3\npath_prefix = \"\"\n[upstream]\nconnect_timeout "
      "= \"250ms\"\n"
      "[limits]\nheader_bytes = \"8KiB\"\nbody_bytes = 4096\n[cache]\nenabled = false\n[log]\nlevel = \"debug\"\n" +
      minimal);
  ASSERT_TRUE(loaded.good()) << problems_of(loaded);
  auto const& values = loaded.config->values;
  EXPECT_EQ(values.server_listen, (std::vector<std::string>{"127.0.0.1:1", "[::1]:2"}));
  EXPECT_EQ(values.server_workers, 3);
  EXPECT_EQ(values.server_path_prefix, "");
  EXPECT_EQ(values.upstream_connect_timeout, std::chrono::milliseconds(250));
  EXPECT_EQ(values.limits_header_bytes, 8192u);
  EXPECT_EQ(values.limits_body_bytes, 4096u);
  EXPECT_FALSE(values.cache_enabled);
  EXPECT_EQ(values.log_level, "debug");
  EXPECT_EQ(values.upstream_max_connections, 256) << "the default of a key that is not there";
  EXPECT_EQ(values.uploads_content_types, (std::vector<std::string>{"image/jpeg", "image/png"}));
  ASSERT_EQ(loaded.config->listen.size(), 2u);
  EXPECT_EQ(loaded.config->listen[1].text(), "[::1]:2");
}

TEST(ConfigKeys, TheReferencePageListsEachOfThem) {
  auto const page = config::reference_page();
  std::string section;
  for (auto const& row : all_rows()) {
    auto const heading = row.section == "tenant" ? "## `[[tenant]]`" : "## `[" + std::string(row.section) + "]`";
    auto const begin = page.find(heading);
    ASSERT_NE(begin, std::string::npos) << heading;
    auto const line = page.find("| `" + std::string(row.key) + "` | " + std::string(row.kind) + " |", begin);
    ASSERT_NE(line, std::string::npos) << full(row);
    auto const next = page.find("\n## ", begin + 1);
    EXPECT_LT(line, next == std::string::npos ? page.size() : next) << full(row) << " stands under its own heading";
    EXPECT_NE(page.find(row.doc, line), std::string::npos) << full(row);
  }
}

}  // namespace
}  // namespace gateway::test
