#pragma once
#include <string_view>

#include "gateway/base/failure.hpp"
#include "gateway/http/head.hpp"
#include "gateway/policy/operation.hpp"

namespace gateway::policy {

// Whether a field of a vendor answer may reach the caller. Framing fields are never passed: we frame ourselves.
bool passes_to_caller(Operation const& operation, http::Name name);
// Whether a field of a request may reach the vendor as the caller sent it.
bool passes_to_vendor(http::Name name);

// What a vendor status means before its body is seen: 2xx, 4xx and 5xx pass (403 needs its body), redirects and
// interim or conditional answers that nobody asked for do not. `conditional`: the request asked whether what is stored
// still holds, so 304 is an answer.
Result<> judge_status(int status, bool conditional = false);

// A vendor's 403 never reaches the caller as one. `body` is its text as far as it was read.
Failure classify_forbidden(std::string_view body);
// How much of a 403 body is looked at.
inline constexpr std::size_t forbidden_body_bytes = 4096;

}  // namespace gateway::policy
