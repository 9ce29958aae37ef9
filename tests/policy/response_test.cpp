#include "gateway/policy/response.hpp"

#include <gtest/gtest.h>

#include <set>

#include "support/text.hpp"

namespace gateway::test {
namespace {

using http::Name;

constexpr int last_name = static_cast<int>(Name::x_request_id);

TEST(ResponseFields, TheAllowListIsExactlyThisForEachOperation) {
  std::set<Name> const always = {
      Name::content_type, Name::content_disposition, Name::content_encoding, Name::content_language,
      Name::date,         Name::retry_after,         Name::x_amzn_requestid};
  std::set<Name> const caching = {Name::cache_control, Name::expires, Name::etag,
                                  Name::last_modified, Name::vary,    Name::age};
  for (auto const& operation : policy::operations)
    for (int i = 0; i <= last_name; ++i) {
      auto const name = static_cast<Name>(i);
      bool const expected = always.count(name) != 0 || (caching.count(name) != 0 && !operation.is_document);
      EXPECT_EQ(policy::passes_to_caller(operation, name), expected) << operation.name << " " << i;
    }
}

TEST(ResponseFields, FramingAndSecretsNeverPass) {
  for (auto const& operation : policy::operations)
    for (auto name :
         {Name::content_length, Name::transfer_encoding, Name::connection, Name::keep_alive, Name::trailer, Name::te,
          Name::upgrade, Name::x_api_key, Name::authorization, Name::cookie, Name::location, Name::other})
      EXPECT_FALSE(policy::passes_to_caller(operation, name)) << operation.name << " " << static_cast<int>(name);
}

TEST(RequestFields, TheVendorGetsOnlyThree) {
  std::set<Name> const passed = {Name::content_type, Name::accept, Name::accept_language};
  for (int i = 0; i <= last_name; ++i)
    EXPECT_EQ(policy::passes_to_vendor(static_cast<Name>(i)), passed.count(static_cast<Name>(i)) != 0) << i;
}

TEST(VendorStatus, IsJudgedForEveryNumber) {
  for (int status = 100; status <= 599; ++status) {
    auto const judged = policy::judge_status(status);
    std::string expected = "ok";
    if (status < 200 || status == 304)
      expected = "upstream_bad_response";
    else if (status >= 300 && status < 400)
      expected = "upstream_redirect";
    EXPECT_EQ(token_of(judged), expected) << status;
    if (!judged) EXPECT_EQ(judged.error().detail, status);
  }
}

TEST(Forbidden, IsToldApartByWhatItSays) {
  struct Row {
    char const* body;
    Code code;
  };
  Row const rows[] = {
      {R"({"message":"Forbidden"})", Code::upstream_key_rejected},
      {R"({"Message":"User: anonymous is not authorized to perform: execute-api:Invoke on resource: x with an explicit deny"})",
       Code::upstream_address_denied},
      {R"({"message":"Forbidden: explicit deny"})", Code::upstream_address_denied},
      {"", Code::upstream_forbidden},
      {"{}", Code::upstream_forbidden},
      {R"({"message":"forbidden"})", Code::upstream_forbidden},
      {"<html>Request blocked</html>", Code::upstream_forbidden},
      {"Explicit Deny", Code::upstream_forbidden},
  };
  for (auto const& row : rows) {
    ExactCopy const body(row.body);
    auto const failure = policy::classify_forbidden(body.view());
    EXPECT_EQ(failure.code, row.code) << row.body;
    EXPECT_EQ(failure.detail, 403);
    EXPECT_EQ(failure.traits().status, 502) << "never a 403";
  }
}

}  // namespace
}  // namespace gateway::test
