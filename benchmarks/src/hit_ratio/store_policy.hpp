#pragma once

#include "policies.hpp"

#include <cstddef>

namespace gateway::bench {

/// The gateway's own store, asked and filled as the gateway does it, with as much memory as `memory` in [cache].
class StorePolicy : public Policy {
 public:
  StorePolicy(const std::vector<std::uint32_t>& body_sizes, std::size_t memory);
  ~StorePolicy() override;
  bool ask(Item item) override;
  /// What is left for entries beside the store's tables.
  [[nodiscard]] std::size_t room() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// What an entry with a body of this size takes of the store's memory.
std::uint32_t entry_bytes(std::uint32_t body_size);

}  // namespace gateway::bench
