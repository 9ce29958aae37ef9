#include "peers.hpp"

#include <algorithm>

namespace gateway::store {

void Peers::subscribed(Instant now) {
  subscribed_ = now;
  for (auto& peer : peers_) {
    peer.number = 0;
    peer.heard = now;
  }
}

bool Peers::heard(std::uint64_t sender, std::uint64_t number, Instant now) {
  auto const found = std::find_if(peers_.begin(), peers_.end(), [&](Peer const& peer) { return peer.sender == sender; });
  // Everything since the subscription has been received, so the first message of a gateway that was there all along has
  // no predecessor to miss. One that turns up later has one, unless its count starts.
  bool const first = number == 1 || now - subscribed_ <= limits_.silent_after;
  if (found == peers_.end()) {
    if (peers_.size() == max_peers) return false;
    peers_.push_back({sender, number, now});
    return first;
  }
  bool const follows = found->number == 0 ? first : number == found->number + 1;
  found->number = std::max(found->number, number);  // one from a connection given up may come behind one of the next
  found->heard = now;
  return follows;
}

void Peers::left(std::uint64_t sender) {
  std::erase_if(peers_, [&](Peer const& peer) { return peer.sender == sender; });
}

std::size_t Peers::look(Instant now) {
  auto const forgotten = std::erase_if(peers_, [&](Peer const& peer) { return now - peer.heard > limits_.forgotten_after; });
  silent_ = static_cast<std::size_t>(
      std::count_if(peers_.begin(), peers_.end(), [&](Peer const& peer) { return now - peer.heard > limits_.silent_after; }));
  return forgotten;
}

}  // namespace gateway::store
