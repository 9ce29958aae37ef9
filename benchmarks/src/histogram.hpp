#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace gateway::bench {

/// Log-linear latency counts: 64 steps within every power of two, so a quantile is off by less than 2 %.
class Histogram {
 public:
  void add(std::uint64_t value) {
    ++counts_[index_of(value)];
    ++total_;
    if (value > largest_) largest_ = value;
  }

  [[nodiscard]] std::uint64_t quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) return upper_bound_of(i);
    }
    return largest_;
  }

  [[nodiscard]] std::uint64_t largest() const { return largest_; }

 private:
  static constexpr unsigned step_bits = 6;
  static constexpr std::size_t steps = std::size_t{1} << step_bits;

  static std::size_t index_of(std::uint64_t value) {
    if (value < steps) return static_cast<std::size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - step_bits - 1;
    const std::size_t index = shift * steps + static_cast<std::size_t>(value >> shift);
    return index < bucket_count ? index : bucket_count - 1;
  }

  static std::uint64_t upper_bound_of(std::size_t index) {
    if (index < 2 * steps) return index;
    const auto shift = static_cast<unsigned>(index / steps) - 1;
    return (static_cast<std::uint64_t>(index - shift * steps) + 1) << shift;
  }

  static constexpr std::size_t bucket_count = steps * 36;  // up to 2^40 ns, about 18 minutes
  std::array<std::uint64_t, bucket_count> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace gateway::bench
