#pragma once
#include <boost/json.hpp>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/upload/inspection.hpp"
#include "text.hpp"
#include "wire.hpp"

// The table of tests/upload/cases (its README explains the members), and one way to judge a body in pieces.
namespace gateway::test {

struct UploadCase {
  std::string name, content_type, body;
  policy::OperationId operation = policy::OperationId::submit_step1;
  upload::Rules rules;
  std::string reason;  // "ok" when accepted
  std::string part;    // what the last sentence must hold
  bool fields_are_known = false;
  std::vector<std::string> fields;  // of all problems, in order
};

// All that a caller could tell two verdicts apart by.
struct UploadVerdict {
  std::string token;     // "ok" or the reason code
  std::string problems;  // a line each
  std::string files;
  std::string last_message;
  std::vector<std::string> fields;
  bool operator==(UploadVerdict const& other) const {
    return token == other.token && problems == other.problems && files == other.files;
  }
};

inline std::ostream& operator<<(std::ostream& out, UploadVerdict const& verdict) {
  return out << verdict.token << "\n" << verdict.problems << verdict.files;
}

inline std::string hex_of(upload::Digest const& digest) {
  std::string text;
  for (unsigned char byte : digest) text += {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  return text;
}

// Feeds `body` in the pieces that the offsets `cuts` make, each in a buffer of exactly its size when `exact`.
inline UploadVerdict judge_upload(upload::Inspection& inspection, UploadCase const& one,
                                  std::vector<std::size_t> const& cuts, bool exact = false) {
  UploadVerdict verdict;
  upload::Problems problems;
  auto const run = [&]() -> Result<> {
    GW_CHECK(inspection.begin(one.operation, one.content_type, one.rules, problems));
    std::size_t from = 0;
    for (std::size_t i = 0; i <= cuts.size(); ++i) {
      auto const to = i < cuts.size() ? cuts[i] : one.body.size();
      auto const piece = std::string_view(one.body).substr(from, to - from);
      from = to;
      if (exact) {
        ExactCopy copy(piece);
        GW_CHECK(inspection.feed({copy.data(), copy.size()}));
      } else {
        GW_CHECK(inspection.feed(piece));
      }
    }
    return inspection.finish();
  };
  verdict.token = token_of(run());
  for (auto const& problem : problems.all()) {
    verdict.problems.append(traits_of(problem.code).token).append(" [" + problem.field + "] " + problem.message + "\n");
    verdict.last_message = problem.message;
    verdict.fields.push_back(problem.field);
  }
  for (auto const& file : inspection.files())
    verdict.files += std::string(file.part) + " " + std::to_string(file.bytes) + " " +
                     std::string(upload::media_type(file.type)) + " " + (file.sha256 ? hex_of(*file.sha256) : "-") +
                     "\n";
  inspection.end();
  return verdict;
}

inline UploadVerdict judge_upload(UploadCase const& one, std::vector<std::size_t> const& cuts, bool exact = false) {
  upload::Inspection inspection;
  return judge_upload(inspection, one, cuts, exact);
}

inline policy::OperationId operation_of(std::string_view name) {
  for (auto const& operation : policy::operations)
    if (operation.name == name) return operation.id;
  throw std::runtime_error("no such operation: " + std::string(name));
}

inline upload::Rules upload_rules(boost::json::object const& given) {
  upload::Rules rules;
  std::string const validation(given.at("validation").as_string());
  rules.validation = validation == "off"      ? upload::Validation::off
                     : validation == "report" ? upload::Validation::report
                                              : upload::Validation::enforce;
  auto const number = [&](char const* key, auto& place) {
    if (auto const* value = given.if_contains(key))
      place = static_cast<std::remove_reference_t<decltype(place)>>(value->as_int64());
  };
  number("file_bytes", rules.file_bytes);
  number("field_bytes", rules.field_bytes);
  number("parts", rules.parts);
  number("max_pixels", rules.max_pixels);
  if (auto const* types = given.if_contains("content_types")) {
    rules.allow_jpeg = rules.allow_png = false;
    for (auto const& type : types->as_array())
      (type.as_string() == "image/png" ? rules.allow_png : rules.allow_jpeg) = true;
  }
  return rules;
}

inline std::string bytes_of_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  return bytes;
}

inline std::vector<UploadCase> upload_cases() {
  auto const path = std::string(ARGOS_REPO) + "/tests/upload/cases/table.json";
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << in.rdbuf();
  auto const table = boost::json::parse(text.str());
  std::map<std::string, std::string, std::less<>> pictures;
  for (auto const& [name, hex] : table.at("pictures").as_object())
    pictures.emplace(name, bytes_of_hex(hex.as_string()));
  std::vector<UploadCase> cases;
  for (auto const& row : table.at("cases").as_array()) {
    UploadCase one;
    one.name = row.at("name").as_string();
    one.content_type = narrow(row.at("content_type").as_string());
    for (auto const& piece : row.at("body").as_array()) {
      auto const* picture = piece.is_object() ? piece.as_object().if_contains("picture") : nullptr;
      one.body +=
          picture != nullptr ? pictures.at(std::string(picture->as_string())) : wire_bytes(boost::json::array{piece});
    }
    one.operation = operation_of(row.at("operation").as_string());
    one.rules = upload_rules(table.at("rules").at(row.at("rules").as_string()).as_object());
    one.reason = row.at("reason").is_null() ? "ok" : std::string(row.at("reason").as_string());
    if (auto const* part = row.as_object().if_contains("part")) one.part = part->as_string();
    if (auto const* fields = row.as_object().if_contains("fields")) {
      one.fields_are_known = true;
      for (auto const& field : fields->as_array()) one.fields.emplace_back(field.as_string());
    }
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace gateway::test
