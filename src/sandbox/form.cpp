#include "form.hpp"

#include "text.hpp"

#include <boost/json/parse.hpp>
#include <utility>

namespace sandbox {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

/// A percent sign without two hexadecimal digits stands for itself.
std::string decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

}  // namespace

void Form::add_view(std::string name, std::string_view value) { fields_.push_back(Field{std::move(name), value}); }

void Form::add(std::string name, std::string value) {
  kept_.push_back(std::move(value));
  fields_.push_back(Field{std::move(name), kept_.back()});
}

std::optional<std::string_view> Form::find(std::string_view name) const {
  for (auto field = fields_.rbegin(); field != fields_.rend(); ++field) {
    if (field->name == name) {
      return field->value;
    }
  }
  return std::nullopt;
}

std::string_view Form::text(std::string_view name) const { return find(name).value_or(std::string_view{}); }

Form parse_urlencoded(std::string_view text) {
  Form form;
  while (!text.empty()) {
    std::size_t const end = text.find('&');
    std::string_view const pair = text.substr(0, end);
    std::size_t const equals = pair.find('=');
    if (!pair.empty()) {
      std::string_view const value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
      form.add(decoded(pair.substr(0, equals)), decoded(value));
    }
    if (end == std::string_view::npos) {
      break;
    }
    text.remove_prefix(end + 1);
  }
  return form;
}

std::optional<Form> parse_json(std::string_view text) {
  boost::json::error_code error;
  boost::json::value const value = boost::json::parse(text, error);
  boost::json::object const* const object = error ? nullptr : value.if_object();
  if (object == nullptr) {
    return std::nullopt;
  }
  Form form;
  for (auto const& [name, member] : *object) {
    if (boost::json::string const* const content = member.if_string()) {
      form.add(std::string(name), std::string(*content));
    }
  }
  return form;
}

std::string media_type(std::string_view content_type) {
  return lower(trimmed(content_type.substr(0, content_type.find(';'))));
}

std::optional<Form> parse_body(std::string_view content_type, std::string_view body) {
  std::string const type = media_type(content_type);
  if (type == "multipart/form-data") {
    return parse_multipart(content_type, body);
  }
  if (type == "application/json") {
    return parse_json(body);
  }
  if (type == "application/x-www-form-urlencoded") {
    return parse_urlencoded(body);
  }
  return std::nullopt;
}

}  // namespace sandbox
