#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "gateway/cache/page.hpp"
#include "support/random.hpp"
#include "support/text.hpp"

// Pages written at random from what they shall say.
namespace gateway::cache {
namespace {

using policy::OperationId;
using test::Random;

struct Item {
  std::string id;
  KycResult result;
};

class Writer {
 public:
  explicit Writer(Random& random) : random_(random) {}

  std::string text(std::string_view plain) {
    std::string out = "\"";
    for (char c : plain) {
      static constexpr char digits[] = "0123456789abcdef";
      bool const must = c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
      if (must || random_.chance(6))
        out += std::string("\\u00") + digits[c >> 4 & 15] + digits[c & 15];
      else
        out += c;
    }
    return out + "\"";
  }
  std::string cased(std::string word) {
    for (auto& c : word)
      if (c >= 'a' && c <= 'z' && random_.chance(2)) c = static_cast<char>(c - 'a' + 'A');
    return word;
  }
  std::string value(std::size_t depth = 0) {
    switch (random_.below(depth < 4 ? 7 : 5)) {
      case 0: return "null";
      case 1: return random_.chance(2) ? "true" : "false";
      case 2: return std::to_string(static_cast<std::int64_t>(random_.bits()) % 100'000) + (random_.chance(2) ? "" : ".5e-7");
      case 3: return text(random_.word("abc{}[],:\"\\\n\x7f", random_.below(12)));
      case 4: return random_.chance(2) ? "{}" : "[]";
      case 5: {
        std::vector<std::string> members;
        for (auto count = random_.below(4); count > 0; --count) members.push_back(text("m" + std::to_string(count)) + ":" + value(depth + 1));
        return joined('{', members, '}');
      }
      default: {
        std::vector<std::string> elements;
        for (auto count = random_.below(4); count > 0; --count) elements.push_back(value(depth + 1));
        return joined('[', elements, ']');
      }
    }
  }
  std::string object(std::vector<std::string> members) {
    for (auto count = random_.below(4); count > 0; --count) members.push_back(text("other" + std::to_string(count)) + blank() + ":" + blank() + value());
    for (auto i = members.size(); i > 1; --i) std::swap(members[i - 1], members[random_.below(i)]);
    return joined('{', members, '}');
  }
  std::string joined(char open, std::vector<std::string> const& parts, char close) {
    std::string out(1, open);
    for (auto const& part : parts) out += (&part == &parts.front() ? "" : ",") + blank() + part + blank();
    return out + blank() + close;
  }
  std::string blank() { return random_.chance(4) ? random_.word(" \t\r\n", random_.below(3)) : std::string(); }
  Random& random() { return random_; }

 private:
  Random& random_;
};

std::string kyc_of(Writer& writer, KycResult result) {
  static constexpr char const* words[] = {"approved", "rejected", "pending", "incomplete", "elsewhere"};
  return writer.text(writer.cased("kyc")) + ":" +
         writer.object({writer.text(writer.cased("result")) + ":" + writer.text(writer.cased(words[static_cast<std::size_t>(result)]))});
}

std::string written(Writer& writer, std::vector<Item> const& items, bool next, bool submissions) {
  static constexpr char const* spellings[] = {"submission_id", "submissionId", "Submission_id", "submission id"};
  std::vector<std::string> parts;
  for (auto const& item : items) {
    std::vector<std::string> members = {writer.text(spellings[writer.random().below(4)]) + ":" + writer.text(item.id)};
    if (submissions) members.push_back(kyc_of(writer, item.result));
    parts.push_back(writer.object(members));
  }
  auto const list = writer.joined('[', parts, ']');
  if (!submissions) return writer.blank() + list + writer.blank();
  std::vector<std::string> members = {writer.text("Items") + ":" + list};
  if (next) members.push_back(writer.text("nextpageKey") + R"(:{"id":"x"})");
  return writer.blank() + writer.object(members) + writer.blank();
}

PageFacts read(std::string_view body, std::string_view asked, bool submissions) {
  test::ExactCopy const exact(body);
  return read_page(submissions ? OperationId::read_submission : OperationId::read_applicant, asked, {exact.view().data(), exact.size()});
}

TEST(PageProperty, APageSaysWhatItWasMadeOf) {
  Random random("APageSaysWhatItWasMadeOf");
  Writer writer(random);
  for (int run = 0; run < 3'000; ++run) {
    bool const submissions = !random.chance(4), next = submissions && random.chance(3);
    std::vector<Item> items(random.chance(40) ? 60 + random.below(20) : random.below(6));
    std::set<std::uint64_t> subjects;
    std::array<std::uint32_t, kyc_result_count> results{};
    for (auto& item : items) {
      item = {random.word("abcXYZ019-_\"\\", 1 + random.below(24)), static_cast<KycResult>(random.below(kyc_result_count))};
      subjects.insert(static_cast<std::uint64_t>(submission_subject(item.id)));
      if (submissions) ++results[static_cast<std::size_t>(item.result)];
    }
    auto const body = written(writer, items, next, submissions);
    auto const facts = read(body, {}, submissions);
    ASSERT_EQ(facts.kind, items.empty() ? PageKind::empty : PageKind::readable) << body;
    ASSERT_EQ(facts.items, items.size()) << body;
    ASSERT_EQ(facts.results, results) << body;
    ASSERT_EQ(facts.has_next, next) << body;
    ASSERT_EQ(facts.more, subjects.size() > PageFacts::max_subjects);
    ASSERT_EQ(facts.subject_count, std::min(subjects.size(), PageFacts::max_subjects));
    for (auto subject : facts.shown()) ASSERT_TRUE(subjects.count(static_cast<std::uint64_t>(subject))) << body;

    // Asked for one submission, the page is only that one's.
    if (submissions && !items.empty()) {
      auto const& asked = items[random.below(items.size())].id;
      bool const alone = std::all_of(items.begin(), items.end(), [&](Item const& item) { return item.id == asked; });
      ASSERT_EQ(read(body, asked, true).kind, alone ? PageKind::readable : PageKind::mismatched) << body;
    }
    // Cut off anywhere, it is no page.
    auto const end = body.find_last_of("]}");
    ASSERT_EQ(read(std::string_view(body).substr(0, random.below(end + 1)), {}, submissions).kind, PageKind::unreadable) << body;
  }
}

TEST(PageProperty, TheOrderOfItemsDoesNotMatter) {
  Random random("TheOrderOfItemsDoesNotMatter");
  Writer writer(random);
  Ttls const ttls{std::chrono::seconds(7), std::chrono::seconds(6), std::chrono::seconds(2), std::chrono::seconds(3),
                  std::chrono::seconds(9), std::chrono::seconds(1), std::chrono::seconds(5)};
  for (int run = 0; run < 500; ++run) {
    std::vector<Item> items(2 + random.below(6));
    for (auto& item : items) item = {random.word("abc", 3), static_cast<KycResult>(random.below(kyc_result_count))};
    auto const first = content_lifetime(read(written(writer, items, false, true), {}, true), OperationId::read_submission, ttls);
    Duration shortest = ttls.list;
    Duration const by_result[] = {ttls.approved, ttls.rejected, ttls.pending, ttls.incomplete, ttls.other};
    for (auto const& item : items) shortest = std::min(shortest, by_result[static_cast<std::size_t>(item.result)]);
    ASSERT_EQ(first, shortest);
    for (auto i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.below(i)]);
    ASSERT_EQ(content_lifetime(read(written(writer, items, false, true), {}, true), OperationId::read_submission, ttls), first);
  }
}

// A single changed byte may make another page of it, but none that claims the asked submission for something else.
TEST(PageProperty, DamagedPagesNeverShowAnotherSubmissionAsTheOneAskedFor) {
  Random random("DamagedPagesNeverShowAnotherSubmissionAsTheOneAskedFor");
  Writer writer(random);
  std::size_t refused = 0, read_still = 0;
  for (int run = 0; run < 20'000; ++run) {
    auto body = written(writer, {{"sbx1", KycResult::approved}}, false, true);
    body[random.below(body.size())] = random.byte();
    auto const facts = read(body, "sbx1", true);
    if (facts.kind != PageKind::readable) {
      ++refused;
      continue;
    }
    ++read_still;
    ASSERT_EQ(facts.items, 1u);
    ASSERT_EQ(facts.subject_count, 1u);
    ASSERT_EQ(facts.subjects[0], submission_subject("sbx1")) << body;
  }
  EXPECT_GT(refused, 5'000u);
  EXPECT_GT(read_still, 500u);
}

}  // namespace
}  // namespace gateway::cache
