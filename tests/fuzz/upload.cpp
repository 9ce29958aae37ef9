// Bodies of uploads: boundary, parts, and what is judged of them. Holds that the verdict and what is said do not depend on
// how the bytes arrive, and that a plain reader of whole bodies finds the same parts in whatever is accepted.
#include <optional>
#include <string>
#include <vector>

#include "gateway/upload/inspection.hpp"
#include "require.hpp"
#include "support/text.hpp"

namespace {

using namespace gateway;
using fuzz::require;

constexpr std::string_view content_types[] = {"multipart/form-data; boundary=b", "multipart/form-data; boundary=-b-",
                                              "multipart/form-data; boundary=\"b--b\""};
constexpr std::string_view boundaries[] = {"b", "-b-", "b--b"};

struct Verdict {
  std::optional<Code> code;
  std::string said;
  bool operator==(Verdict const&) const = default;
};

struct Choices {
  std::size_t boundary, piece;
  upload::Rules rules;
};

Choices choose(std::uint8_t byte) {
  Choices choices{byte % 3u, 1u + byte / 3u % 17u, {}};
  choices.rules.validation = byte & 0x80 ? upload::Validation::off : upload::Validation::enforce;
  choices.rules.file_bytes = 600;
  choices.rules.field_bytes = 40;
  choices.rules.parts = 4;
  choices.rules.sha256 = false;
  return choices;
}

Verdict judge(Choices const& choices, std::string_view body, std::size_t piece) {
  upload::Inspection inspection;
  upload::Problems problems;
  auto const run = [&]() -> Result<> {
    GW_CHECK(inspection.begin(policy::OperationId::submit_step1, content_types[choices.boundary], choices.rules, problems));
    for (std::size_t at = 0; at < body.size(); at += piece) {
      test::ExactCopy const part(body.substr(at, piece));
      GW_CHECK(inspection.feed(part.view()));
    }
    return inspection.finish();
  };
  Verdict verdict;
  if (auto const result = run(); !result) verdict.code = result.error().code;
  for (auto const& problem : problems.all()) verdict.said += problem.field + ": " + problem.message + "\n";
  for (auto const& file : inspection.files()) verdict.said += std::string(file.part) + " " + std::to_string(file.bytes) + "\n";
  return verdict;
}

// The contents of the parts, by cutting at the delimiters.
std::vector<std::string> contents(std::string_view body, std::string_view boundary) {
  std::vector<std::string> found;
  std::string const delimiter = "\r\n--" + std::string(boundary);
  std::string const text = "\r\n" + std::string(body);
  for (auto at = text.find(delimiter); at != text.npos;) {
    at += delimiter.size();
    if (text.compare(at, 2, "--") == 0) break;
    auto const next = text.find(delimiter, at);
    require(next != text.npos, "each part ends");
    auto const head = text.find("\r\n\r\n", at);
    require(head != text.npos && head + 4 <= next, "each part has a header");
    found.push_back(text.substr(head + 4, next - head - 4));
    at = next;
  }
  return found;
}

std::vector<std::string> contents_by_reader(std::string_view body, std::string_view content_type) {
  upload::MultipartReader reader;
  reader.begin(*upload::Boundary::parse(content_type), 100);
  std::vector<std::string> found;
  std::span<char const> rest(body);
  for (;;) {
    auto const event = reader.next(rest);
    require(event.has_value(), "what was accepted is read again");
    if (*event == upload::MultipartReader::Event::need_more) return found;
    if (*event == upload::MultipartReader::Event::part_begin) found.emplace_back();
    if (*event == upload::MultipartReader::Event::part_data) found.back().append(reader.data().begin(), reader.data().end());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  auto const choices = choose(data[0]);
  std::string_view const body(reinterpret_cast<char const*>(data) + 1, size - 1);
  auto const whole = judge(choices, body, std::max<std::size_t>(body.size(), 1));
  require(judge(choices, body, choices.piece) == whole, "the verdict does not depend on the split");
  require(judge(choices, body, 1) == whole, "nor on single bytes");
  if (whole.code) return 0;
  require(contents_by_reader(body, content_types[choices.boundary]) == contents(body, boundaries[choices.boundary]),
          "the parts are what stands between the delimiters");
  return 0;
}
