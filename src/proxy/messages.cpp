#include "messages.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include "gateway/policy/response.hpp"
#include "inspect.hpp"

namespace gateway::proxy {
namespace {

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 304: return "Not Modified";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "";
  }
}

template <class Out>
void status_line(Out& out, int status) {
  out.append("HTTP/1.1 ");
  out.number(static_cast<std::uint64_t>(status));
  out.append(" ");
  out.append(reason_phrase(status));
  out.append("\r\n");
}

// What every answer carries, whoever made it.
template <class Out>
void common_fields(Out& out, Exchange const& x) {
  out.field("x-request-id", x.id.view());
  // Of every answer to an operation that is cached, also when it was refused before the cache was looked at.
  if (x.cache_status || (x.operation != nullptr && x.operation->cacheable))
    out.field("cache-status", cache::CacheStatusText(x.cache_status.value_or(cache::CacheStatus())).view());
  if (x.had_client_key) out.append("x-gateway-warning: client-api-key-ignored\r\n");
  if (x.fate != Fate::keep) out.append("connection: close\r\n");
  else if (x.http10) out.append("connection: keep-alive\r\n");
}

std::string_view method_token(http::Method method) { return policy::method_name(method); }

// Room for upload::Problems::max_listed problems with the longest names and sentences there are, two KiB of it to spare;
// Problem.TheWorstRequestsAreToldInFull holds that. The head, with what a caller chooses of it, takes less than one KiB.
constexpr std::size_t problem_body_bytes = 12 * 1024;
static_assert(problem_body_bytes + 4 * 1024 <= Exchange::answer_out_bytes);
using ProblemBody = OutBuffer<problem_body_bytes>;

// One sentence for the caller; numbers, never text of a message.
std::string_view detail_sentence(Failure failure, Exchange const& x, std::array<char, 160>& buffer) {
  auto const print = [&](char const* format, auto... values) {
    auto const size = std::snprintf(buffer.data(), buffer.size(), format, values...);
    return std::string_view(buffer.data(), static_cast<std::size_t>(size));
  };
  auto const number = static_cast<long long>(failure.detail);
  switch (failure.code) {
    case Code::body_too_large: return print("the request body is larger than limits.body_bytes, %lld bytes", number);
    case Code::head_too_large: return print("the header section is larger than %lld bytes", number);
    case Code::too_many_fields: return print("there are more than %lld header fields", number);
    case Code::target_too_long: return print("the request target is longer than %lld bytes", number);
    case Code::upstream_redirect: return print("the vendor answered %lld; redirects are not followed", number);
    case Code::operation_denied:
      if (x.operation != nullptr && x.identity.tenant != nullptr)
        return print("tenant '%s' may not use %.*s", x.identity.tenant->name.c_str(), static_cast<int>(x.operation->name.size()), x.operation->name.data());
      break;
    case Code::unsupported_content_type:
      return x.operation != nullptr && x.operation->body == policy::BodyKind::multipart
                 ? "this operation takes multipart/form-data"
                 : "this operation takes application/json, application/x-www-form-urlencoded or multipart/form-data";
    default: break;
  }
  return traits_of(failure.code).title;
}

// "image": {"a" "b"} pieces of a problem body; all of them are our own text without characters that JSON escapes.
template <class Out>
void member(Out& out, std::string_view name, std::string_view value, bool first = false) {
  out.append(first ? "{\"" : ",\"");
  out.append(name);
  out.append("\":\"");
  out.append(value);
  out.append("\"");
}

// Whether a problem belongs into the answer to a failure: faults that were let pass (validation = "report") are not what
// another failure is about.
bool is_told(upload::Problem const& problem, Failure failure, Exchange const& x) {
  if (!is_upload_refusal(failure.code)) return false;
  return problem.code == failure.code || x.snapshot->config->values.uploads_validation != "report";
}

