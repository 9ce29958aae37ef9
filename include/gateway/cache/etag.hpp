#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "gateway/http/head.hpp"

// Entity tags and the conditions that name them (RFC 9110 sections 8.8.3 and 13, RFC 9111 section 4.3.2).
namespace gateway::cache {

// A strong tag made of the body: "<32 hex digits>", half of its SHA-256. Equal bodies have equal tags on every gateway.
class BodyTag {
 public:
  // The body as it lies in memory, in one piece or several.
  explicit BodyTag(std::span<std::string_view const> body);
  std::string_view view() const { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 34> text_;
};

struct EntityTag {
  bool weak = false;
  std::string_view opaque;  // with its quotes
};

// The whole text as one tag; empty when it is none.
std::optional<EntityTag> parse_entity_tag(std::string_view text);
// The vendor's tag, when it sent exactly one and it is well-formed; else empty, and the gateway makes its own.
std::string_view vendor_tag(http::FieldList const& answer);

// When the vendor's answer last changed, in seconds since 1970, if that can tell two states apart: a change within the
// second of the answer's Date could be followed by another one with the same Last-Modified (RFC 9110 section 8.8.2.2).
std::optional<std::int64_t> dependable_last_modified(http::FieldList const& answer, std::int64_t now);

// What can be compared of a stored answer. An empty tag matches no list.
struct Validators {
  std::string_view etag;
  std::optional<std::int64_t> last_modified;
};

// Whether the caller has this answer already and gets a 304. Malformed conditions never hold: the whole answer is
// always right. `now`: seconds since 1970.
bool not_modified(http::FieldList const& request, Validators const& stored, std::int64_t now);

}  // namespace gateway::cache
