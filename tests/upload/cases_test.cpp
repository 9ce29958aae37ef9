#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/random.hpp"
#include "support/uploads.hpp"

// The table of tests/upload/cases through the whole inspection, in one piece and in every split.
namespace gateway::test {
namespace {

std::vector<UploadCase> const& cases() {
  static auto const all = upload_cases();
  return all;
}

std::vector<std::size_t> every_offset(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

TEST(Cases, CoverEveryReasonOfTheBody) {
  ASSERT_GE(cases().size(), 300u);
  std::set<std::string_view> seen;
  for (auto const& one : cases()) seen.insert(one.reason);
  for (auto code = static_cast<int>(Code::fields_invalid); code <= static_cast<int>(Code::image_too_many_pixels);
       ++code)
    EXPECT_TRUE(seen.count(traits_of(static_cast<Code>(code)).token)) << traits_of(static_cast<Code>(code)).token;
  EXPECT_TRUE(seen.count("ok"));
}

TEST(Cases, GetTheirVerdictInOnePiece) {
  for (auto const& one : cases()) {
    auto const verdict = judge_upload(one, {}, true);
    EXPECT_EQ(verdict.token, one.reason) << one.name << "\n" << verdict;
    if (verdict.token != one.reason) continue;
    EXPECT_NE(verdict.last_message.find(one.part), std::string::npos) << one.name << "\n" << verdict;
    if (one.fields_are_known) EXPECT_EQ(verdict.fields, one.fields) << one.name << "\n" << verdict;
  }
}

// What an answer says must be there, and must not be what the caller sent.
TEST(Cases, AreRefusedWithASentence) {
  for (auto const& one : cases()) {
    auto const verdict = judge_upload(one, {});
    EXPECT_EQ(verdict.token == "ok" || !verdict.last_message.empty(), true) << one.name;
    for (char c : verdict.problems)
      ASSERT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << one.name << "\n" << shown(verdict.problems);
    if (one.rules.validation == upload::Validation::off && one.reason == "ok")
      EXPECT_EQ(verdict.problems, "") << one.name;
  }
}

TEST(Cases, GetTheSameVerdictByteByByte) {
  for (auto const& one : cases())
    EXPECT_EQ(judge_upload(one, every_offset(one.body.size()), true), judge_upload(one, {})) << one.name;
}

TEST(Cases, GetTheSameVerdictSplitAtEveryOffset) {
  std::size_t splits = 0;
  for (auto const& one : cases()) {
    auto const whole = judge_upload(one, {});
    for (std::size_t cut = 0; cut <= one.body.size(); ++cut, ++splits) {
      auto const verdict = judge_upload(one, {cut});
      ASSERT_EQ(verdict, whole) << one.name << " cut at " << cut << " of " << one.body.size();
    }
  }
  std::printf("%zu splits of %zu cases\n", splits, cases().size());
  EXPECT_GT(splits, 300'000u);
}

// Three pieces of which the one in the middle is short: it may hold a piece of a boundary and nothing else.
TEST(Cases, GetTheSameVerdictAroundAShortPiece) {
  for (auto const& one : cases()) {
    if (one.body.size() > 700) continue;
    auto const whole = judge_upload(one, {});
    for (std::size_t size : {1, 2, 3, 12, 13, 14, 15})
      for (std::size_t cut = 0; cut + size <= one.body.size(); ++cut)
        ASSERT_EQ(judge_upload(one, {cut, cut + size}), whole) << one.name << " pieces " << cut << " + " << size;
  }
}

// One object for all requests of a connection: nothing of one stays for the next, wherever that one was broken off.
TEST(Cases, GetTheSameVerdictFromAnInspectionThatHasSeenOthers) {
  Random random("GetTheSameVerdictFromAnInspectionThatHasSeenOthers");
  upload::Inspection inspection;
  for (int i = 0; i < 20'000; ++i) {
    auto const& left = cases()[random.below(cases().size())];
    upload::Problems problems;
    if (inspection.begin(left.operation, left.content_type, left.rules, problems))
      (void)inspection.feed(std::string_view(left.body).substr(0, random.below(left.body.size() + 1)));
    inspection.end();
    auto const& one = cases()[random.below(cases().size())];
    ASSERT_EQ(judge_upload(inspection, one, {random.below(one.body.size() + 1)}), judge_upload(one, {}))
        << one.name << " after " << left.name;
  }
}

// Bodies that nobody thought of: pieces of two cases put together, and damage at places that matter.
class Generator {
 public:
  explicit Generator(Random& random) : random_(random) {
    for (auto const& one : cases())
      if (one.body.size() <= 1500 && one.operation != policy::OperationId::address_code) usable_.push_back(&one);
  }

  UploadCase next() {
    auto made = *usable_[random_.below(usable_.size())];
    if (random_.chance(6)) splice(made);
    for (auto times = random_.below(3); times > 0; --times) damage(made.body);
    if (random_.chance(8)) made.rules.field_bytes = random_.below(40);
    if (random_.chance(8)) made.rules.file_bytes = random_.below(300);
    if (random_.chance(8)) made.rules.parts = 1 + random_.below(4);
    if (random_.chance(4)) made.rules.validation = static_cast<upload::Validation>(random_.below(3));
    made.rules.sha256 = random_.chance(8);
    return made;
  }

 private:
  // The front of one body and the back of another.
  void splice(UploadCase& made) {
    auto const& other = *usable_[random_.below(usable_.size())];
    if (other.content_type != made.content_type) return;
    made.body = made.body.substr(0, random_.below(made.body.size() + 1)) +
                other.body.substr(random_.below(other.body.size() + 1));
  }

  void damage(std::string& body) {
    static constexpr std::string_view pieces[] = {"\r",
                                                  "\n",
                                                  "\r\n",
                                                  "-",
                                                  "--",
                                                  "\r\n--",
                                                  "----caseB7x",
                                                  "------caseB7x",
                                                  "\r\n------caseB7x",
                                                  "\r\n------caseB7x\r\n",
                                                  "\n------caseB7x--",
                                                  "------caseB7x--\r\n",
                                                  "\"",
                                                  ";",
                                                  "=",
                                                  ":",
                                                  " ",
                                                  "\0",
                                                  "\xff",
                                                  "\xff\xd8\xff",
                                                  "\xc3",
                                                  "filename=\"x\"",
                                                  "name=\"a\""};
    auto const at = random_.below(body.size() + 1);
    switch (random_.below(5)) {
      case 0: body.insert(at, pieces[random_.below(std::size(pieces))]); break;
      case 1: body.erase(at, 1 + random_.below(4)); break;
      case 2:
        if (at < body.size()) body[at] = random_.byte();
        break;
      case 3: body.resize(at); break;
      default: {
        auto const size = 1 + random_.below(60);
        body.insert(random_.below(body.size() + 1), body.substr(at, size));
      }
    }
  }

  Random& random_;
  std::vector<UploadCase const*> usable_;
};

TEST(Cases, GeneratedBodiesGetOneVerdictInAMillionSplits) {
  Random random("GeneratedBodiesGetOneVerdictInAMillionSplits");
  Generator generator(random);
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  constexpr std::size_t wanted = 100'000;
#else
  constexpr std::size_t wanted = 2'000'000;
#endif
  std::size_t splits = 0, bodies = 0, accepted = 0;
  std::set<std::string> reasons;
  while (splits < wanted) {
    auto const one = generator.next();
    auto const whole = judge_upload(one, {});
    ++bodies;
    accepted += whole.token == "ok";
    reasons.insert(whole.token);
    for (int i = 0; i < 40; ++i) {
      std::vector<std::size_t> cuts;
      for (auto n = 1 + random.below(4); n > 0; --n) cuts.push_back(random.below(one.body.size() + 1));
      std::sort(cuts.begin(), cuts.end());
      splits += cuts.size();
      ASSERT_EQ(judge_upload(one, cuts), whole)
          << "from " << one.name << " type " << one.content_type << " cuts " << ::testing::PrintToString(cuts)
          << " limits " << one.rules.field_bytes << " " << one.rules.file_bytes << " " << one.rules.parts
          << " validation " << static_cast<int>(one.rules.validation) << " body " << shown(one.body);
    }
  }
  std::printf("%zu splits of %zu bodies, %zu of them accepted, %zu verdicts\n", splits, bodies, accepted,
              reasons.size());
  EXPECT_GT(accepted, bodies / 50);
  EXPECT_GT(reasons.size(), 30u);
}

}  // namespace
}  // namespace gateway::test
