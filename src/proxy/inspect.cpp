#include "inspect.hpp"

#include <algorithm>
#include <cstring>

#include "body_source.hpp"

namespace gateway::proxy {
namespace {

upload::Validation validation_of(config::Values const& values) {
  if (values.uploads_validation == "off") return upload::Validation::off;
  return values.uploads_validation == "report" ? upload::Validation::report : upload::Validation::enforce;
}

upload::Rules rules_of(config::Values const& values) {
  auto const allows = [&](upload::ImageType type) {
    auto const& types = values.uploads_content_types;
    return std::find(types.begin(), types.end(), upload::media_type(type)) != types.end();
  };
  upload::Rules rules;
  rules.file_bytes = values.limits_file_bytes;
  rules.field_bytes = values.limits_field_bytes;
  rules.parts = static_cast<std::size_t>(values.limits_parts);
  rules.max_pixels = static_cast<std::uint64_t>(values.uploads_max_pixels);
  rules.allow_jpeg = allows(upload::ImageType::jpeg);
  rules.allow_png = allows(upload::ImageType::png);
  rules.validation = validation_of(values);
  rules.sha256 = values.uploads_sha256;
  return rules;
}

}  // namespace

Result<> plan_inspection(Exchange& x, policy::Route const& route) {
  auto const& values = x.snapshot->config->values;
  if (route.has_query || route.operation->body == policy::BodyKind::none)
    GW_CHECK(upload::inspect_query(route.operation->id, route.query, validation_of(values), x.problems));
  if (route.operation->body == policy::BodyKind::none) return {};
  GW_CHECK(x.inspection.begin(route.operation->id, x.head.fields.first(http::Name::content_type), rules_of(values), x.problems));
  return x.inspection.announce(x.framing.body.length);
}

net::Task<Result<>> judge_small_body(Downstream& down, Exchange& x) {
  using Kind = http::Framing::Kind;
  if (!x.inspection.active()) co_return Result<>();
  if (x.body.done()) co_return x.inspection.finish();
  if (x.framing.body.kind == Kind::length && x.framing.body.length > small_body_bytes) co_return Result<>();
  BodySource source(down, x);
  GW_CO_CHECK(co_await source.allow());
  while (!x.body.done() && x.small_body_size < small_body_bytes) {
    // Chunk framing only makes the bytes fewer, so what is taken always fits.
    GW_CO_TRY(data, source.take(small_body_bytes - x.small_body_size));
    if (!x.small_body && !data.empty()) x.small_body = net::Block(net::BlockSize::head);
    if (!data.empty()) std::memcpy(x.small_body.data() + x.small_body_size, data.data(), data.size());
    x.small_body_size += data.size();
    down.release_relay();
    if (data.empty() && !x.body.done() && down.unread().empty()) GW_CO_CHECK(co_await source.wait());
  }
  co_return Result<>();
}

bool is_upload_refusal(Code code) {
  switch (code) {
    case Code::unsupported_content_type:
    case Code::unsupported_content_encoding:
    case Code::body_too_large: return true;
    default: return code >= Code::query_invalid && code <= Code::image_too_many_pixels;
  }
}

}  // namespace gateway::proxy
