#include "gateway/policy/response.hpp"

namespace gateway::policy {

bool passes_to_caller(Operation const& operation, http::Name name) {
  using http::Name;
  switch (name) {
    case Name::content_type:
    case Name::content_disposition:
    case Name::content_encoding:
    case Name::content_language:
    case Name::date:
    case Name::retry_after:
    case Name::x_amzn_requestid:
      return true;
    case Name::cache_control:
    case Name::expires:
    case Name::etag:
    case Name::last_modified:
    case Name::vary:
    case Name::age:
      return !operation.is_document;  // documents are no-store whatever the vendor says
    default:
      return false;
  }
}

bool passes_to_vendor(http::Name name) {
  using http::Name;
  return name == Name::content_type || name == Name::accept || name == Name::accept_language;
}

Result<> judge_status(int status, bool conditional) {
  if (status == 304 && conditional) return {};
  if (status == 304 || status < 200) return Failure{Code::upstream_bad_response, status};  // never asked for
  if (status >= 300 && status < 400) return Failure{Code::upstream_redirect, status};
  return {};
}

Failure classify_forbidden(std::string_view body) {
  auto const says = [&](std::string_view text) { return body.find(text) != std::string_view::npos; };
  if (says("explicit deny")) return {Code::upstream_address_denied, 403};
  if (says("Forbidden")) return {Code::upstream_key_rejected, 403};
  return {Code::upstream_forbidden, 403};
}

}  // namespace gateway::policy
