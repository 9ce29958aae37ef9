#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http/framing.hpp"
#include "gateway/http/head.hpp"
#include "text.hpp"

// Reads a head the way a connection delivers it: in prefixes that grow, each in a buffer of exactly its size.
namespace gateway::test {

inline constexpr http::HeadLimits default_limits{16 * 1024, 100};

struct Verdict {
  std::string token;         // "ok", "incomplete" or the reason code
  std::string understood{};  // what was read, in one text, when the head was taken
  std::size_t head_bytes = 0;
  bool operator==(Verdict const&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, Verdict const& verdict) {
  return out << verdict.token << " " << verdict.head_bytes << " [" << shown(verdict.understood) << "]";
}

inline std::string describe(http::FieldList const& fields) {
  std::string text;
  for (auto const& field : fields.all())
    text += std::string(field.name) + "=<" + std::string(field.value) + ">#" +
            std::to_string(static_cast<int>(field.id)) + ";";
  return text;
}

inline std::string describe(http::Framing const& framing) {
  static constexpr char const* kinds[] = {"none", "length", "chunked", "until_close"};
  return std::string(kinds[static_cast<int>(framing.kind)]) + ":" + std::to_string(framing.length);
}

// Parses and judges the complete head in `bytes`.
inline Verdict judge_complete_request(std::string_view bytes, http::HeadLimits limits) {
  http::RequestHead head;
  if (auto parsed = http::parse_request_head(bytes, limits, head); !parsed) return {token_of(parsed)};
  auto const framing = http::judge_request(head);
  if (!framing) return {token_of(framing)};
  std::string text = std::string(head.method_token) + " " + std::string(head.target) + " 1." +
                     std::to_string(head.minor_version) + " " + describe(head.fields) + describe(framing->body) +
                     (framing->persistent ? " persistent" : " last") + (framing->expects_continue ? " continue" : "");
  return {"ok", std::move(text), bytes.size()};
}

inline Verdict judge_complete_response(std::string_view bytes, http::HeadLimits limits) {
  http::ResponseHead head;
  if (auto parsed = http::parse_response_head(bytes, limits, head); !parsed) return {token_of(parsed)};
  auto const framing = http::judge_response(head);
  if (!framing) return {token_of(framing)};
  std::string text = std::to_string(head.status) + " 1." + std::to_string(head.minor_version) + " " +
                     describe(head.fields) + describe(framing->body) + (framing->persistent ? " persistent" : " last");
  return {"ok", std::move(text), bytes.size()};
}

// `cuts`: lengths of the prefixes that arrive before the whole.
inline Verdict read_head(http::HeadScanner::Kind kind, std::string_view bytes, std::vector<std::size_t> const& cuts,
                         http::HeadLimits limits = default_limits) {
  http::HeadScanner scanner(kind, limits);
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    ExactCopy const arrived(bytes.substr(0, i < cuts.size() ? cuts[i] : bytes.size()));
    auto const length = scanner.scan(arrived.view());
    if (!length) return {token_of(length)};
    if (*length == 0) continue;
    ExactCopy const head(arrived.view().substr(0, *length));
    return kind == http::HeadScanner::Kind::request ? judge_complete_request(head.view(), limits)
                                                    : judge_complete_response(head.view(), limits);
  }
  return {"incomplete"};
}

inline std::vector<std::size_t> every_byte(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

inline Verdict read_request(std::string_view bytes, std::vector<std::size_t> const& cuts = {},
                            http::HeadLimits limits = default_limits) {
  return read_head(http::HeadScanner::Kind::request, bytes, cuts, limits);
}

inline Verdict read_response(std::string_view bytes, std::vector<std::size_t> const& cuts = {},
                             http::HeadLimits limits = {32 * 1024, http::max_head_fields}) {
  return read_head(http::HeadScanner::Kind::response, bytes, cuts, limits);
}

}  // namespace gateway::test
