#pragma once

#include "answer.hpp"

#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox {

enum class Operation {
  read_submission,
  read_applicant,
  submit_step1,
  submit_step2,
  address_code,
  delete_submission,
  get_aml_report,
  get_image
};
inline constexpr std::size_t operation_count = 8;

/// What the vendor would decide, as far as the input orders something else than the good case.
struct Outcome {
  std::optional<int> similarity;
  std::optional<int> liveness;
  std::optional<int> faces;
  int step1_failures = 0;
  int failing_attempts = std::numeric_limits<int>::max();  ///< bad step 2 outcomes hold for so many attempts
  int matches = 0;
  int settle_after = 0;  ///< lookups until a pending record is approved
  int report_kib = 0;
  bool ocr_fails = false;
  bool upload_fails = false;
  bool duplicate = false;
  bool seed_spelling = false;
  bool korean_check_fails = false;
  bool needs_address_data = false;
  bool needs_address_image = false;
  bool overdue = false;
  bool encrypted = false;
  bool older_errors = false;
  std::string_view decision;     ///< "pending" or "rejected"
  std::string_view step1_error;  ///< text of a documented 400
  std::string_view step2_error;
  std::string_view delete_error;
};

struct Plan {
  Outcome outcome;
  Delivery delivery;
  std::optional<Answer> instead;  ///< sent in place of the operation's answer
  bool work_first = false;        ///< `instead` hides work that was done
};

/// The plan that the words of `source` make for an operation; words that are no trigger mean nothing.
[[nodiscard]] Plan make_plan(std::string_view source, Operation operation);
/// True when the text is an id that orders something by itself ("trigger-slow").
[[nodiscard]] bool is_trigger_id(std::string_view text);
/// The chapter of --help about triggers, made from the table that make_plan uses.
[[nodiscard]] std::string trigger_help();

}  // namespace sandbox
