#include "form.hpp"

#include "text.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace sandbox {
namespace {

constexpr std::size_t max_boundary = 70;
constexpr std::size_t max_part_head = 8192;

/// The value of one parameter of a header field ("; name=value" or "; name=\"value\""); `text` begins at the first
/// semicolon. A backslash in a quoted value escapes a quote or a backslash only: browsers send it bare in file names.
std::optional<std::string> parameter(std::string_view text, std::string_view wanted) {
  while (!text.empty() && text.front() == ';') {
    text.remove_prefix(1);
    std::size_t const equals = text.find('=');
    if (equals == std::string_view::npos) {
      return std::nullopt;
    }
    std::string_view const name = trimmed(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    text = trimmed(text);
    std::string value;
    if (!text.empty() && text.front() == '"') {
      std::size_t i = 1;
      for (; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) {
          ++i;
        }
        value.push_back(text[i]);
      }
      if (i >= text.size()) {
        return std::nullopt;
      }
      text = trimmed(text.substr(i + 1));
    } else {
      std::size_t const end = text.find(';');
      value = trimmed(text.substr(0, end));
      text = end == std::string_view::npos ? std::string_view{} : text.substr(end);
    }
    if (same_ignoring_case(name, wanted)) {
      return value;
    }
  }
  return std::nullopt;
}

std::string_view parameters_of(std::string_view field) {
  std::size_t const semicolon = field.find(';');
  return semicolon == std::string_view::npos ? std::string_view{} : field.substr(semicolon);
}

/// The name from the Content-Disposition line of a part's head.
std::optional<std::string> part_name(std::string_view head) {
  while (!head.empty()) {
    std::size_t const end = head.find("\r\n");
    std::string_view const line = head.substr(0, end);
    std::size_t const colon = line.find(':');
    if (colon == std::string_view::npos) {
      return std::nullopt;
    }
    if (same_ignoring_case(line.substr(0, colon), "content-disposition")) {
      std::string_view const value = trimmed(line.substr(colon + 1));
      if (media_type(value) != "form-data") {
        return std::nullopt;
      }
      return parameter(parameters_of(value), "name");
    }
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
  }
  return std::nullopt;
}

/// Reads the rest of a delimiter line. False when it is neither the end nor a line end.
bool finish_delimiter(std::string_view& rest, bool& last) {
  last = rest.starts_with("--");
  if (last) {
    return true;
  }
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) {
    rest.remove_prefix(1);
  }
  if (!rest.starts_with("\r\n")) {
    return false;
  }
  rest.remove_prefix(2);
  return true;
}

}  // namespace

std::optional<Form> parse_multipart(std::string_view content_type, std::string_view body) {
  std::optional<std::string> const boundary = parameter(parameters_of(content_type), "boundary");
  if (!boundary || boundary->empty() || boundary->size() > max_boundary) {
    return std::nullopt;
  }
  std::string const delimiter = "\r\n--" + *boundary;
  std::boyer_moore_horspool_searcher const searcher(delimiter.begin(), delimiter.end());
  std::string_view rest = body;
  if (rest.starts_with(std::string_view(delimiter).substr(2))) {
    rest.remove_prefix(delimiter.size() - 2);
  } else {
    std::size_t const first = rest.find(delimiter);  // behind a preamble
    if (first == std::string_view::npos) {
      return std::nullopt;
    }
    rest.remove_prefix(first + delimiter.size());
  }
  Form form;
  for (bool last = false;;) {
    if (!finish_delimiter(rest, last)) {
      return std::nullopt;
    }
    if (last) {
      return form;
    }
    std::size_t const head_end = rest.substr(0, max_part_head).find("\r\n\r\n");
    if (head_end == std::string_view::npos) {
      return std::nullopt;
    }
    std::optional<std::string> name = part_name(rest.substr(0, head_end));
    rest.remove_prefix(head_end + 4);
    // An empty part has its delimiter directly behind the empty line, whose line end the search must see again.
    std::string_view const content(rest.data() - 2, rest.size() + 2);
    auto const found = std::search(content.begin(), content.end(), searcher);
    if (!name || found == content.end()) {
      return std::nullopt;
    }
    auto const position = static_cast<std::size_t>(found - content.begin());
    form.add_view(std::move(*name), position < 2 ? std::string_view{} : rest.substr(0, position - 2));
    rest = content.substr(position + delimiter.size());
  }
}

}  // namespace sandbox
