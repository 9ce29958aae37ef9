#include "gateway/policy/tenant.hpp"

#include <algorithm>

namespace gateway::policy {

TenantTable::TenantTable(std::vector<Tenant> tenants) : tenants_(std::move(tenants)) {
  for (auto const& tenant : tenants_)
    for (auto const& cidr : tenant.cidr) blocks_.push_back({cidr, &tenant});
  std::sort(blocks_.begin(), blocks_.end(),
            [](Block const& a, Block const& b) { return a.cidr.bits > b.cidr.bits; });
}

Result<Identity> TenantTable::identify(Peer const& peer) const {
  if (peer.family == Peer::Family::unix_socket) {
    for (auto const& tenant : tenants_)
      if (std::find(tenant.unix_uid.begin(), tenant.unix_uid.end(), peer.uid) != tenant.unix_uid.end())
        return Identity{&tenant, Proof::unix_peer};
    return Failure{Code::unknown_caller};
  }
  for (auto const& block : blocks_)
    if (block.cidr.contains(peer)) return Identity{block.tenant, Proof::address};
  return Failure{Code::unknown_caller};
}

Result<Permit> authorize(Identity const& identity, Operation const& operation) {
  if (!identity.tenant->operations.test(static_cast<std::size_t>(operation.id))) return Failure{Code::operation_denied};
  return Permit(*identity.tenant, operation);
}

}  // namespace gateway::policy
