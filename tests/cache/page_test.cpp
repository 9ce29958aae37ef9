#include "gateway/cache/page.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "support/random.hpp"
#include "support/text.hpp"

namespace gateway::cache {
namespace {

using policy::OperationId;
using namespace std::chrono_literals;
using test::shown;

PageFacts page(std::string_view body, std::string_view asked = {}, OperationId operation = OperationId::read_submission) {
  test::ExactCopy const exact(body);
  return read_page(operation, asked, {exact.view().data(), exact.size()});
}
PageFacts applicant(std::string_view body) { return page(body, {}, OperationId::read_applicant); }
PageKind kind(std::string_view body, std::string_view asked = {}) { return page(body, asked).kind; }

bool shows(PageFacts const& facts, std::string_view id) {
  auto const shown = facts.shown();
  return std::find(shown.begin(), shown.end(), submission_subject(id)) != shown.end();
}

constexpr std::string_view approved_body =
    R"({"Items":[{"data":{"name":"Mina Okafor","gender":"female","nationality":"GHA","date_of_birth":"1991-04-02",)"
    R"("idType":"passport","idcard_issuingCountry":"GHA","idcard_issueDate":"2020-01-15","cf1":"tier-2","address_detail":"\u00e9\ud83d\ude00 \"2\"\\"},)"
    R"("email":"mina@example.test","submission_id":"sbx1a2b3c4d5e6","applicant_id":"apl9z8y7x","userid":"u-1001",)"
    R"("created_at":"2024-05-06T07:08:09.010Z","kyc":{"result":"approved","attempts":[{"attemptCnt":1,"livenessScore":97.5e0,"faceSimilarityScore":93,"verificationParams":{"a":[true,false,null,-0.5]}}]},)"
    R"("aml":{"currentstatus":"Red Flag","risk_level_summary":"Low","matches":[{"resource_id":"rsc-42"}]}}],)"
    R"("nextpageKey":{"id":"sbx1a2b3c4d5e6","created_at":"2024-05-06T07:08:09.010Z"}})";

constexpr std::string_view applicant_body =
    R"([{"submission_id":"sbx1","email":"a@example.test"},{"submission_id":"sbx2","email":"a2@example.test","duplicated_information":"duplicated_user_PII_exact"}])";

std::string item(std::string_view id, std::string_view result) {
  return R"({"submission_id":")" + std::string(id) + R"(","kyc":{"result":")" + std::string(result) + R"("}})";
}
std::string list(std::vector<std::string> const& items, std::string_view behind = {}) {
  std::string body = R"({"Items":[)";
  for (auto const& one : items) body += (body.back() == '[' ? "" : ",") + one;
  return body + "]" + std::string(behind) + "}";
}

TEST(Page, ADocumentedSubmission) {
  for (auto asked : {"", "sbx1a2b3c4d5e6"}) {
    auto const facts = page(approved_body, asked);
    EXPECT_EQ(facts.kind, PageKind::readable);
    EXPECT_EQ(facts.items, 1u);
    EXPECT_EQ(facts.count(KycResult::approved), 1u);
    EXPECT_TRUE(facts.has_next);
    EXPECT_EQ(facts.asked_for_one, asked[0] != '\0');
    EXPECT_EQ(facts.subject_count, 1u);
    EXPECT_TRUE(shows(facts, "sbx1a2b3c4d5e6"));
    EXPECT_FALSE(facts.more);
  }
}

TEST(Page, AnApplicantShowsAllItsSubmissions) {
  auto const facts = applicant(applicant_body);
  EXPECT_EQ(facts.kind, PageKind::readable);
  EXPECT_EQ(facts.items, 2u);
  EXPECT_EQ(facts.subject_count, 2u);
  EXPECT_TRUE(shows(facts, "sbx1") && shows(facts, "sbx2"));
  EXPECT_FALSE(facts.has_next || facts.asked_for_one);
  EXPECT_EQ(facts.results, (decltype(facts.results){}));
  EXPECT_EQ(page(applicant_body, "sbx9", OperationId::read_applicant).kind, PageKind::readable) << "no submission is asked for";
  EXPECT_EQ(applicant("[]").kind, PageKind::empty);
  EXPECT_EQ(applicant(R"([{"email":"a"}])").kind, PageKind::mismatched);
  EXPECT_EQ(applicant(R"({"data":"c2VjcmV0"})").kind, PageKind::encrypted);
  for (auto body : {"{}", R"({"Items":[]})", R"({"message":"x"})", R"([1])", R"([[]])", R"("")", "null", "7"})
    EXPECT_EQ(applicant(body).kind, PageKind::unreadable) << body;
}

