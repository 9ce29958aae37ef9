#include "phases.hpp"

#include "change.hpp"
#include "forward.hpp"
#include "inspect.hpp"
#include "lookup.hpp"
#include "messages.hpp"

namespace gateway::proxy {
namespace {

Result<> judge_framing(Exchange& x, bool draining) {
  auto const judged = http::judge_request(x.head);
  if (!judged) return judged.error();
  x.framing = *judged;
  x.body = http::BodyReader(x.framing.body);
  if (!x.framing.persistent || draining) x.fate = Fate::close;
  return {};
}

// What of query and body the head alone decides.
Result<> plan_body(policy::Permit const& permit, Exchange& x, policy::Route const& route) {
  auto const& body = x.framing.body;
  bool const framed = body.kind != http::Framing::Kind::none;
  if (auto checked = policy::check_body_head(permit.operation(), x.head, framed, body.has_body()); !checked) return checked;
  auto const limit = x.snapshot->config->values.limits_body_bytes;
  if (body.length > limit) return Failure{Code::body_too_large, static_cast<std::int64_t>(limit)};
  return plan_inspection(x, route);
}

}  // namespace

// Each phase yields the evidence that the next one asks for, so the order cannot change without the compiler noticing.
net::Task<Result<>> run_phases(Worker& worker, Downstream& down, Exchange& x) {
  config::Config const& config = *x.snapshot->config;  // pinned until this exchange ends

  if (down.refused) co_return Failure{Code::overloaded};
  x.enter(Phase::framing);
  GW_CO_CHECK(judge_framing(x, worker.draining));

  x.enter(Phase::identify);
  GW_CO_TRY(identity, config.tenants.identify(down.peer()));
  x.identity = identity;
  if (x.had_client_key) worker.metrics.client_api_key_ignored.add(identity.tenant->label);

  x.enter(Phase::route);
  GW_CO_TRY(route, policy::match_route(x.head, config.values.server_path_prefix));
  x.operation = route.operation;

  x.enter(Phase::authorize);
  GW_CO_TRY(permit, policy::authorize(identity, *route.operation));

  x.enter(Phase::plan_body);
  GW_CO_CHECK(plan_body(permit, x, route));

  x.enter(Phase::credential);
  GW_CO_TRY(credential, credential_for(permit, x));

  x.enter(Phase::cache);
  if (route.operation->cacheable) {
    GW_CO_TRY(answered, co_await look_up(worker, down, x, permit, credential, route));
    if (answered) co_return Result<>();
  }
  plan_change(worker, x, route);
  GW_CO_CHECK(build_upstream_request(x, route));

  x.enter(Phase::inspect);
  GW_CO_CHECK(co_await judge_small_body(down, x));

  auto const forwarded = co_await forward(worker, down, x, permit, credential);
  settle_change(worker, x, forwarded.has_value());
  co_return forwarded;
}

}  // namespace gateway::proxy
