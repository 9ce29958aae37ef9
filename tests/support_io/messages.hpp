#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// A reading of HTTP messages that is the tests' own, plain and strict, so that a mistake of the gateway's is not shared.
namespace gateway::test {

struct Message {
  std::string head;  // with its empty line
  std::string body;  // decoded
  int status = 0;    // of answers
  std::string field(std::string_view name) const;  // "" when absent
  std::size_t count(std::string_view name) const;
};

// What a buffer starts with.
enum class Reading { incomplete, complete, malformed };

// Takes a whole request off the front of `bytes`. `head_only` says that the head is there though the body is not.
Reading take_request(std::string& bytes, Message& message, bool* head_only = nullptr);
// The same for an answer; interim answers are counted and passed over. `ended`: the connection was closed in order.
Reading take_answer(std::string& bytes, bool ended, Message& message, int* interim = nullptr);

std::string chunked(std::string_view body, std::size_t piece);
// Bytes without a pattern that would hide a shift: a different value of `seed` gives different bytes.
std::string noise(std::size_t size, unsigned seed = 1);

}  // namespace gateway::test