// A sentence about the request's content, when inspection left one; else what the failure says by itself.
std::string_view detail_of(Failure failure, Exchange const& x, std::size_t max_errors, std::array<char, 160>& buffer,
                           std::string& longer) {
  auto const& problems = x.problems.all();
  auto const first = std::find_if(problems.begin(), problems.end(), [&](auto const& problem) { return problem.code == failure.code; });
  if (first == problems.end()) return detail_sentence(failure, x, buffer);
  if (max_errors == 0) return failure.traits().title;
  auto const told = std::count_if(problems.begin(), problems.end(), [&](auto const& problem) { return is_told(problem, failure, x); });
  auto const listed = std::min(static_cast<std::size_t>(told), max_errors);
  if (listed == 1) return first->message;
  longer = first->message + "; " + std::to_string(listed - 1) + " more in errors";
  return longer;
}

// The problems of the request, the first `max_errors` of them.
void write_errors(ProblemBody& body, Exchange const& x, Failure failure, std::size_t max_errors) {
  bool first = true;
  for (auto const& problem : x.problems.all()) {
    if (!is_told(problem, failure, x)) continue;
    if (max_errors-- == 0) break;
    body.append(std::exchange(first, false) ? ",\"errors\":[" : ",");
    member(body, "field", problem.field, true);
    member(body, "message", problem.message);
    body.append("}");
  }
  if (!first) body.append("]");
}

void write_problem_body(ProblemBody& body, Exchange const& x, Failure failure, std::size_t max_errors) {
  auto const& traits = failure.traits();
  std::array<char, 160> buffer;
  std::string longer;
  auto const detail = detail_of(failure, x, max_errors, buffer, longer);
  body.append("{\"type\":\"https://argos-gateway.invalid/problems/");
  body.append(traits.token);
  body.append("\"");
  member(body, "title", traits.title);
  body.append(",\"status\":");
  body.number(static_cast<std::uint64_t>(traits.status));
  member(body, "detail", detail);
  member(body, "reason", traits.token);
  member(body, "instance", x.id.view());
  member(body, "message", detail);
  write_errors(body, x, failure, max_errors);
  body.append("}");
}

}  // namespace

Result<> build_upstream_request(Exchange& x, policy::Route const& route) {
  auto const& upstream = x.snapshot->config->upstream;
  auto& out = x.request_out;
  out.clear();
  out.append(method_token(x.operation->method));
  out.append(" ");
  out.append(upstream.path);
  out.append(x.operation->path);
  if (route.has_query) {
    out.append("?");
    out.append(route.query);
  }
  out.append(" HTTP/1.1\r\n");
  out.field("host", upstream.host_header);
  out.append("x-api-key: ");
  x.key_at = out.size();
  out.append("\r\nuser-agent: argos-gateway\r\n");
  out.field("x-request-id", x.id.view());
  out.field("traceparent", x.trace.header());
  for (auto const& field : x.head.fields.all())
    if (policy::passes_to_vendor(field.id) && !x.head.fields.is_hop_by_hop(field.name)) out.field(field.name, field.value);
  if (x.revalidated) {
    if (!x.revalidated->vendor_tag().empty()) out.field("if-none-match", x.revalidated->vendor_tag());
    if (!x.revalidated->vendor_modified().empty()) out.field("if-modified-since", x.revalidated->vendor_modified());
  }
  if (x.framing.body.kind == http::Framing::Kind::chunked) {
    out.append("transfer-encoding: chunked\r\n");
  } else if (x.operation->body != policy::BodyKind::none) {
    out.append("content-length: ");
    out.number(x.framing.body.length);
    out.append("\r\n");
  }
  out.append("\r\n");
  if (out.overflow()) return Failure{Code::head_too_large, static_cast<std::int64_t>(http::max_head_bytes)};
  return {};
}

