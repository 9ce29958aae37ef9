// POST /submission/step1 and POST /submission/step2.
#include "operations.hpp"

#include "text.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace sandbox {
namespace {

constexpr int similarity_limit = 85;
constexpr int liveness_limit = 50;
constexpr int retry_limit = 3;
constexpr std::int64_t day_ms = 24LL * 60 * 60 * 1000;

Answer refused(std::string_view text) { return message_answer(400, text); }

/// The size comes before the fields: a file over the limit is a 413 whatever else is wrong.
bool file_too_large(Options const& options, Form const& form, std::initializer_list<std::string_view> files) {
  return std::any_of(files.begin(), files.end(),
                     [&](std::string_view name) { return form.text(name).size() > options.file_limit; });
}

bool bad_image(Form const& form, std::string_view name) {
  auto const bytes = form.find(name);
  return bytes && !bytes->empty() && !image_type(*bytes);
}

/// Counts a failed try; the last one allowed ends the submission.
void count_failure(Options const& options, Record& record) {
  ++record.retry_count;
  bool const over =
      options.retry_rule == RetryRule::v3 ? record.retry_count >= retry_limit : record.retry_count > retry_limit;
  if (over) {
    record.result = "rejected";
    record.comments = {"Too many tries"};
    record.comment_codes = {"too_many_retry"};
  }
  record.changed();
}

boost::json::object retry_object(Record const& record, std::string_view code, std::string_view text) {
  boost::json::object reason;
  reason["retryCode"] = code;
  reason["retryMsg"] = text;
  boost::json::object object;
  object["retry"] = boost::json::array{reason};
  object["kycStatus"] = record.result;
  object["retryCount"] = record.retry_count;
  return object;
}

boost::json::object recognised(Form const& form) {
  boost::json::object ocr;
  ocr["ocr_birthDate"] = "1991-04-02";
  ocr["ocr_issueDate"] = "2020-01-15";
  ocr["ocr_expireDate"] = "2030-01-14";
  ocr["ocr_lastName"] = "Okafor";
  ocr["ocr_firstName"] = "Mina";
  ocr["ocr_name"] = "Mina Okafor";
  ocr["ocr_gender"] = "female";
  ocr["ocr_nationality"] = form.text("issuingCountry");
  if (form.text("issuingCountry") == "KOR" && form.text("idType") == "government_id") {
    ocr["ocr_identityNumber"] = "910402-2000000";
  }
  if (form.text("issuingCountry") == "KOR" && form.text("idType") == "drivers_license") {
    ocr["ocr_licenseNumber"] = "11-20-000000-00";
  }
  return ocr;
}

std::optional<Answer> check_step1(Options const& options, Form const& form) {
  if (file_too_large(options, form, {"idImage", "idBackImage"})) {
    return message_answer(413, "Request Entity Too Large");
  }
  for (std::string_view const name : {"issuingCountry", "email", "idType", "idImage"}) {
    if (form.text(name).empty()) {
      return refused("missing required parameters");
    }
  }
  if (!is_iso3(form.text("issuingCountry"))) {
    return refused("missing required parameters");
  }
  std::string_view const type = form.text("idType");
  if (type != "passport" && type != "government_id" && type != "drivers_license") {
    return refused("invalid id type : id type must be passport, government_id or drivers_license");
  }
  if (!is_email(form.text("email"))) {
    return refused("invalid email address format");
  }
  if (bad_image(form, "idImage") || bad_image(form, "idBackImage")) {
    return refused("invalid id image");
  }
  return std::nullopt;
}

void store_step1(Store& store, Record& record, Form const& form) {
  record.set("idType", form.text("idType"));
  record.set("idcard_issuingCountry", form.text("issuingCountry"));
  if (auto const userid = form.find("userid"); userid && !userid->empty()) {
    record.userid = *userid;
  }
  for (std::string_view const name : {"cf1", "cf2", "cf3"}) {
    if (auto const value = form.find(name); value && !value->empty()) {
      record.set(name, *value);
    }
  }
  record.images[static_cast<std::size_t>(ImageKind::id)] = store.keep_image(form.text("idImage"));
  if (!form.text("idBackImage").empty()) {
    record.images[static_cast<std::size_t>(ImageKind::id_back)] = store.keep_image(form.text("idBackImage"));
  }
}

/// What a repeated step 1 (v3: it carries the id) is about; the error when it may not be repeated.
std::optional<Answer> check_repeated_step1(Context context, Call const& call, Record*& record) {
  std::string_view const id = call.form->text("submissionId");
  if (id.empty() || context.options.retry_rule != RetryRule::v3) {
    return std::nullopt;
  }
  record = context.store.find(id);
  if (record == nullptr || record->deleted) {
    return refused("invalid submission id");
  }
  if (record->project != call.project) {
    return refused("invalid api key");
  }
  settle_overdue(context.options, *record);
  if (record->step1_done || record->finished()) {
    return refused("this submission is already processed");
  }
  return std::nullopt;
}

}  // namespace

