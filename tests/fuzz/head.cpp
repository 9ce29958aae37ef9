// Heads of requests and answers. The first byte chooses the limits and the cuts, the rest is what arrives. Holds that
// the verdict does not depend on the cuts, that a head that was taken obeys its rules, and that Beast reads it the
// same.
#include "require.hpp"
#include "support/beast.hpp"
#include "support/heads.hpp"

namespace {

using namespace gateway;
using fuzz::require;
using test::Verdict;

// Some cuts, from the input's own bytes, so that they are repeatable.
std::vector<std::size_t> some_cuts(std::string_view bytes, unsigned step) {
  std::vector<std::size_t> cuts;
  for (std::size_t at = 1 + step % 7; at < bytes.size(); at += 1 + (static_cast<unsigned char>(bytes[at]) + step) % 61)
    cuts.push_back(at);
  return cuts;
}

void check_taken(std::string_view bytes, http::HeadLimits limits) {
  http::HeadScanner scanner(http::HeadScanner::Kind::request, limits);
  auto const length = scanner.scan(bytes);
  require(length.has_value() && *length > 0, "a judged head was scanned");
  require(*length <= limits.bytes, "a head within its limit");
  auto const whole = bytes.substr(0, *length);
  require(whole.ends_with("\r\n\r\n"), "a head ends with an empty line");
  http::RequestHead head;
  require(http::parse_request_head(whole, limits, head).has_value(), "the verdict is repeatable");
  auto const framing = http::judge_request(head);
  require(framing.has_value(), "the verdict is repeatable");
  require(head.target.starts_with("/") && head.target.size() <= http::max_target_bytes, "an origin-form target");
  require(head.fields.count <= limits.fields, "fields within their limit");
  require(head.fields.occurrences(http::Name::host) <= 1, "one Host");
  require(
      head.fields.occurrences(http::Name::content_length) + head.fields.occurrences(http::Name::transfer_encoding) <= 1,
      "one framing field");
  for (auto const& field : head.fields.all()) {
    require(!field.name.empty() && field.name.find_first_of("\r\n \t:") == field.name.npos, "a field name is a token");
    require(field.value.find_first_of(std::string_view("\r\n\0", 3)) == field.value.npos,
            "no line ends inside a value");
    require(field.value == trim(field.value), "values are trimmed");
    require(field.id == http::name_of(field.name), "names are known");
  }
  require(test::beast_objection(whole, head, *framing).empty(),
          "Beast reads the head the same:", test::beast_objection(whole, head, *framing));
}

void check_taken_answer(std::string_view bytes, http::HeadLimits limits) {
  http::HeadScanner scanner(http::HeadScanner::Kind::response, limits);
  auto const length = scanner.scan(bytes);
  require(length.has_value() && *length > 0, "a judged head was scanned");
  auto const whole = bytes.substr(0, *length);
  http::ResponseHead head;
  require(http::parse_response_head(whole, limits, head).has_value(), "the verdict is repeatable");
  auto const framing = http::judge_response(head);
  require(framing.has_value() && head.status >= 100 && head.status <= 599, "the verdict is repeatable");
  require(test::beast_objection(whole, head, *framing).empty(),
          "Beast reads the answer the same:", test::beast_objection(whole, head, *framing));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  unsigned const choice = data[0];
  std::string_view const bytes(reinterpret_cast<char const*>(data) + 1, size - 1);
  http::HeadLimits const limits = (choice & 1) != 0 ? http::HeadLimits{1024, 8} : test::default_limits;
  auto const kind = (choice & 2) != 0 ? http::HeadScanner::Kind::response : http::HeadScanner::Kind::request;
  auto const whole = test::read_head(kind, bytes, {}, limits);
  require(test::read_head(kind, bytes, some_cuts(bytes, choice >> 2), limits) == whole,
          "the verdict does not depend on the cuts");
  if (bytes.size() < 600)
    require(test::read_head(kind, bytes, test::every_byte(bytes.size()), limits) == whole,
            "the verdict is the same byte by byte");
  if (kind == http::HeadScanner::Kind::request && whole.token == "ok") check_taken(bytes, limits);
  if (kind == http::HeadScanner::Kind::response && whole.token == "ok") check_taken_answer(bytes, limits);
  return 0;
}