Result<> build_answer_head(Exchange& x, bool chunked) {
  auto& out = x.answer_out;
  out.clear();
  status_line(out, x.answer.status);
  for (auto const& field : x.answer.fields.all())
    if (policy::passes_to_caller(*x.operation, field.id) && !x.answer.fields.is_hop_by_hop(field.name)) out.field(field.name, field.value);
  if (x.operation->is_document) out.append("cache-control: no-store\r\nx-content-type-options: nosniff\r\n");
  common_fields(out, x);
  auto const& body = x.answer_framing.body;
  if (chunked) {
    out.append("transfer-encoding: chunked\r\n");
  } else if (body.kind == http::Framing::Kind::length) {
    out.append("content-length: ");
    out.number(body.length);
    out.append("\r\n");
  }
  out.append("\r\n");
  if (out.overflow()) return Failure{Code::upstream_head_too_large};
  x.status = x.answer.status;
  return {};
}

std::string stored_head(Exchange const& x, std::string_view tag, std::size_t body_bytes) {
  std::string head = "HTTP/1.1 " + std::to_string(x.answer.status) + " ";
  head.append(reason_phrase(x.answer.status)).append("\r\n");
  for (auto const& field : x.answer.fields.all()) {
    // Age is told anew each time; a tag of our own replaces one that cannot be used.
    if (field.id == http::Name::age || field.id == http::Name::etag) continue;
    if (policy::passes_to_caller(*x.operation, field.id) && !x.answer.fields.is_hop_by_hop(field.name))
      head.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  if (!tag.empty()) head.append("etag: ").append(tag).append("\r\n");
  return head.append("content-length: ").append(std::to_string(body_bytes)).append("\r\n");
}

// What a 304 repeats of the answer that it stands for (RFC 9110 section 15.4.5).
void append_confirmed_fields(OutBuffer<Exchange::answer_out_bytes>& out, std::string_view head) {
  while (!head.empty()) {
    auto const line = head.substr(0, head.find("\r\n") + 2);
    head.remove_prefix(line.size());
    switch (http::name_of(line.substr(0, line.find(':')))) {
      case http::Name::cache_control:
      case http::Name::date:
      case http::Name::etag:
      case http::Name::expires:
      case http::Name::vary: out.append(line); break;
      default: break;
    }
  }
}

Result<> build_cached_head(Exchange& x, Duration age, bool aged, bool not_modified) {
  auto& out = x.answer_out;
  out.clear();
  if (not_modified) {
    status_line(out, 304);
    append_confirmed_fields(out, x.cached->head());
  }
  if (aged) out.field("age", cache::AgeText(age).view());
  common_fields(out, x);
  out.append("\r\n");
  if (out.overflow()) return Failure{Code::upstream_head_too_large};
  x.status = not_modified ? 304 : x.cached->status();
  return {};
}

void build_problem(Exchange& x, Failure failure, std::string_view date) {
  // Should a sentence ever be longer than it is now, fewer are told: what an answer says is whole.
  ProblemBody body;
  for (auto max_errors = upload::Problems::max_listed;; max_errors /= 2) {
    body.clear();
    write_problem_body(body, x, failure, max_errors);
    if (!body.overflow() || max_errors == 0) break;
  }
  auto const& traits = failure.traits();
  auto& out = x.answer_out;
  out.clear();
  status_line(out, traits.status);
  out.field("date", date);
  out.append("content-type: application/problem+json\r\ncontent-length: ");
  out.number(body.size());
  out.append("\r\n");
  out.field("x-gateway-reason", traits.token);
  out.append("cache-control: no-store\r\n");
  common_fields(out, x);
  if (failure.code == Code::unknown_caller) out.append("www-authenticate: Bearer\r\n");
  if (traits.status == 503) out.append("retry-after: 1\r\n");
  if (failure.code == Code::method_not_allowed) {
    std::array<char, 64> buffer;
    out.field("allow", policy::allow_value(failure.detail, buffer));
  }
  out.append("\r\n");
  // A HEAD request gets the head alone (RFC 9110 section 9.3.2).
  if (x.method != http::Method::head) out.append(body.view());
  x.status = traits.status;
}

}  // namespace gateway::proxy
