#include "gateway/upload/fields.hpp"

#include <algorithm>
#include <array>

#include "names.hpp"
#include "values.hpp"

namespace gateway::upload {
namespace {

// operation, place, name, shape, required, longest value in bytes, choices
//
// Rows of one operation and place stand together. A row that is not required may be so by a bond (below).
#define GW_FIELDS(F)                                                                          \
  F(read_submission, query, submission_id, id, false, 128, "")                                \
  F(read_submission, query, userid, text, false, 256, "")                                     \
  F(read_submission, query, email, email, false, 254, "")                                     \
  F(read_submission, query, count, count, false, 4, "")                                       \
  F(read_submission, query, nextpage_id, text, false, 256, "")                                \
  F(read_submission, query, nextpage_date, text, false, 64, "")                               \
  F(read_submission, query, start_date, date, false, 10, "")                                  \
  F(read_submission, query, end_date, date, false, 10, "")                                    \
  F(read_submission, query, request_type, choice, false, 6, "kyc|aml|data|others")            \
  F(read_applicant, query, applicant_id, id, true, 128, "")                                   \
  F(delete_submission, query, submission_id, id, false, 128, "")                              \
  F(delete_submission, query, submissionId, id, false, 128, "")                               \
  F(delete_submission, query, admin_name, email, false, 254, "")                              \
  F(get_image, query, submission_id, id, false, 128, "")                                      \
  F(get_image, query, submissionId, id, false, 128, "")                                       \
  F(get_image, query, type, choice, true, 12, "idImage|selfieImage|addressImage|idBackImage") \
  F(get_aml_report, query, resourceId, id, true, 128, "")                                     \
  F(submit_step1, body, issuingCountry, alpha3, true, 3, "")                                  \
  F(submit_step1, body, email, email, true, 254, "")                                          \
  F(submit_step1, body, idType, choice, true, 15, "passport|government_id|drivers_license")   \
  F(submit_step1, body, idImage, file, true, 0, "")                                           \
  F(submit_step1, body, idBackImage, file, false, 0, "")                                      \
  F(submit_step1, body, submissionId, id, false, 128, "")                                     \
  F(submit_step1, body, userid, text, false, 256, "")                                         \
  F(submit_step1, body, cf1, text, false, 1024, "")                                           \
  F(submit_step1, body, cf2, text, false, 1024, "")                                           \
  F(submit_step1, body, cf3, text, false, 1024, "")                                           \
  F(submit_step2, body, submissionId, id, true, 128, "")                                      \
  F(submit_step2, body, faceImage, file, true, 0, "")                                         \
  F(submit_step2, body, name, text, true, 256, "")                                            \
  F(submit_step2, body, date_of_birth, date, true, 10, "")                                    \
  F(submit_step2, body, gender, choice, false, 6, "male|female")                              \
  F(submit_step2, body, nationality, alpha3, false, 3, "")                                    \
  F(submit_step2, body, identity_number, text, false, 64, "")                                 \
  F(submit_step2, body, license_number, text, false, 64, "")                                  \
  F(submit_step2, body, serial_number, text, false, 64, "")                                   \
  F(submit_step2, body, document_number, text, false, 64, "")                                 \
  F(submit_step2, body, date_of_issue, date, false, 10, "")                                   \
  F(submit_step2, body, date_of_expiry, date, false, 10, "")                                  \
  F(submit_step2, body, addressImage, file, false, 0, "")                                     \
  F(submit_step2, body, address_street, text, false, 256, "")                                 \
  F(submit_step2, body, address_city, text, false, 256, "")                                   \
  F(submit_step2, body, address_state, text, false, 256, "")                                  \
  F(submit_step2, body, address_zipcode, text, false, 256, "")                                \
  F(submit_step2, body, address_country, alpha3, false, 3, "")                                \
  F(submit_step2, body, globalCode, text, false, 512, "")                                     \
  F(submit_step2, body, compoundCode, text, false, 512, "")                                   \
  F(submit_step2, body, formatted_address, text, false, 512, "")                              \
  F(submit_step2, body, address_input, text, false, 512, "")                                  \
  F(submit_step2, body, address_detail, text, false, 512, "")                                 \
  F(address_code, body, address, text, true, 512, "")                                         \
  F(address_code, body, language, text, false, 35, "")

constexpr FieldRule rules_table[] = {
#define GW_ROW(operation, place, name, shape, required, max_bytes, choices) \
  {policy::OperationId::operation, Place::place, #name, Shape::shape, required, max_bytes, choices},
    GW_FIELDS(GW_ROW)
#undef GW_ROW
};

using policy::OperationId;
constexpr FieldBond bonds_table[] = {
    {OperationId::read_submission, Place::query, Bond::both_or_none, "nextpage_id", "nextpage_date"},
    {OperationId::read_submission, Place::query, Bond::in_order, "start_date", "end_date"},
    // The vendor's pages use both spellings.
    {OperationId::delete_submission, Place::query, Bond::exactly_one, "submission_id", "submissionId"},
    {OperationId::get_image, Place::query, Bond::exactly_one, "submission_id", "submissionId"},
};

constexpr std::span<FieldRule const> rules_of(OperationId operation, Place place) {
  std::span<FieldRule const> const all = rules_table;
  auto const theirs = [=](FieldRule const& rule) { return rule.operation == operation && rule.place == place; };
  auto const first = std::find_if(all.begin(), all.end(), theirs);
  return {first, std::find_if_not(first, all.end(), theirs)};
}

// Found once, as every lookup asks.
constexpr auto rules_by_place = [] {
  std::array<std::array<std::span<FieldRule const>, 2>, policy::operation_count> index{};
  for (auto const& operation : policy::operations)
    for (auto place : {Place::query, Place::body})
      index[static_cast<std::size_t>(operation.id)][static_cast<std::size_t>(place)] = rules_of(operation.id, place);
  return index;
}();

constexpr std::size_t longest_choice(std::string_view choices) {
  std::size_t longest = 0, size = 0;
  for (char c : choices) longest = std::max(longest, size = c == '|' ? 0 : size + 1);
  return longest;
}

constexpr bool rules_are_sound() {
  for (auto const& rule : rules_table) {
    auto const together = rules_of(rule.operation, rule.place);
    if (together.size() > FieldCheck::max_rules) return false;
    auto const same = [&](FieldRule const& other) { return same_folded(other.name, rule.name); };
    if (std::count_if(together.begin(), together.end(), same) != 1) return false;
    bool const is_choice = rule.shape == Shape::choice;
    if (is_choice == rule.choices.empty() || (is_choice && longest_choice(rule.choices) != rule.max_bytes))
      return false;
  }
  return true;
}
static_assert(rules_are_sound(), "rows stand together, no name twice for any reader, the longest choice is the longest value");

constexpr bool bonds_are_sound() {
  for (auto const& bond : bonds_table) {
    std::size_t known = 0;
    for (auto const& rule : rules_of(bond.operation, bond.place)) {
      if (rule.name != bond.first && rule.name != bond.second) continue;
      if (rule.required || (rule.shape == Shape::date) != (bond.kind == Bond::in_order)) return false;
      ++known;
    }
    if (known != 2) return false;
  }
  return true;
}
static_assert(bonds_are_sound(), "bonds are of two known fields that are not required alone; dates have an order");

std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

// "parameter 'count'", "field 'email'", "file 'idImage'".
std::string titled(FieldRule const& rule) {
  auto const noun = rule.place == Place::query ? "parameter " : rule.shape == Shape::file ? "file " : "field ";
  return noun + quoted(rule.name);
}

}  // namespace

std::span<FieldRule const> field_rules() { return rules_table; }
std::span<FieldBond const> field_bonds() { return bonds_table; }

FieldCheck::FieldCheck(OperationId operation, Place place, Problems& problems)
    : operation_(operation), place_(place), problems_(problems) {
  if (operation != OperationId::none)
    rules_ = rules_by_place[static_cast<std::size_t>(operation)][static_cast<std::size_t>(place)];
}

FieldRule const* FieldCheck::find(std::string_view name) const {
  for (auto const& rule : rules_)
    if (rule.name == name) return &rule;
  return nullptr;
}

std::size_t FieldCheck::longest_value() const {
  std::size_t longest = 0;
  for (auto const& rule : rules_) longest = std::max<std::size_t>(longest, rule.max_bytes);
  return longest;
}

void FieldCheck::text(std::string_view name, std::string_view value, bool truncated) {
  auto const* rule = find(name);
  if (rule == nullptr) return other(name);
  if (!first_time(*rule)) return;
  if (rule->shape == Shape::file) return report(rule->name, titled(*rule) + " must be a file part, with a file name");
  auto const fault = judge_value(*rule, value, truncated);
  if (!fault.empty()) return report(rule->name, titled(*rule) + " " + fault);
  if (rule->shape == Shape::date) remember_date(name, value);
}

// Text of an unknown name passes in a body unless some reader would find a known name in it: its value has not been
// judged by that one's rule. A query takes no unknown names, however like a known one they are.
void FieldCheck::other(std::string_view name) {
  if (place_ == Place::query) return report_unknown(name, false);
  for (auto const& rule : rules_)
    if (same_folded(name, rule.name)) {
      auto const shown = shown_name(name);
      return report(shown, "field " + quoted(shown) + " must be written " + quoted(rule.name) + ": " + std::string(folding_rule));
    }
}

void FieldCheck::file(std::string_view name) {
  auto const* rule = find(name);
  if (rule == nullptr) return report_unknown(name, true);
  if (first_time(*rule) && rule->shape != Shape::file)
    report(rule->name, titled(*rule) + " must be text, without a file name");
}

void FieldCheck::unreadable(FieldRule const& rule, std::string_view why) {
  if (first_time(rule)) report(rule.name, titled(rule) + " " + std::string(why));
}

void FieldCheck::finish() {
  for (std::size_t i = 0; i < rules_.size(); ++i)
    if (rules_[i].required && !seen_[i]) report(rules_[i].name, titled(rules_[i]) + " is required");
  for (auto const& bond : bonds_table)
    if (bond.operation == operation_ && bond.place == place_) finish_bond(bond);
}

// A name that comes again is reported once, and its further values are not judged.
bool FieldCheck::first_time(FieldRule const& rule) {
  auto const index = static_cast<std::size_t>(&rule - rules_.data());
  if (!seen_[index]) {
    seen_.set(index);
    return true;
  }
  if (!repeated_[index]) report(rule.name, titled(rule) + " is given more than once");
  repeated_.set(index);
  return false;
}

bool FieldCheck::seen(std::string_view name) const {
  auto const* rule = find(name);
  return rule != nullptr && seen_[static_cast<std::size_t>(rule - rules_.data())];
}

void FieldCheck::remember_date(std::string_view name, std::string_view value) {
  for (auto const& bond : bonds_table) {
    if (bond.operation != operation_ || bond.place != place_ || bond.kind != Bond::in_order) continue;
    if (name == bond.first) first_date_ = parse_date(value).value_or(0);
    if (name == bond.second) second_date_ = parse_date(value).value_or(0);
  }
}

void FieldCheck::finish_bond(FieldBond const& bond) {
  bool const first = seen(bond.first), second = seen(bond.second);
  auto const say = [&](std::string_view subject, char const* what, std::string_view object) {
    report(subject, "parameter " + quoted(subject) + what + (object.empty() ? std::string() : quoted(object)));
  };
  switch (bond.kind) {
    case Bond::both_or_none:
      if (first && !second) say(bond.second, " is required with ", bond.first);
      if (second && !first) say(bond.first, " is required with ", bond.second);
      break;
    case Bond::exactly_one:
      if (!first && !second) say(bond.first, " is required", {});
      if (first && second)
        report(bond.second,
               "parameter " + quoted(bond.second) + " means the same as " + quoted(bond.first) + "; send one of them");
      break;
    case Bond::in_order:
      if (first_date_ != 0 && second_date_ != 0 && second_date_ < first_date_)
        say(bond.second, " is before ", bond.first);
      break;
  }
}

void FieldCheck::report(std::string_view name, std::string message) {
  problems_.add(place_ == Place::query ? Code::query_invalid : Code::fields_invalid, std::string(name),
                std::move(message));
}

void FieldCheck::report_unknown(std::string_view name, bool is_file) {
  std::string known;
  for (auto const& rule : rules_) {
    if (is_file && rule.shape != Shape::file) continue;
    known += known.empty() ? " takes " : ", ";
    known += rule.name;
  }
  if (known.empty()) known = is_file ? " takes no files" : " takes no query parameters";
  auto const shown = shown_name(name);
  report(shown, (is_file ? "file " : "parameter ") + quoted(shown) + " is unknown; " +
                    std::string(policy::operation_name(operation_)) + known);
}

}  // namespace gateway::upload
