#include "support_io/messages.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace gateway::test {
namespace {

template <class Visit>
void each_field(std::string const& head, Visit&& visit) {
  auto at = head.find("\r\n") + 2;
  while (at < head.size()) {
    auto const end = head.find("\r\n", at);
    if (end == at || end == std::string::npos) return;
    auto const line = std::string_view(head).substr(at, end - at);
    auto const colon = line.find(": ");
    if (colon != std::string_view::npos) visit(line.substr(0, colon), line.substr(colon + 2));
    at = end + 2;
  }
}

bool same_name(std::string_view a, std::string_view b) { return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0; }

// Bytes of `text` that a whole chunked body takes; 0 when more are needed, npos when it is none.
std::size_t decode_chunked(std::string_view text, std::string& body) {
  std::size_t at = 0;
  for (;;) {
    auto const line_end = text.find("\r\n", at);
    if (line_end == std::string_view::npos) return text.size() - at > 20 ? std::string_view::npos : 0;
    std::size_t size = 0;
    auto const [end, error] = std::from_chars(text.data() + at, text.data() + line_end, size, 16);
    if (error != std::errc() || end != text.data() + line_end || end == text.data() + at) return std::string_view::npos;
    at = line_end + 2;
    if (text.size() - at < size + 2) return 0;
    body.append(text.substr(at, size));
    if (text.substr(at + size, 2) != "\r\n") return std::string_view::npos;
    at += size + 2;
    if (size == 0) return at;
  }
}

Reading take_body(std::string& bytes, std::size_t head_size, bool to_the_end, bool ended, Message& message) {
  auto const rest = std::string_view(bytes).substr(head_size);
  std::size_t used = 0;
  if (!message.field("transfer-encoding").empty()) {
    if (message.field("transfer-encoding") != "chunked" || message.count("content-length") > 0) return Reading::malformed;
    used = decode_chunked(rest, message.body);
    if (used == std::string_view::npos) return Reading::malformed;
    if (used == 0) return Reading::incomplete;
  } else if (message.count("content-length") > 0) {
    if (message.count("content-length") > 1) return Reading::malformed;
    used = std::strtoull(message.field("content-length").c_str(), nullptr, 10);
    if (rest.size() < used) return Reading::incomplete;
    message.body = rest.substr(0, used);
  } else if (to_the_end) {
    if (!ended) return Reading::incomplete;
    message.body = rest;
    used = rest.size();
  }
  bytes.erase(0, head_size + used);
  return Reading::complete;
}

}  // namespace

std::string Message::field(std::string_view name) const {
  std::string found;
  each_field(head, [&](std::string_view field_name, std::string_view value) {
    if (same_name(field_name, name) && found.empty()) found = value;
  });
  return found;
}

std::size_t Message::count(std::string_view name) const {
  std::size_t found = 0;
  each_field(head, [&](std::string_view field_name, std::string_view) { found += same_name(field_name, name); });
  return found;
}

Reading take_request(std::string& bytes, Message& message, bool* head_only) {
  message = {};
  auto const end = bytes.find("\r\n\r\n");
  if (end == std::string::npos) return Reading::incomplete;
  message.head = bytes.substr(0, end + 4);
  if (head_only != nullptr) *head_only = true;
  return take_body(bytes, end + 4, false, false, message);
}

Reading take_answer(std::string& bytes, bool ended, Message& message, int* interim) {
  for (;;) {
    message = {};
    auto const end = bytes.find("\r\n\r\n");
    if (end == std::string::npos) return Reading::incomplete;
    message.head = bytes.substr(0, end + 4);
    if (!message.head.starts_with("HTTP/1.1 ")) return Reading::malformed;
    message.status = std::atoi(message.head.c_str() + 9);
    if (message.status >= 200) break;
    if (interim != nullptr) ++*interim;
    bytes.erase(0, end + 4);
  }
  bool const bodiless = message.status == 204 || message.status == 304;
  if (bodiless) {
    bytes.erase(0, message.head.size());
    return Reading::complete;
  }
  return take_body(bytes, message.head.size(), true, ended, message);
}

std::string chunked(std::string_view body, std::size_t piece) {
  std::string out;
  for (std::size_t at = 0; at < body.size(); at += piece) {
    auto const part = body.substr(at, piece);
    char size[20];
    auto const written = std::to_chars(size, size + sizeof size, part.size(), 16);
    out.append(size, written.ptr);
    out.append("\r\n").append(part).append("\r\n");
  }
  return out + "0\r\n\r\n";
}

std::string noise(std::size_t size, unsigned seed) {
  std::string out(size, '\0');
  std::uint64_t state = seed * 0x9e3779b97f4a7c15ull + 1;
  for (auto& c : out) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    c = static_cast<char>(state >> 24);
  }
  return out;
}

}  // namespace gateway::test
