#pragma once

#include "answer.hpp"
#include "form.hpp"
#include "options.hpp"
#include "store.hpp"
#include "triggers.hpp"

#include <optional>
#include <string_view>

namespace sandbox {

/// A request that passed route, key, address and size.
struct Request {
  Operation operation = Operation::read_submission;
  std::size_t project = 0;
  std::string_view query;
  std::string_view content_type;
  std::string_view body;
};

struct Context {
  Options const& options;
  Store& store;
};

/// What an operation works on: the query of a GET or DELETE, the parsed body of a POST (nothing when it can't be
/// parsed).
struct Call {
  std::size_t project = 0;
  std::optional<Form> form;
  Plan plan;
};

[[nodiscard]] Answer read_submission(Context context, Call const& call);
[[nodiscard]] Answer read_applicant(Context context, Call const& call);
[[nodiscard]] Answer submit_step1(Context context, Call const& call);
[[nodiscard]] Answer submit_step2(Context context, Call const& call);
[[nodiscard]] Answer address_code(Context context, Call const& call);
[[nodiscard]] Answer delete_submission(Context context, Call const& call);
[[nodiscard]] Answer get_aml_report(Context context, Call const& call);
[[nodiscard]] Answer get_image(Context context, Call const& call);

/// Rejects an unfinished submission whose day is over; every operation that looks at one calls this first.
void settle_overdue(Options const& options, Record& record);
/// Approved records to look at, made at start-up (--samples).
void add_samples(Context context);

/// The text whose words choose what happens: an e-mail, or an id that begins with "trigger-".
[[nodiscard]] std::string trigger_source(Context context, Operation operation, std::size_t project, Form const& form);

}  // namespace sandbox
