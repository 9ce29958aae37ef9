#include "gateway/upload/fields.hpp"

#include <simdjson.h>

#include <algorithm>
#include <string>
#include <vector>

#include "names.hpp"

// JSON bodies. The whole document is read into a tree: simdjson's on-demand reader checks only what it is asked for,
// and the vendor would read the rest.
namespace gateway::upload {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t max_depth = 16;
// Below this the parser takes no room for a document.
constexpr std::size_t least_capacity = 32;

constexpr std::string_view not_json = "the body is not JSON";
constexpr std::string_view bad_number = "the body holds a number that cannot be read";
constexpr std::string_view not_object = "the body must be one JSON object";
constexpr std::string_view too_deep = "the body is nested deeper than 16 levels";
constexpr std::string_view bad_text = "the body is not UTF-8";
static_assert(max_depth == 16, "as too_deep says");

std::string_view said_of(simdjson::error_code error) {
  if (error == simdjson::DEPTH_ERROR) return too_deep;
  if (error == simdjson::UTF8_ERROR) return bad_text;
  if (error == simdjson::NUMBER_ERROR) return bad_number;
  return not_json;
}

// Whether an object has two members of one name, of which readers take the first or the last.
bool repeats_member(dom::object object) {
  std::vector<std::string_view> names;
  for (auto const member : object) names.push_back(member.key);
  std::sort(names.begin(), names.end(), FoldedLess());
  return std::adjacent_find(names.begin(), names.end(), same_folded) != names.end();
}

// The same for objects at any depth. Recursion is bounded by max_depth.
bool repeats_member_inside(dom::element element) {
  if (dom::array array; element.get(array) == simdjson::SUCCESS)
    return std::any_of(array.begin(), array.end(), repeats_member_inside);
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return false;
  for (auto const member : object)
    if (repeats_member_inside(member.value)) return true;
  return repeats_member(object);
}

// Which of the operation's names a JSON object has twice.
std::string_view repeated_field(dom::object object, FieldCheck const& check) {
  for (auto const& rule : field_rules()) {
    if (check.find(rule.name) != &rule) continue;
    auto const is_it = [&](auto const& member) { return same_folded(member.key, rule.name); };
    if (std::count_if(object.begin(), object.end(), is_it) > 1) return rule.name;
  }
  return {};
}

std::string said_of_repetition(std::string_view field) {
  auto const which = field.empty() ? std::string("an object with two members of one name")
                                   : "two members named '" + std::string(field) + "'";
  return "the body has " + which + "; " + std::string(folding_rule);
}

}  // namespace

void check_json(policy::OperationId operation, std::string_view body, Problems& problems) {
  auto const malformed = [&](std::string_view why) { problems.add(Code::json_invalid, {}, std::string(why)); };
  simdjson::padded_string const padded(body);  // the parser reads whole vectors, past the end
  dom::parser parser;
  if (parser.allocate(std::max(body.size(), least_capacity), max_depth) != simdjson::SUCCESS)
    return malformed(not_json);
  dom::element document;
  if (auto const error = parser.parse(padded).get(document); error != simdjson::SUCCESS)
    return malformed(said_of(error));
  dom::object object;
  if (document.get(object) != simdjson::SUCCESS) return malformed(not_object);

  FieldCheck check(operation, Place::body, problems);
  if (repeats_member_inside(document)) return malformed(said_of_repetition(repeated_field(object, check)));
  for (auto const member : object) {
    auto const* rule = check.find(member.key);
    if (rule == nullptr) {
      check.other(member.key);
      continue;
    }
    std::string_view value;
    if (member.value.get(value) == simdjson::SUCCESS)
      check.text(member.key, value);
    else
      check.unreadable(*rule, "must be a JSON string");
  }
  check.finish();
}

}  // namespace gateway::upload
