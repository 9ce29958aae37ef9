#include "form_inspection.hpp"

#include <algorithm>

#include "gateway/base/ascii.hpp"
#include "gateway/base/secret.hpp"
#include "names.hpp"

namespace gateway::upload {
namespace {

// The type that a part's Content-Type names. "image/jpg" is no registered type, and what half of all clients send.
ImageType type_of_name(std::string_view type) {
  if (iequals(type, "image/jpeg") || iequals(type, "image/jpg")) return ImageType::jpeg;
  if (iequals(type, "image/png")) return ImageType::png;
  return ImageType::unknown;
}

constexpr std::string_view jpeg_endings[] = {"jpg", "jpeg", "jpe", "jfif"};
// What other files are called, above all those that something might run or render. An ending that is not here, such as
// the family name in `john.smith`, says nothing.
constexpr std::string_view other_endings[] = {
    "gif", "webp", "heic", "heif", "avif", "bmp", "tif",  "tiff", "ico", "svg", "psd",  "raw",  "dng",  "pdf", "ps",   "eps", "doc",
    "docx", "xls", "xlsx", "ppt", "pptx", "odt", "rtf", "txt", "csv", "htm", "html", "xhtml", "xml", "json", "js", "mjs", "css", "php",
    "phtml", "asp", "aspx", "jsp", "cgi", "pl", "py", "rb", "sh", "bat", "cmd", "ps1", "vbs", "exe", "dll", "com", "msi", "jar", "apk",
    "so", "zip", "gz", "tar", "rar", "7z", "mp4", "mov", "avi", "mp3", "wav", "lnk", "hta"};

template <class Endings>
bool is_one_of(std::string_view ending, Endings const& endings) {
  return std::any_of(std::begin(endings), std::end(endings), [&](auto known) { return iequals(ending, known); });
}

// Whether a file name speaks for another type.
bool contradicts(std::string_view file_name, ImageType type) {
  auto const dot = file_name.rfind('.');
  if (dot == std::string_view::npos) return false;
  auto const ending = file_name.substr(dot + 1);
  if (is_one_of(ending, other_endings)) return true;
  return type == ImageType::png ? is_one_of(ending, jpeg_endings) : iequals(ending, "png");
}

std::string allowed_types(Rules const& rules) {
  if (rules.allow_jpeg && rules.allow_png) return "image/jpeg or image/png";
  return std::string(media_type(rules.allow_jpeg ? ImageType::jpeg : ImageType::png));
}

bool is_allowed(Rules const& rules, ImageType type) {
  return (type == ImageType::jpeg && rules.allow_jpeg) || (type == ImageType::png && rules.allow_png);
}

// Every spelling that a reader could take for the submission's id.
bool is_submission_name(std::string_view name) {
  constexpr std::string_view bare = "submissionid";
  std::size_t matched = 0;
  for (char const c : name) {
    if (!is_alnum(c)) continue;
    if (matched == bare.size() || to_lower(c) != bare[matched]) return false;
    ++matched;
  }
  return matched == bare.size();
}

// Faults that lie between parts or around them.
bool is_about_the_body(Code code) {
  return code == Code::multipart_preamble || code == Code::multipart_epilogue || code == Code::multipart_delimiter_malformed ||
         code == Code::multipart_unfinished || code == Code::multipart_empty;
}

// What is wrong, behind the name of the part it is wrong with.
std::string sentence(Failure failure, Rules const& rules) {
  switch (failure.code) {
    case Code::part_filename_invalid:
      if (failure.detail != MultipartReader::empty_file_name) break;
      return "has an empty file name; leave the part out when no file was chosen";
    case Code::part_name_repeated: return "repeats a name; " + std::string(folding_rule);
    case Code::file_type_not_allowed: return "is not " + allowed_types(rules);
    case Code::file_type_mismatch: return "is declared as another type than its first bytes show";
    case Code::file_name_mismatch: return "has a file name that contradicts its content";
    case Code::file_empty: return "is empty";
    case Code::image_malformed: return "is a malformed picture";
    case Code::image_truncated: return "is a picture without its end";
    case Code::image_trailing_data: return "has data behind the end of the picture";
    case Code::image_dimensions_invalid: return "is a picture of zero or absurd size";
    case Code::image_too_many_pixels:
      return "is a picture of more than " + std::to_string(rules.max_pixels) + " pixels (uploads.max_pixels)";
    default: break;
  }
  std::string title(failure.traits().title);
  title.front() = to_lower(title.front());
  return ": " + title;
}

}  // namespace

void FormInspection::begin(Boundary const& boundary, policy::OperationId operation, Rules const& rules, Problems& problems) {
  rules_ = rules;
  problems_ = &problems;
  reader_.begin(boundary, rules.parts);
  fields_.emplace(operation, Place::body, problems);
  file_count_ = files_more_ = 0;
  named_ = NamedSubmission::Kind::none;
  submission_id_.clear();
  if (rules.sha256 && !digest_) digest_.emplace();
}

void FormInspection::end() {
  file_count_ = files_more_ = 0;
  // What a person wrote is not kept longer than the request.
  wipe(value_);
  wipe(submission_id_);
  text_front_.clear();
}

std::string FormInspection::part_label() const {
  if (reader_.part_number() == 0) return "the body";
  if (!reader_.head().name.empty()) return "part '" + shown_name(reader_.head().name) + "'";
  return "part " + std::to_string(reader_.part_number());
}

Result<> FormInspection::refuse(Failure failure, std::string message) {
  problems_->decide(failure.code, shown_name(reader_.head().name), std::move(message));
  return failure;
}

Result<> FormInspection::refuse(Failure failure) {
  auto const said = sentence(failure, rules_);
  if (is_about_the_body(failure.code)) {
    problems_->decide(failure.code, "", "the body" + said);
    return failure;
  }
  return refuse(failure, part_label() + (said.front() == ':' ? "" : " ") + said);
}

Result<> FormInspection::object(Failure failure) {
  picture_judged_ = true;
  auto const refused = refuse(failure);
  return rules_.validation == Validation::enforce ? refused : Result<>();
}

Result<> FormInspection::feed(std::span<char const> bytes) {
  for (;;) {
    auto const event = reader_.next(bytes);
    if (!event) return event.error().code == Code::too_many_parts
                           ? refuse(event.error(), "there are more than " + std::to_string(rules_.parts) + " parts (limits.parts)")
                           : refuse(event.error());
    switch (*event) {
      case MultipartReader::Event::need_more: return {};
      case MultipartReader::Event::part_begin: GW_CHECK(begin_part()); break;
      case MultipartReader::Event::part_data: GW_CHECK(take_data(reader_.data())); break;
      case MultipartReader::Event::part_end: GW_CHECK(end_part()); break;
    }
  }
}

Result<> FormInspection::begin_part() {
  auto const& head = reader_.head();
  rule_ = fields_->find(head.name);
  part_bytes_ = 0;
  utf8_ = {};
  text_front_.clear();
  value_.clear();
  value_is_cut_ = false;
  names_submission_ = !head.is_file && is_submission_name(head.name);
  if (names_submission_) {
    using Kind = NamedSubmission::Kind;
    named_ = named_ == Kind::none ? Kind::one : Kind::unclear;
    submission_id_.clear();
  }
  picture_.reset();
  if (!head.is_file) return {};
  picture_.emplace(rules_.max_pixels);
  picture_judged_ = rules_.validation == Validation::off;
  picture_walked_ = false;
  if (rules_.sha256) digest_->begin();
  if (rules_.validation == Validation::off) return {};
  fields_->file(head.name);
  return judge_declared_type();
}

Result<> FormInspection::judge_declared_type() {
  declared_ = type_of_name(reader_.head().type);
  // What clients send that do not look at the file declares nothing: the bytes alone decide.
  bool const undeclared = iequals(reader_.head().type, "application/octet-stream") || iequals(reader_.head().type, "binary/octet-stream");
  if (undeclared || is_allowed(rules_, declared_)) return {};
  return object({Code::file_type_not_allowed});
}

// What is within the limit is judged before the rest is refused for its size, so that the verdict is the same however
// the bytes come.
Result<> FormInspection::take_data(std::span<char const> bytes) {
  auto const limit = picture_ ? rules_.file_bytes : rules_.field_bytes;
  auto const within = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), limit - part_bytes_)));
  part_bytes_ += within.size();
  if (picture_) {
    if (rules_.sha256) digest_->feed(within);
    GW_CHECK(take_picture(within));
  } else {
    GW_CHECK(take_text({within.data(), within.size()}));
  }
  if (within.size() == bytes.size()) return {};
  return refuse({picture_ ? Code::file_too_large : Code::field_too_large, static_cast<std::int64_t>(limit)},
                part_label() + " is larger than " + shown_size(limit) + (picture_ ? " (limits.file_bytes)" : " (limits.field_bytes)"));
}

