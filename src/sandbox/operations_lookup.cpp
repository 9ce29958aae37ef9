// GET /submission and GET /submission/applicant.
#include "operations.hpp"

#include "text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace sandbox {
namespace {

namespace json = boost::json;

constexpr std::int64_t day_ms = 24LL * 60 * 60 * 1000;

struct Listing {
  std::string_view email;
  std::string_view userid;
  std::string_view request_type;
  std::optional<std::int64_t> from;
  std::optional<std::int64_t> until;
  std::optional<Position> after;
  std::size_t count = 0;
};

json::array text_array(std::vector<std::string> const& texts) {
  json::array array;
  for (std::string const& text : texts) {
    array.emplace_back(json::string(text));
  }
  return array;
}

json::object attempt_object(Attempt const& attempt) {
  json::object object;
  object["attemptCnt"] = attempt.number;
  if (!attempt.retry_code.empty()) {
    object["retryCode"] = text_array({attempt.retry_code});
    object["retryMsg"] = text_array({attempt.retry_message});
  }
  if (attempt.liveness) {
    object["livenessScore"] = *attempt.liveness;
  }
  if (attempt.similarity) {
    object["faceSimilarityScore"] = *attempt.similarity;
  }
  object["verificationResult"] = attempt.success ? "success" : "fail";
  return object;
}

json::object kyc_object(Record const& record) {
  json::object kyc;
  kyc["result"] = record.result;
  if (record.deleted) {
    return kyc;
  }
  if (!record.comments.empty()) {
    kyc["comment"] = text_array(record.comments);
    kyc["commentCode"] = text_array(record.comment_codes);
  }
  json::array attempts;
  for (Attempt const& attempt : record.attempts) {
    attempts.push_back(attempt_object(attempt));
  }
  if (!attempts.empty()) {
    kyc["attempts"] = std::move(attempts);
  }
  return kyc;
}

json::object aml_object(Record const& record) {
  bool const red = !record.matches.empty();
  json::object aml;
  aml["currentstatus"] = red ? "Red Flag" : "Not Screened";
  aml["risk_level_summary"] = red ? "High" : "Not Screened";
  if (red) {
    json::array matches;
    for (std::string const& id : record.matches) {
      json::object match;
      match["resource_id"] = id;
      matches.push_back(std::move(match));
    }
    aml["matches"] = std::move(matches);
  }
  return aml;
}

/// One element of Items; `part` is the request_type filter, empty for everything.
json::object item_object(Record const& record, std::string_view part) {
  json::object item;
  auto const wanted = [part](std::string_view name) { return part.empty() || part == name; };
  item["submission_id"] = record.id;
  if (wanted("others")) {
    item["created_at"] = format_time(record.created);
    if (!record.deleted) {
      item["updated_at"] = format_time(record.updated);
      item["email"] = record.email;
    }
    if (!record.userid.empty()) {
      item["userid"] = record.userid;
    }
    if (!record.applicant_id.empty()) {
      item["applicant_id"] = record.applicant_id;
    }
  }
  if (wanted("data")) {
    json::object data;
    for (auto const& [name, value] : record.data) {
      data[name] = value;
    }
    item["data"] = std::move(data);
  }
  if (wanted("kyc")) {
    item["kyc"] = kyc_object(record);
  }
  if (wanted("aml") && record.result == "approved" && !record.deleted) {
    item["aml"] = aml_object(record);
  }
  return item;
}

/// Nothing when a parameter is not as documented.
std::optional<Listing> read_listing(Options const& options, Form const& query) {
  Listing listing;
  listing.email = query.text("email");
  listing.userid = query.text("userid");
  listing.count = options.default_count;
  if (auto const text = query.find("count")) {
    auto const count = parse_number(*text);
    if (!count || *count == 0 || *count > max_count) {
      return std::nullopt;
    }
    listing.count = *count;
  }
  auto const id = query.find("nextpage_id");
  auto const date = query.find("nextpage_date");
  if (id || date) {
    auto const time = id && date && !id->empty() ? parse_time(*date) : std::nullopt;
    if (!time) {
      return std::nullopt;
    }
    listing.after = Position{*time, std::string(*id)};
  }
  for (std::string_view const name : {"start_date", "end_date"}) {
    if (auto const day = query.find(name)) {
      if (!is_day(*day)) {
        return std::nullopt;
      }
      (name == "start_date" ? listing.from : listing.until) = day_start(*day);
    }
  }
  if (auto const type = query.find("request_type")) {
    if (*type != "kyc" && *type != "aml" && *type != "data" && *type != "others") {
      return std::nullopt;
    }
    listing.request_type = *type;
  }
  return listing;
}

bool matches(Listing const& listing, Record const& record) {
  return (listing.email.empty() || same_ignoring_case(listing.email, record.email)) &&
         (listing.userid.empty() || listing.userid == record.userid) &&
         (!listing.from || record.created >= *listing.from) &&
         (!listing.until || record.created < *listing.until + day_ms);
}

/// The manual review of a pending record, when its words ask for one after so many lookups.
void review(Store& store, Record& record, Outcome const& outcome) {
  ++record.lookups;
  if (record.result == "pending" && outcome.settle_after > 0 && record.lookups >= outcome.settle_after) {
    store.approve(record, outcome.matches);
  }
}

json::object list_page(Context context, Call const& call, Listing const& listing) {
  json::array items;
  json::object page;
  Record const* last = nullptr;
  bool more = false;
  context.store.each(call.project, listing.after, [&](Record& record) {
    if ((record.deleted && !context.options.keep_deleted) || !matches(listing, record)) {
      return true;
    }
    if (items.size() == listing.count) {
      more = true;
      return false;
    }
    settle_overdue(context.options, record);
    items.push_back(item_object(record, listing.request_type));
    last = &record;
    return true;
  });
  page["Items"] = std::move(items);
  if (more) {
    json::object key;
    key["id"] = last->id;
    key["created_at"] = format_time(last->created);
    page["nextpageKey"] = std::move(key);
  }
  return page;
}

}  // namespace

