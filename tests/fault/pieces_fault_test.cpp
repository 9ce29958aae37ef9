#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "support_io/faults.hpp"
#include "support_io/rig.hpp"

namespace gateway::test {
namespace {

// The descriptor of the gateway's end of the vendor's last connection.
int gateway_end_of(Vendor::Connection const& connection) {
  sockaddr_storage peer{}, name{};
  socklen_t size = sizeof peer;
  ::getpeername(connection.end->descriptor(), reinterpret_cast<sockaddr*>(&peer), &size);
  for (int fd = 3; fd < 1024; ++fd) {
    size = sizeof name;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0 || fd == connection.end->descriptor()) continue;
    if (size == sizeof(sockaddr_in) && std::memcmp(&name, &peer, sizeof(sockaddr_in)) == 0) return fd;
  }
  return -1;
}

// The vendor answers while a chunk of the upload waits to be sent, takes its time with the answer, and reads on.
TEST(EarlyAnswer, WhatWaitsToBeSentIsNotUsedAfterItsEnd) {
  Rig rig;
  int gateway_end = -1;
  rig.vendor.on_head = [&](Vendor::Connection& connection, Message const&) { gateway_end = gateway_end_of(connection); };
  auto& caller = rig.call();
  caller.paused = true;
  auto const whole = post_request(noise(600'000), 100'000);
  // A connection to the vendor is asked for when more has come than is judged before.
  auto const front = whole.find("\r\n\r\n") + 4 + 80'000;
  caller.send(whole.substr(0, front));
  ASSERT_TRUE(rig.loop.run_until([&] { return gateway_end >= 0; }));
  block_writes_to(gateway_end);
  caller.send(whole.substr(front, 150'000));
  rig.loop.settle();
  // Longer than what the sockets take, so that it is under way while the vendor begins to read again.
  auto const long_answer = noise(3 * 1024 * 1024, 3);
  rig.vendor.connections.back()->end->send(Vendor::answer(200, long_answer));
  rig.loop.settle();
  block_writes_to(-1);
  rig.loop.settle();
  caller.paused = false;
  auto const answer = rig.answer_of(caller);
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body == long_answer);
  EXPECT_EQ(rig.vendor.malformed, 0u) << "the vendor was sent chunks that are none";
  // What the vendor got of the body is the beginning of what the caller sent.
  auto const& raw = rig.vendor.connections.back()->raw;
  auto const sent_body = raw.substr(std::min(raw.size(), raw.find("\r\n\r\n") + 4));
  if (!sent_body.empty()) EXPECT_NE(sent_body.find("\r\n"), std::string::npos);
  if (sent_body.size() > 10) EXPECT_EQ(std::strtoul(sent_body.c_str(), nullptr, 16) > 0, true) << "the first chunk has no size";
}

// A connection that cannot be watched is given up; its number may belong to another connection by then.
TEST(NoWatch, OnACallersConnectionEndsItWithoutTouchingOthers) {
  Rig rig;
  plan_fault(1, Fault::reset);
  auto& caller = rig.call_with(get_request());
  EXPECT_TRUE(fault_happened());
  EXPECT_EQ(faulty_call(), "epoll_ctl");
  plan_fault(0, Fault::reset);
  auto const answer = rig.answer_of(caller);
  EXPECT_EQ(answer.status, 0);
  EXPECT_TRUE(rig.loop.run_until([&] { return rig.worker->connections == 0; }));
  EXPECT_TRUE(rig.records().empty());
}

}  // namespace
}  // namespace gateway::test
