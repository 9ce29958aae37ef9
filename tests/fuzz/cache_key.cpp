// Cache keys. The input is two queries, a line end between them. Holds that a key says all that its query asks, for a
// reader of our own; that two keys are one exactly when the questions are; that other words for a question change
// nothing; and that a submission is only taken for the one that is asked for when every reader would agree.
#include <string>
#include <vector>

#include "cache/key_reference.hpp"
#include "gateway/cache/key.hpp"
#include "require.hpp"
#include "support/text.hpp"

namespace {

using namespace gateway;
using fuzz::require;

constexpr cache::Scope scope{1, 2, 3};

std::string key_of(std::string_view query) {
  test::ExactCopy const exact(query);
  cache::KeyBuffer key;
  bool const built = cache::build_key(scope, policy::OperationId::read_applicant, exact.view(), key);
  require(built != key.empty(), "a key or nothing");
  return std::string(key.view());
}

std::string hex(char c) {
  static constexpr char digits[] = "0123456789abcdef";
  auto const byte = static_cast<unsigned char>(c);
  return {'%', digits[byte >> 4], digits[byte & 15]};
}

std::string written(test::Symbols const& symbols) {
  std::string text;
  for (auto symbol : symbols)
    text += symbol.raw && !test::either_form_is_one(symbol.byte) ? std::string(1, symbol.byte) : hex(symbol.byte);
  return text;
}

// All encoded that may be.
std::string respelled(test::Questions const& questions) {
  std::string query = "&";
  for (auto const& question : questions)
    query += written(question.name) + (question.value ? "=" + written(*question.value) : "") + "&&";
  return query;
}

std::string lower(test::Symbols const& symbols) {
  std::string text;
  for (auto symbol : symbols) text += to_lower(symbol.byte);
  return text;
}

void check_asked(std::string_view query, test::Questions const& questions) {
  auto const asked = cache::asked_submission(query);
  std::vector<test::Question const*> found;
  for (auto const& question : questions)
    if (auto const name = lower(question.name); name == "submission_id" || name == "submissionid")
      found.push_back(&question);
  if (asked.kind() == cache::AskedSubmission::Kind::none) require(found.empty(), "a submission is asked for");
  if (!asked) return;
  require(found.size() == 1 && found[0]->value && !found[0]->value->empty(), "exactly one is asked for");
  std::string id;
  for (auto symbol : *found[0]->value) id += symbol.byte;
  require(*asked == id, "the id, decoded");
  require(query.find(';') == query.npos, "one way to split the query");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const input(reinterpret_cast<char const*>(data), size);
  auto const end = std::min(input.find('\n'), input.size());
  std::string_view const queries[] = {input.substr(0, end), input.substr(std::min(end + 1, input.size()))};
  std::string keys[2];
  test::Questions questions[2];
  for (int i = 0; i < 2; ++i) {
    keys[i] = key_of(queries[i]);
    if (keys[i].empty()) {
      require(!cache::asked_submission(queries[i]) || queries[i].size() > http::max_target_bytes ||
                  static_cast<std::size_t>(std::count(queries[i].begin(), queries[i].end(), '&')) >= cache::max_key_pairs,
              "nothing is read from what is malformed");
      continue;
    }
    auto const canonical = std::string_view(keys[i]).substr(cache::KeyBuffer::head_bytes);
    questions[i] = test::in_key_order(test::questions_of(queries[i]));
    require(test::questions_of(canonical) == questions[i], "the key can be read back", keys[i]);
    require(key_of(canonical) == keys[i], "a canonical query is its own", keys[i]);
    check_asked(queries[i], questions[i]);
    auto const other = respelled(questions[i]);
    if (other.size() <= http::max_target_bytes) require(key_of(other) == keys[i], "other words for one question", other);
    cache::hash_key(keys[i], size);
  }
  if (!keys[0].empty() && !keys[1].empty())
    require((keys[0] == keys[1]) == (questions[0] == questions[1]), "one key for one question");
  return 0;
}