Answer submit_step1(Context context, Call const& call) {
  Outcome const& outcome = call.plan.outcome;
  if (!call.form) {
    return refused("failed to parse the input data");
  }
  Form const& form = *call.form;
  if (auto error = check_step1(context.options, form)) {
    return *error;
  }
  if (!outcome.step1_error.empty()) {
    return refused(outcome.step1_error);
  }
  auto const guard = context.store.hold();
  Record* record = nullptr;
  if (auto error = check_repeated_step1(context, call, record)) {
    return *error;
  }
  std::string const email(form.text("email"));
  if (outcome.duplicate || (context.options.duplicate_guard && context.store.approved_before(call.project, email))) {
    return refused(email +
                   " had submitted another KYC and is already approved; a new one is possible after the "
                   "anti-duplicate period of the project");
  }
  if (record == nullptr) {
    record = &context.store.create(call.project, email, outcome.overdue ? day_ms + day_ms / 24 : 0);
  }
  store_step1(context.store, *record, form);
  ++record->step1_calls;
  boost::json::object object;
  object[outcome.seed_spelling ? "Submissionid" : "submissionId"] = record->id;
  if (context.options.retry_rule == RetryRule::v3 && record->step1_calls <= outcome.step1_failures) {
    count_failure(context.options, *record);
    for (auto const& [name, value] : retry_object(*record, "id_image_badImage", "The document can not be read.")) {
      object[name] = value;
    }
    return json_answer(200, object);
  }
  record->step1_done = true;
  record->changed();
  if (!outcome.ocr_fails) {
    object["reviewOCRData"] = recognised(form);
  }
  object["file_upload"] = outcome.upload_fails ? "fail" : "true";
  return json_answer(200, object);
}

namespace {

struct Failure {
  std::string_view code;
  std::string_view text;
};

/// The scores and the reason to try again, if there is one.
std::optional<Failure> judge(Options const& options, Outcome const& outcome, Attempt& attempt) {
  bool const bad_turn = attempt.number <= outcome.failing_attempts;
  int const faces = bad_turn ? outcome.faces.value_or(1) : 1;
  if (faces == 0) {
    return Failure{"no_face", "No face was found in the image."};
  }
  if (faces >= 3 || (faces == 2 && options.two_faces_retry)) {
    return Failure{"multiple_faces", "More than one face was found in the image."};
  }
  attempt.similarity = bad_turn ? outcome.similarity.value_or(96) : 96;
  attempt.liveness = bad_turn ? outcome.liveness.value_or(88) : 88;
  if (bad_turn && outcome.korean_check_fails) {
    return Failure{"document_check_failed", "The document could not be verified with its issuer."};
  }
  attempt.success = true;
  if (*attempt.similarity < similarity_limit) {
    return Failure{"face_compare_underscore", "The face differs from the one on the document."};
  }
  if (*attempt.liveness < liveness_limit) {
    return Failure{"liveness_error", "The image does not show a live person."};
  }
  return std::nullopt;
}

std::optional<Answer> check_step2(Options const& options, Outcome const& outcome, Form const& form) {
  if (file_too_large(options, form, {"faceImage", "addressImage"})) {
    return message_answer(413, "Request Entity Too Large");
  }
  for (std::string_view const name : {"submissionId", "faceImage", "name", "date_of_birth"}) {
    if (form.text(name).empty()) {
      return refused("missing required parameters for identity verification");
    }
  }
  if (!is_day(form.text("date_of_birth"))) {
    return refused("missing required parameters for identity verification");
  }
  if (bad_image(form, "faceImage")) {
    return refused("invalid face image");
  }
  if (bad_image(form, "addressImage") || (outcome.needs_address_image && form.text("addressImage").empty())) {
    return refused("invalid or missing an address image");
  }
  bool const no_address =
      form.text("globalCode").empty() && form.text("compoundCode").empty() && form.text("formatted_address").empty();
  if ((options.collect_address || outcome.needs_address_data) && no_address) {
    return refused("missing address data parameters");
  }
  return std::nullopt;
}

std::optional<Answer> check_step2_state(Context context, Call const& call, Record*& record) {
  record = context.store.find(call.form->text("submissionId"));
  if (record == nullptr || record->deleted) {
    return refused("invalid submission id");
  }
  if (record->project != call.project) {
    return refused("invalid api key");
  }
  settle_overdue(context.options, *record);
  if (record->finished()) {
    return refused("this submission is already processed");
  }
  if (!record->step1_done) {
    return refused("invalid submission id");
  }
  return std::nullopt;
}

void store_step2(Store& store, Record& record, Form const& form) {
  // Form name and name in the answer's data object.
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 19> names = {{
      {"name", "name"},
      {"gender", "gender"},
      {"nationality", "nationality"},
      {"date_of_birth", "date_of_birth"},
      {"date_of_issue", "idcard_issueDate"},
      {"date_of_expiry", "idcard_expireDate"},
      {"identity_number", "identityNumber"},
      {"document_number", "documentNumber"},
      {"license_number", "licenseNumber"},
      {"serial_number", "serialNumber"},
      {"address_city", "address_city"},
      {"address_country", "address_country"},
      {"address_state", "address_state"},
      {"address_street", "address_street"},
      {"address_zipcode", "address_zipcode"},
      {"globalCode", "address_globalCode"},
      {"compoundCode", "address_compoundCode"},
      {"formatted_address", "address_formatted"},
      {"address_input", "address_input"},
  }};
  for (auto const& [part, member] : names) {
    if (!form.text(part).empty()) {
      record.set(member, form.text(part));
    }
  }
  if (!form.text("address_detail").empty()) {
    record.set("address_detail", form.text("address_detail"));
  }
  record.images[static_cast<std::size_t>(ImageKind::selfie)] = store.keep_image(form.text("faceImage"));
  if (!form.text("addressImage").empty()) {
    record.images[static_cast<std::size_t>(ImageKind::address)] = store.keep_image(form.text("addressImage"));
  }
}

void decide(Store& store, Record& record, Outcome const& outcome) {
  if (outcome.decision == "pending") {
    record.result = "pending";
  } else if (outcome.decision == "rejected") {
    record.result = "rejected";
    record.comments = {"The document is not accepted"};
    record.comment_codes = {"id_info_dataMismatch"};
  } else {
    store.approve(record, outcome.matches);
  }
  record.changed();
}

boost::json::object scored(Record const& record, Attempt const& attempt) {
  boost::json::object object;
  object["verificationResult"] = attempt.success ? "success" : "fail";
  object["faceSimilarityScore"] = attempt.similarity.value_or(0);
  object["livenessScore"] = attempt.liveness.value_or(0);
  object["kycStatus"] = record.result;
  object["retryCount"] = record.retry_count;
  return object;
}

}  // namespace

