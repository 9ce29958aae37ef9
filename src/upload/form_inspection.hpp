#pragma once
#include <array>
#include <optional>
#include <string>

#include "gateway/upload/inspection.hpp"

namespace gateway::upload {

// multipart/form-data: the reader's events, judged part by part.
class FormInspection {
 public:
  static constexpr std::size_t max_submission_id_bytes = 256;
  void begin(Boundary const& boundary, policy::OperationId operation, Rules const& rules, Problems& problems);
  Result<> feed(std::span<char const> bytes);
  Result<> finish();
  void end();
  std::span<FileRecord const> files() const { return {files_.data(), file_count_}; }
  std::size_t files_more() const { return files_more_; }
  NamedSubmission submission() const { return {named_, submission_id_}; }

 private:
  Result<> begin_part();
  Result<> take_data(std::span<char const> bytes);
  Result<> take_text(std::string_view text);
  void note_submission(std::string_view text);
  Result<> take_picture(std::span<char const> bytes);
  Result<> judge_declared_type();
  Result<> judge_type();
  Result<> end_part();

  // Refuses for good: framing and sizes.
  Result<> refuse(Failure failure, std::string message);
  Result<> refuse(Failure failure);
  // The same for what Validation::report lets pass; the rest of the file is not judged then.
  Result<> object(Failure failure);
  std::string part_label() const;

  Rules rules_;
  Problems* problems_ = nullptr;
  MultipartReader reader_;
  std::optional<FieldCheck> fields_;
  std::array<FileRecord, Inspection::max_files> files_;
  std::size_t file_count_ = 0, files_more_ = 0;
  NamedSubmission::Kind named_ = NamedSubmission::Kind::none;
  std::string submission_id_;
  bool names_submission_ = false;  // the part that is being read

  // The part that is being read.
  FieldRule const* rule_ = nullptr;
  std::uint64_t part_bytes_ = 0;
  Utf8Check utf8_;
  std::string text_front_;  // as much as a byte order mark
  std::string value_;
  bool value_is_cut_ = false;
  std::optional<ImageWalker> picture_;
  bool picture_judged_ = false;  // nothing more is to be said about it
  bool picture_walked_ = false;  // no more bytes of it are looked at
  ImageType declared_ = ImageType::unknown;
  std::optional<Sha256> digest_;
};

}  // namespace gateway::upload
