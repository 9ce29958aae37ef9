#pragma once
#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "gateway/base/redis_url.hpp"
#include "gateway/base/time.hpp"

namespace gateway::store {

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};
using Addresses = std::vector<Address>;

// Finds the addresses of a name without waiting longer than it may: the system's resolver knows no deadline and cannot
// be stopped, so it runs in a thread that is left behind when it hangs. There is one such thread at most.
class Lookup {
 public:
  Lookup();
  ~Lookup();
  // Empty when there are none, when the deadline passes, or when `stop`, a descriptor, becomes readable.
  Addresses find(RedisUrl const& url, Instant deadline, int stop);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Milliseconds for poll(), rounded up; 0 when the time has passed.
int milliseconds_until(Instant deadline);

}  // namespace gateway::store
