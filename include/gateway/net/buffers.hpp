#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace gateway::net {

// Buffers that belong to a thread and are lent out while bytes are in flight, so that an idle connection holds none.
// A block goes back to the thread it came from; a bounded number is kept for the next borrower.
enum class BlockSize : unsigned char {
  head,   // 64 KiB: the largest head with the start of a body
  small,  // 20 KiB: one TLS record and its overhead
  relay,  // 256 KiB: body bytes on their way
  wide,   // 512 KiB: the same, half the system calls; only for_body() lends it, to few at a time
};
constexpr std::size_t block_bytes(BlockSize size) {
  switch (size) {
    case BlockSize::head: return 64 * 1024;
    case BlockSize::small: return 20 * 1024;
    case BlockSize::relay: return 256 * 1024;
    case BlockSize::wide: return 512 * 1024;
  }
  return 0;
}

class Block {
 public:
  Block() = default;
  explicit Block(BlockSize size);
  // For `wanted` bytes of a body: a wide one while at most max_wide of this thread are lent out, so that a crowd of
  // callers whose vendor does not read holds little more than a relay block each.
  static Block for_body(std::uint64_t wanted);
  static constexpr std::size_t max_wide = 2;
  Block(Block&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  Block& operator=(Block&& other) noexcept {
    if (this != &other) {
      release();
      data_ = std::exchange(other.data_, nullptr);
      size_ = other.size_;
    }
    return *this;
  }
  ~Block() { release(); }

  explicit operator bool() const { return data_ != nullptr; }
  char* data() const { return data_; }
  std::size_t size() const { return data_ == nullptr ? 0 : block_bytes(size_); }
  std::span<char> span() const { return {data_, size()}; }
  void release() noexcept;

 private:
  char* data_ = nullptr;
  BlockSize size_ = BlockSize::head;
};

}  // namespace gateway::net
