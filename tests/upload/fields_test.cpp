#include "gateway/upload/fields.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "support/random.hpp"

namespace gateway::test {
namespace {

using namespace upload;
using policy::OperationId;

constexpr std::string_view shape_names[] = {"text", "id", "email", "date", "alpha3", "count", "choice", "file"};

// "operation place name shape required|optional bytes choices"
std::string row_text(FieldRule const& rule) {
  return std::string(policy::operation_name(rule.operation)) + (rule.place == Place::query ? " query " : " body ") +
         std::string(rule.name) + " " + std::string(shape_names[static_cast<std::size_t>(rule.shape)]) +
         (rule.required ? " required " : " optional ") + std::to_string(rule.max_bytes) +
         (rule.choices.empty() ? "" : " " + std::string(rule.choices));
}

using Values = std::map<std::string, std::string, std::less<>>;
using Messages = std::vector<std::string>;

std::string good_value(FieldRule const& rule) {
  switch (rule.shape) {
    case Shape::text: return "Okafor, Mina";
    case Shape::id: return "sbx1a2b3c4d5e6";
    case Shape::email: return "mina@example.test";
    case Shape::date: return "2020-02-29";
    case Shape::alpha3: return "GHA";
    case Shape::count: return "50";
    case Shape::choice: return std::string(rule.choices.substr(0, rule.choices.find('|')));
    case Shape::file: break;
  }
  return {};
}

std::vector<FieldRule> rules_of(OperationId operation, Place place) {
  std::vector<FieldRule> found;
  for (auto const& rule : field_rules())
    if (rule.operation == operation && rule.place == place) found.push_back(rule);
  return found;
}

// What has to be there, with good values.
Values least_request(OperationId operation, Place place) {
  Values values;
  for (auto const& rule : rules_of(operation, place))
    if (rule.required) values.emplace(rule.name, good_value(rule));
  if (place == Place::query && (operation == OperationId::delete_submission || operation == OperationId::get_image))
    values.emplace("submission_id", "sbx1");
  return values;
}

Messages judged(OperationId operation, Place place, Values const& values) {
  Problems problems;
  FieldCheck check(operation, place, problems);
  for (auto const& [name, value] : values) {
    auto const* rule = check.find(name);
    if (rule != nullptr && rule->shape == Shape::file)
      check.file(name);
    else
      check.text(name, value);
  }
  check.finish();
  Messages messages;
  for (auto const& problem : problems.all()) {
    EXPECT_EQ(problem.code, place == Place::query ? Code::query_invalid : Code::fields_invalid);
    messages.push_back(problem.field + ": " + problem.message);
  }
  return messages;
}

Messages with(OperationId operation, Place place, std::string_view name, std::string value) {
  auto values = least_request(operation, place);
  values[std::string(name)] = std::move(value);
  return judged(operation, place, values);
}

template <class Visit>
void for_each_operation_and_place(Visit visit) {
  for (auto const& operation : policy::operations)
    for (auto place : {Place::query, Place::body}) visit(operation.id, place);
}

TEST(FieldTable, IsTheContracts) {
  Messages const contract = {"read_submission query submission_id id optional 128",
                             "read_submission query userid text optional 256",
                             "read_submission query email email optional 254",
                             "read_submission query count count optional 4",
                             "read_submission query nextpage_id text optional 256",
                             "read_submission query nextpage_date text optional 64",
                             "read_submission query start_date date optional 10",
                             "read_submission query end_date date optional 10",
                             "read_submission query request_type choice optional 6 kyc|aml|data|others",
                             "read_applicant query applicant_id id required 128",
                             "delete_submission query submission_id id optional 128",
                             "delete_submission query submissionId id optional 128",
                             "delete_submission query admin_name email optional 254",
                             "get_image query submission_id id optional 128",
                             "get_image query submissionId id optional 128",
                             "get_image query type choice required 12 idImage|selfieImage|addressImage|idBackImage",
                             "get_aml_report query resourceId id required 128",
                             "submit_step1 body issuingCountry alpha3 required 3",
                             "submit_step1 body email email required 254",
                             "submit_step1 body idType choice required 15 passport|government_id|drivers_license",
                             "submit_step1 body idImage file required 0",
                             "submit_step1 body idBackImage file optional 0",
                             "submit_step1 body submissionId id optional 128",
                             "submit_step1 body userid text optional 256",
                             "submit_step1 body cf1 text optional 1024",
                             "submit_step1 body cf2 text optional 1024",
                             "submit_step1 body cf3 text optional 1024",
                             "submit_step2 body submissionId id required 128",
                             "submit_step2 body faceImage file required 0",
                             "submit_step2 body name text required 256",
                             "submit_step2 body date_of_birth date required 10",
                             "submit_step2 body gender choice optional 6 male|female",
                             "submit_step2 body nationality alpha3 optional 3",
                             "submit_step2 body identity_number text optional 64",
                             "submit_step2 body license_number text optional 64",
                             "submit_step2 body serial_number text optional 64",
                             "submit_step2 body document_number text optional 64",
                             "submit_step2 body date_of_issue date optional 10",
                             "submit_step2 body date_of_expiry date optional 10",
                             "submit_step2 body addressImage file optional 0",
                             "submit_step2 body address_street text optional 256",
                             "submit_step2 body address_city text optional 256",
                             "submit_step2 body address_state text optional 256",
                             "submit_step2 body address_zipcode text optional 256",
                             "submit_step2 body address_country alpha3 optional 3",
                             "submit_step2 body globalCode text optional 512",
                             "submit_step2 body compoundCode text optional 512",
                             "submit_step2 body formatted_address text optional 512",
                             "submit_step2 body address_input text optional 512",
                             "submit_step2 body address_detail text optional 512",
                             "address_code body address text required 512",
                             "address_code body language text optional 35"};
  Messages table;
  for (auto const& rule : field_rules()) table.push_back(row_text(rule));
  EXPECT_EQ(table, contract);
  EXPECT_EQ(field_bonds().size(), 4u);
}

TEST(FieldTable, LongestValueOfAPlace) {
  Problems problems;
  EXPECT_EQ(FieldCheck(OperationId::submit_step1, Place::body, problems).longest_value(), 1024u);
  EXPECT_EQ(FieldCheck(OperationId::submit_step2, Place::body, problems).longest_value(), 512u);
  EXPECT_EQ(FieldCheck(OperationId::address_code, Place::body, problems).longest_value(), 512u);
  EXPECT_EQ(FieldCheck(OperationId::read_submission, Place::query, problems).longest_value(), 256u);
  EXPECT_EQ(FieldCheck(OperationId::submit_step1, Place::query, problems).longest_value(), 0u);
  EXPECT_EQ(FieldCheck(OperationId::none, Place::query, problems).longest_value(), 0u);
}

TEST(FieldCheck, LeastAndFullRequestsPass) {
  for_each_operation_and_place([](OperationId operation, Place place) {
    auto values = least_request(operation, place);
    EXPECT_EQ(judged(operation, place, values), Messages{});
    for (auto const& rule : rules_of(operation, place))
      if (rule.name != "submissionId" || place == Place::body) values.emplace(rule.name, good_value(rule));
    EXPECT_EQ(judged(operation, place, values), Messages{});
  });
}

TEST(FieldCheck, EachRequiredFieldIsMissedByName) {
  std::size_t missed = 0;
  for_each_operation_and_place([&](OperationId operation, Place place) {
    auto const least = least_request(operation, place);
    for (auto const& [name, value] : least) {
      auto values = least;
      values.erase(name);
      auto const messages = judged(operation, place, values);
      ASSERT_EQ(messages.size(), 1u) << name;
      EXPECT_TRUE(messages[0].starts_with(name + ": ") && messages[0].ends_with("'" + name + "' is required"))
          << messages[0];
      ++missed;
    }
    EXPECT_EQ(judged(operation, place, {}).size(), least.size()) << "all that is missing, not only the first";
  });
  EXPECT_EQ(missed, 14u);
}

TEST(FieldCheck, EachFieldAtItsLongestAndOneLonger) {
  for (auto const& rule : field_rules()) {
    if (rule.shape != Shape::text && rule.shape != Shape::id) continue;
    auto values = least_request(rule.operation, rule.place);
    if (rule.name == "nextpage_id") values["nextpage_date"] = "x";
    if (rule.name == "nextpage_date") values["nextpage_id"] = "x";
    if (rule.place == Place::query && rule.name == "submissionId") values.erase("submission_id");
    auto& value = values[std::string(rule.name)];
    value.assign(rule.max_bytes, 'v');
    EXPECT_EQ(judged(rule.operation, rule.place, values), Messages{}) << row_text(rule);
    value += 'v';
    auto const messages = judged(rule.operation, rule.place, values);
    ASSERT_EQ(messages.size(), 1u) << row_text(rule);
    EXPECT_TRUE(messages[0].ends_with("' is longer than " + std::to_string(rule.max_bytes) + " bytes")) << messages[0];
  }
}

TEST(FieldCheck, EachFieldWithValuesThatItsShapeRefuses) {
  std::map<Shape, Messages> const bad = {
      {Shape::text, {"a\x01z", "\xff\xfe", "\xed\xa0\x80"}},
      {Shape::id, {"a b", "\"sbx1\"", "a\tb", "s\xc3\xa9"}},
      {Shape::email, {"mina", "mina@", "mina@example", "\"mina@example.test\"", "mina @example.test"}},
      {Shape::date, {"2023-02-29", "1899-12-31", "2201-01-01", "02/03/2024", "2024-13-01"}},
      {Shape::alpha3, {"KR", "kor", "ZZZ", "KOREA"}},
      {Shape::count, {"0", "2001", "-1", "050", "many"}},
      {Shape::choice, {"visa", "\"passport\"", "Passport", "MALE", "passport|"}}};
  for (auto const& rule : field_rules()) {
    if (rule.shape == Shape::file) continue;
    for (auto const& value : bad.at(rule.shape)) {
      auto values = least_request(rule.operation, rule.place);
      if (rule.name == "nextpage_id") values["nextpage_date"] = "x";
      if (rule.name == "nextpage_date") values["nextpage_id"] = "x";
      if (rule.place == Place::query && rule.name == "submissionId") values.erase("submission_id");
      values[std::string(rule.name)] = value;
      auto const messages = judged(rule.operation, rule.place, values);
      ASSERT_EQ(messages.size(), 1u) << row_text(rule) << " " << value;
      EXPECT_TRUE(messages[0].starts_with(std::string(rule.name) + ": ")) << messages[0];
    }
  }
}

TEST(FieldCheck, EmptyValues) {
  for (auto const& rule : field_rules()) {
    if (rule.shape == Shape::file || rule.name.starts_with("nextpage") || rule.name == "submissionId") continue;
    auto const messages = with(rule.operation, rule.place, rule.name, "");
    bool const passes = rule.place == Place::body && !rule.required;
    EXPECT_EQ(messages.empty(), passes) << row_text(rule);
    EXPECT_EQ(with(rule.operation, rule.place, rule.name, " ").empty(), passes && rule.shape == Shape::text)
        << row_text(rule);
  }
}

TEST(FieldCheck, Sentences) {
  EXPECT_EQ(
      with(OperationId::read_submission, Place::query, "count", "2001"),
      Messages{
          "count: parameter 'count' must be a whole number from 1 to 2000, in digits without sign and leading zeros"});
  EXPECT_EQ(with(OperationId::submit_step1, Place::body, "idType", "visa"),
            Messages{"idType: field 'idType' must be one of passport, government_id, drivers_license"});
  EXPECT_EQ(with(OperationId::get_image, Place::query, "type", "faceImage"),
            Messages{"type: parameter 'type' must be one of idImage, selfieImage, addressImage, idBackImage"});
  EXPECT_EQ(
      with(OperationId::submit_step2, Place::body, "date_of_birth", "1991-02-30"),
      Messages{
          "date_of_birth: field 'date_of_birth' must be a date that exists, as YYYY-MM-DD, of the years 1900 to 2200"});
  EXPECT_EQ(with(OperationId::submit_step1, Place::body, "issuingCountry", "kor"),
            Messages{"issuingCountry: field 'issuingCountry' must be a country code of ISO 3166-1 alpha-3: three "
                     "capital letters"});
  EXPECT_EQ(with(OperationId::read_applicant, Place::query, "applicant_id", "'a'"),
            Messages{"applicant_id: parameter 'applicant_id' must be an id as the vendor gave it: visible ASCII "
                     "characters without blanks, "
                     "quotes and backslashes"});
  EXPECT_EQ(with(OperationId::read_submission, Place::query, "email", "a b@example.test"),
            Messages{"email: parameter 'email' must be an e-mail address; a plus sign in it is sent as %2B"});
  EXPECT_EQ(with(OperationId::submit_step1, Place::body, "email", "a"),
            Messages{"email: field 'email' must be an e-mail address"});
}

TEST(FieldCheck, UnknownNames) {
  EXPECT_EQ(
      with(OperationId::delete_submission, Place::query, "admin", "x"),
      Messages{"admin: parameter 'admin' is unknown; delete_submission takes submission_id, submissionId, admin_name"});
  EXPECT_EQ(with(OperationId::submit_step1, Place::query, "email", "a@example.test"),
            Messages{"email: parameter 'email' is unknown; submit_step1 takes no query parameters"});
  EXPECT_EQ(with(OperationId::read_applicant, Place::query, "a<b>\r\n" + std::string(100, 'c'), ""),
            Messages{"a?b???" + std::string(58, 'c') + ": parameter 'a?b???" + std::string(58, 'c') +
                     "' is unknown; read_applicant takes applicant_id"});
  EXPECT_EQ(with(OperationId::submit_step1, Place::body, "projectCode", "\x01 anything"), Messages{})
      << "unknown text parts pass";
  for (auto name : {"Email", "EMAIL", "email ", "submission_ID", ""})
    EXPECT_EQ(with(OperationId::read_submission, Place::query, name, "x").size(), 1u) << name;
}

TEST(FieldCheck, TextThatSomeReadersTakeForAKnownField) {
  std::string const rule = ": capitals and small letters are the same, and so are '.' and '_'";
  EXPECT_EQ(with(OperationId::submit_step2, Place::body, "Date.Of.Birth", "x"),
            Messages{"Date.Of.Birth: field 'Date.Of.Birth' must be written 'date_of_birth'" + rule});
  EXPECT_EQ(with(OperationId::submit_step1, Place::body, "IDBackImage", ""),
            Messages{"IDBackImage: field 'IDBackImage' must be written 'idBackImage'" + rule});
  for (auto const& known : field_rules()) {
    if (known.place != Place::body) continue;
    std::string name(known.name);
    for (char& c : name) c = c == '_' ? '.' : c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
    auto const messages = with(known.operation, Place::body, name, good_value(known));
    ASSERT_EQ(messages.size(), 1u) << name;
    EXPECT_TRUE(messages[0].ends_with("must be written '" + std::string(known.name) + "'" + rule)) << messages[0];
    EXPECT_EQ(with(known.operation, Place::body, std::string(known.name) + "x", "x"), Messages{});
  }
}

TEST(FieldCheck, FilesAndTextsInEachOthersPlace) {
  Problems problems;
  FieldCheck check(OperationId::submit_step1, Place::body, problems);
  check.file("selfie");
  check.file("email");
  check.text("idImage", "x");
  check.file("idBackImage");
  check.text("issuingCountry", "KOR");
  check.text("idType", "passport");
  check.finish();
  ASSERT_EQ(problems.all().size(), 3u) << "neither of the two counts as missing besides";
  EXPECT_EQ(problems.all()[0].message, "file 'selfie' is unknown; submit_step1 takes idImage, idBackImage");
  EXPECT_EQ(problems.all()[0].field, "selfie");
  EXPECT_EQ(problems.all()[1].message, "field 'email' must be text, without a file name");
  EXPECT_EQ(problems.all()[2].message, "file 'idImage' must be a file part, with a file name");

  problems.clear();
  FieldCheck none(OperationId::address_code, Place::body, problems);
  none.file("photo");
  ASSERT_EQ(problems.all().size(), 1u);
  EXPECT_EQ(problems.all()[0].message, "file 'photo' is unknown; address_code takes no files");
}

TEST(FieldCheck, RepeatedNamesAreReportedOnceAndJudgedOnce) {
  Problems problems;
  FieldCheck check(OperationId::submit_step1, Place::body, problems);
  for (int i = 0; i < 5; ++i) {
    check.text("email", i == 0 ? "a@example.test" : "no address");
    check.file("idImage");
    check.text("unknown", "x");
  }
  check.text("issuingCountry", "KOR");
  check.text("idType", "passport");
  check.finish();
  ASSERT_EQ(problems.all().size(), 2u);
  EXPECT_EQ(problems.all()[0].message, "field 'email' is given more than once");
  EXPECT_EQ(problems.all()[1].message, "file 'idImage' is given more than once");
}

TEST(FieldCheck, TruncatedValuesAreTooLong) {
  Problems problems;
  FieldCheck check(OperationId::submit_step1, Place::body, problems);
  check.text("cf1", std::string(1024, 'x'), true);
  check.text("cf2", std::string(1024, 'x'), false);
  check.text("issuingCountry", "KOR", true);
  check.text("unknown", "x", true);
  ASSERT_EQ(problems.all().size(), 2u);
  EXPECT_EQ(problems.all()[0].message, "field 'cf1' is longer than 1024 bytes");
  EXPECT_EQ(problems.all()[1].field, "issuingCountry");
}

TEST(FieldCheck, WhatCouldNotBeReadIsNotMissing) {
  Problems problems;
  FieldCheck check(OperationId::read_applicant, Place::query, problems);
  check.unreadable(*check.find("applicant_id"), "is not UTF-8");
  check.finish();
  ASSERT_EQ(problems.all().size(), 1u);
  EXPECT_EQ(problems.all()[0].message, "parameter 'applicant_id' is not UTF-8");
}

TEST(FieldCheck, PagesTakeBothKeys) {
  EXPECT_EQ(with(OperationId::read_submission, Place::query, "nextpage_id", "sbx1"),
            Messages{"nextpage_date: parameter 'nextpage_date' is required with 'nextpage_id'"});
  EXPECT_EQ(with(OperationId::read_submission, Place::query, "nextpage_date", "2024"),
            Messages{"nextpage_id: parameter 'nextpage_id' is required with 'nextpage_date'"});
}

TEST(FieldCheck, PeriodsDoNotEndBeforeTheyBegin) {
  auto const period = [](std::string from, std::string to) {
    return judged(OperationId::read_submission, Place::query,
                  {{"start_date", std::move(from)}, {"end_date", std::move(to)}});
  };
  EXPECT_EQ(period("2024-05-06", "2024-05-06"), Messages{});
  EXPECT_EQ(period("2023-12-31", "2024-01-01"), Messages{});
  EXPECT_EQ(period("2024-05-06", "2024-05-05"), Messages{"end_date: parameter 'end_date' is before 'start_date'"});
  EXPECT_EQ(period("2024-05-06", "2024-02-30").size(), 1u) << "no order of what is no date";
  EXPECT_EQ(with(OperationId::read_submission, Place::query, "end_date", "2024-01-01"), Messages{});
}

TEST(FieldCheck, OneSpellingOfTheSubmission) {
  for (auto operation : {OperationId::delete_submission, OperationId::get_image}) {
    EXPECT_EQ(with(operation, Place::query, "submissionId", "sbx1"),
              Messages{"submissionId: parameter 'submissionId' means the same as 'submission_id'; send one of them"});
    auto values = least_request(operation, Place::query);
    values.erase("submission_id");
    EXPECT_EQ(judged(operation, Place::query, values),
              Messages{"submission_id: parameter 'submission_id' is required"});
    values["submissionId"] = "sbx1";
    EXPECT_EQ(judged(operation, Place::query, values), Messages{});
  }
}

TEST(FieldCheck, AllProblemsAtOnceUpToABound) {
  Values values = {
      {"issuingCountry", "KR"}, {"email", "a"}, {"idType", "visa"}, {"submissionId", "a b"}, {"cf1", "\x02"}};
  EXPECT_EQ(judged(OperationId::submit_step1, Place::body, values).size(), 6u) << "five bad ones and a missing file";
  values.clear();
  for (int i = 0; i < 500; ++i) values["p" + std::to_string(i)] = "x";
  EXPECT_EQ(judged(OperationId::read_submission, Place::query, values).size(), Problems::max_listed);
}

TEST(FieldCheck, MessagesNeverShowValues) {
  Random random("messages without values");
  auto const& rules = field_rules();
  for (int i = 0; i < 30'000; ++i) {
    auto const& rule = rules[random.below(rules.size())];
    // Letters that no sentence of ours has side by side, so that a match of four means that a value got through.
    auto value = random.word("QZJX7893@._%\"\x01\xc3\xa9", 4 + random.below(40));
    if (random.chance(10)) value += random.word("QZJX", 2000);
    Problems problems;
    FieldCheck check(rule.operation, rule.place, problems);
    for (auto const& other : rules)
      if (other.operation == rule.operation && other.place == rule.place)
        check.text(other.name, value, random.chance(20));
    check.text("unknown", value);
    check.finish();
    for (auto const& problem : problems.all()) {
      ASSERT_LT(problem.message.size(), 400u);
      for (std::size_t at = 0; at + 4 <= std::min<std::size_t>(value.size(), 60); ++at) {
        ASSERT_EQ(problem.message.find(value.substr(at, 4)), std::string::npos) << problem.message;
        ASSERT_EQ(problem.field.find(value.substr(at, 4)), std::string::npos) << problem.field;
      }
    }
  }
}

}  // namespace
}  // namespace gateway::test