Result<> FormInspection::take_text(std::string_view text) {
  // Parsers that decode text replace what is no UTF-8, and some strip a byte order mark; a NUL ends it for others.
  bool const sound = utf8_.feed(text) && text.find('\0') == std::string_view::npos;
  if (text_front_.size() < byte_order_mark.size()) text_front_.append(text.substr(0, byte_order_mark.size() - text_front_.size()));
  if (!sound || text_front_ == byte_order_mark) return refuse({Code::part_text_invalid});
  if (names_submission_) note_submission(text);
  if (rule_ == nullptr || rules_.validation == Validation::off) return {};
  auto const room = fields_->longest_value() - value_.size();
  value_is_cut_ |= text.size() > room;
  value_.append(text.substr(0, room));
  return {};
}

void FormInspection::note_submission(std::string_view text) {
  if (text.size() > max_submission_id_bytes - submission_id_.size()) named_ = NamedSubmission::Kind::unclear;
  else submission_id_.append(text);
}

Result<> FormInspection::take_picture(std::span<char const> bytes) {
  if (picture_walked_) return {};
  bool const type_was_known = picture_->type() != ImageType::unknown;
  auto const walked = picture_->feed(bytes);
  bool const type_is_known = picture_->type() != ImageType::unknown;
  picture_walked_ = !walked;
  if (!picture_judged_ && !type_was_known && type_is_known) GW_CHECK(judge_type());
  if (!picture_judged_ && !walked) GW_CHECK(object(walked.error()));
  // Where nothing is judged any more the first bytes are still of interest, and only they: they name the type.
  picture_walked_ |= picture_judged_ && type_is_known;
  return {};
}