TEST(Page, ResultsInAnyCase) {
  std::map<std::string, KycResult> const words = {{"approved", KycResult::approved},
                                                  {"rejected", KycResult::rejected},
                                                  {"pending", KycResult::pending},
                                                  {"incomplete", KycResult::incomplete}};
  for (auto const& [word, result] : words) {
    for (unsigned mask = 0; mask < 1u << word.size(); ++mask) {
      auto text = word;
      for (std::size_t i = 0; i < text.size(); ++i)
        if (mask >> i & 1) text[i] = static_cast<char>(text[i] - 'a' + 'A');
      ASSERT_EQ(page(list({item("a", text)})).count(result), 1u) << text;
    }
    EXPECT_EQ(page(R"({"Items":[{"submission_id":"a","KYC":{"Result":")" + word + R"("}}]})").count(result), 1u);
    EXPECT_EQ(page(list({item("a", word + " ")})).count(KycResult::other), 1u);
    EXPECT_EQ(page(list({item("a", word.substr(1))})).count(KycResult::other), 1u);
  }
  EXPECT_EQ(page(list({item("a", R"(\u0061pprove\u0064)")})).count(KycResult::approved), 1u);
  for (auto kyc : {R"("kyc":{})", R"("kyc":null)", R"("kyc":"approved")", R"("kyc":["approved"])", R"("kyc":{"result":null})", R"("kyc":{"result":1})",
                   R"("kyc":{"result":{"result":"approved"}})", R"("kyc":{"kyc":{"result":"approved"}})", R"("result":"approved")", R"("data":{"kyc":{"result":"approved"}})",
                   R"("kyc":{"result":""})", R"("kyc":{"result":"approved\u0000"})", R"("kyc":{"result":"\u0131ncomplete"})"}) {
    auto const facts = page(list({R"({"submission_id":"a",)" + std::string(kyc) + "}"}));
    EXPECT_EQ(facts.kind, PageKind::readable) << kyc;
    EXPECT_EQ(facts.count(KycResult::other), 1u) << kyc;
  }
}

TEST(Page, NothingFound) {
  for (auto body : {"{}", " { } ", R"({"Items":[]})", R"({"Items": [ ] })", R"({"Items":null})", R"({"message":"x"})", R"({"items":[]})", R"({"data":{}})"}) {
    for (auto asked : {"", "sbx1"}) {
      EXPECT_EQ(kind(body, asked), PageKind::empty) << body;
      EXPECT_TRUE(page(body, asked).shown().empty());
    }
  }
  EXPECT_EQ(kind(R"({"Items":[],"data":"text"})"), PageKind::empty);
}

TEST(Page, NextPage) {
  auto const next = [](std::string const& key) { return page(list({item("a", "pending")}, R"(,"nextpageKey":)" + key)); };
  for (auto key : {"null", "{}", "{ }", "false", "[]"}) {
    EXPECT_FALSE(next(key).has_next) << key;
    EXPECT_EQ(next(key).kind, PageKind::readable) << key;
  }
  for (auto key : {R"({"id":"x","created_at":"y"})", R"({"id":null})", R"("x")", "1", "true", "[1]"}) EXPECT_TRUE(next(key).has_next) << key;
  EXPECT_FALSE(page(list({item("a", "pending")})).has_next);
  EXPECT_TRUE(page(R"({"nextpagekey":{"id":"x"},"Items":[]})").has_next);
}

TEST(Page, Encrypted) {
  for (auto body : {R"({"data":"c2VjcmV0"})", R"({"data":""})", R"({"data":"x","isEncrypted":true})", R"({"isEncrypted":true})", R"({"isEncrypted":"true","Items":[]})",
                    R"({"Items":[{"submission_id":"a"}],"isEncrypted":1})", R"({"isEncrypted":true,"data":{"x":1}})"}) {
    auto const facts = page(body, "a");
    EXPECT_EQ(facts.kind, PageKind::encrypted) << body;
    EXPECT_TRUE(facts.shown().empty() && facts.items == 0) << body;
    EXPECT_TRUE(facts.asked_for_one);
  }
  EXPECT_EQ(kind(R"({"isEncrypted":false,"Items":[{"submission_id":"a"}]})"), PageKind::readable);
  EXPECT_EQ(kind(R"({"data":"x","Items":[{"submission_id":"a"}]})"), PageKind::readable);
}

