#include "support_io/faults.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "support_io/turn.hpp"

namespace gateway::test {
namespace {

struct Plan {
  std::size_t nth = 0, counted = 0;
  Fault fault = Fault::reset;
  bool happened = false;
  std::string call;
  int blocked = -1;
};
thread_local Plan plan;

// Whether this call is the one. Calls that the test's own ends make do not count.
bool chosen(char const* call) {
  if (gateway_turns == 0) return false;
  if (++plan.counted != plan.nth) return false;
  plan.happened = true;
  plan.call = call;
  return true;
}

bool moves_bytes_only(Fault fault) { return fault == Fault::one_byte || fault == Fault::blocked; }

int error_of(Fault fault, int instead_of_reset) {
  switch (fault) {
    case Fault::broken: return EPIPE;
    case Fault::timed_out: return ETIMEDOUT;
    default: return instead_of_reset;
  }
}

int fail(int error) {
  errno = error;
  return -1;
}

}  // namespace

void plan_fault(std::size_t nth, Fault fault) {
  plan = {};
  plan.nth = nth;
  plan.fault = fault;
}
void block_writes_to(int descriptor) { plan.blocked = descriptor; }
std::size_t calls_counted() { return plan.counted; }
bool fault_happened() { return plan.happened; }
std::string faulty_call() { return plan.call; }

}  // namespace gateway::test

using namespace gateway::test;

extern "C" {
ssize_t __real_recv(int, void*, size_t, int);
ssize_t __real_recvmsg(int, msghdr*, int);
ssize_t __real_send(int, void const*, size_t, int);
ssize_t __real_sendmsg(int, msghdr const*, int);
int __real_connect(int, sockaddr const*, socklen_t);
int __real_socket(int, int, int);
int __real_epoll_ctl(int, int, int, epoll_event*);
int __real_getsockopt(int, int, int, void*, socklen_t*);

ssize_t __wrap_recv(int fd, void* buffer, size_t size, int flags) {
  if (!chosen("recv")) return __real_recv(fd, buffer, size, flags);
  if (plan.fault == Fault::one_byte) return __real_recv(fd, buffer, std::min<size_t>(size, 1), flags);
  if (plan.fault == Fault::blocked) return __real_recv(fd, buffer, size, flags);
  return fail(error_of(plan.fault, ECONNRESET));
}

ssize_t __wrap_recvmsg(int fd, msghdr* message, int flags) {
  if (!chosen("recvmsg") || moves_bytes_only(plan.fault)) return __real_recvmsg(fd, message, flags);
  return fail(error_of(plan.fault, ECONNRESET));
}

ssize_t __wrap_send(int fd, void const* data, size_t size, int flags) {
  if (!chosen("send")) return __real_send(fd, data, size, flags);
  if (plan.fault == Fault::one_byte) return __real_send(fd, data, std::min<size_t>(size, 1), flags);
  return fail(plan.fault == Fault::blocked ? EAGAIN : error_of(plan.fault, ECONNRESET));
}

ssize_t __wrap_sendmsg(int fd, msghdr const* message, int flags) {
  if (gateway_turns > 0 && fd == plan.blocked) return fail(EAGAIN);
  if (!chosen("sendmsg")) return __real_sendmsg(fd, message, flags);
  if (plan.fault == Fault::one_byte) {
    iovec first = message->msg_iov[0];
    first.iov_len = std::min<size_t>(first.iov_len, 1);
    msghdr small = *message;
    small.msg_iov = &first;
    small.msg_iovlen = 1;
    return __real_sendmsg(fd, &small, flags);
  }
  return fail(plan.fault == Fault::blocked ? EAGAIN : error_of(plan.fault, ECONNRESET));
}

int __wrap_connect(int fd, sockaddr const* address, socklen_t size) {
  if (!chosen("connect") || moves_bytes_only(plan.fault)) return __real_connect(fd, address, size);
  return fail(error_of(plan.fault, ECONNREFUSED));
}

int __wrap_socket(int family, int type, int protocol) {
  if (!chosen("socket") || moves_bytes_only(plan.fault)) return __real_socket(family, type, protocol);
  return fail(EMFILE);
}

int __wrap_epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  // Only taking a descriptor in can fail: the others need no memory.
  if (operation != EPOLL_CTL_ADD || !chosen("epoll_ctl") || moves_bytes_only(plan.fault))
    return __real_epoll_ctl(epoll, operation, fd, event);
  return fail(ENOSPC);
}

int __wrap_getsockopt(int fd, int level, int option, void* value, socklen_t* size) {
  if (level != SOL_SOCKET || option != SO_ERROR || !chosen("getsockopt") || moves_bytes_only(plan.fault))
    return __real_getsockopt(fd, level, option, value, size);
  *static_cast<int*>(value) = error_of(plan.fault, ECONNREFUSED);
  return 0;
}
}
