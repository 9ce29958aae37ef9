#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "gateway/upload/fields.hpp"
#include "support/random.hpp"
#include "support/text.hpp"

namespace gateway::test {
namespace {

using namespace upload;

// "code field: message" of each problem.
using Messages = std::vector<std::string>;
Messages const none;

Messages judged(std::string_view body) {
  ExactCopy const exact(body);  // the parser must not read past it
  Problems problems;
  check_json(policy::OperationId::address_code, exact.view(), problems);
  Messages messages;
  for (auto const& problem : problems.all())
    messages.push_back(std::string(traits_of(problem.code).token) + " " + problem.field + ": " + problem.message);
  return messages;
}

std::string nested(std::size_t levels) {
  return R"({"address":"a","x":)" + std::string(levels, '[') + std::string(levels, ']') + "}";
}

TEST(JsonBody, GoodBodies) {
  EXPECT_EQ(judged(R"({"address":"1 Example-ro, Seoul"})"), none);
  EXPECT_EQ(judged(" \r\n\t{ \"language\" : \"ko\" , \"address\" : \"8Q98ABCD+EF\" }\n"), none);
  EXPECT_EQ(judged(R"({"address":"a","language":""})"), none);
  EXPECT_EQ(judged("{\"address\":\"\xec\x84\x9c\xec\x9a\xb8 \\uc11c\\n\\ud83d\\ude00\"}"), none);
  EXPECT_EQ(judged(R"({"\u0061ddress":"a"})"), none) << "escapes in names are read";
  EXPECT_EQ(judged(R"({"address":"a","x":{"address":1,"y":[null,true,-1.5e3,{"z":{}}]},"data":"..."})"), none)
      << "unknown members pass";
}

TEST(JsonBody, FieldsAreJudged) {
  EXPECT_EQ(judged("{}"), Messages{"fields_invalid address: field 'address' is required"});
  EXPECT_EQ(judged(R"({"address":" \n"})"), Messages{"fields_invalid address: field 'address' must not be empty"});
  EXPECT_EQ(judged(R"({"language":"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"})"),
            (Messages{"fields_invalid language: field 'language' is longer than 35 bytes",
                      "fields_invalid address: field 'address' is required"}));
  EXPECT_EQ(judged("{\"address\":\"" + std::string(512, 'a') + "\"}"), none);
  EXPECT_EQ(judged("{\"address\":\"" + std::string(513, 'a') + "\"}"),
            Messages{"fields_invalid address: field 'address' is longer than 512 bytes"});
  EXPECT_EQ(
      judged(R"({"address":"a\u0000b"})"),
      Messages{"fields_invalid address: field 'address' contains a control byte that is neither a tab nor a line end"});
}

TEST(JsonBody, KnownMembersAreStrings) {
  for (auto value : {"null", "true", "12", "-0.5", "[\"a\"]", "{\"a\":\"b\"}", "[]", "{}"}) {
    EXPECT_EQ(judged(std::string(R"({"address":)") + value + "}"),
              Messages{"fields_invalid address: field 'address' must be a JSON string"})
        << value;
    EXPECT_EQ(judged(std::string(R"({"address":"a","language":)") + value + "}"),
              Messages{"fields_invalid language: field 'language' must be a JSON string"})
        << value;
  }
}

TEST(JsonBody, WhatIsNotOneObject) {
  for (auto body : {"[]", "[{\"address\":\"a\"}]", "\"address\"", "null", "true", "12"})
    EXPECT_EQ(judged(body), Messages{"json_invalid : the body must be one JSON object"}) << body;
}

TEST(JsonBody, WhatIsNotJson) {
  for (std::string_view body : {"",
                                " ",
                                "{",
                                "}",
                                "{\"address\"}",
                                "{\"address\":}",
                                "{\"address\":\"a\"",
                                "{\"address\":\"a\",}",
                                "{\"address\":\"a\"}}",
                                "{\"address\":\"a\"}{}",
                                "{\"address\":\"a\"} x",
                                "{address:\"a\"}",
                                "{'address':'a'}",
                                "{\"address\":\"a\nb\"}",
                                "{\"address\":\"\\x\"}",
                                "{\"address\":\"\\u12\"}",
                                "{\"address\":\"\\ud800\"}",
                                "{\"address\":\"\\udc00\"}",
                                "{\"x\":\"\\ud800\\u0041\",\"address\":\"a\"}",
                                "{\"\\udc00\":1,\"address\":\"a\"}",
                                "{\"address\":\"a\",\"x\":01}",
                                "{\"address\":\"a\",\"x\":1.}",
                                "{\"address\":\"a\",\"x\":NaN}",
                                "{\"address\":\"a\",\"x\":+1}",
                                "{\"address\":\"a\",\"x\":tru}",
                                "{\"address\":\"a\"}//",
                                "{\"address\":\"a\",\"x\":[1,]}",
                                "address=a",
                                "\xef\xbb\xbf{\"address\":\"a\"}"}) {
    auto const found = judged(body);
    ASSERT_EQ(found.size(), 1u) << body;
    EXPECT_TRUE(found[0].starts_with("json_invalid : the body is not ") || found[0] == "json_invalid : the body holds a number that cannot be read") << body << found[0];
  }
  EXPECT_EQ(judged(std::string_view("{\"address\":\"a\"}\0", 16)).size(), 1u);
  EXPECT_EQ(judged(std::string_view("\0{\"address\":\"a\"}", 16)).size(), 1u);
}

TEST(JsonBody, TextIsUtf8) {
  for (auto bytes : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    EXPECT_EQ(judged(std::string(R"({"address":")") + bytes + "\"}"), Messages{"json_invalid : the body is not UTF-8"});
    EXPECT_EQ(judged(std::string(R"({"address":"a","x":[")") + bytes + "\"]}"),
              Messages{"json_invalid : the body is not UTF-8"});
    EXPECT_EQ(judged(std::string(R"({"address":"a","x)") + bytes + "\":1}"),
              Messages{"json_invalid : the body is not UTF-8"});
  }
}

TEST(JsonBody, EscapesAreCharacters) {
  char escape[16];
  for (unsigned unit = 0; unit < 0x10000; ++unit) {
    std::snprintf(escape, sizeof escape, "\\u%04x", unit);
    bool const surrogate = unit >= 0xd800 && unit <= 0xdfff;
    // Where no rule would look at it: what is no text is refused all the same.
    ASSERT_EQ(judged(R"({"address":"a","x":"b)" + std::string(escape) + "\"}").empty(), !surrogate) << escape;
    ASSERT_EQ(judged(R"({"address":"a","x)" + std::string(escape) + "\":1}").empty(), !surrogate) << escape;
  }
  for (auto pair : {"\\ud800\\udc00", "\\udbff\\udfff", "\\uD83D\\uDE00"})
    EXPECT_EQ(judged(R"({"address":")" + std::string(pair) + "\"}"), none) << pair;
  for (auto pair : {"\\ud800\\ud800", "\\udc00\\ud800", "\\ud800x", "\\ud800\\n", "\\ud800\\u0041"})
    EXPECT_EQ(judged(R"({"address":")" + std::string(pair) + "\"}"), Messages{"json_invalid : the body is not JSON"})
        << pair;
}