Answer read_submission(Context context, Call const& call) {
  Form const& query = *call.form;
  std::optional<Listing> const listing = read_listing(context.options, query);
  if (!listing) {
    return bad_query_answer();
  }
  auto const guard = context.store.hold();
  json::object page;
  if (auto const id = query.find("submission_id")) {
    json::array items;
    Record* record = context.store.find_in(call.project, *id);
    if (record != nullptr && record->deleted && !context.options.keep_deleted) {
      record = nullptr;
    }
    if (record != nullptr) {
      settle_overdue(context.options, *record);
      review(context.store, *record, call.plan.outcome);
    }
    if (record != nullptr && matches(*listing, *record)) {
      items.push_back(item_object(*record, listing->request_type));
    }
    page["Items"] = std::move(items);
  } else {
    page = list_page(context, call, *listing);
  }
  if (call.plan.outcome.encrypted) {
    // How the key is derived is not published, so this is only the shape: text that a proxy must not look into.
    json::object envelope;
    envelope["data"] = base64(json::serialize(page));
    return json_answer(200, envelope);
  }
  return json_answer(200, page);
}

Answer read_applicant(Context context, Call const& call) {
  std::string_view const id = call.form->text("applicant_id");
  if (id.empty()) {
    return bad_query_answer();
  }
  auto const guard = context.store.hold();
  std::vector<Record*> const records = context.store.of_applicant(call.project, id);
  json::array array;
  for (Record const* const record : records) {
    json::object element;
    element["submission_id"] = record->id;
    element["email"] = record->email;
    if (records.size() > 1) {
      element["duplicated_information"] = "duplicated_user_PII_exact";
    }
    array.push_back(std::move(element));
  }
  return json_answer(200, array);
}

}  // namespace sandbox
