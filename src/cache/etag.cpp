#include "gateway/cache/etag.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>

#include "gateway/base/ascii.hpp"
#include "gateway/cache/http_date.hpp"

namespace gateway::cache {
namespace {

using http::Name;

std::array<unsigned char, 32> sha256_of(std::span<std::string_view const> pieces) {
  // Fetched once: OpenSSL 3.0 searches its providers at each use of EVP_sha256(). The context is kept, too.
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  struct Context {
    EVP_MD_CTX* handle = EVP_MD_CTX_new();
    ~Context() { EVP_MD_CTX_free(handle); }
  };
  static thread_local Context context;
  std::array<unsigned char, 32> digest{};
  bool good =
      sha256 != nullptr && context.handle != nullptr && EVP_DigestInit_ex2(context.handle, sha256, nullptr) == 1;
  for (auto const piece : pieces) good = good && EVP_DigestUpdate(context.handle, piece.data(), piece.size()) == 1;
  good = good && EVP_DigestFinal_ex(context.handle, digest.data(), nullptr) == 1;
  if (!good) std::abort();  // a tag of nothing would equal that of another body
  return digest;
}

// RFC 9110 section 8.8.3: visible bytes but the quote, and obs-text.
bool is_etagc(char c) {
  auto const byte = static_cast<unsigned char>(c);
  return byte == 0x21 || (byte >= 0x23 && byte != 0x7f);
}

// Takes a tag off the front of `rest`.
std::optional<EntityTag> take_tag(std::string_view& rest) {
  EntityTag tag;
  auto text = rest;
  tag.weak = text.starts_with("W/");
  if (tag.weak) text.remove_prefix(2);
  if (text.empty() || text.front() != '"') return std::nullopt;
  std::size_t end = 1;
  while (end < text.size() && is_etagc(text[end])) ++end;
  if (end == text.size() || text[end] != '"') return std::nullopt;
  tag.opaque = text.substr(0, end + 1);
  rest = text.substr(end + 1);
  return tag;
}

enum class Listed : std::uint8_t { no, yes, malformed };

// Weak comparison with each tag of a list: what stands before the quotes does not count (RFC 9110 section 8.8.3.2).
Listed find_tag(std::string_view list, std::string_view opaque) {
  auto found = Listed::no;
  while (true) {
    while (!list.empty() && (list.front() == ',' || list.front() == ' ' || list.front() == '\t')) list.remove_prefix(1);
    if (list.empty()) return found;
    auto const tag = take_tag(list);
    if (!tag) return Listed::malformed;
    if (tag->opaque == opaque) found = Listed::yes;
    while (!list.empty() && (list.front() == ' ' || list.front() == '\t')) list.remove_prefix(1);
    if (!list.empty() && list.front() != ',') return Listed::malformed;
  }
}

bool none_match_fails(http::FieldList const& request, std::string_view etag) {
  // Section 13.1.2: `*` stands alone and holds for whatever there is.
  if (request.occurrences(Name::if_none_match) == 1 && request.first(Name::if_none_match) == "*") return true;
  auto const stored = parse_entity_tag(etag);
  if (!stored) return false;
  bool found = false;
  for (auto const& field : request.all()) {
    if (field.id != Name::if_none_match) continue;
    auto const listed = find_tag(field.value, stored->opaque);
    if (listed == Listed::malformed) return false;
    found |= listed == Listed::yes;
  }
  return found;
}

}  // namespace

BodyTag::BodyTag(std::span<std::string_view const> body) {
  static constexpr char digits[] = "0123456789abcdef";
  auto const digest = sha256_of(body);
  auto* out = text_.data();
  *out++ = '"';
  for (std::size_t i = 0; i < 16; ++i) {
    *out++ = digits[digest[i] >> 4];
    *out++ = digits[digest[i] & 15];
  }
  *out = '"';
}

std::optional<EntityTag> parse_entity_tag(std::string_view text) {
  auto const tag = take_tag(text);
  return text.empty() ? tag : std::nullopt;
}

std::string_view vendor_tag(http::FieldList const& answer) {
  auto const tag = answer.first(Name::etag);
  return answer.occurrences(Name::etag) == 1 && parse_entity_tag(tag) ? tag : std::string_view();
}

std::optional<std::int64_t> dependable_last_modified(http::FieldList const& answer, std::int64_t now) {
  if (answer.occurrences(Name::last_modified) != 1) return std::nullopt;
  auto const modified = parse_http_date(answer.first(Name::last_modified), now);
  auto const date = parse_http_date(answer.first(Name::date), now);
  return modified && date && *modified < *date ? modified : std::nullopt;
}

bool not_modified(http::FieldList const& request, Validators const& stored, std::int64_t now) {
  // RFC 9110 section 13.1.3: If-Modified-Since does not count beside an If-None-Match.
  if (request.occurrences(Name::if_none_match) != 0) return none_match_fails(request, stored.etag);
  if (!stored.last_modified || request.occurrences(Name::if_modified_since) != 1) return false;
  auto const since = parse_http_date(request.first(Name::if_modified_since), now);
  return since && *stored.last_modified <= *since;
}

}  // namespace gateway::cache
