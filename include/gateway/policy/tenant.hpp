#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "gateway/base/failure.hpp"
#include "gateway/base/peer.hpp"
#include "gateway/policy/operation.hpp"

namespace gateway::policy {

// How a caller was recognised, strongest first. Certificates and tokens are declared in the configuration already;
// the address and the unix peer are the ones that are evaluated.
enum class Proof : std::uint8_t { certificate, token, unix_peer, address, none };
constexpr std::string_view proof_name(Proof proof) {
  constexpr std::string_view names[] = {"certificate", "token", "unix", "address", "none"};
  return names[static_cast<std::size_t>(proof)];
}

struct Tenant {
  std::string name;
  std::uint16_t label = 0;  // index of the name among the metric labels, stable for the life of the process
  OperationSet operations;
  std::vector<Cidr> cidr;
  std::vector<std::uint32_t> unix_uid;
};

struct Identity {
  Tenant const* tenant;
  Proof proof;
};

// The tenants of one configuration; immutable, shared by all workers.
class TenantTable {
 public:
  TenantTable() = default;
  explicit TenantTable(std::vector<Tenant> tenants);
  TenantTable(TenantTable&&) = default;  // the blocks point into the vector's storage, which moves along
  TenantTable& operator=(TenantTable&&) = default;

  // unknown_caller when no proof names a tenant. The longest matching prefix wins among addresses.
  Result<Identity> identify(Peer const& peer) const;
  // Sets the metric labels, before the table is shared.
  template <class LabelOf>
  void assign_labels(LabelOf&& label_of) {
    for (auto& tenant : tenants_) tenant.label = label_of(tenant.name);
  }
  std::vector<Tenant> const& all() const { return tenants_; }

 private:
  struct Block {
    Cidr cidr;
    Tenant const* tenant;
  };
  std::vector<Tenant> tenants_;
  std::vector<Block> blocks_;  // longest prefix first
};

// Proof that a tenant may use an operation: only authorize() makes one, and forwarding asks for it.
class Permit {
 public:
  Tenant const& tenant() const { return *tenant_; }
  Operation const& operation() const { return *operation_; }

 private:
  Permit(Tenant const& tenant, Operation const& operation) : tenant_(&tenant), operation_(&operation) {}
  friend Result<Permit> authorize(Identity const&, Operation const&);
  Tenant const* tenant_;
  Operation const* operation_;
};

// operation_denied when the tenant's list lacks the operation.
Result<Permit> authorize(Identity const& identity, Operation const& operation);

}  // namespace gateway::policy
