#include "gateway/upload/inspection.hpp"

#include <algorithm>

#include "form_inspection.hpp"
#include "gateway/base/ascii.hpp"
#include "gateway/base/secret.hpp"

namespace gateway::upload {
namespace {

constexpr std::size_t slice_bytes = 16 * 1024;
// More than this is not kept from one body to the next.
constexpr std::size_t kept_bytes = 4096;

std::string_view type_of(std::string_view content_type) { return trim(content_type.substr(0, content_type.find(';'))); }

}  // namespace

Inspection::Inspection() = default;
Inspection::~Inspection() = default;

Result<> Inspection::begin(policy::OperationId operation, std::string_view content_type, Rules const& rules, Problems& problems) {
  operation_ = operation;
  rules_ = rules;
  problems_ = &problems;
  auto const type = type_of(content_type);
  if (iequals(type, "application/json") || iequals(type, "application/x-www-form-urlencoded")) {
    // The bytes are read as UTF-8, so no other label may travel with them.
    auto const parameters = trim(content_type.substr(std::min(content_type.find(';'), content_type.size())));
    if (!parameters.empty() && !iequals(trim(parameters.substr(1)), "charset=utf-8")) {
      problems.add(Code::content_type_malformed, "", "a body of this type has no parameter but charset=utf-8");
      return Failure{Code::content_type_malformed};
    }
    kind_ = iequals(type, "application/json") ? Kind::json : Kind::urlencoded;
    return {};
  }
  auto const boundary = Boundary::parse(content_type);
  if (!boundary) {
    problems.add(boundary.error().code, "", std::string(boundary.error().traits().title));
    return boundary.error();
  }
  if (!form_) form_ = std::make_unique<FormInspection>();
  form_->begin(*boundary, operation, rules, problems);
  kind_ = Kind::form;
  return {};
}

Result<> Inspection::feed(std::span<char const> bytes) {
  if (kind_ != Kind::form) return feed_whole(bytes);
  // Boundary scan, picture and hash each pass over the bytes: in slices that stay in the processor's nearest caches.
  for (; bytes.size() > slice_bytes; bytes = bytes.subspan(slice_bytes)) GW_CHECK(form_->feed(bytes.first(slice_bytes)));
  return form_->feed(bytes);
}
Result<> Inspection::finish() { return kind_ == Kind::form ? form_->finish() : finish_whole(); }

std::span<FileRecord const> Inspection::files() const {
  return kind_ == Kind::form ? form_->files() : std::span<FileRecord const>();
}

NamedSubmission Inspection::submission() const {
  if (kind_ != Kind::form) return {};
  auto const named = form_->submission();
  // An optional field that was not filled in.
  return named.kind == NamedSubmission::Kind::one && named.id.empty() ? NamedSubmission() : named;
}
std::size_t Inspection::files_more() const { return kind_ == Kind::form ? form_->files_more() : 0; }

void Inspection::end() {
  if (kind_ == Kind::none) return;
  kind_ = Kind::none;
  if (form_) form_->end();
  wipe(whole_);
  if (whole_.capacity() > kept_bytes) std::string().swap(whole_);
}

Result<> Inspection::refuse_size() {
  problems_->decide(Code::body_too_large, "", "a JSON or form body is at most " + shown_size(max_whole_body_bytes) + " long");
  return Failure{Code::body_too_large, static_cast<std::int64_t>(max_whole_body_bytes)};
}

Result<> Inspection::announce(std::uint64_t length) {
  bool const whole = kind_ != Kind::form && rules_.validation != Validation::off;
  return whole && length > max_whole_body_bytes ? refuse_size() : Result<>();
}

// JSON and urlencoded bodies: small, and judged as a whole.
Result<> Inspection::feed_whole(std::span<char const> bytes) {
  if (rules_.validation == Validation::off) return {};
  if (bytes.size() > max_whole_body_bytes - whole_.size()) return refuse_size();
  whole_.append(bytes.data(), bytes.size());
  return {};
}

Result<> Inspection::finish_whole() {
  if (rules_.validation == Validation::off) return {};
  (kind_ == Kind::json ? check_json : check_urlencoded)(operation_, whole_, *problems_);
  if (rules_.validation == Validation::report || problems_->empty()) return {};
  return Failure{problems_->all().front().code};
}

Result<> inspect_query(policy::OperationId operation, std::string_view query, Validation validation, Problems& problems) {
  if (validation == Validation::off) return {};
  check_query(operation, query, problems);
  if (validation == Validation::report || problems.empty()) return {};
  return Failure{Code::query_invalid};
}

std::string shown_size(std::uint64_t bytes) {
  constexpr std::uint64_t kib = 1024, mib = kib * 1024;
  if (bytes >= mib && bytes % mib == 0) return std::to_string(bytes / mib) + " MiB";
  if (bytes >= kib && bytes % kib == 0) return std::to_string(bytes / kib) + " KiB";
  return std::to_string(bytes) + " bytes";
}

}  // namespace gateway::upload
