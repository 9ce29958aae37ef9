#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>

#include "proxy/messages.hpp"
#include "support_io/rig.hpp"

// Problem answers are whole JSON, however much is wrong.
namespace gateway::test {
namespace {

namespace json = boost::json;
using upload::Problems;

RigOptions enforcing() {
  RigOptions options;
  options.uploads = "validation = \"enforce\"";
  return options;
}

json::object problem_of(std::string const& body) {
  json::error_code error;
  auto const value = json::parse(body, error);
  EXPECT_FALSE(error) << body;
  return error || !value.is_object() ? json::object() : value.as_object();
}

// Names of the greatest length that is shown, none of them twice.
std::string long_name(std::size_t number) {
  auto const digits = std::to_string(number);
  return std::string(64 - digits.size(), 'n') + digits;
}

std::string longest_query() {
  std::string query;
  for (std::size_t i = 0; i < 2 * Problems::max_listed; ++i) query += (i == 0 ? "" : "&") + long_name(i) + "=";
  return query;
}

std::string file_part(std::string const& name) {
  return "--b0undary\r\nContent-Disposition: form-data; name=\"" + name +
         "\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg_picture(9) + "\r\n";
}

// Every field of the operation in the wrong form, then unknown files.
std::string worst_body(policy::OperationId operation) {
  std::string body;
  std::size_t parts = 0;
  for (auto const& rule : upload::field_rules()) {
    if (rule.operation != operation || rule.place != upload::Place::body) continue;
    std::string const name(rule.name);
    bool const measured = rule.shape == upload::Shape::text;
    body += rule.shape == upload::Shape::file ? text_part(name, "x") : text_part(name, measured ? "\x01" : "~ \"");
    ++parts;
  }
  for (; parts < 64; ++parts) body += file_part(long_name(parts));
  return body + "--b0undary--\r\n";
}

void expect_whole(Message const& answer, std::string_view reason) {
  EXPECT_EQ(answer.status, 400);
  auto const problem = problem_of(answer.body);
  ASSERT_TRUE(problem.contains("errors")) << answer.body;
  EXPECT_EQ(problem.at("reason").as_string(), reason);
  EXPECT_EQ(problem.at("errors").as_array().size(), Problems::max_listed) << "not one is left out";
  EXPECT_TRUE(problem.at("detail").as_string().ends_with("; 31 more in errors")) << problem.at("detail");
  std::set<std::string> fields;
  for (auto const& error : problem.at("errors").as_array()) fields.emplace(error.at("field").as_string());
  EXPECT_EQ(fields.size(), Problems::max_listed);
}

TEST(Problem, TheWorstRequestsAreToldInFull) {
  Rig rig(enforcing());
  std::string const id = "X-Request-Id: " + std::string(128, 'i') + "\r\n";
  std::size_t longest = 0;
  for (auto const& operation : policy::operations) {
    SCOPED_TRACE(operation.name);
    auto const target = "/v3" + std::string(operation.path);
    if (operation.body == policy::BodyKind::none) {
      std::string const method(policy::method_name(operation.method));
      auto const answer = rig.answer_of(
          rig.call_with(method + " " + target + "?" + longest_query() + " HTTP/1.1\r\nHost: x\r\n" + id + "\r\n"));
      expect_whole(answer, "query_invalid");
      longest = std::max(longest, answer.body.size());
      continue;
    }
    auto const kind = "multipart/form-data; boundary=b0undary";
    auto const answer = rig.answer_of(rig.call_with(request_with_body(target, kind, worst_body(operation.id), 0, id)));
    expect_whole(answer, "fields_invalid");
    longest = std::max(longest, answer.body.size());
  }
  std::printf("the longest problem has %zu bytes\n", longest);
  EXPECT_LT(longest, 12 * 1024 - 1024) << "less than a KiB is left";
}

// Sentences that no rule writes today.
TEST(Problem, WhatDoesNotFitIsLeftOut) {
  Rig rig(enforcing());
  struct Case {
    std::size_t size, listed;  // of each sentence; the number of them is halved until they fit
  };
  for (auto const [size, expected] : {Case{100, 32}, Case{400, 16}, Case{700, 8}, Case{1'500, 4}, Case{3'000, 1},
                                      Case{5'000, 0}, Case{20'000, 0}}) {
    SCOPED_TRACE(size);
    auto x = std::make_unique<proxy::Exchange>();
    x->snapshot = rig.worker->snapshot;
    x->id = *RequestId::parse("id-1");
    for (std::size_t i = 0; i < Problems::max_listed; ++i)
      x->problems.add(Code::fields_invalid, long_name(i), std::string(size, 'm'));
    proxy::build_problem(*x, Failure{Code::fields_invalid}, rig.worker->date);
    EXPECT_FALSE(x->answer_out.overflow());
    auto const answer = x->answer_out.view();
    auto const body = answer.substr(answer.find("\r\n\r\n") + 4);
    EXPECT_NE(answer.find("content-length: " + std::to_string(body.size()) + "\r\n"), std::string_view::npos);
    auto const problem = problem_of(std::string(body));
    ASSERT_TRUE(problem.contains("message"));
    auto const listed = problem.contains("errors") ? problem.at("errors").as_array().size() : 0;
    EXPECT_EQ(listed, expected);
    if (listed > 1)
      EXPECT_TRUE(problem.at("detail").as_string().ends_with("; " + std::to_string(listed - 1) + " more in errors"));
    if (listed == 0) EXPECT_EQ(problem.at("detail").as_string(), "Invalid fields");
  }
}

}  // namespace
}  // namespace gateway::test