Answer submit_step2(Context context, Call const& call) {
  Outcome const& outcome = call.plan.outcome;
  if (!call.form) {
    return refused("failed to parse the input data");
  }
  if (auto error = check_step2(context.options, outcome, *call.form)) {
    return *error;
  }
  if (!outcome.step2_error.empty()) {
    return refused(outcome.step2_error);
  }
  auto const guard = context.store.hold();
  Record* record = nullptr;
  if (auto error = check_step2_state(context, call, record)) {
    return *error;
  }
  store_step2(context.store, *record, *call.form);
  Attempt attempt;
  attempt.number = static_cast<int>(record->attempts.size()) + 1;
  std::optional<Failure> const failure = judge(context.options, outcome, attempt);
  if (failure) {
    attempt.retry_code = failure->code;
    attempt.retry_message = failure->text;
    count_failure(context.options, *record);
  } else {
    decide(context.store, *record, outcome);
  }
  record->attempts.push_back(attempt);
  if (!failure || record->finished()) {
    return json_answer(200, scored(*record, attempt));
  }
  if (context.options.retry_rule == RetryRule::v3) {
    return json_answer(200, retry_object(*record, failure->code, failure->text));
  }
  boost::json::object object = scored(*record, attempt);
  object["message"] = failure->text;
  return json_answer(200, object);
}

void settle_overdue(Options const& options, Record& record) {
  bool const overdue = options.retry_rule == RetryRule::v3 && !record.finished() && !record.attempts.empty() &&
                       now_ms() - record.created > day_ms;
  if (overdue) {
    record.result = "rejected";
    record.comments = {"Not completed within 24 hours"};
    record.comment_codes = {"other"};
    record.changed();
  }
}

void add_samples(Context context) {
  auto const guard = context.store.hold();
  static constexpr std::string_view image = "\xFF\xD8\xFF\xE0 sample \xFF\xD9";
  for (std::size_t i = 1; i <= context.options.samples; ++i) {
    std::string const number = std::to_string(i);
    Record& record = context.store.create(0, "sample" + number + "@example.test", 0);
    record.userid = "sample-" + number;
    record.set("name", "Sample Person " + number);
    record.set("date_of_birth", "1990-01-01");
    record.set("idType", "passport");
    record.set("idcard_issuingCountry", "GHA");
    record.images[static_cast<std::size_t>(ImageKind::id)] = context.store.keep_image(image);
    record.images[static_cast<std::size_t>(ImageKind::selfie)] = context.store.keep_image(image);
    record.step1_done = true;
    record.attempts.push_back(Attempt{1, 96, 88, true, {}, {}});
    context.store.approve(record, i % 10 == 0 ? 1 : 0);
  }
}

}  // namespace sandbox
