#include "triggers.hpp"

#include "text.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <utility>
#include <vector>

namespace sandbox {
namespace {

constexpr std::string_view id_prefix = "trigger-";

/// The prefix that binds a word to one operation ("step2.err500"), indexed by Operation.
constexpr std::array<std::string_view, operation_count> scopes = {"read",    "applicant", "step1", "step2",
                                                                  "address", "delete",    "aml",   "image"};

/// The number that a word may end in ("slow10"): value without one, and bounds.
struct Number {
  int otherwise = 0;
  int least = 0;
  int most = 0;
};

struct Row {
  std::string_view name;
  Number number;  ///< most == 0: takes none
  std::string_view help;
  void (*apply)(Plan&, int);
};

void replace(Plan& plan, Answer answer, bool work_first = false) {
  plan.instead = std::move(answer);
  plan.work_first = work_first;
}

void fault(Plan& plan, Fault kind) { plan.delivery.fault = kind; }

Answer html_answer() {
  return make_answer(502, "text/html",
                     "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>\n");
}

Answer redirect_answer() {
  Answer answer = make_answer(302, "text/plain", "");
  answer.fields.emplace_back("location", "https://storage.example.test/elsewhere");
  return answer;
}

/// A fault that must not leave work behind gets an answer of its own, which the fault then spoils.
void without_work(Plan& plan, Fault kind) {
  replace(plan, message_answer(500, "Internal Server Error"));
  fault(plan, kind);
}

constexpr std::array step1_rows = {
    Row{"ocrfail",
        {},
        "step 1: nothing could be read, no reviewOCRData",
        [](Plan& p, int) { p.outcome.ocr_fails = true; }},
    Row{"uploadfail", {}, "step 1: file_upload is \"fail\"", [](Plan& p, int) { p.outcome.upload_fails = true; }},
    Row{"idretry",
        {3, 1, 3},
        "step 1: N calls of a submission ask for another image (v3 rule), the third rejects it",
        [](Plan& p, int n) { p.outcome.step1_failures = n; }},
    Row{"dup", {}, "step 1: refused, the e-mail is already approved", [](Plan& p, int) { p.outcome.duplicate = true; }},
    Row{"parsefail",
        {},
        "step 1, step 2: failed to parse the input data",
        [](Plan& p, int) { p.outcome.step1_error = p.outcome.step2_error = "failed to parse the input data"; }},
    Row{"badid", {}, "step 1: invalid id image", [](Plan& p, int) { p.outcome.step1_error = "invalid id image"; }},
    Row{"iderror",
        {},
        "step 1: id image processing error",
        [](Plan& p, int) { p.outcome.step1_error = "id image processing error"; }},
    Row{"dataerror",
        {},
        "step 1: data processing error",
        [](Plan& p, int) { p.outcome.step1_error = "data processing error"; }},
    Row{"noproject",
        {},
        "step 1: failed to find the project; delete: not Exist Project Data",
        [](Plan& p, int) {
          p.outcome.step1_error = "failed to find the project";
          p.outcome.delete_error = "not Exist Project Data";
        }},
    Row{"seedspelling",
        {},
        "step 1: the id comes as Submissionid",
        [](Plan& p, int) { p.outcome.seed_spelling = true; }},
    Row{"late",
        {},
        "step 1: dated 25 hours ago, so the 24-hour rule (v3) ends it after one failed step 2",
        [](Plan& p, int) { p.outcome.overdue = true; }},
};

constexpr std::array step2_rows = {
    Row{"noface", {}, "step 2: no face, try again", [](Plan& p, int) { p.outcome.faces = 0; }},
    Row{"twofaces",
        {},
        "step 2: two faces, which pass unless --two-faces retry",
        [](Plan& p, int) { p.outcome.faces = 2; }},
    Row{"threefaces", {}, "step 2: three faces, try again", [](Plan& p, int) { p.outcome.faces = 3; }},
    Row{"lowscore", {}, "step 2: similarity 84, try again", [](Plan& p, int) { p.outcome.similarity = 84; }},
    Row{"lowlive", {}, "step 2: liveness 49, try again", [](Plan& p, int) { p.outcome.liveness = 49; }},
    Row{"boundary",
        {},
        "step 2: similarity 85 and liveness 50, which pass",
        [](Plan& p, int) {
          p.outcome.similarity = 85;
          p.outcome.liveness = 50;
        }},
    Row{"similarity", {96, 0, 100}, "step 2: this similarity", [](Plan& p, int n) { p.outcome.similarity = n; }},
    Row{"liveness", {88, 0, 100}, "step 2: this liveness", [](Plan& p, int n) { p.outcome.liveness = n; }},
    Row{"koreafail",
        {},
        "step 2: the check of the Korean document fails, try again",
        [](Plan& p, int) { p.outcome.korean_check_fails = true; }},
    Row{"first",
        {1, 1, 3},
        "with one of the above: only the first N attempts are bad",
        [](Plan& p, int n) { p.outcome.failing_attempts = n; }},
    Row{"pending", {}, "step 2: pending, for manual review", [](Plan& p, int) { p.outcome.decision = "pending"; }},
    Row{"settle",
        {1, 1, 1000},
        "with pending: approved at the Nth lookup",
        [](Plan& p, int n) { p.outcome.settle_after = n; }},
    Row{"rejected", {}, "step 2: rejected at once", [](Plan& p, int) { p.outcome.decision = "rejected"; }},
    Row{"amlred",
        {2, 1, 20},
        "step 2: approved with a Red Flag and N matches",
        [](Plan& p, int n) { p.outcome.matches = n; }},
    Row{"badface",
        {},
        "step 2: invalid face image",
        [](Plan& p, int) { p.outcome.step2_error = "invalid face image"; }},
    Row{"otherkey", {}, "step 2: invalid api key", [](Plan& p, int) { p.outcome.step2_error = "invalid api key"; }},
    Row{"needaddress",
        {},
        "step 2: address data are needed",
        [](Plan& p, int) { p.outcome.needs_address_data = true; }},
    Row{"needproof",
        {},
        "step 2: an address image is needed",
        [](Plan& p, int) { p.outcome.needs_address_image = true; }},
};

constexpr std::array other_rows = {
    Row{"deletefail",
        {},
        "delete: delete Process FAIL",
        [](Plan& p, int) { p.outcome.delete_error = "delete Process FAIL"; }},
    Row{"needadmin",
        {},
        "delete: adminName and comment is required",
        [](Plan& p, int) { p.outcome.delete_error = "adminName and comment is required"; }},
    Row{"oldbody",
        {},
        "delete: the older bodies, errorCode and no statusCode",
        [](Plan& p, int) { p.outcome.older_errors = true; }},
    Row{"encrypted",
        {},
        "lookup: the envelope of secure transmission, with opaque data",
        [](Plan& p, int) { p.outcome.encrypted = true; }},
    Row{"bigpdf", {100, 1, 4096}, "report: of N KiB", [](Plan& p, int n) { p.outcome.report_kib = n; }},
};

constexpr std::array status_rows = {
    Row{"err400", {}, "400 Invalid Query String parameters", [](Plan& p, int) { replace(p, bad_query_answer()); }},
    Row{"err403", {}, "403 Forbidden", [](Plan& p, int) { replace(p, message_answer(403, "Forbidden")); }},
    Row{"err403ip", {}, "403 explicit deny", [](Plan& p, int) { replace(p, denied_address_answer()); }},
    Row{"err413",
        {},
        "413 Request Entity Too Large",
        [](Plan& p, int) { replace(p, message_answer(413, "Request Entity Too Large")); }},
    Row{"err429",
        {},
        "429 Too Many Requests",
        [](Plan& p, int) { replace(p, message_answer(429, "Too Many Requests")); }},
    Row{"err429quota",
        {},
        "429 Limit Exceeded",
        [](Plan& p, int) { replace(p, message_answer(429, "Limit Exceeded")); }},
    Row{"err500",
        {},
        "500 Internal Server Error",
        [](Plan& p, int) { replace(p, message_answer(500, "Internal Server Error")); }},
    Row{"err502", {}, "502 Bad Gateway", [](Plan& p, int) { replace(p, message_answer(502, "Bad Gateway")); }},
    Row{"err502html", {}, "502 with an HTML page", [](Plan& p, int) { replace(p, html_answer()); }},
    Row{"err503",
        {},
        "503 Service Unavailable",
        [](Plan& p, int) { replace(p, message_answer(503, "Service Unavailable")); }},
    Row{"err504",
        {},
        "504 Endpoint request timed out",
        [](Plan& p, int) { replace(p, message_answer(504, "Endpoint request timed out")); }},
    Row{"done504",
        {},
        "the same, but the work is done",
        [](Plan& p, int) { replace(p, message_answer(504, "Endpoint request timed out"), true); }},
    Row{"redirect", {}, "302 to another host", [](Plan& p, int) { replace(p, redirect_answer()); }},
};

constexpr std::array delivery_rows = {
    Row{"slow",
        {3, 1, 300},
        "the answer comes after N seconds",
        [](Plan& p, int n) { p.delivery.delay = std::chrono::seconds(n); }},
    Row{"delay",
        {250, 1, 60000},
        "the answer comes after N milliseconds",
        [](Plan& p, int n) { p.delivery.delay = std::chrono::milliseconds(n); }},
    Row{"cut",
        {},
        "connection closed before any answer, nothing done",
        [](Plan& p, int) { without_work(p, Fault::no_answer); }},
    Row{"lostanswer",
        {},
        "connection closed before any answer, but the work is done",
        [](Plan& p, int) { fault(p, Fault::no_answer); }},
    Row{"reset",
        {},
        "connection reset before any answer, nothing done",
        [](Plan& p, int) { without_work(p, Fault::reset); }},
    Row{"garbage", {}, "bytes that are not HTTP, nothing done", [](Plan& p, int) { without_work(p, Fault::garbage); }},
    Row{"halfhead", {}, "closed in the middle of the head", [](Plan& p, int) { fault(p, Fault::half_head); }},
    Row{"halfbody",
        {},
        "closed in the middle of the body, whatever its framing",
        [](Plan& p, int) { fault(p, Fault::half_body); }},
    Row{"stall",
        {60, 1, 300},
        "half of the body, N seconds of silence, then the rest",
        [](Plan& p, int n) {
          fault(p, Fault::stall);
          p.delivery.stall = std::chrono::seconds(n);
        }},
    Row{"drip",
        {20, 1, 5000},
        "the body in 16 pieces, N milliseconds apart",
        [](Plan& p, int n) { p.delivery.drip = std::chrono::milliseconds(n); }},
    Row{"chunkedanswer", {}, "chunked framing", [](Plan& p, int) { p.delivery.framing = Framing::chunked; }},
    Row{"closeanswer",
        {},
        "framing by the end of the connection",
        [](Plan& p, int) { p.delivery.framing = Framing::until_close; }},
    Row{"lastanswer", {}, "connection: close", [](Plan& p, int) { p.delivery.close = true; }},
    Row{"early103", {}, "a 103 answer ahead", [](Plan& p, int) { p.delivery.interim = true; }},
    Row{"bighead",
        {64, 1, 1024},
        "a header field of N KiB",
        [](Plan& p, int n) { p.delivery.padding = static_cast<std::size_t>(n) * 1024U; }},
    Row{"extrabytes", {}, "unasked bytes behind the answer", [](Plan& p, int) { fault(p, Fault::extra_bytes); }},
    Row{"bothlengths",
        {},
        "content-length and transfer-encoding at once",
        [](Plan& p, int) {
          p.delivery.framing = Framing::chunked;
          fault(p, Fault::both_lengths);
        }},
};

template <std::size_t N>
Row const* find_row(std::array<Row, N> const& rows, std::string_view name, bool with_number) {
  auto const row = std::find_if(rows.begin(), rows.end(), [&](Row const& candidate) {
    return candidate.name == name && (!with_number || candidate.number.most > 0);
  });
  return row == rows.end() ? nullptr : &*row;
}

Row const* find_row(std::string_view name, bool with_number) {
  for (Row const* row : {find_row(step1_rows, name, with_number), find_row(step2_rows, name, with_number),
                         find_row(other_rows, name, with_number), find_row(status_rows, name, with_number),
                         find_row(delivery_rows, name, with_number)}) {
    if (row != nullptr) {
      return row;
    }
  }
  return nullptr;
}

void apply_word(Plan& plan, std::string_view word, Operation operation) {
  if (std::size_t const dot = word.find('.'); dot != std::string_view::npos) {
    if (word.substr(0, dot) != scopes.at(static_cast<std::size_t>(operation))) {
      return;
    }
    word.remove_prefix(dot + 1);
  }
  if (Row const* const row = find_row(word, false)) {
    row->apply(plan, row->number.otherwise);
    return;
  }
  std::size_t const last_letter = word.find_last_not_of("0123456789");
  if (last_letter == std::string_view::npos) {
    return;
  }
  Row const* const row = find_row(word.substr(0, last_letter + 1), true);
  std::optional<std::size_t> const number = parse_number(word.substr(last_letter + 1));
  if (row != nullptr && number) {
    auto const most = static_cast<std::size_t>(row->number.most);
    row->apply(plan, std::max(row->number.least, static_cast<int>(std::min(*number, most))));
  }
}

/// The part of an e-mail or id that holds the words.
std::string words_of(std::string_view source) {
  if (is_trigger_id(source)) {
    return lower(source.substr(id_prefix.size()));
  }
  std::size_t const at = source.find('@');
  return at == std::string_view::npos ? std::string{} : lower(source.substr(0, at));
}

template <std::size_t N>
void describe(std::string& text, std::string_view title, std::array<Row, N> const& rows) {
  text.append("\n").append(title).append("\n");
  for (Row const& row : rows) {
    std::string name(row.name);
    if (row.number.most > 0) {
      name += "[N]";
    }
    name.resize(std::max<std::size_t>(name.size(), 15), ' ');
    text.append("  ").append(name).append(" ").append(row.help);
    if (row.number.most > 0) {
      text.append(" (N ").append(std::to_string(row.number.least)).append("..").append(std::to_string(row.number.most));
      text.append(", ").append(std::to_string(row.number.otherwise)).append(" without a number)");
    }
    text.append("\n");
  }
}

}  // namespace

bool is_trigger_id(std::string_view text) { return text.starts_with(id_prefix); }

Plan make_plan(std::string_view source, Operation operation) {
  Plan plan;
  std::string const words = words_of(source);
  std::string_view rest = words;
  while (!rest.empty()) {
    std::size_t const end = rest.find_first_of("+ ");
    apply_word(plan, rest.substr(0, end), operation);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return plan;
}

std::string trigger_help() {
  std::string text =
      "Triggers: what happens is chosen by the input.\n"
      "  The words are in the local part of the e-mail of step 1, joined by a plus sign: "
      "lowscore+first2+u17@example.test.\n"
      "  Later calls about that submission take the words from its record. A word may be bound to one operation:\n"
      "  step2.err500@example.test; the operations are";
  for (std::string_view const scope : scopes) {
    text.append(" ").append(scope);
  }
  text +=
      ".\n"
      "  Without a record: submission_id, submissionId, applicant_id, resourceId, userid or address may say\n"
      "  trigger-WORDS (trigger-err500, trigger-slow10+chunkedanswer), and a lookup by email uses that e-mail.\n"
      "  Words that are not listed mean nothing. The key sandbox-denied-ip is always refused as a denied address.\n";
  describe(text, "Step 1", step1_rows);
  describe(text, "Step 2", step2_rows);
  describe(text, "Other operations", other_rows);
  describe(text, "Other statuses, at any operation (nothing is done unless it says so)", status_rows);
  describe(text, "Delivery of the answer, at any operation", delivery_rows);
  return text;
}

}  // namespace sandbox
