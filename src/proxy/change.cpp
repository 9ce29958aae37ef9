#include "change.hpp"

#include "gateway/cache/key.hpp"

namespace gateway::proxy {
namespace {

using policy::OperationId;

bool changes_submissions(OperationId id) {
  return id == OperationId::submit_step1 || id == OperationId::submit_step2 || id == OperationId::delete_submission;
}

struct Concerned {
  cache::Subject submission{};
  bool one = false, any = false;
};

// Which submission: a form names it in a part, a deletion in its query.
Concerned concerned_by(Exchange const& x) {
  Concerned found;
  if (x.operation->id == OperationId::delete_submission) {
    auto const target = x.head.target;
    auto const question = target.find('?');
    auto const asked = cache::asked_submission(question == std::string_view::npos ? std::string_view() : target.substr(question + 1));
    found.any = asked.kind() == cache::AskedSubmission::Kind::unclear;
    found.one = static_cast<bool>(asked);
    if (found.one) found.submission = cache::submission_subject(*asked);
    return found;
  }
  using Kind = upload::NamedSubmission::Kind;
  auto const named = x.inspection.submission();
  // Step 2 always concerns one: a form in which none is found is one that we do not understand.
  found.any = named.kind == Kind::unclear || (named.kind == Kind::none && x.operation->id == OperationId::submit_step2);
  found.one = named.kind == Kind::one;
  if (found.one) found.submission = cache::submission_subject(named.id);
  return found;
}

void invalidate(Exchange const& x) {
  auto const concerned = concerned_by(x);
  cache::Subject const subjects[] = {x.snapshot->cache.members, concerned.submission};
  x.change.worker->invalidate(std::span(subjects).first(concerned.one ? 2 : 1), concerned.any);
}

}  // namespace

void plan_change(Worker& worker, Exchange& x, policy::Route const& route) {
  if (worker.cache != nullptr && changes_submissions(route.operation->id)) x.change = {&worker, false, false};
}

void announce_change(Exchange& x) {
  if (x.change.worker == nullptr) return;
  x.change.announced = true;
  invalidate(x);
}

void confirm_change(Exchange& x) {
  if (x.change.worker == nullptr) return;
  // An answer to an upload that is still running says that the vendor will not have it.
  // An error of its edge says nothing: what stands behind it may go on after a 504.
  x.change.answered = x.change.announced && x.answer.status < 500;
  invalidate(x);
}

void settle_change(Worker& worker, Exchange& x, bool whole) {
  if (x.change.worker == nullptr || !x.change.announced || (x.change.answered && whole)) return;
  auto const concerned = concerned_by(x);
  invalidate(x);
  worker.unsettle(concerned.submission, concerned.any, coarse_now() + Duration(x.snapshot->config->values.upstream_total_timeout));
}

}  // namespace gateway::proxy
