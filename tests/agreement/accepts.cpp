#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/base/ascii.hpp"
#include "gateway/upload/inspection.hpp"

// Says of each upload on stdin whether the gateway takes it, and what it read in it. For tests/integration/
// test_upload_agreement.py, which gives what was taken to other parsers.
//
//   upload_accepts enforce|report|off
//   stdin:  records of two byte strings, Content-Type and body, each behind its length (32 bits, little endian)
//   stdout: a line each: the reason code; or "ok" and for each part, behind a tab, kind:name:file name:size:sha256,
//   where
//           both names are in hexadecimal digits
namespace gateway {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (char c : bytes) {
    auto const byte = static_cast<unsigned char>(c);
    text += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  }
  return text;
}

std::optional<std::string> read_string() {
  unsigned char size[4];
  if (std::fread(size, 1, 4, stdin) != 4) return std::nullopt;
  std::string bytes(size[0] | size[1] << 8 | size[2] << 16 | static_cast<std::size_t>(size[3]) << 24, '\0');
  if (std::fread(bytes.data(), 1, bytes.size(), stdin) != bytes.size()) return std::nullopt;
  return bytes;
}

Result<> judge(std::string_view content_type, std::string_view body, upload::Rules const& rules) {
  // What the head of a request decides before its body is looked at.
  auto const type = trim(content_type.substr(0, content_type.find(';')));
  if (!iequals(type, "multipart/form-data")) return Failure{Code::unsupported_content_type};
  upload::Problems problems;
  upload::Inspection inspection;
  GW_CHECK(inspection.begin(policy::OperationId::submit_step1, content_type, rules, problems));
  GW_CHECK(inspection.feed(body));
  return inspection.finish();
}

// The reader's own account of a body that was taken.
std::string parts_of(std::string_view content_type, std::string_view body, upload::Rules const& rules) {
  using Event = upload::MultipartReader::Event;
  upload::MultipartReader reader;
  reader.begin(*upload::Boundary::parse(content_type), rules.parts);
  std::span<char const> rest(body);
  upload::Sha256 digest;
  std::size_t size = 0;
  std::string text;
  for (;;) {
    auto const event = reader.next(rest);
    if (!event || *event == Event::need_more) return text;
    if (*event == Event::part_begin) {
      digest.begin();
      size = 0;
    } else if (*event == Event::part_data) {
      digest.feed(reader.data());
      size += reader.data().size();
    } else {
      auto const sum = digest.finish();
      auto const& head = reader.head();
      text += std::string("\t") + (head.is_file ? "file:" : "field:") + hex(head.name) + ":" + hex(head.file_name) +
              ":" + std::to_string(size) + ":" + hex({reinterpret_cast<char const*>(sum.data()), sum.size()});
    }
  }
}

int run(std::string_view validation) {
  upload::Rules rules;
  rules.sha256 = false;  // parts_of() hashes
  if (validation == "off")
    rules.validation = upload::Validation::off;
  else if (validation == "report")
    rules.validation = upload::Validation::report;
  else if (validation != "enforce")
    return 2;
  for (;;) {
    auto const content_type = read_string();
    auto const body = content_type ? read_string() : std::nullopt;
    if (!body) return 0;
    auto const judged = judge(*content_type, *body, rules);
    auto const line =
        judged ? "ok" + parts_of(*content_type, *body, rules) : std::string(judged.error().traits().token);
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace gateway

int main(int argc, char** argv) { return argc == 2 ? gateway::run(argv[1]) : 2; }