TEST(Page, AnItemMustBeTheOneThatWasAskedFor) {
  EXPECT_EQ(kind(list({item("a", "approved")}), "a"), PageKind::readable);
  EXPECT_EQ(kind(list({item("a", "approved"), item("a", "pending")}), "a"), PageKind::readable);
  EXPECT_EQ(kind(list({item("b", "approved")}), "a"), PageKind::mismatched);
  EXPECT_EQ(kind(list({item("A", "approved")}), "a"), PageKind::mismatched) << "ids are case-sensitive";
  EXPECT_EQ(kind(list({item("a", "approved"), item("b", "approved")}), "a"), PageKind::mismatched);
  EXPECT_EQ(kind(list({item("b", "approved"), item("a", "approved")}), "a"), PageKind::mismatched);
  auto const facts = page(list({item("a", "approved"), item("b", "approved")}), "a");
  EXPECT_TRUE(facts.shown().empty());
  for (auto spelling : {"submission_id", "submissionId", "Submission_id", "SUBMISSION_ID", "submissionid", "submission id", "submission\\u005fid"})
    EXPECT_TRUE(shows(page(list({R"({")" + std::string(spelling) + R"(":"a\u0031"})"}), "a1"), "a1")) << spelling;
}

TEST(Page, AnItemMustSayWhatItShows) {
  for (auto one : {"{}", R"({"kyc":{"result":"approved"}})", R"({"submission_id":""})", R"({"submission_id":null})", R"({"submission_id":7})", R"({"submission_id":["a"]})",
                   R"({"submission_id":"a","submissionId":"b"})", R"({"submissionId":null,"submission_id":"a"})", R"({"data":{"submission_id":"a"}})"})
    for (auto asked : {"", "a"}) {
      EXPECT_EQ(kind(list({one}), asked), PageKind::mismatched) << one;
      EXPECT_EQ(kind(list({item("a", "pending"), one, item("a", "pending")}), asked), PageKind::mismatched) << one;
    }
  EXPECT_EQ(kind(list({R"({"submission_id":"a","submissionId":"a"})"}), "a"), PageKind::readable);
}

TEST(Page, ManySubmissions) {
  for (std::size_t count : {63u, 64u, 65u, 200u}) {
    std::vector<std::string> items;
    for (std::size_t i = 0; i < count; ++i) items.push_back(item("sbx" + std::to_string(i), i % 2 ? "approved" : "Incomplete"));
    items.push_back(items.front());
    auto const facts = page(list(items));
    EXPECT_EQ(facts.kind, PageKind::readable);
    EXPECT_EQ(facts.items, count + 1);
    EXPECT_EQ(facts.subject_count, std::min<std::size_t>(count, 64));
    EXPECT_EQ(facts.more, count > 64) << count;
    EXPECT_EQ(facts.count(KycResult::approved) + facts.count(KycResult::incomplete), count + 1);
    for (std::size_t i = 0; i < std::min<std::size_t>(count, 64); ++i) EXPECT_TRUE(shows(facts, "sbx" + std::to_string(i)));
  }
}

