#include "gateway/net/task.hpp"

#include <array>
#include <cstdlib>

namespace gateway::net {

#ifdef ARGOS_NO_FRAME_RECYCLING
void* FramePool::allocate(std::size_t bytes) { return ::operator new(bytes); }
void FramePool::deallocate(void* frame, std::size_t) noexcept { ::operator delete(frame); }
#else
namespace {
constexpr std::size_t class_bytes = 128;     // frames are rounded up to a multiple of this
constexpr std::size_t class_count = 32;      // larger frames (none on the request path) go to the heap
constexpr std::size_t kept_per_class = 512;  // bounds what a burst leaves behind

struct FreeList {
  struct Node {
    Node* next;
  };
  Node* head = nullptr;
  std::size_t count = 0;
};

struct ThreadLists {
  std::array<FreeList, class_count> lists;
  ~ThreadLists() {
    for (auto& list : lists)
      while (list.head != nullptr) ::operator delete(std::exchange(list.head, list.head->next));
  }
};
thread_local ThreadLists pool;

constexpr std::size_t class_of(std::size_t bytes) { return (bytes + class_bytes - 1) / class_bytes; }
}  // namespace

void* FramePool::allocate(std::size_t bytes) {
  auto const index = class_of(bytes);
  if (index >= class_count) return ::operator new(bytes);
  auto& list = pool.lists[index];
  if (list.head == nullptr) return ::operator new(index * class_bytes);
  --list.count;
  return std::exchange(list.head, list.head->next);
}

void FramePool::deallocate(void* frame, std::size_t bytes) noexcept {
  auto const index = class_of(bytes);
  if (index >= class_count) return ::operator delete(frame);
  auto& list = pool.lists[index];
  if (list.count == kept_per_class) return ::operator delete(frame);
  list.head = new (frame) FreeList::Node{list.head};
  ++list.count;
}
#endif

}  // namespace gateway::net