TEST(JsonBody, NoTwoMembersOfOneName) {
  std::string const rule = "; capitals and small letters are the same, and so are '.' and '_'";
  Messages const repeated = {"json_invalid : the body has an object with two members of one name" + rule};
  Messages const named = {"json_invalid : the body has two members named 'address'" + rule};
  EXPECT_EQ(judged(R"({"address":"a","address":"a"})"), named);
  EXPECT_EQ(judged(R"({"address":"a","\u0061ddress":"b"})"), named);
  for (auto name : {"Address", "ADDRESS", "addre\xc5\xbfs", "addre\\u017f\\u017f"}) {
    EXPECT_EQ(judged(R"({"address":"a",")" + std::string(name) + R"(":1})"), named) << name;
    EXPECT_EQ(judged(R"({")" + std::string(name) + R"(":"a","address":"a"})"), named) << name;
  }
  EXPECT_EQ(judged(R"({"address":"a","x y":1,"X.Y":1})"), repeated);
  EXPECT_EQ(judged(R"({"address":"a","x":[{"a[":1,"A_":1}]})"), repeated);
  EXPECT_EQ(judged("{\"address\":\"a\",\"\xe2\x84\xaa\":1,\"k\":2}"), repeated);
  EXPECT_EQ(judged(R"({"address":"a","x":1,"xx":2,"x_":3,"x-":4,"":5,"_":6})"), none);
  EXPECT_EQ(judged(R"({"x":1,"address":"a","x":1})"), repeated);
  EXPECT_EQ(judged(R"({"address":"a","x":[{"y":{"z":1,"w":2,"z":3}}]})"), repeated);
  EXPECT_EQ(judged(R"({"address":"a","x":{"address":1},"y":{"address":1}})"), none);
}

TEST(JsonBody, NamesThatSomeReadersTakeForKnownOnes) {
  auto const found = judged(R"({"address":"a","Language":7})");
  EXPECT_EQ(found, Messages{"fields_invalid Language: field 'Language' must be written 'language': capitals and small "
                            "letters are the same, and so are '.' and '_'"});
  EXPECT_EQ(judged("{\"addre\xc5\xbf\xc5\xbf\":\"a\"}").size(), 2u) << "and the one that is required is not there";
  EXPECT_EQ(judged(R"({"address":"a","x":{"Language":7},"languages":1,"_language":2})"), none);
}

TEST(JsonBody, DepthIsBounded) {
  Messages const deep = {"json_invalid : the body is nested deeper than 16 levels"};
  EXPECT_EQ(judged(nested(15)), none) << "with the body itself 16 levels";
  EXPECT_EQ(judged(nested(16)), deep);
  EXPECT_EQ(judged(nested(30'000)), deep);
  EXPECT_EQ(judged(std::string(65'536, '[')).size(), 1u);
  std::string objects;
  for (int i = 0; i < 10'000; ++i) objects += R"({"a":)";
  EXPECT_EQ(judged(objects).size(), 1u);
}

TEST(JsonBody, LargestBodies) {
  std::string body = R"({"address":"a")";
  for (int i = 0; body.size() < 65'000; ++i) body += ",\"m" + std::to_string(i) + "\":0";
  EXPECT_EQ(judged(body + "}"), none);
  EXPECT_EQ(judged(body + ",\"m7\":0}").size(), 1u);
  EXPECT_EQ(judged(R"({"address":"a","x":")" + std::string(65'000, 'x') + "\"}"), none);
  for (std::size_t blanks = 0; blanks < 200; ++blanks)
    ASSERT_EQ(judged(std::string(blanks, ' ') + R"({"address":"a"})"), none) << "the end at each place of a vector";
}

// Boost.JSON as a second opinion: what passes is an object to it, too, with the address it was judged by.
TEST(JsonBody, MutantsThatPassReadTheSameElsewhere) {
  Random random("mutants of JSON bodies");
  std::string_view const seeds[] = {R"({"address":"1 Example-ro","language":"ko"})",
                                    R"({"x":[1,-2.5e1,true,null,{"y":"\ud83d\ude00"}],"address":"a\"b"})",
                                    "{\"address\":\"\xec\x84\x9c\",\"\\u0061\":{}}"};
  std::string_view const alphabet = "{}[]\",:\\u0019aef-+. \n\xc3\xa9";
  std::size_t passed = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string body(seeds[random.below(std::size(seeds))]);
    for (auto edits = random.below(4); edits > 0 && !body.empty(); --edits) {
      auto const at = random.below(body.size());
      if (random.chance(3))
        body.erase(at, 1 + random.below(3));
      else if (random.chance(2))
        body.insert(at, 1, random.from(alphabet));
      else
        body[at] = random.from(alphabet);
    }
    auto const found = judged(body);
    ASSERT_LE(found.size(), 2u) << shown(body);
    if (!found.empty()) continue;
    boost::json::error_code error;
    auto const second = boost::json::parse(body, error);
    ASSERT_FALSE(error) << shown(body);
    ASSERT_TRUE(second.is_object()) << shown(body);
    auto const* address = second.get_object().if_contains("address");
    ASSERT_TRUE(address != nullptr && address->is_string() && !address->get_string().empty()) << shown(body);
    ++passed;
  }
  EXPECT_GT(passed, 10'000u);
}

TEST(JsonBody, MessagesNeverShowTheBody) {
  Random random("JSON messages without values");
  for (int i = 0; i < 20'000; ++i) {
    auto const secret = random.word("QZJX", 8);
    std::string body =
        R"({"address":)" +
        (random.chance(2) ? "\"" + secret + std::string(random.below(2) * 600, 'x') + "\"" : "[\"" + secret + "\"]") +
        ",\"language\":\"" + secret + secret + secret + secret + secret + "\",\"" + secret + "\":\"" + secret + "\"}";
    if (random.chance(2)) body[random.below(body.size())] = random.byte();
    for (auto const& message : judged(body)) ASSERT_EQ(message.find(secret.substr(0, 4)), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace gateway::test
