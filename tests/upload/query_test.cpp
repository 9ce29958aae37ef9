#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gateway/upload/fields.hpp"
#include "support/random.hpp"
#include "support/text.hpp"

namespace gateway::test {
namespace {

using namespace upload;
using policy::OperationId;

// "code field: message" of each problem.
using Messages = std::vector<std::string>;
using Check = void (*)(OperationId, std::string_view, Problems&);

Messages judged(Check check, OperationId operation, std::string_view text) {
  ExactCopy const exact(text);
  Problems problems;
  check(operation, exact.view(), problems);
  Messages messages;
  for (auto const& problem : problems.all())
    messages.push_back(std::string(traits_of(problem.code).token) + " " + problem.field + ": " + problem.message);
  return messages;
}

Messages query(OperationId operation, std::string_view text) { return judged(check_query, operation, text); }
Messages listing(std::string_view text) { return query(OperationId::read_submission, text); }
Messages form(std::string_view text) { return judged(check_urlencoded, OperationId::address_code, text); }

Messages const none;

TEST(Query, GoodOnesOfEachOperation) {
  EXPECT_EQ(listing(""), none);
  EXPECT_EQ(listing("submission_id=sbx1"), none);
  EXPECT_EQ(listing("email=mina%2Bkyc%40example.test&userid=u-1001&count=2000"), none);
  EXPECT_EQ(listing("email=mina@example.test"), none);
  EXPECT_EQ(listing("nextpage_id=sbx1&nextpage_date=2024-05-06T07%3A08%3A09.010Z"), none);
  EXPECT_EQ(listing("nextpage_date=2024-05-06T07:08:09+09:00&nextpage_id=sbx1"), none);
  EXPECT_EQ(listing("start_date=2024-01-01&end_date=2024-12-31&request_type=others"), none);
  EXPECT_EQ(listing("userid=%EC%84%9C%EC%9A%B8+%26+%3D"), none);
  EXPECT_EQ(listing("userid=a=b?c/d"), none) << "only the first '=' ends the name";
  EXPECT_EQ(listing("%63ount=%31%30"), none) << "names are decoded, too";
  EXPECT_EQ(query(OperationId::read_applicant, "applicant_id=apl9z8y7x"), none);
  EXPECT_EQ(query(OperationId::delete_submission, "submission_id=sbx1"), none);
  EXPECT_EQ(query(OperationId::delete_submission, "submissionId=sbx1&admin_name=admin@example.test"), none);
  EXPECT_EQ(query(OperationId::get_image, "submission_id=sbx1&type=idBackImage"), none);
  EXPECT_EQ(query(OperationId::get_aml_report, "resourceId=rsc-42"), none);
  for (auto operation : {OperationId::submit_step1, OperationId::submit_step2, OperationId::address_code})
    EXPECT_EQ(query(operation, ""), none);
}

TEST(Query, ValuesAreJudgedDecoded) {
  EXPECT_EQ(listing("count=2001").size(), 1u);
  EXPECT_EQ(listing("count=%30").size(), 1u);
  EXPECT_EQ(listing("submission_id=%22sbx1%22").size(), 1u);
  EXPECT_EQ(listing("userid=a%09b"), Messages{"query_invalid userid: parameter 'userid' contains a control byte"});
  EXPECT_EQ(listing("userid=a%0D%0Ab").size(), 1u);
  EXPECT_EQ(listing("userid=" + std::string(256, 'a')), none);
  std::string most;
  for (int i = 0; i < 256; ++i) most += "%61";
  EXPECT_EQ(listing("userid=" + most), none) << "lengths are those of the decoded value";
  EXPECT_EQ(listing("userid=" + most + "a"),
            Messages{"query_invalid userid: parameter 'userid' is longer than 256 bytes"});
  EXPECT_EQ(
      listing("email=mina+kyc@example.test"),
      Messages{"query_invalid email: parameter 'email' must be an e-mail address; a plus sign in it is sent as %2B"});
  for (auto address : {"mina", "mina@", "mina%25example.test", "a..b@example.test", "%2540"})
    EXPECT_EQ(listing("email=" + std::string(address)),
              Messages{"query_invalid email: parameter 'email' must be an e-mail address"})
        << address << " has no plus sign that could have been lost";
  EXPECT_EQ(listing("email=a%2B").size(), 1u);
  EXPECT_TRUE(listing("email=a%2B")[0].ends_with("sent as %2B"));
  EXPECT_EQ(listing("count="),
            Messages{"query_invalid count: parameter 'count' must not be empty; leave it out instead"});
}

// An empty filter would be none, and the answer a list of everybody.
TEST(Query, EmptyValuesAreNotForwarded) {
  for (auto const& rule : field_rules()) {
    if (rule.place != Place::query) continue;
    auto const found = query(rule.operation, std::string(rule.name) + "=");
    ASSERT_FALSE(found.empty()) << rule.name;
    EXPECT_TRUE(found[0].starts_with("query_invalid " + std::string(rule.name) + ": ")) << found[0];
    EXPECT_NE(found[0].find("must not be empty"), std::string::npos) << found[0];
  }
}

TEST(Query, MalformedPieces) {
  EXPECT_EQ(listing("&"), Messages{"query_invalid : parameter 1 is empty: an '&' is doubled or stands at the front"});
  EXPECT_EQ(listing("&&"), (Messages{"query_invalid : parameter 1 is empty: an '&' is doubled or stands at the front",
                                     "query_invalid : parameter 2 is empty: an '&' is doubled or stands at the front"}));
  EXPECT_EQ(listing("count=1&"), none) << "what is joined by hand often ends so";
  EXPECT_EQ(listing("count=1&&").size(), 1u);
  EXPECT_EQ(listing("count=&"), listing("count="));
  EXPECT_EQ(listing("count&"), listing("count"));
  EXPECT_EQ(listing("&count=1").size(), 1u);
  EXPECT_EQ(listing("count=1&&userid=a"),
            Messages{"query_invalid : parameter 2 is empty: an '&' is doubled or stands at the front"});
  EXPECT_EQ(listing("count"), Messages{"query_invalid count: parameter 'count' has no '='"});
  EXPECT_EQ(listing("userid=tom&jerry"), Messages{"query_invalid : parameter 2 has no '='"})
      << "the rest of a value is not shown";
  EXPECT_EQ(listing("=5"), Messages{"query_invalid : parameter 1 has no name"});
  EXPECT_EQ(listing("="), Messages{"query_invalid : parameter 1 has no name"});
  EXPECT_EQ(listing("userid=%"),
            Messages{"query_invalid userid: parameter 'userid' is malformed: '%' takes two hexadecimal digits"});
  EXPECT_EQ(listing("userid=%4").size(), 1u);
  EXPECT_EQ(listing("userid=100%25").size(), 0u);
  EXPECT_EQ(listing("userid=100%zz").size(), 1u);
  EXPECT_EQ(listing("userid=%C3"), Messages{"query_invalid userid: parameter 'userid' is not UTF-8"});
  EXPECT_EQ(listing("userid=%C0%80").size(), 1u);
  EXPECT_EQ(listing("userid=%ED%A0%80").size(), 1u);
  EXPECT_EQ(listing("userid=a%00"), Messages{"query_invalid userid: parameter 'userid' contains a NUL byte"});
  EXPECT_EQ(listing("%zz=1"), Messages{"query_invalid : parameter 1 is malformed: '%' takes two hexadecimal digits"});
  EXPECT_EQ(listing("%ff=1"), Messages{"query_invalid : parameter 1 is not UTF-8"});
  EXPECT_EQ(listing("count=1;userid=a").size(), 1u) << "only '&' separates";
}

TEST(Query, UnreadableRequiredParametersAreNotCalledMissing) {
  EXPECT_EQ(
      query(OperationId::read_applicant, "applicant_id=%"),
      Messages{"query_invalid applicant_id: parameter 'applicant_id' is malformed: '%' takes two hexadecimal digits"});
  EXPECT_EQ(query(OperationId::read_applicant, "applicant_id"),
            Messages{"query_invalid applicant_id: parameter 'applicant_id' has no '='"});
}

TEST(Query, UnknownNames) {
  EXPECT_EQ(query(OperationId::get_aml_report, "resourceId=r&resource_id=r"),
            Messages{"query_invalid resource_id: parameter 'resource_id' is unknown; get_aml_report takes resourceId"});
  EXPECT_EQ(
      query(OperationId::address_code, "language=ko"),
      Messages{"query_invalid language: parameter 'language' is unknown; address_code takes no query parameters"});
  EXPECT_EQ(query(OperationId::get_aml_report, "resourceId=r&x=%zz"),
            Messages{"query_invalid x: parameter 'x' is unknown; get_aml_report takes resourceId"});
  EXPECT_EQ(query(OperationId::get_aml_report, "resourceId=r&r%C3%A9x[a=1"),
            Messages{"query_invalid r??x?a: parameter 'r??x?a' is unknown; get_aml_report takes resourceId"});
}

// No query takes an unknown name, so none that PHP or ASP.NET would read as a known one.
TEST(Query, NamesThatSomeReadersTakeForKnownOnes) {
  for (auto name : {"Submission_id", "SUBMISSION_ID", "submission.id", "submission%20id", "submission+id", "submission[id",
                    "%20submission_id", "+submission_id", "submission_id[]", "submission_id%00", "submission%5Fid%00x"}) {
    auto const text = std::string(name) + "=sbx1";
    EXPECT_EQ(listing(text).size(), 1u) << name;
    EXPECT_EQ(listing("submission_id=sbx1&" + text).size(), 1u) << name;
    EXPECT_EQ(query(OperationId::delete_submission, "submission_id=sbx1&" + text).size(), 1u) << name;
  }
  EXPECT_EQ(query(OperationId::read_applicant, "applicant_id=a&Applicant.ID=b"),
            Messages{"query_invalid Applicant.ID: parameter 'Applicant.ID' is unknown; read_applicant takes applicant_id"});
}

TEST(Query, RepeatedNames) {
  EXPECT_EQ(listing("count=1&count=1&count=9999"),
            Messages{"query_invalid count: parameter 'count' is given more than once"});
  EXPECT_EQ(listing("count=1&%63ount=2").size(), 1u) << "however they are spelled";
}

TEST(Query, EverythingIsReportedInItsOrder) {
  auto const found = query(OperationId::get_image, "type=x&&admin=1&submission_id=%&submissionId=a%20b");
  ASSERT_EQ(found.size(), 6u);
  EXPECT_TRUE(found[0].starts_with("query_invalid type: "));
  EXPECT_TRUE(found[1].starts_with("query_invalid : parameter 2 "));
  EXPECT_TRUE(found[2].starts_with("query_invalid admin: "));
  EXPECT_TRUE(found[3].starts_with("query_invalid submission_id: "));
  EXPECT_TRUE(found[4].starts_with("query_invalid submissionId: "));
  EXPECT_TRUE(found[5].ends_with("means the same as 'submission_id'; send one of them"));
  std::string many(9000, '&');
  EXPECT_EQ(listing(many).size(), Problems::max_listed);
}

// What URLSearchParams, axios and requests make of any text, as they encode it.
std::string encoded(std::string_view value, bool plus) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (char c : value) {
    auto const byte = static_cast<unsigned char>(c);
    if (c == ' ' && plus)
      out += '+';
    else if (byte < 0x80 && (std::isalnum(byte) || c == '-' || c == '_' || c == '.'))
      out += c;
    else
      out += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return out;
}

TEST(Query, WhatEncodersMakeOfAnyTextIsRead) {
  Random random("queries of encoders");
  std::string_view const pieces[] = {"a",
                                     "Z",
                                     "0",
                                     " ",
                                     "&",
                                     "=",
                                     "%",
                                     "+",
                                     "?",
                                     "#",
                                     "/",
                                     "%41",
                                     "\"",
                                     "'",
                                     "\xc3\xa9",
                                     "\xec\x84\x9c",
                                     "\xf0\x9f\x98\x80"};
  for (int i = 0; i < 50'000; ++i) {
    std::string value = "x";
    while (random.below(12) != 0 && value.size() < 250) value += pieces[random.below(std::size(pieces))];
    auto const text = encoded(value, random.chance(2));
    ASSERT_EQ(listing("count=7&userid=" + text), none) << text;
    auto const strict = value.find_first_of("&=%+#? \"'\xc3\xec\xf0") == std::string::npos;
    if (strict) ASSERT_EQ(listing("submission_id=" + text + "&count=7").empty(), value.size() <= 128) << text;
  }
}

TEST(Query, AnyBytesGiveBoundedProblemsWithoutValues) {
  Random random("queries of any bytes");
  for (int i = 0; i < 50'000; ++i) {
    auto const secret = random.word("QZJX", 12);
    auto text = std::string("userid=") + secret + "&" + random.word("&=%+", 1) + "email=" + secret +
                "&count=" + secret + "&submission_id=" + secret + "%22";
    for (auto flips = random.below(6); flips > 0; --flips) text[random.below(7)] = random.byte();
    auto const operation = policy::operations[random.below(policy::operation_count)].id;
    auto const found = query(operation, text);
    ASSERT_LE(found.size(), Problems::max_listed);
    ASSERT_EQ(found, query(operation, text)) << "the verdict is repeatable";
    for (auto const& message : found) ASSERT_EQ(message.find(secret), std::string::npos) << message;
  }
}

TEST(Form, GoodBodies) {
  EXPECT_EQ(form("address=1+Example-ro%2C+Seoul"), none);
  EXPECT_EQ(form("address=37.5665%2C126.9780&language=ko"), none);
  EXPECT_EQ(form("language=&address=8Q98ABCD%2BEF"), none) << "what was not filled in";
  EXPECT_EQ(form("address=\xec\x84\x9c\xec\x9a\xb8"), none) << "curl -d sends bytes as they are";
  EXPECT_EQ(form("address=a%0D%0Ab"), none);
  EXPECT_EQ(form("address=a&"), none) << "one '&' at the end is nothing";
  EXPECT_EQ(form("address=a&project=%01&other="), none) << "unknown fields pass";
}

TEST(Form, NamesThatSomeReadersTakeForKnownOnes) {
  for (auto name : {"ADDRESS", "Address", "aDDRESS"})
    EXPECT_EQ(form("address=a&" + std::string(name) + "=b"),
              Messages{"fields_invalid " + std::string(name) + ": field '" + name +
                       "' must be written 'address': capitals and small letters are the same, and so are '.' and '_'"});
  EXPECT_EQ(form("Address=a").size(), 2u) << "nor does it stand in for the one that is required";
  EXPECT_EQ(form("address=a&addres=b&addresss=c&address-=d&address_=e&_address=f"), none);
}

TEST(Form, FieldsAreJudged) {
  EXPECT_EQ(form(""), Messages{"fields_invalid address: field 'address' is required"});
  EXPECT_EQ(form("language=ko"), Messages{"fields_invalid address: field 'address' is required"});
  EXPECT_EQ(form("address=+"), Messages{"fields_invalid address: field 'address' must not be empty"});
  EXPECT_EQ(form("address=" + std::string(512, 'a')), none);
  EXPECT_EQ(form("address=" + std::string(513, 'a') + "&language=" + std::string(36, 'k')),
            (Messages{"fields_invalid address: field 'address' is longer than 512 bytes",
                      "fields_invalid language: field 'language' is longer than 35 bytes"}));
  EXPECT_EQ(form("address=a%1b").size(), 1u);
  EXPECT_EQ(form("address=a&address=b"), Messages{"fields_invalid address: field 'address' is given more than once"});
}

TEST(Form, MalformedBodiesAreOneProblem) {
  struct Case {
    char const* body;
    char const* message;
  };
  Case const cases[] = {
      {"address", "field 1 has no '='"},
      {"{\"address\":\"a\"}", "field 1 has no '='"},
      {"address=a&&", "field 2 is empty: an '&' is doubled or stands at the front"},
      {"&", "field 1 is empty: an '&' is doubled or stands at the front"},
      {"&address=a", "field 1 is empty: an '&' is doubled or stands at the front"},
      {"language=&address=%", "field 2 is malformed: '%' takes two hexadecimal digits"},
      {"address=a&x=%zz", "field 2 is malformed: '%' takes two hexadecimal digits"},
      {"address=%ff", "field 1 is not UTF-8"},
      {"address=a&x=\xff", "field 2 is not UTF-8"},
      {"address=a&x=%00", "field 2 contains a NUL byte"},
      {"=a", "field 1 has no name"},
      {"x=1&address=a&x=2",
       "field 3 repeats a name; capitals and small letters are the same, and so are '.' and '_'"},
      {"x.y=1&address=a&X_Y=2",
       "field 3 repeats a name; capitals and small letters are the same, and so are '.' and '_'"},
      {"address=a&address[]=b", "field 2 has a name with other characters than letters, digits, '_', '-' and '.'"},
      {"\xef\xbb\xbf"
       "address=a",
       "field 1 has a name with other characters than letters, digits, '_', '-' and '.'"}};
  for (auto const& row : cases)
    EXPECT_EQ(form(row.body), Messages{std::string("form_invalid : ") + row.message}) << row.body;
  EXPECT_EQ(form("address=%01&language&other=%ff").size(), 1u) << "fields are not judged besides";
}

}  // namespace
}  // namespace gateway::test
