#include "message.hpp"

namespace gateway::store {
namespace {

constexpr char version = 1;

void put(std::uint64_t value, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

std::uint64_t get(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace

void write_message(Kind kind, std::uint64_t sender, std::uint64_t number, std::span<cache::Subject const> subjects, std::string& out) {
  out += version;
  out += static_cast<char>(kind);
  put(sender, out);
  put(number, out);
  for (auto const subject : subjects) put(static_cast<std::uint64_t>(subject), out);
}

std::optional<Message> Message::read(std::string_view bytes) {
  if (bytes.size() < head_bytes || bytes.size() > max_bytes || bytes[0] != version) return std::nullopt;
  auto const kind = static_cast<unsigned char>(bytes[1]);
  if (kind < static_cast<unsigned char>(Kind::subjects) || kind > static_cast<unsigned char>(Kind::leave)) return std::nullopt;
  Message message{static_cast<Kind>(kind), get(bytes.substr(2)), get(bytes.substr(10)), {}};
  auto const rest = bytes.substr(head_bytes);
  // Only that kind has subjects, and it has some.
  bool const fits = message.kind == Kind::subjects ? !rest.empty() && rest.size() % 8 == 0 : rest.empty();
  if (!fits || message.number == 0) return std::nullopt;
  message.subjects.reserve(rest.size() / 8);
  for (std::size_t at = 0; at < rest.size(); at += 8) message.subjects.push_back(static_cast<cache::Subject>(get(rest.substr(at))));
  return message;
}

}  // namespace gateway::store
