#include "lookup.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

namespace gateway::store {
namespace {

Addresses resolve(std::string const& host, std::uint16_t port, bool numeric) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (numeric ? AI_NUMERICHOST : 0);
  addrinfo* first = nullptr;
  Addresses found;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &first) != 0) return found;
  for (auto const* entry = first; entry != nullptr; entry = entry->ai_next) {
    Address address;
    address.size = static_cast<socklen_t>(std::min<std::size_t>(entry->ai_addrlen, sizeof address.bytes));
    std::memcpy(&address.bytes, entry->ai_addr, address.size);
    found.push_back(address);
  }
  ::freeaddrinfo(first);
  return found;
}

}  // namespace

int milliseconds_until(Instant deadline) {
  auto const left = std::chrono::ceil<std::chrono::milliseconds>(deadline - precise_now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

struct Lookup::State {
  State() : done(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (done < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  ~State() { ::close(done); }

  int const done;
  std::mutex mutex;
  bool running = false;  // guarded by mutex, as is what follows
  Addresses found;
};

Lookup::Lookup() : state_(std::make_shared<State>()) {}
Lookup::~Lookup() = default;

Addresses Lookup::find(RedisUrl const& url, Instant deadline, int stop) {
  if (url.is_address) return resolve(url.host, url.port, true);
  {
    std::lock_guard const lock(state_->mutex);
    std::uint64_t ignored;
    // One that was left behind is waited for again; what a former one found after its deadline is not used.
    if (!state_->running) {
      while (::read(state_->done, &ignored, sizeof ignored) > 0) continue;
      std::thread([state = state_, host = url.host, port = url.port] {
        auto found = resolve(host, port, false);
        std::lock_guard const finished(state->mutex);
        state->found = std::move(found);
        state->running = false;
        std::uint64_t const one = 1;
        [[maybe_unused]] auto const written = ::write(state->done, &one, sizeof one);
      }).detach();
      state_->running = true;  // it waits for the lock before it says that it is done
    }
  }
  pollfd waits[] = {{state_->done, POLLIN, 0}, {stop, POLLIN, 0}};
  while (::poll(waits, 2, milliseconds_until(deadline)) < 0 && errno == EINTR) continue;
  if ((waits[0].revents & POLLIN) == 0) return {};
  std::lock_guard const lock(state_->mutex);
  return std::move(state_->found);
}

}  // namespace gateway::store
