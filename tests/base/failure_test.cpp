#include "gateway/base/failure.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace gateway::test {
namespace {

TEST(FailureTable, HasEachCodeOfTheContractWithItsStatusAndFate) {
  struct Row {
    int status;
    Fate fate;
  };
  std::map<std::string, Row> const contract = {{"bad_request_line", {400, Fate::close}},
                                               {"bad_field", {400, Fate::close}},
                                               {"bad_host", {400, Fate::close}},
                                               {"bad_content_length", {400, Fate::close}},
                                               {"bad_transfer_encoding", {400, Fate::close}},
                                               {"conflicting_length", {400, Fate::close}},
                                               {"bad_chunk", {400, Fate::close}},
                                               {"bad_trailer", {400, Fate::close}},
                                               {"bad_target", {400, Fate::close}},
                                               {"target_too_long", {414, Fate::close}},
                                               {"unsupported_version", {505, Fate::close}},
                                               {"head_too_large", {431, Fate::close}},
                                               {"too_many_fields", {431, Fate::close}},
                                               {"header_timeout", {408, Fate::close}},
                                               {"body_timeout", {408, Fate::close}},
                                               {"unknown_path", {404, Fate::keep}},
                                               {"method_not_allowed", {405, Fate::keep}},
                                               {"unknown_caller", {401, Fate::keep}},
                                               {"operation_denied", {403, Fate::keep}},
                                               {"unsupported_expectation", {417, Fate::close}},
                                               {"unexpected_body", {400, Fate::close}},
                                               {"length_required", {411, Fate::close}},
                                               {"unsupported_content_type", {415, Fate::drain}},
                                               {"unsupported_content_encoding", {415, Fate::drain}},
                                               {"body_too_large", {413, Fate::drain}},
                                               {"client_gone", {499, Fate::close}},
                                               {"api_key_missing", {503, Fate::drain}},
                                               {"overloaded", {503, Fate::close}},
                                               {"internal_error", {500, Fate::close}},
                                               {"upstream_unresolved", {502, Fate::drain}},
                                               {"upstream_connect_failed", {502, Fate::drain}},
                                               {"upstream_connect_timeout", {504, Fate::drain}},
                                               {"upstream_tls_failed", {502, Fate::drain}},
                                               {"upstream_pool_exhausted", {503, Fate::drain}},
                                               {"upstream_first_byte_timeout", {504, Fate::drain}},
                                               {"upstream_body_timeout", {504, Fate::drain}},
                                               {"upstream_total_timeout", {504, Fate::drain}},
                                               {"upstream_reset", {502, Fate::drain}},
                                               {"upstream_bad_response", {502, Fate::drain}},
                                               {"upstream_head_too_large", {502, Fate::drain}},
                                               {"upstream_redirect", {502, Fate::drain}},
                                               {"upstream_key_rejected", {502, Fate::drain}},
                                               {"upstream_address_denied", {502, Fate::drain}}};
  std::map<std::string, FailureTraits const*> table;
  for (auto const& row : failure_traits) table[std::string(row.token)] = &row;
  for (auto const& [token, expected] : contract) {
    ASSERT_TRUE(table.count(token)) << token;
    EXPECT_EQ(table[token]->status, expected.status) << token;
    EXPECT_EQ(table[token]->fate, expected.fate) << token;
  }
}

TEST(FailureTable, HasUniqueTokensTitlesAndWords) {
  std::set<std::string_view> tokens, titles;
  for (auto const& row : failure_traits) {
    EXPECT_TRUE(tokens.insert(row.token).second) << row.token;
    EXPECT_TRUE(titles.insert(row.title).second) << row.title;
    EXPECT_EQ(row.token.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), row.token.npos) << row.token;
    EXPECT_FALSE(row.remedy.empty()) << row.token;
    EXPECT_EQ(row.remedy.back(), '.') << row.token;
    // Both stand in JSON without escaping.
    for (auto text : {row.title, row.remedy}) EXPECT_EQ(text.find_first_of("\"\\\n"), text.npos) << row.token;
  }
  EXPECT_LT(failure_count, 255u) << "the metric key has eight bits for it";
}

TEST(FailureTable, IsIndexedByTheCode) {
  for (std::size_t i = 0; i < failure_count; ++i) {
    EXPECT_EQ(&traits_of(static_cast<Code>(i)), &failure_traits[i]);
    EXPECT_EQ(&(Failure{static_cast<Code>(i)}.traits()), &failure_traits[i]);
  }
  EXPECT_EQ(traits_of(Code::bad_request_line).token, "bad_request_line");
  EXPECT_EQ(traits_of(Code::upstream_forbidden).token, "upstream_forbidden");
  EXPECT_EQ((Failure{Code::bad_host}.detail), 0);
}

TEST(FailureTable, VendorFaultsAre502Or504AndAttributedToTheVendor) {
  for (auto const& row : failure_traits) {
    if (row.origin == Origin::upstream) EXPECT_TRUE(row.status == 502 || row.status == 504) << row.token;
    // RFC 9111 section 5.2.1.7 wants 504 where only a stored answer was asked for.
    bool const only_if_cached = row.token == "not_in_cache";
    if ((row.status == 502 || row.status == 504) && !only_if_cached) EXPECT_EQ(row.origin, Origin::upstream) << row.token;
    if (row.token.ends_with("_timeout") && row.origin == Origin::upstream) EXPECT_EQ(row.status, 504) << row.token;
  }
}

TEST(FailureTable, FatesAreOrderedFromMildToStrict) {
  static_assert(Fate::keep < Fate::drain && Fate::drain < Fate::close);
  EXPECT_EQ(std::max(Fate::keep, Fate::close), Fate::close);
}

Result<int> half(int n) { return n % 2 == 0 ? Result<int>(n / 2) : Result<int>(Failure{Code::bad_field, n}); }
Result<> even(int n) {
  GW_CHECK(half(n));
  return {};
}

TEST(Result, CarriesAValueOrAFailureThroughTheMacros) {
  EXPECT_EQ(*half(4), 2);
  EXPECT_TRUE(even(4));
  auto const odd = even(7);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().code, Code::bad_field);
  EXPECT_EQ(odd.error().detail, 7);
}

}  // namespace
}  // namespace gateway::test
