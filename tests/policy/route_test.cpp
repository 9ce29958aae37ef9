#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "gateway/policy/operation.hpp"
#include "support/heads.hpp"

namespace gateway::test {
namespace {

using http::Method;
using policy::BodyKind;
using policy::OperationId;
using policy::operations;

http::RequestHead request(Method method, std::string_view target) {
  http::RequestHead head;
  head.method = method;
  head.target = target;
  return head;
}

std::string routed(Method method, std::string_view target, std::string_view prefix = "/v3") {
  auto const route = policy::match_route(request(method, target), prefix);
  return route ? std::string(route->operation->name) : std::string(route.error().traits().token);
}

TEST(OperationTable, IsTheContracts) {
  struct Row {
    OperationId id;
    char const* name;
    Method method;
    char const* path;
    BodyKind body;
    bool cacheable, retried, document;
  };
  Row const contract[] = {
      {OperationId::read_submission, "read_submission", Method::get, "/submission", BodyKind::none, true, true, false},
      {OperationId::read_applicant, "read_applicant", Method::get, "/submission/applicant", BodyKind::none, true, true,
       false},
      {OperationId::submit_step1, "submit_step1", Method::post, "/submission/step1", BodyKind::multipart, false, false,
       false},
      {OperationId::submit_step2, "submit_step2", Method::post, "/submission/step2", BodyKind::multipart, false, false,
       false},
      {OperationId::address_code, "address_code", Method::post, "/address_code", BodyKind::form_or_json, false, false,
       false},
      {OperationId::delete_submission, "delete_submission", Method::del, "/submission", BodyKind::none, false, false,
       false},
      {OperationId::get_aml_report, "get_aml_report", Method::get, "/report/aml", BodyKind::none, false, true, true},
      {OperationId::get_image, "get_image", Method::get, "/image", BodyKind::none, false, true, true}};
  ASSERT_EQ(std::size(contract), policy::operation_count);
  for (std::size_t i = 0; i < std::size(contract); ++i) {
    auto const& row = operations[i];
    EXPECT_EQ(row.id, contract[i].id);
    EXPECT_EQ(static_cast<std::size_t>(row.id), i) << "the table is indexed by the id";
    EXPECT_EQ(row.name, contract[i].name);
    EXPECT_EQ(row.method, contract[i].method) << row.name;
    EXPECT_EQ(row.path, contract[i].path) << row.name;
    EXPECT_EQ(row.body, contract[i].body) << row.name;
    EXPECT_EQ(row.cacheable, contract[i].cacheable) << row.name;
    EXPECT_EQ(row.retry == policy::RetryRule::get_rules, contract[i].retried) << row.name;
    EXPECT_EQ(row.is_document, contract[i].document) << row.name;
    EXPECT_EQ(policy::operation_by_name(row.name), row.id);
    EXPECT_EQ(policy::operation_name(row.id), row.name);
  }
  EXPECT_EQ(policy::operation_name(OperationId::none), "none");
  for (auto other : {"", "none", "*", "Read_submission", "read_submission ", "submission"})
    EXPECT_FALSE(policy::operation_by_name(other)) << other;
}

TEST(Routes, EachRowIsReachedAtItsPathAndMethodOnly) {
  for (std::string const prefix : {"/v3", "", "/a/b"})
    for (auto const& row : operations)
      for (auto method : {Method::get, Method::post, Method::del, Method::head, Method::other}) {
        std::string expected = "method_not_allowed";
        for (auto const& other : operations)
          if (other.path == row.path && other.method == method) expected = other.name;
        EXPECT_EQ(routed(method, prefix + std::string(row.path), prefix), expected) << row.path;
      }
}

TEST(Routes, AnythingElseIsUnknown) {
  for (auto target : {"/",
                      "/v3",
                      "/v3/",
                      "/v3/submission/",
                      "/v3/Submission",
                      "/V3/submission",
                      "/v3submission",
                      "/v3/submissions",
                      "/v3/submission/step3",
                      "/v3/submission/step1/",
                      "/v3/v3/submission",
                      "/submission",
                      "/v4/submission",
                      "/v3/image/x",
                      "/v3/report",
                      "/v3/report/aml2",
                      "/v3/address_code/",
                      "/v3/%73ubmission",
                      "/v3/submission;x",
                      "/v3/submission%20",
                      "/livez",
                      "/metrics"})
    for (auto method : {Method::get, Method::post, Method::del, Method::head, Method::other})
      EXPECT_EQ(routed(method, target), "unknown_path") << target;
  EXPECT_EQ(routed(Method::get, "/v3/submission", ""), "unknown_path");
}

TEST(Routes, TheQueryIsKeptAsItCame) {
  struct Row {
    char const* target;
    char const* query;
    bool has_query;
  };
  for (auto const& row : {Row{"/v3/submission", "", false}, Row{"/v3/submission?", "", true},
                          Row{"/v3/submission?a=b&c=%20d", "a=b&c=%20d", true}, Row{"/v3/submission?a?b", "a?b", true},
                          Row{"/v3/submission??", "?", true}, Row{"/v3/submission?/../x", "/../x", true}}) {
    auto const head = request(Method::get, row.target);
    auto const route = policy::match_route(head, "/v3");
    ASSERT_TRUE(route) << row.target;
    EXPECT_EQ(route->query, row.query);
    EXPECT_EQ(route->has_query, row.has_query);
  }
}

std::string allow_at(std::string const& path) {
  auto const route = policy::match_route(request(Method::head, path), "/v3");
  if (route || route.error().code != Code::method_not_allowed) return "-";
  std::array<char, 64> buffer;
  return std::string(policy::allow_value(route.error().detail, buffer));
}

TEST(Routes, AllowNamesTheMethodsOfThePath) {
  EXPECT_EQ(allow_at("/v3/submission"), "GET, DELETE");
  EXPECT_EQ(allow_at("/v3/submission?a=b"), "GET, DELETE");
  EXPECT_EQ(allow_at("/v3/submission/applicant"), "GET");
  EXPECT_EQ(allow_at("/v3/submission/step1"), "POST");
  EXPECT_EQ(allow_at("/v3/submission/step2"), "POST");
  EXPECT_EQ(allow_at("/v3/address_code"), "POST");
  EXPECT_EQ(allow_at("/v3/report/aml"), "GET");
  EXPECT_EQ(allow_at("/v3/image"), "GET");
  std::array<char, 64> buffer;
  EXPECT_EQ(policy::allow_value(0, buffer), "");
  EXPECT_LE(policy::allow_value(0xff, buffer).size(), buffer.size()) << "all rows at once still fit";
}

// Verdict of check_body_head for a head with these fields, framed as its fields say.
std::string body_verdict(policy::Operation const& operation, std::string const& fields) {
  http::RequestHead head;
  std::string const bytes = std::string(policy::method_name(operation.method)) + " /v3" + std::string(operation.path) +
                            " HTTP/1.1\r\nHost: gw\r\n" + fields + "\r\n";
  auto const parsed = http::parse_request_head(bytes, default_limits, head);
  auto const framing = http::judge_request(head);
  if (!parsed || !framing) return "no head";
  return token_of(policy::check_body_head(operation, head, framing->body.kind != http::Framing::Kind::none,
                                          framing->body.has_body()));
}

TEST(BodyHead, OperationsWithoutABodyTakeNone) {
  for (auto const& operation : operations) {
    if (operation.body != BodyKind::none) continue;
    EXPECT_EQ(body_verdict(operation, ""), "ok") << operation.name;
    EXPECT_EQ(body_verdict(operation, "Content-Length: 0\r\n"), "ok") << operation.name;
    EXPECT_EQ(body_verdict(operation, "Content-Type: application/json\r\n"), "ok") << operation.name;
    EXPECT_EQ(body_verdict(operation, "Content-Length: 1\r\n"), "unexpected_body") << operation.name;
    EXPECT_EQ(body_verdict(operation, "Transfer-Encoding: chunked\r\n"), "unexpected_body") << operation.name;
  }
}

TEST(BodyHead, OperationsWithABodyNeedALengthAndADocumentedType) {
  struct Row {
    char const* type;
    bool multipart, form_or_json;
  };
  Row const rows[] = {
      {"multipart/form-data; boundary=b", true, true},
      {"multipart/form-data", true, true},
      {"Multipart/Form-Data;boundary=b", true, true},
      {"multipart/form-data ; boundary=b", true, true},
      {"application/json", false, true},
      {"application/json; charset=utf-8", false, true},
      {"APPLICATION/JSON", false, true},
      {"application/x-www-form-urlencoded", false, true},
      {"application/x-www-form-urlencoded;charset=UTF-8", false, true},
      {"application/jsonx", false, false},
      {"application/json+x", false, false},
      {"text/json", false, false},
      {"text/plain", false, false},
      {"multipart/mixed; boundary=b", false, false},
      {"multipart/form-data, application/json", false, false},
      {"multipart/form-data boundary=b", false, false},
      {"image/jpeg", false, false},
      {"", false, false},
      {";", false, false},
      {"*/*", false, false},
  };
  for (auto const& operation : operations) {
    if (operation.body == BodyKind::none) continue;
    for (auto const& framing : {"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 0\r\n"})
      for (auto const& row : rows) {
        bool const good = operation.body == BodyKind::multipart ? row.multipart : row.form_or_json;
        EXPECT_EQ(body_verdict(operation, std::string(framing) + "Content-Type: " + row.type + "\r\n"),
                  good ? "ok" : "unsupported_content_type")
            << operation.name << " " << row.type;
      }
    std::string const type = "Content-Type: multipart/form-data; boundary=b\r\n";
    EXPECT_EQ(body_verdict(operation, type), "length_required") << operation.name;
    EXPECT_EQ(body_verdict(operation, ""), "length_required") << operation.name;
    EXPECT_EQ(body_verdict(operation, "Content-Length: 5\r\n"), "unsupported_content_type") << operation.name;
    EXPECT_EQ(body_verdict(operation, type + type + "Content-Length: 5\r\n"), "unsupported_content_type")
        << operation.name << ": two types";
  }
}

TEST(BodyHead, CodedBodiesAreRefusedInEachSpelling) {
  for (auto const& operation : operations) {
    if (operation.body == BodyKind::none) continue;
    std::string const good = "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 5\r\n";
    for (std::string const coding : {"identity", "Identity"})
      EXPECT_EQ(body_verdict(operation, good + "Content-Encoding: " + coding + "\r\n"), "ok") << coding;
    for (std::string const coding :
         {"gzip", "GZIP", "br", "deflate", "identity, gzip", "gzip, identity", "x", "chunked"})
      EXPECT_EQ(body_verdict(operation, good + "Content-Encoding: " + coding + "\r\n"), "unsupported_content_encoding")
          << coding;
    EXPECT_EQ(body_verdict(operation, good + "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"),
              "unsupported_content_encoding")
        << "the second counts too";
    EXPECT_EQ(body_verdict(operation, good + "Content-Encoding:\r\nContent-Encoding: gzip\r\n"),
              "unsupported_content_encoding")
        << "the second counts too";
  }
}

}  // namespace
}  // namespace gateway::test
