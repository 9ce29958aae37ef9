#pragma once
#include <cstddef>
#include <string>

namespace gateway::test {

// What becomes of the chosen call.
enum class Fault {
  reset,      // ECONNRESET, or what the call gives instead (ECONNREFUSED, EMFILE, ENOSPC)
  broken,     // EPIPE
  timed_out,  // ETIMEDOUT
  one_byte,   // a read or write moves one byte only
  blocked,    // a write moves nothing (EAGAIN); other calls are left alone
};

// Lets the `nth` system call (from 1) for I/O that the gateway makes from now on fail. 0 counts only.
void plan_fault(std::size_t nth, Fault fault);
// Every write of the gateway to this descriptor is refused (EAGAIN); -1: none.
void block_writes_to(int descriptor);

std::size_t calls_counted();
// Whether the chosen call came, and its name.
bool fault_happened();
std::string faulty_call();

}  // namespace gateway::test
