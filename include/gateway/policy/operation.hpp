#pragma once
#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/base/failure.hpp"
#include "gateway/http/head.hpp"

// The closed table of what the gateway forwards. Routes, metric labels, tenants' permissions and retry rules read it.
//
//   name, method, path below the prefix, body, cacheable, retried, holds a document (image or PDF)
#define GW_OPERATIONS(O)                                                                   \
  O(read_submission, get, "/submission", none, true, get_rules, false)                     \
  O(read_applicant, get, "/submission/applicant", none, true, get_rules, false)            \
  O(submit_step1, post, "/submission/step1", multipart, false, never_once_sent, false)     \
  O(submit_step2, post, "/submission/step2", multipart, false, never_once_sent, false)     \
  O(address_code, post, "/address_code", form_or_json, false, never_once_sent, false)      \
  O(delete_submission, del, "/submission", none, false, never_once_sent, false)            \
  O(get_aml_report, get, "/report/aml", none, false, get_rules, true)                      \
  O(get_image, get, "/image", none, false, get_rules, true)

namespace gateway::policy {

enum class OperationId : std::uint8_t {
#define GW_ROW(name, ...) name,
  GW_OPERATIONS(GW_ROW)
#undef GW_ROW
  none,  // a request that matched no row
};

enum class BodyKind : std::uint8_t { none, multipart, form_or_json };

// get_rules: once, on a connection error or when a reused connection died before the first byte of the answer, within
// the retry budget. never_once_sent: only while no byte has been handed to the kernel.
enum class RetryRule : std::uint8_t { get_rules, never_once_sent };

struct Operation {
  OperationId id;
  std::string_view name;
  http::Method method;
  std::string_view path;
  BodyKind body;
  bool cacheable;
  RetryRule retry;
  bool is_document;
};

inline constexpr Operation operations[] = {
#define GW_ROW(name, method, path, body, cacheable, retry, document) \
  {OperationId::name, #name, http::Method::method, path, BodyKind::body, cacheable, RetryRule::retry, document},
    GW_OPERATIONS(GW_ROW)
#undef GW_ROW
};
inline constexpr std::size_t operation_count = std::size(operations);
// Label of an exchange for metrics: a table name or "none".
constexpr std::string_view operation_name(OperationId id) {
  return id == OperationId::none ? std::string_view("none") : operations[static_cast<std::size_t>(id)].name;
}
std::optional<OperationId> operation_by_name(std::string_view name);

using OperationSet = std::bitset<operation_count>;

constexpr std::string_view method_name(http::Method method) {
  switch (method) {
    case http::Method::get: return "GET";
    case http::Method::post: return "POST";
    case http::Method::del: return "DELETE";
    case http::Method::head: return "HEAD";
    case http::Method::other: break;
  }
  return "other";
}

// What a request asks for: the row of the table and the query as the caller sent it (without '?').
struct Route {
  Operation const* operation;
  std::string_view query;
  bool has_query;
};

// Matches method and target against the table. `prefix` is what callers put before the paths ("/v3" or "").
// unknown_path when no row has the path; method_not_allowed, with the bit set of the rows that have the path as its
// detail, when none of them has the method.
Result<Route> match_route(http::RequestHead const& head, std::string_view prefix);

// Value of the Allow field for the detail of method_not_allowed, for instance "GET, DELETE".
std::string_view allow_value(std::int64_t rows, std::array<char, 64>& buffer);

// The body rules of an operation that the head alone decides: no body where none is documented, a length where one
// is, a documented content type, no content coding.
Result<> check_body_head(Operation const& operation, http::RequestHead const& head, bool framed, bool has_body);

}  // namespace gateway::policy