TEST(Page, WhatHasNoOneReadingIsUnreadable) {
  for (auto body : {"", " ", "[]", "null", "true", "1", "\"x\"", "{", "}", "[", "{]", "[}", "{}{}", "{} {}", "{}x", "{},", "{}]", R"({"Items":[]}})", R"({"Items":{}})", R"({"Items":"x"})",
                    R"({"Items":1})", R"({"Items":true})", R"({"Items":[1]})", R"({"Items":[null]})", R"({"Items":["a"]})", R"({"Items":[[]]})", R"({"Items":[],"items":[]})",
                    R"({"Items":[],"Items":[]})", R"({"a":1,"a":1})", R"({"a":1,"\u0061":1})", R"({"x":{"a":1,"b":2,"a":3}})", R"({"x":[{"a":1,"a":1}]})",
                    R"({"Items":[{"submission_id":"a","submission_id":"a"}]})", R"({"Items":[{"submission_id":"a","kyc":{"result":"approved","result":"pending"}}]})",
                    R"({"Items":[{"submission_id":"a","kyc":{"result":"approved","Result":"pending"}}]})", R"({"Items":[{"submission_id":"a","kyc":{},"KYC":{}}]})",
                    R"({"nextpageKey":{},"nextPageKey":{"id":"x"}})", R"({"a":tru})", R"({"a":truee})", R"({"a":nul})", R"({"a":01})", R"({"a":-})", R"({"a":1.})",
                    R"({"a":.5})", R"({"a":1e})", R"({"a":+1})", R"({"a":0x1})", R"({"a":NaN})", R"({"a":1 2})", R"({"a":"x" "y"})", R"({"a" 1})", R"({"a":})", R"({"a"})", R"({"a":1,})",
                    R"({,})", R"({"a":[1,]})", R"({"a":[,]})", R"({"a":[1 2]})", R"({a:1})", R"({'a':1})", R"({1:1})", R"({"a":"\x"})", R"({"a":"\u12"})", R"({"a":"\u12g4"})",
                    R"({"a":"\ud800"})", R"({"a":"\udc00"})", R"({"a":"\ud800\ud800"})", R"({"a":"\ud800x"})", R"({"\ud800":1})", R"({"\x":1})", "{\"a\":\"\n\"}", "{\"a\":\"\t\"}",
                    "{\"a\":\"\xff\"}", "{\"a\":\"\xc0\x80\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"\xff\":1}", "\xef\xbb\xbf{}", "{/**/}", "{}//", R"({"submission_id":"a","kyc":{"result":"approved"}})",
                    R"({"x":{"a":"b":{"c":1}}})", R"({"x":{"a":"b":1}}})", R"({"Items":[{"data":{"name":"a":{"name":1}]}}],"next":{"id":"x"}})",
                    R"({"x":"a":1})", R"({"x":["a":1]})", R"({"x":[1:2]})", R"({"x":1:2})", R"({"x":{}:2})", R"({"x":null:2,"y":1})", R"({"x":{"a":tem"b":5}})",
                    "{\"a\":1\x0b}", "{\"a\":1\f}"})
    for (auto asked : {"", "a"}) EXPECT_EQ(kind(body, asked), PageKind::unreadable) << shown(body);
  EXPECT_EQ(kind(std::string_view("{}\0", 3)), PageKind::unreadable);
  EXPECT_EQ(kind(std::string_view("{\"a\":\0}", 7)), PageKind::unreadable);
  for (auto body : {R"({"a":[0,-0,1.5,1E+9,-1e-9,123456789012345678901234567890,0.0]})", R"({"a":"\"\\\/\b\f\n\r\t\u0000\ud83d\ude00"})", "{\"\":{},\"a\":[[],{}]}", "\t{\r\n}\n ",
                    "{\"\xc3\xa9\":\"\xf0\x9f\x98\x80\"}"})
    EXPECT_EQ(kind(body), PageKind::empty) << shown(body);
}

