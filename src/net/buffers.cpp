#include "gateway/net/buffers.hpp"

#include <sys/mman.h>

#include <array>
#include <cstdlib>
#include <exception>
#include <vector>

namespace gateway::net {
namespace {
constexpr std::size_t kinds = 4;
// Kept blocks a thread, four MiB of the large ones: enough for a steady load, little enough that a burst gives its memory back.
constexpr std::array<std::size_t, kinds> kept = {64, 64, 12, Block::max_wide};

struct ThreadBlocks {
  std::array<std::vector<char*>, kinds> free;
  std::size_t wide_lent = 0;
  ThreadBlocks() {
    for (std::size_t kind = 0; kind < kinds; ++kind) free[kind].reserve(kept[kind]);
  }
  ~ThreadBlocks();
};

char* map_block(std::size_t bytes) {
  // Mapped rather than allocated: pages that a slow caller never fills are never touched, and giving a block back
  // gives its pages back.
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::terminate();  // out of memory: a restart is cheap, a half-dead process is not
  return static_cast<char*>(memory);
}

ThreadBlocks::~ThreadBlocks() {
  for (std::size_t kind = 0; kind < kinds; ++kind)
    for (char* block : free[kind]) ::munmap(block, block_bytes(static_cast<BlockSize>(kind)));
}

thread_local ThreadBlocks blocks;
}  // namespace

Block Block::for_body(std::uint64_t wanted) {
  bool const wide = wanted > block_bytes(BlockSize::relay) && blocks.wide_lent < max_wide;
  return Block(wide ? BlockSize::wide : BlockSize::relay);
}

Block::Block(BlockSize size) : size_(size) {
  if (size == BlockSize::wide) ++blocks.wide_lent;
  auto& list = blocks.free[static_cast<std::size_t>(size)];
  if (list.empty()) {
    data_ = map_block(block_bytes(size));
    return;
  }
  data_ = list.back();
  list.pop_back();
}

void Block::release() noexcept {
  if (data_ == nullptr) return;
  auto const kind = static_cast<std::size_t>(size_);
  if (size_ == BlockSize::wide) --blocks.wide_lent;
  char* const data = std::exchange(data_, nullptr);
  auto& list = blocks.free[kind];
  if (list.size() < kept[kind]) list.push_back(data);
  else ::munmap(data, block_bytes(size_));
}

}  // namespace gateway::net
