#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>

namespace gateway::proxy {

// Keeps the last bytes of a body from the vendor until the verdict on all of it. They cover the last boundary of a
// multipart body, so that not even a parser that looks no further can take a refused body for whole.
class HeldBack {
 public:
  static constexpr std::size_t bytes = 128;

  struct Pieces {
    std::span<char const> first, second;  // to be sent in this order; `first` stays valid until the next push()
    std::size_t size() const { return first.size() + second.size(); }
  };
  // The next bytes of the body; gives what may be sent now. `last`: the verdict is there, nothing is kept.
  Pieces push(std::span<char const> data, bool last) {
    auto const whole = size_ + data.size();
    auto const ready = last ? whole : whole - std::min(whole, bytes);
    auto const from_held = std::min(ready, size_);
    auto const from_data = ready - from_held;
    std::memcpy(sending_.data(), held_.data(), from_held);
    size_ -= from_held;
    std::memmove(held_.data(), held_.data() + from_held, size_);
    auto const kept = data.subspan(from_data);
    if (!kept.empty()) std::memcpy(held_.data() + size_, kept.data(), kept.size());
    size_ += kept.size();
    return {{sending_.data(), from_held}, data.first(from_data)};
  }
  void clear() { size_ = 0; }

 private:
  std::array<char, bytes> held_, sending_;
  std::size_t size_ = 0;
};

}  // namespace gateway::proxy
