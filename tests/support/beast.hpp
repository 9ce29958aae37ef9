#pragma once
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/ascii.hpp"
#include "gateway/http/framing.hpp"
#include "gateway/http/head.hpp"

// Beast's parser as a second opinion: what we accept, it must accept and read the same.
namespace gateway::test {

// Values by lower-case name: an order that does not depend on how a container groups equal names.
using FieldMap = std::map<std::string, std::vector<std::string>>;

inline void add_field(FieldMap& fields, std::string_view name, std::string_view value) {
  std::string lower(name);
  for (auto& c : lower) c = to_lower(c);
  fields[lower].emplace_back(value);
}

inline FieldMap by_name(http::FieldList const& list) {
  FieldMap fields;
  for (auto const& field : list.all()) add_field(fields, field.name, field.value);
  return fields;
}

// The only known case where Beast is the stricter one: it wants the options of Connection to be tokens. We drop the
// field whole, so what else stands in it is nobody's business.
inline bool has_odd_connection(http::FieldList const& list) {
  bool odd = false;
  for (auto const& field : list.all())
    if (iequals(field.name, "connection") || iequals(field.name, "proxy-connection"))
      for (char c : field.value) odd |= !is_tchar(c) && c != ',' && c != ' ' && c != '\t';
  return odd;
}

// Blanks inside an option ("keep-alive close") are not tokens either.
inline bool has_blank_inside_option(http::FieldList const& list) {
  bool inside = false;
  for (auto const& field : list.all())
    if (iequals(field.name, "connection") || iequals(field.name, "proxy-connection"))
      for_each_token(field.value,
                     [&](std::string_view option) { inside |= option.find_first_of(" \t") != option.npos; });
  return inside;
}

template <class Message>
FieldMap fields_of(Message const& message) {
  FieldMap fields;
  for (auto const& field : message)
    add_field(fields, {field.name_string().data(), field.name_string().size()},
              {field.value().data(), field.value().size()});
  return fields;
}

// Gives a whole head to one of Beast's parsers; empty when it takes it.
template <class Parser>
std::string feed(Parser& parser, std::string_view bytes, http::FieldList const& fields) {
  parser.header_limit(65535);
  parser.body_limit(boost::none);
  boost::system::error_code error;
  parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error && (has_odd_connection(fields) || has_blank_inside_option(fields))) return "excused";
  if (error) return "refuses: " + error.message();
  return parser.is_header_done() ? "" : "sees no end of the head";
}

template <class Parser>
std::string framing_objection(Parser const& parser, http::Framing const& framing) {
  if (parser.chunked() != (framing.kind == http::Framing::Kind::chunked)) return "other coding";
  bool const has_length = framing.kind == http::Framing::Kind::length;
  auto const length = parser.content_length();
  if (has_length && (!length || *length != framing.length)) return "other length";
  return {};
}

// Empty when Beast agrees on a head that we took as `head` and `framing`; otherwise what it says instead.
inline std::string beast_objection(std::string_view bytes, http::RequestHead const& head,
                                   http::RequestFraming const& framing) {
  namespace beast = boost::beast::http;
  beast::request_parser<beast::empty_body> parser;
  if (auto refusal = feed(parser, bytes, head.fields); !refusal.empty()) return refusal == "excused" ? "" : refusal;
  auto const& message = parser.get();
  if (message.method_string() != head.method_token) return "method " + std::string(message.method_string());
  if (message.target() != head.target) return "target " + std::string(message.target());
  if (message.version() != static_cast<unsigned>(10 + head.minor_version))
    return "version " + std::to_string(message.version());
  auto const theirs = fields_of(message);
  if (theirs != by_name(head.fields)) return "other fields";
  if (auto objection = framing_objection(parser, framing.body); !objection.empty()) return objection;
  if (parser.content_length().has_value() != (framing.body.kind == http::Framing::Kind::length))
    return "a length of its own";
  // Beast obeys Proxy-Connection like Connection; to us it is a field like any other.
  bool const proxy_connection = theirs.count("proxy-connection") != 0;
  if (framing.persistent && !proxy_connection && !parser.keep_alive()) return "closes the connection";
  return {};
}

// The same for an answer of the vendor.
inline std::string beast_objection(std::string_view bytes, http::ResponseHead const& head,
                                   http::ResponseFraming const& framing) {
  namespace beast = boost::beast::http;
  beast::response_parser<beast::empty_body> parser;
  // Beast wants the blank behind the code, even when no reason follows; enough servers leave it out.
  if (bytes.find("\r\n") == 12) return {};
  if (auto refusal = feed(parser, bytes, head.fields); !refusal.empty()) return refusal == "excused" ? "" : refusal;
  auto const& message = parser.get();
  if (message.result_int() != static_cast<unsigned>(head.status))
    return "status " + std::to_string(message.result_int());
  if (message.version() != static_cast<unsigned>(10 + head.minor_version))
    return "version " + std::to_string(message.version());
  if (fields_of(message) != by_name(head.fields)) return "other fields";
  return framing_objection(parser, framing.body);
}

}  // namespace gateway::test
