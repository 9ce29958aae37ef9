// Request targets: the judge and the routes. Holds what one reading of a target means: decoding a path that was taken
// once or twice changes no segment, and a route is found for exactly the paths of the table.
#include <string>

#include "gateway/base/ascii.hpp"
#include "gateway/http/framing.hpp"
#include "gateway/policy/operation.hpp"
#include "require.hpp"
#include "support/text.hpp"

namespace {

using namespace gateway;
using fuzz::require;

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool const encoded =
        text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
    out += encoded ? static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])) : text[i];
    if (encoded) i += 2;
  }
  return out;
}

std::size_t count(std::string_view text, char c) {
  std::size_t found = 0;
  for (char d : text) found += c == d;
  return found;
}

void check_taken(std::string_view target) {
  require(target.find_first_of(std::string_view("#\r\n \t\0", 6)) == target.npos,
          "no byte that ends a target elsewhere");
  auto const path = target.substr(0, target.find('?'));
  auto const once = decoded(path);
  require(decoded(once) == once, "no double encoding");
  require(count(once, '/') == count(path, '/'), "no encoded separators");
  require(once.find('\\') == once.npos && once.find('\0') == once.npos, "no backslash, no NUL");
  for (auto dots : {"/../", "/./", "//"})
    require((once + "/").find(dots) == std::string::npos ||
                (once.ends_with("/") && std::string_view(dots) == "//" && once.find("//") == once.npos),
            "no dot segments, no empty ones", dots);
}

void check_route(std::string_view target, std::string_view prefix) {
  http::RequestHead head;
  head.target = target;
  auto const path = std::string(target.substr(0, target.find('?')));
  for (auto method :
       {http::Method::get, http::Method::post, http::Method::del, http::Method::head, http::Method::other}) {
    head.method = method;
    auto const route = policy::match_route(head, prefix);
    bool known_path = false;
    policy::Operation const* expected = nullptr;
    for (auto const& row : policy::operations) {
      if (std::string(prefix) + std::string(row.path) != path) continue;
      known_path = true;
      if (row.method == method) expected = &row;
    }
    require(route.has_value() == (expected != nullptr), "a route for exactly the rows of the table");
    if (route) {
      require(route->operation == expected, "the row of the table");
      require(route->has_query == (target.find('?') != target.npos), "a query when there is a question mark");
      require(!route->has_query || path + "?" + std::string(route->query) == target, "the query as it came");
    } else {
      require((route.error().code == Code::method_not_allowed) == known_path, "405 for known paths, 404 for others");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  test::ExactCopy const target({reinterpret_cast<char const*>(data), size});
  if (!http::judge_target(target.view())) return 0;
  check_taken(target.view());
  for (std::string_view prefix : {"/v3", "", "/a"}) check_route(target.view(), prefix);
  return 0;
}
