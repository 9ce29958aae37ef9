#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

namespace gateway::test {

// Random numbers of one property test. The seed is printed; ARGOS_TEST_SEED=<seed> repeats a run.
class Random {
 public:
  explicit Random(char const* property) : seed_(pick_seed()), engine_(seed_) {
    std::printf("seed of %s: ARGOS_TEST_SEED=%llu\n", property, static_cast<unsigned long long>(seed_));
  }
  std::uint64_t seed() const { return seed_; }
  std::uint64_t bits() { return engine_(); }
  // 0..limit-1
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }
  bool chance(std::size_t one_in) { return below(one_in) == 0; }
  char byte() { return static_cast<char>(engine_() & 0xff); }
  char from(std::string_view alphabet) { return alphabet[below(alphabet.size())]; }
  std::string bytes(std::size_t size) {
    std::string text(size, '\0');
    for (auto& c : text) c = byte();
    return text;
  }
  std::string word(std::string_view alphabet, std::size_t size) {
    std::string text(size, '\0');
    for (auto& c : text) c = from(alphabet);
    return text;
  }

 private:
  static std::uint64_t pick_seed() {
    if (char const* fixed = std::getenv("ARGOS_TEST_SEED")) return std::strtoull(fixed, nullptr, 10);
    return std::random_device{}();
  }
  std::uint64_t seed_;
  std::mt19937_64 engine_;
};

}  // namespace gateway::test
