// POST /address_code, DELETE /submission, GET /report/aml and GET /image.
#include "operations.hpp"

#include "pdf.hpp"
#include "plus_code.hpp"
#include "text.hpp"

#include <boost/json/object.hpp>

namespace sandbox {
namespace {

namespace json = boost::json;

/// The reference names the parameter in two ways, and both are in use.
std::string_view submission_parameter(Form const& query) {
  auto const id = query.find("submission_id");
  return id ? *id : query.text("submissionId");
}

Answer delete_error(std::string_view text, bool older) {
  json::object object;
  if (older) {
    object["errorCode"] = text;
  } else {
    object["message"] = text;
    object["statusCode"] = 400;
  }
  return json_answer(400, object);
}

std::vector<std::string> report_lines(Record const* record, std::string_view resource_id) {
  std::vector<std::string> lines = {"AML screening report (made by argos-sandbox, no real data)", ""};
  lines.push_back("Resource: " + std::string(resource_id));
  if (record != nullptr) {
    lines.push_back("Submission: " + record->id);
    lines.push_back("Name: " + std::string(record->get("name")));
    lines.push_back("Date of birth: " + std::string(record->get("date_of_birth")));
  }
  lines.emplace_back("Status: Red Flag");
  lines.emplace_back("Risk level: High");
  return lines;
}

}  // namespace

Answer address_code(Context, Call const& call) {
  std::string_view const address = call.form ? trimmed(call.form->text("address")) : std::string_view{};
  if (address.empty()) {
    return bad_query_answer();
  }
  PlusCode const code = plus_code_of(address);
  json::object object;
  object["formatted_address"] = code.address;
  object["compound_code"] = code.compound;
  object["global_code"] = code.global;
  return json_answer(200, object);
}

Answer delete_submission(Context context, Call const& call) {
  Outcome const& outcome = call.plan.outcome;
  std::string_view const id = submission_parameter(*call.form);
  if (id.empty()) {
    return delete_error("not Exist Submission ID", outcome.older_errors);
  }
  if (!outcome.delete_error.empty()) {
    return delete_error(outcome.delete_error, outcome.older_errors);
  }
  auto const guard = context.store.hold();
  Record* const record = context.store.find_in(call.project, id);
  if (record == nullptr || record->deleted) {
    return delete_error("not Exist Submission Data", outcome.older_errors);
  }
  context.store.erase_personal_data(*record);
  json::object object;
  object["message"] = "success";
  object["content"] = "Submission " + record->id + " deleted successfully.";
  if (!outcome.older_errors) {
    object["statusCode"] = 200;
  }
  return json_answer(200, object);
}

Answer get_aml_report(Context context, Call const& call) {
  std::string_view const id = call.form->text("resourceId");
  if (id.empty()) {
    return bad_query_answer();
  }
  std::vector<std::string> lines;
  {
    auto const guard = context.store.hold();
    Record const* const record = context.store.find_match(call.project, id);
    if (record == nullptr && !is_trigger_id(id)) {
      return bad_query_answer();
    }
    lines = report_lines(record, id);
  }
  std::size_t const least = static_cast<std::size_t>(call.plan.outcome.report_kib) * 1024U;
  Answer answer = make_answer(200, "application/pdf", make_pdf(lines, least));
  answer.fields.emplace_back("content-disposition", "attachment; filename=\"report.pdf\"");
  return answer;
}

Answer get_image(Context context, Call const& call) {
  std::string_view const id = submission_parameter(*call.form);
  std::optional<ImageKind> const kind = image_kind(call.form->text("type"));
  if (id.empty() || !kind) {
    return bad_query_answer();
  }
  auto const guard = context.store.hold();
  Record const* const record = context.store.find_in(call.project, id);
  if (record == nullptr || !record->images.at(static_cast<std::size_t>(*kind))) {
    return bad_query_answer();
  }
  Answer answer;
  answer.body = record->images.at(static_cast<std::size_t>(*kind));
  answer.content_type = image_type(*answer.body) == ImageType::png ? "image/png" : "image/jpeg";
  return answer;
}

std::string trigger_source(Context context, Operation operation, std::size_t project, Form const& form) {
  auto const guard = context.store.hold();
  auto const of_record = [&](std::string_view id) {
    if (is_trigger_id(id)) {
      return std::string(id);
    }
    Record const* const record = context.store.find_in(project, id);
    return record == nullptr ? std::string{} : record->email;
  };
  switch (operation) {
    case Operation::read_submission:
      if (auto const id = form.find("submission_id")) {
        return of_record(*id);
      }
      return std::string(form.text("email").empty() ? form.text("userid") : form.text("email"));
    case Operation::read_applicant: {
      std::string_view const id = form.text("applicant_id");
      std::vector<Record*> const records = context.store.of_applicant(project, id);
      return records.empty() ? std::string(id) : records.front()->email;
    }
    case Operation::submit_step1: return std::string(form.text("email"));
    case Operation::submit_step2: return of_record(form.text("submissionId"));
    case Operation::address_code:
      return is_trigger_id(form.text("address")) ? std::string(form.text("address")) : std::string{};
    case Operation::get_aml_report: {
      Record const* const record = context.store.find_match(project, form.text("resourceId"));
      return record == nullptr ? std::string(form.text("resourceId")) : record->email;
    }
    case Operation::delete_submission:
    case Operation::get_image: return of_record(submission_parameter(form));
  }
  return {};
}

}  // namespace sandbox
