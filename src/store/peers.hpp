#pragma once
#include <cstdint>
#include <vector>

#include "gateway/base/time.hpp"

namespace gateway::store {

// The other gateways, as far as they have been heard: whether a message of theirs is missing, and whether one of them
// has fallen silent. A silent one may be cut off from Redis and still let changes through that nobody else hears of.
class Peers {
 public:
  struct Limits {
    Duration silent_after;     // no message for this long: silent
    Duration forgotten_after;  // silent for this long: taken for dead
  };
  // More than this many gateways are not kept apart; each message of one too many counts as one that lost its
  // predecessor, which is safe and slow.
  static constexpr std::size_t max_peers = 256;

  explicit Peers(Limits limits) : limits_(limits) {}

  // What was missed before now is dropped anyway, so numbers start afresh; who was there gets a while to be heard again.
  void subscribed(Instant now);
  // A message was received. False when one before it may have been missed.
  bool heard(std::uint64_t sender, std::uint64_t number, Instant now);
  // The last message of a gateway that ends.
  void left(std::uint64_t sender);
  // Counts who is silent now, and forgets who has been for long; returns how many were forgotten.
  std::size_t look(Instant now);

  std::size_t count() const { return peers_.size(); }
  std::size_t silent() const { return silent_; }

 private:
  struct Peer {
    std::uint64_t sender;
    std::uint64_t number;  // of its last message; 0: not heard since the subscription
    Instant heard;
  };
  Limits limits_;
  Instant subscribed_{};
  std::vector<Peer> peers_;
  std::size_t silent_ = 0;
};

}  // namespace gateway::store
