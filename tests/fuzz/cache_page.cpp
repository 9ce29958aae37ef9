// Bodies of lookups. The first byte chooses the operation and whether a submission is asked for, the rest is the body.
// Holds that what is not unreadable is JSON for Boost.JSON, too, with the same submissions and results in it; that a
// page without its last byte is unreadable; and that what was read before changes nothing.
#include <boost/json.hpp>
#include <set>
#include <string>

#include "gateway/base/ascii.hpp"
#include "gateway/cache/page.hpp"
#include "require.hpp"
#include "support/text.hpp"

namespace {

namespace json = boost::json;
using namespace gateway;
using namespace gateway::cache;
using fuzz::require;
using policy::OperationId;

PageFacts read(OperationId operation, std::string_view asked, std::string_view body) {
  test::ExactCopy const exact(body);
  return read_page(operation, asked, {exact.view().data(), exact.size()});
}

json::value const* member(json::object const& object, std::string_view name) {
  for (auto const& pair : object)
    if (iequals(std::string_view(pair.key().data(), pair.key().size()), name)) return &pair.value();
  return nullptr;
}

std::string text_of(json::value const* value) {
  if (value == nullptr || !value->is_string()) return {};
  return std::string(value->get_string().data(), value->get_string().size());
}

// What the items say, by the tree.
struct Expected {
  std::set<std::uint64_t> subjects;
  std::array<std::uint32_t, kyc_result_count> results{};
  std::uint32_t items = 0;
  bool named = true;  // each says which submission it shows, and that one may be shown
};

Expected expected_of(json::array const& items, std::string_view asked, bool has_result) {
  static constexpr std::string_view words[] = {"approved", "rejected", "pending", "incomplete"};
  Expected expected;
  for (auto const& value : items) {
    require(value.is_object(), "items are objects");
    auto const& item = value.get_object();
    ++expected.items;
    std::set<std::string> ids;
    for (auto name : {"submission_id", "submissionid", "submission id", "submission-id"})
      for (auto const& pair : item)
        if (iequals(std::string_view(pair.key().data(), pair.key().size()), name)) ids.insert(text_of(&pair.value()));
    expected.named &= ids.size() == 1 && !ids.begin()->empty() && (asked.empty() || *ids.begin() == asked);
    if (ids.size() == 1) expected.subjects.insert(static_cast<std::uint64_t>(submission_subject(*ids.begin())));
    if (!has_result) continue;
    std::size_t result = std::size(words);
    auto const* kyc = member(item, "kyc");
    if (kyc != nullptr && kyc->is_object()) {
      auto const said = text_of(member(kyc->get_object(), "result"));
      for (std::size_t i = 0; i < std::size(words); ++i)
        if (iequals(said, words[i])) result = i;
    }
    ++expected.results[result];
  }
  return expected;
}

void check_items(PageFacts const& facts, json::array const& items, std::string_view asked, bool has_result) {
  auto const expected = expected_of(items, asked, has_result);
  require((facts.kind == PageKind::empty) == items.empty(), "no items, nothing found");
  require((facts.kind == PageKind::mismatched) == !expected.named, "each item says that it is what was asked for");
  if (facts.kind != PageKind::readable) return;
  require(facts.items == expected.items && facts.results == expected.results, "the items and results of the tree");
  std::set<std::uint64_t> shown;
  for (auto subject : facts.shown()) shown.insert(static_cast<std::uint64_t>(subject));
  require(shown.size() == facts.shown().size(), "each submission once");
  if (facts.more)
    require(shown.size() == PageFacts::max_subjects && expected.subjects.size() > shown.size() &&
                std::includes(expected.subjects.begin(), expected.subjects.end(), shown.begin(), shown.end()),
            "as many submissions as there is room for");
  else
    require(shown == expected.subjects, "the submissions of the tree");
}

void check_object(PageFacts const& facts, OperationId operation, json::object const& object, std::string_view asked) {
  auto const* items = member(object, "Items");
  auto const* data = object.if_contains("data");
  auto const* flag = member(object, "isEncrypted");
  bool const list = operation == OperationId::read_submission && items != nullptr;
  if (facts.kind == PageKind::encrypted) {
    require(flag != nullptr || (data != nullptr && data->is_string() && !list), "something says that it is encrypted");
    return;
  }
  require(operation == OperationId::read_submission, "an applicant's answer is an array");
  require(items != nullptr || data == nullptr || !data->is_string(), "data in text is encrypted");
  static json::array const nothing;
  require(items == nullptr || items->is_array() || items->is_null(), "items are an array");
  check_items(facts, items != nullptr && items->is_array() ? items->get_array() : nothing, asked, true);
  auto const* next = member(object, "nextpageKey");
  bool const says_nothing = next == nullptr || next->is_null() || (next->is_bool() && !next->get_bool()) ||
                            (next->is_object() && next->get_object().empty()) ||
                            (next->is_array() && next->get_array().empty());
  if (facts.kind != PageKind::mismatched) require(facts.has_next == !says_nothing, "whether there is more");
}

void check_same(PageFacts const& a, PageFacts const& b) {
  require(a.kind == b.kind && a.items == b.items && a.results == b.results && a.has_next == b.has_next &&
              a.more == b.more && a.subject_count == b.subject_count && a.subjects == b.subjects,
          "one body, one reading");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  auto const operation = (data[0] & 1) != 0 ? OperationId::read_applicant : OperationId::read_submission;
  std::string_view const asked = (data[0] & 2) != 0 ? "sbx1" : "";
  std::string_view const body(reinterpret_cast<char const*>(data + 1), size - 1);
  auto const facts = read(operation, asked, body);
  read(operation, asked, std::string(300 * (data[0] >> 2), '{'));
  check_same(facts, read(operation, asked, body));
  require(facts.asked_for_one == (!asked.empty() && operation == OperationId::read_submission), "what was asked for");
  bool const whole = facts.kind == PageKind::readable || facts.kind == PageKind::empty;
  require(whole || (facts.items == 0 && facts.shown().empty() && !facts.more), "nothing is said of what is not known");
  require(content_lifetime(facts, operation, {}).has_value() == (facts.kind != PageKind::mismatched), "a lifetime");
  if (facts.kind == PageKind::unreadable) return 0;

  json::parse_options options;
  options.max_depth = max_page_depth + 1;
  json::error_code error;
  auto const tree = json::parse(json::string_view(body.data(), body.size()), error, {}, options);
  if (error == json::error::exponent_overflow) return 0;  // a number to the grammar, if not to every reader
  require(!error, "what is read is JSON", error.message());
  if (tree.is_array()) {
    require(operation == OperationId::read_applicant, "a list of submissions is an object");
    check_items(facts, tree.get_array(), {}, false);
  } else {
    require(tree.is_object(), "an object or an array");
    check_object(facts, operation, tree.get_object(), asked);
  }
  auto const last = body.find_last_not_of(" \t\r\n");
  require(read(operation, asked, body.substr(0, last)).kind == PageKind::unreadable, "a page cut off is unreadable");
  return 0;
}
