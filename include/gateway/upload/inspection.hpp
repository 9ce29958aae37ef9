#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/failure.hpp"
#include "gateway/base/utf8.hpp"
#include "gateway/policy/operation.hpp"
#include "gateway/upload/digest.hpp"
#include "gateway/upload/fields.hpp"
#include "gateway/upload/image.hpp"
#include "gateway/upload/multipart.hpp"
#include "gateway/upload/problem.hpp"

namespace gateway::upload {

// What becomes of a request that breaks a rule about its content (fields, pictures): framing and sizes are always held.
enum class Validation : std::uint8_t { enforce, report, off };

struct Rules {
  std::uint64_t file_bytes = 3 * 1024 * 1024;
  std::uint64_t field_bytes = 16 * 1024;
  std::size_t parts = 64;
  std::uint64_t max_pixels = 50'000'000;
  bool allow_jpeg = true, allow_png = true;
  Validation validation = Validation::enforce;
  bool sha256 = true;
};

// What was sent, for the access line and the audit trail.
struct FileRecord {
  std::string_view part;  // a name of the field table, or "other"
  std::uint64_t bytes = 0;
  ImageType type = ImageType::unknown;  // by its first bytes
  std::optional<Digest> sha256;         // of files that came whole
};

// The submission that a form names, whatever is validated of it. `unclear`: more than one part names one, or it is longer
// than an id can be: whoever depends on it has to take it for any.
struct NamedSubmission {
  enum class Kind : std::uint8_t { none, one, unclear };
  Kind kind = Kind::none;
  std::string_view id;  // valid until end()
};

// JSON and form bodies are read whole; longer ones are body_too_large.
inline constexpr std::size_t max_whole_body_bytes = 64 * 1024;

class FormInspection;

// Judges the body of one request after the other while it streams. Constant memory for multipart; no I/O; single
// threaded; allocates nothing once it has seen a few. The verdict and the problems do not depend on how a body is split.
class Inspection {
 public:
  Inspection();
  ~Inspection();
  Inspection(Inspection const&) = delete;
  Inspection& operator=(Inspection const&) = delete;

  // For a request whose Content-Type is documented for `operation`. Fails with what Boundary::parse says; `problems`,
  // which gets the sentences for the answer, must stay until the end.
  Result<> begin(policy::OperationId operation, std::string_view content_type, Rules const& rules, Problems& problems);
  // The length that the request's head announces: body_too_large when a body of this kind must not be so long.
  Result<> announce(std::uint64_t length);
  // The next bytes of the body. A failure is final, and its sentence is the last problem.
  Result<> feed(std::span<char const> bytes);
  // The body is through: the verdict. Under Validation::report what would have been refused is in `problems` only.
  Result<> finish();
  // Forgets the body and what was found in it.
  void end();

  bool active() const { return kind_ != Kind::none; }  // between begin() and end()
  // Files that came whole so far, at most max_files of them.
  std::span<FileRecord const> files() const;
  static constexpr std::size_t max_files = 4;  // no operation takes as many
  // Of a form, once its last part has come.
  NamedSubmission submission() const;
  // How many came besides these: unknown ones, of which only the number is known.
  std::size_t files_more() const;

 private:
  enum class Kind : std::uint8_t { none, form, json, urlencoded };
  Result<> feed_whole(std::span<char const> bytes);
  Result<> refuse_size();
  Result<> finish_whole();

  Kind kind_ = Kind::none;
  policy::OperationId operation_{};
  Rules rules_;
  Problems* problems_ = nullptr;
  std::unique_ptr<FormInspection> form_;  // made with the first upload
  std::string whole_;                     // a JSON or form body
};

// The rules for query parameters. query_invalid, with one problem for each fault, under Validation::enforce.
Result<> inspect_query(policy::OperationId operation, std::string_view query, Validation validation, Problems& problems);

// "3 MiB", "1000 bytes": a limit as a person would write it.
std::string shown_size(std::uint64_t bytes);

}  // namespace gateway::upload