TEST(Page, Limits) {
  auto const nested = [](std::size_t depth) {
    return R"({"a":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + R"(,"Items":[{"submission_id":"a"}]})";
  };
  EXPECT_EQ(kind(nested(max_page_depth)), PageKind::readable);
  EXPECT_EQ(kind(nested(max_page_depth + 1)), PageKind::unreadable);
  EXPECT_EQ(kind(nested(100'000)), PageKind::unreadable);
  std::string deep = "1";
  for (std::size_t i = 1; i < max_page_depth; ++i) deep = R"({"x":)" + deep + "}";
  EXPECT_EQ(kind(R"({"a":)" + deep + "}"), PageKind::empty);
  EXPECT_EQ(kind(R"({"b":{"a":)" + deep + "}}"), PageKind::unreadable);

  auto const members = [](std::size_t count) {
    std::string body = "{";
    for (std::size_t i = 0; i < count; ++i) body += (i ? ",\"" : "\"") + std::to_string(i) + "\":" + std::to_string(i);
    return body + "}";
  };
  EXPECT_EQ(kind(members(max_page_members)), PageKind::empty);
  EXPECT_EQ(kind(members(max_page_members + 1)), PageKind::unreadable);

  auto const long_body = [](std::size_t size) {
    std::string const front = R"({"Items":[{"submission_id":"a"}],"pad":")", behind = R"("})";
    return front + std::string(size - front.size() - behind.size(), 'x') + behind;
  };
  EXPECT_EQ(kind(long_body(max_page_bytes), "a"), PageKind::readable);
  EXPECT_EQ(kind(long_body(max_page_bytes + 1), "a"), PageKind::unreadable);
  EXPECT_EQ(kind(long_body(100), "a"), PageKind::readable) << "a short page behind a long one";
  EXPECT_EQ(kind("{" + std::string(max_page_bytes - 2, '['), "a"), PageKind::unreadable);
}

TEST(Page, OtherOperationsHaveNoPages) {
  for (auto const& operation : policy::operations) {
    bool const lookup = operation.id == OperationId::read_submission || operation.id == OperationId::read_applicant;
    EXPECT_EQ(lookup, operation.cacheable);
    EXPECT_EQ(page("[]", {}, operation.id).kind == PageKind::unreadable, operation.id != OperationId::read_applicant);
    EXPECT_EQ(content_lifetime(PageFacts{}, operation.id, Ttls{}).has_value(), lookup);
  }
}

TEST(Page, ABodyCutOffAnywhereIsUnreadable) {
  auto const three = list({item("sbx1", "approved"), item("sbx2", "pending"), R"({"submissionId":"sbx3","cf":[1,true,"\u00e9"]})"}, R"(,"nextpageKey":{"id":"x"})");
  for (auto const& body : {std::string(approved_body), three, std::string(applicant_body), std::string(R"({"data":"c2VjcmV0"})"), std::string(R"({"Items":[]})")}) {
    auto const operation = body[0] == '[' ? OperationId::read_applicant : OperationId::read_submission;
    ASSERT_NE(page(body, {}, operation).kind, PageKind::unreadable);
    for (std::size_t size = 0; size < body.size(); ++size)
      ASSERT_EQ(page(body.substr(0, size), {}, operation).kind, PageKind::unreadable) << body.substr(0, size);
    for (char c : std::string_view("}],:0\"x{[\0", 10)) ASSERT_EQ(page(body + c, {}, operation).kind, PageKind::unreadable) << c;
  }
}

// --- Lifetimes --------------------------------------------------------------------------------------------------------

constexpr Ttls ttls{700s, 600s, 20s, 30s, 100s, 3s, 50s};

Duration lifetime(std::string_view body, std::string_view asked = "a") {
  return content_lifetime(page(body, asked), OperationId::read_submission, ttls).value_or(-1s);
}

TEST(Lifetime, OfEachResult) {
  EXPECT_EQ(lifetime(list({item("a", "Approved")})), 700s);
  EXPECT_EQ(lifetime(list({item("a", "REJECTED")})), 600s);
  EXPECT_EQ(lifetime(list({item("a", "pending")})), 20s);
  EXPECT_EQ(lifetime(list({item("a", "Incomplete")})), 30s);
  EXPECT_EQ(lifetime(list({item("a", "deleted")})), 50s);
  EXPECT_EQ(lifetime(list({R"({"submission_id":"a"})"})), 50s);
}

TEST(Lifetime, TheShortestOfThePageCounts) {
  EXPECT_EQ(lifetime(list({item("a", "approved"), item("b", "rejected")}), ""), 100s) << "a list";
  EXPECT_EQ(lifetime(list({item("a", "approved")}), ""), 100s) << "a list of one";
  EXPECT_EQ(lifetime(list({item("a", "approved"), item("a", "approved")})), 100s);
  EXPECT_EQ(lifetime(list({item("a", "approved")}, R"(,"nextpageKey":{"id":"x"})")), 100s);
  EXPECT_EQ(lifetime(list({item("a", "approved")}, R"(,"nextpageKey":{})")), 700s);
  EXPECT_EQ(lifetime(list({item("a", "approved"), item("b", "pending"), item("c", "incomplete")}), ""), 20s);
  std::vector<std::string> items = {item("a", "approved"), item("b", "rejected"), item("c", "incomplete"), item("d", "?")};
  std::sort(items.begin(), items.end());
  std::size_t orders = 0;
  do {
    ASSERT_EQ(lifetime(list(items), ""), 30s);
    ++orders;
  } while (std::next_permutation(items.begin(), items.end()));
  EXPECT_EQ(orders, 24u);
}

TEST(Lifetime, OfWhatIsNoPageOfItems) {
  EXPECT_EQ(lifetime(R"({"Items":[]})"), 3s);
  EXPECT_EQ(lifetime("{}"), 3s);
  EXPECT_EQ(lifetime(R"({"data":"x"})"), 50s);
  EXPECT_EQ(lifetime("?"), 50s);
  EXPECT_EQ(lifetime(list({item("b", "approved")})), -1s) << "not to be stored";
  auto brief = ttls;
  brief.list = 1s;
  EXPECT_EQ(content_lifetime(page("{}"), OperationId::read_submission, brief), 1s) << "an empty list is a list";
  EXPECT_EQ(content_lifetime(page("{}", "a"), OperationId::read_submission, brief), 3s);
  EXPECT_EQ(content_lifetime(applicant(applicant_body), OperationId::read_applicant, ttls), 50s);
  EXPECT_EQ(content_lifetime(applicant("[]"), OperationId::read_applicant, ttls), 3s);
  EXPECT_EQ(content_lifetime(applicant("[{}]"), OperationId::read_applicant, ttls), std::nullopt);
  EXPECT_EQ(content_lifetime(applicant("[{"), OperationId::read_applicant, ttls), 50s);
}

}  // namespace
}  // namespace gateway::cache
