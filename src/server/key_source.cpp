#include "gateway/server/key_source.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace gateway::server {
namespace {
constexpr std::size_t max_key_bytes = 4096;

KeyResult from_bytes(std::span<char> bytes, std::string const& where) {
  auto const blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  auto first = bytes.begin(), last = bytes.end();
  while (first != last && blank(*first)) ++first;
  while (first != last && blank(*(last - 1))) --last;
  std::span<char> const key(first, last);
  if (key.empty()) return {nullptr, where + " is empty"};
  if (key.size() > max_key_bytes) return {nullptr, where + " is longer than 4096 characters"};
  if (!std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; }))
    return {nullptr, where + " holds something other than one line of visible characters"};
  return {std::make_shared<Secret const>(Secret::take(key)), {}};
}

KeyResult from_file(std::string const& path) {
  int const descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return {nullptr, "key file " + path + " cannot be opened: " + std::strerror(errno)};
  std::array<char, max_key_bytes + 64> bytes;
  std::size_t size = 0;
  long got = 0;
  while (size < bytes.size() && (got = ::read(descriptor, bytes.data() + size, bytes.size() - size)) > 0)
    size += static_cast<std::size_t>(got);
  int const error = errno;
  ::close(descriptor);
  auto result = got < 0 ? KeyResult{nullptr, "key file " + path + " cannot be read: " + std::strerror(error)}
                        : from_bytes({bytes.data(), size}, "key file " + path);
  wipe({bytes.data(), bytes.size()});
  return result;
}
}  // namespace

KeyResult read_key(config::Values const& values) {
  if (!values.api_key_file.empty()) return from_file(values.api_key_file);
  char* const value = std::getenv(values.api_key_env.c_str());
  auto const where = "environment variable " + values.api_key_env;
  if (value == nullptr) return {nullptr, where + " is not set"};
  // The environment is readable memory that is never freed: the key moves out of it, for good.
  std::span<char> const bytes(value, std::strlen(value));
  auto result = from_bytes(bytes, where);
  wipe(bytes);
  ::unsetenv(values.api_key_env.c_str());
  return result;
}

}  // namespace gateway::server