Result<> FormInspection::judge_type() {
  auto const type = picture_->type();
  if (!is_allowed(rules_, type)) return object({Code::file_type_not_allowed});
  if (declared_ != ImageType::unknown && type != declared_) return object({Code::file_type_mismatch});
  if (contradicts(reader_.head().file_name, type)) return object({Code::file_name_mismatch});
  return {};
}

Result<> FormInspection::end_part() {
  auto const& head = reader_.head();
  bool const judged = rules_.validation != Validation::off;
  if (picture_) {
    if (!picture_judged_)
      if (auto const ended = picture_->finish(); !ended) GW_CHECK(object(ended.error()));
    if (file_count_ < files_.size())
      files_[file_count_++] = {rule_ != nullptr ? rule_->name : std::string_view("other"), part_bytes_, picture_->type(),
                               rules_.sha256 ? std::optional(digest_->finish()) : std::nullopt};
    else
      ++files_more_;
    return {};
  }
  if (!utf8_.complete()) return refuse({Code::part_text_invalid});
  if (judged) fields_->text(head.name, value_, value_is_cut_);
  return {};
}

Result<> FormInspection::finish() {
  if (auto const ended = reader_.finish(); !ended) return refuse(ended.error());
  if (rules_.validation == Validation::off) return {};
  fields_->finish();
  if (rules_.validation == Validation::report || problems_->empty()) return {};
  return Failure{Code::fields_invalid};
}

}  // namespace gateway::upload
