#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/cache/invalidation.hpp"

// What gateways say to each other. A message is
//
//   byte 0      version, 1
//   byte 1      kind
//   bytes 2-9   the sender: random, made when its process starts
//   bytes 10-17 number of the message among the sender's, from 1 on, without holes
//   then        subjects, eight bytes each, only of a message that has them
//
// all numbers big endian. Its size says how many subjects there are, so there is no length that could be wrong.
//
// What this reveals to whoever reads along at Redis: how many gateways there are, how many changes each one makes and
// when, and a hash of each changed submission. The hash is not keyed, since all gateways have to come to the same: who
// already knows a submission id can tell whether and when it was changed, and who can try all ids can find those that
// were. It says nothing of who called, what was asked or answered. Who can write to the channel can make the gateways
// drop what they have cached, and can not make them serve anything.
namespace gateway::store {

enum class Kind : unsigned char {
  subjects = 1,    // these have changed
  everything = 2,  // anything may have changed
  beat = 3,        // nothing has changed; the sender is there
  leave = 4,       // the sender ends and will change nothing more
};

struct Message {
  Kind kind = Kind::beat;
  std::uint64_t sender = 0;
  std::uint64_t number = 0;
  std::vector<cache::Subject> subjects;

  // At most this many subjects a message, so that none is longer than max_bytes.
  static constexpr std::size_t max_subjects = 512;
  static constexpr std::size_t head_bytes = 18;
  static constexpr std::size_t max_bytes = head_bytes + max_subjects * 8;

  // Empty when it is not a message of this version, down to the last bit.
  static std::optional<Message> read(std::string_view bytes);
};

// Appends the message to `out`.
void write_message(Kind kind, std::uint64_t sender, std::uint64_t number, std::span<cache::Subject const> subjects, std::string& out);

}  // namespace gateway::store
