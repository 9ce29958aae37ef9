#include "gateway/policy/operation.hpp"

#include <cstring>

#include "gateway/base/ascii.hpp"

namespace gateway::policy {

std::optional<OperationId> operation_by_name(std::string_view name) {
  for (auto const& row : operations)
    if (row.name == name) return row.id;
  return std::nullopt;
}

Result<Route> match_route(http::RequestHead const& head, std::string_view prefix) {
  auto const question = head.target.find('?');
  auto path = head.target.substr(0, question);
  if (!path.starts_with(prefix)) return Failure{Code::unknown_path};
  path.remove_prefix(prefix.size());

  std::int64_t rows = 0;
  for (auto const& row : operations) {
    if (row.path != path) continue;
    rows |= std::int64_t{1} << static_cast<int>(row.id);
    if (row.method != head.method) continue;
    bool const has_query = question != std::string_view::npos;
    return Route{&row, has_query ? head.target.substr(question + 1) : std::string_view{}, has_query};
  }
  if (rows != 0) return Failure{Code::method_not_allowed, rows};
  return Failure{Code::unknown_path};
}

std::string_view allow_value(std::int64_t rows, std::array<char, 64>& buffer) {
  std::size_t size = 0;
  for (auto const& row : operations) {
    if (((rows >> static_cast<int>(row.id)) & 1) == 0) continue;
    auto const name = method_name(row.method);
    if (size > 0) {
      std::memcpy(buffer.data() + size, ", ", 2);
      size += 2;
    }
    std::memcpy(buffer.data() + size, name.data(), name.size());
    size += name.size();
  }
  return {buffer.data(), size};
}

namespace {
bool accepts(BodyKind kind, std::string_view media_type) {
  if (iequals(media_type, "multipart/form-data")) return kind != BodyKind::none;
  return kind == BodyKind::form_or_json &&
         (iequals(media_type, "application/json") || iequals(media_type, "application/x-www-form-urlencoded"));
}
}  // namespace

Result<> check_body_head(Operation const& operation, http::RequestHead const& head, bool framed, bool has_body) {
  using http::Name;
  if (operation.body == BodyKind::none) {
    // `Content-Length: 0` is what several clients send with a DELETE.
    return has_body ? Result<>(Failure{Code::unexpected_body}) : Result<>();
  }
  if (!framed) return Failure{Code::length_required};
  auto const type = head.fields.first(Name::content_type);
  if (head.fields.occurrences(Name::content_type) != 1 || !accepts(operation.body, trim(type.substr(0, type.find(';')))))
    return Failure{Code::unsupported_content_type};
  for (auto const& field : head.fields.all())
    if (field.id == Name::content_encoding && !iequals(field.value, "identity"))
      return Failure{Code::unsupported_content_encoding};
  return {};
}

}  // namespace gateway::policy
