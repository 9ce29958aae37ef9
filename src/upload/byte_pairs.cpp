#include "byte_pairs.hpp"

namespace gateway::upload {
namespace {

using Byte = unsigned char;

struct TwoDashes {
  static constexpr bool holds(Byte a, Byte b) { return (a == '-') & (b == '-'); }
};
struct Marker {
  static constexpr bool holds(Byte a, Byte b) { return (a == 0xff) & (b != 0); }
};

// The inner loop has no branch, so that the compiler makes vector instructions of it.
template <class Pair>
[[gnu::always_inline]] inline std::size_t find(Byte const* bytes, std::size_t size) {
  constexpr std::size_t block = 128;
  std::size_t at = 0;
  for (; at + block + 1 <= size; at += block) {
    Byte any = 0;
    for (std::size_t i = 0; i < block; ++i) any |= static_cast<Byte>(Pair::holds(bytes[at + i], bytes[at + i + 1]));
    if (any != 0) break;
  }
  for (; at + 1 < size; ++at)
    if (Pair::holds(bytes[at], bytes[at + 1])) return at;
  return size;
}

#if defined(__x86_64__)
template <class Pair>
[[gnu::target("avx2")]] std::size_t find_avx2(Byte const* bytes, std::size_t size) {
  return find<Pair>(bytes, size);
}
bool has_avx2() {
  static bool const has = __builtin_cpu_supports("avx2") != 0;
  return has;
}
#endif

template <class Pair>
std::size_t find_best(Byte const* bytes, std::size_t size) {
#if defined(__x86_64__)
  if (has_avx2()) return find_avx2<Pair>(bytes, size);
#endif
  return find<Pair>(bytes, size);
}

}  // namespace

std::size_t find_two_dashes(std::span<char const> bytes) {
  return find_best<TwoDashes>(reinterpret_cast<Byte const*>(bytes.data()), bytes.size());
}
std::size_t find_marker(std::span<unsigned char const> bytes) { return find_best<Marker>(bytes.data(), bytes.size()); }

}  // namespace gateway::upload
