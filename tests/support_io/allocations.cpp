#include "support_io/allocations.hpp"

#include <cerrno>
#include <cstdlib>

#include "support_io/turn.hpp"

namespace {
thread_local std::size_t counted = 0;
inline void count() {
  if (gateway::test::gateway_turns > 0) ++counted;
}
}  // namespace

namespace gateway::test {
std::size_t allocations_of_gateway() { return counted; }
}  // namespace gateway::test

// The C library's own names for its allocator; the ones below take the place of malloc for the whole program, for the
// shared libraries too. operator new of the standard library ends here as well.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) {
  count();
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) {
  count();
  return __libc_calloc(number, size);
}
void* realloc(void* memory, std::size_t size) {
  count();
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  count();
  *out = __libc_memalign(alignment, size);
  return *out == nullptr ? ENOMEM : 0;
}
}
