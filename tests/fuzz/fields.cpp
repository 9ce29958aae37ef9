// The field rules. The first byte chooses the operation, the second the place (query, urlencoded body, JSON body), the
// rest is the input. Holds that the verdict is repeatable, that problems are bounded and show no piece of a value, and
// that what passes has, for a reader of our own (Boost.JSON for bodies in JSON), each required field once.
#include <boost/json.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gateway/base/ascii.hpp"
#include "gateway/upload/fields.hpp"
#include "require.hpp"
#include "support/text.hpp"

namespace {

using namespace gateway;
using namespace gateway::upload;
using fuzz::require;

enum class Input { query, urlencoded, json };
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t window = 8;

std::vector<Problem> judged(policy::OperationId operation, Input input, std::string_view bytes) {
  Problems problems;
  if (input == Input::query) check_query(operation, bytes, problems);
  if (input == Input::urlencoded) check_urlencoded(operation, bytes, problems);
  if (input == Input::json) check_json(operation, bytes, problems);
  return problems.all();
}

// A lenient reading: what has no '=' is a value, a bad escape stands for itself.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool const escape =
        text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
    if (escape)
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
    else
      out += text[i] == '+' ? ' ' : text[i];
    if (escape) i += 2;
  }
  return out;
}

Pairs read_pairs(std::string_view text) {
  Pairs pairs;
  while (!text.empty()) {  // behind a last '&' there is no pair
    auto const end = text.find('&');
    auto const piece = text.substr(0, end);
    auto const equals = piece.find('=');
    if (equals == piece.npos)
      pairs.emplace_back(std::string(), decoded(piece));
    else
      pairs.emplace_back(decoded(piece.substr(0, equals)), decoded(piece.substr(equals + 1)));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return pairs;
}

// Members of a JSON object; other values than strings as their text. When it is none, all of it is one value.
Pairs read_members(std::string_view body, bool passed) {
  boost::json::error_code error;
  auto const value = boost::json::parse(body, error);
  auto const* object = error ? nullptr : value.if_object();
  require(!passed || object != nullptr, "a body that passes is an object to Boost.JSON");
  if (object == nullptr) return {{std::string(), std::string(body)}};
  Pairs pairs;
  for (auto const& [name, member] : *object) {
    auto const* text = member.if_string();
    pairs.emplace_back(std::string(name), text != nullptr ? std::string(*text) : boost::json::serialize(member));
  }
  return pairs;
}

// A sentence without the number of the piece that it may begin with.
std::string_view unnumbered(std::string_view message) {
  for (std::string_view noun : {"parameter ", "field "}) {
    if (!message.starts_with(noun) || message.size() == noun.size() || !is_digit(message[noun.size()])) continue;
    message.remove_prefix(message.find(' ', noun.size()));
  }
  return message;
}

// Calls visit(piece) for each piece of a message as long as a window.
template <class Visit>
void for_each_window(std::string_view text, Visit visit) {
  for (std::size_t at = 0; at + window <= text.size(); ++at) visit(std::string(text.substr(at, window)));
}

std::string upper(std::string_view text) {
  std::string out;
  for (char c : text) out += c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  return out;
}

// What sentences are made of: a value may consist of it, too.
std::set<std::string, std::less<>> const& own_windows() {
  static auto const windows = [] {
    std::set<std::string, std::less<>> found;
    auto const learn = [&](std::vector<Problem> const& problems) {
      for (auto const& problem : problems)
        for_each_window(unnumbered(problem.message), [&](std::string piece) { found.insert(std::move(piece)); });
    };
    for (auto const& row : policy::operations) {
      for (auto const* bytes : {"", "&", "%", "~=", "=", "~=%", "~=%ff", "~=%00", "~&", "~=1&~=2", "a=1&a=2",
                                "a[=", "[]", "{", "2-2", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}", "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"})
        for (auto input : {Input::query, Input::urlencoded, Input::json}) learn(judged(row.id, input, bytes));
      for (auto const& rule : field_rules()) {
        if (rule.operation != row.id) continue;
        for (auto const& tail :
             {std::string("="), std::string("=%20"), std::string("=%2B"), std::string("=%01"), std::string("=%ff"),
              std::string("=%00"), std::string("=%"), std::string(""), "=" + std::string(2000, '~'), "=1&" + std::string(rule.name) + "=1"})
          for (auto input : {Input::query, Input::urlencoded})
            learn(judged(row.id, input, std::string(rule.name) + tail));
        std::string const name(rule.name), other = upper(rule.name);
        learn(judged(row.id, Input::json, "{\"" + name + "\":1}"));
        learn(judged(row.id, Input::json, "{\"" + name + "\":1,\"" + name + "\":2}"));
        learn(judged(row.id, Input::json, "{\"" + other + "\":1}"));
        learn(judged(row.id, Input::urlencoded, other + "=1"));
      }
      learn(judged(row.id, Input::query, "start_date=2024-01-02&end_date=2024-01-01&submissionId=a&submission_id=a"));
    }
    return found;
  }();
  return windows;
}

void check_messages(std::vector<Problem> const& problems, Pairs const& pairs, Input input) {
  std::set<std::string> windows;
  for (auto const& problem : problems) {
    auto const code = problem.code;
    require(code == (input == Input::query ? Code::query_invalid : Code::fields_invalid) ||
                code == (input == Input::json ? Code::json_invalid : Code::form_invalid),
            "a code of the place");
    require((code != Code::json_invalid && code != Code::form_invalid) || problems.size() == 1,
            "what is malformed is one problem");
    require(!problem.message.empty() && problem.message.size() < 500 && problem.field.size() <= 64,
            "problems are bounded");
    for_each_window(unnumbered(problem.message), [&](std::string piece) {
      if (!own_windows().contains(piece)) windows.insert(std::move(piece));
    });
  }
  if (windows.empty()) return;
  // Of the caller's bytes only names may be there, as shown_name() gives them and between quotes.
  std::string names;
  for (auto const& [name, value] : pairs) names += shown_name(name) + "\n";
  for (auto const& [name, value] : pairs)
    for_each_window(value, [&](std::string const& piece) {
      bool const is_name = names.find(piece) != names.npos || piece.find('\'') != piece.npos;
      require(is_name || !windows.contains(piece), "messages show no value:", test::shown(piece));
    });
}

std::string as_the_laxest_read(std::string_view name) {
  std::string folded;
  for (char c : name) folded += c == '.' || c == ' ' || c == '[' ? '_' : to_lower(c);
  return folded;
}

void check_passed(policy::OperationId operation, Place place, Pairs const& pairs) {
  std::map<std::string, std::size_t> times;
  for (auto const& [name, value] : pairs) ++times[name];
  auto const given = [&](std::string_view name) { return times.contains(std::string(name)); };
  for (auto const& rule : field_rules()) {
    if (rule.operation != operation || rule.place != place) continue;
    require(!rule.required || given(rule.name), "what passes has each required field", std::string(rule.name));
    require(!given(rule.name) || rule.shape != Shape::file, "text is no file");
  }
  for (auto const& [name, count] : times) require(count == 1, "what passes has each name once");
  std::map<std::string, std::string> alike;
  for (auto const& [name, value] : pairs) {
    auto const [at, is_new] = alike.emplace(as_the_laxest_read(name), name);
    require(is_new, "for every reader", name + " and " + at->second);
  }
  for (auto const& bond : field_bonds()) {
    if (bond.operation != operation || bond.place != place) continue;
    require(bond.kind != Bond::both_or_none || given(bond.first) == given(bond.second), "both or none");
    require(bond.kind != Bond::exactly_one || given(bond.first) != given(bond.second), "exactly one");
  }
  for (auto const& [name, value] : pairs) {
    FieldRule const* rule = nullptr;
    for (auto const& row : field_rules()) {
      if (row.operation != operation || row.place != place) continue;
      bool const alike_only = row.name != name && as_the_laxest_read(row.name) == as_the_laxest_read(name);
      require(!alike_only, "no name passes that is a known one to some reader", name);
      if (row.name == name) rule = &row;
    }
    require(rule != nullptr || place == Place::body, "what passes has known parameters only");
    if (rule == nullptr) continue;
    require(value.size() <= rule->max_bytes, "what passes is within its length");
    require(value.find('\0') == value.npos, "no NUL passes");
    require(!value.empty() || (place == Place::body && !rule->required),
            "only what is optional in a body may be empty");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 2) return 0;
  auto const operation = policy::operations[data[0] % policy::operation_count].id;
  auto const input = static_cast<Input>(data[1] % 3);
  test::ExactCopy const bytes({reinterpret_cast<char const*>(data) + 2, size - 2});
  auto const problems = judged(operation, input, bytes.view());
  auto const again = judged(operation, input, bytes.view());
  require(problems.size() == again.size() && problems.size() <= Problems::max_listed,
          "the verdict is repeatable and bounded");
  for (std::size_t i = 0; i < problems.size(); ++i)
    require(problems[i].code == again[i].code && problems[i].field == again[i].field &&
                problems[i].message == again[i].message,
            "the verdict is repeatable");
  auto const pairs = input == Input::json ? read_members(bytes.view(), problems.empty()) : read_pairs(bytes.view());
  check_messages(problems, pairs, input);
  if (problems.empty()) check_passed(operation, input == Input::query ? Place::query : Place::body, pairs);
  return 0;
}
