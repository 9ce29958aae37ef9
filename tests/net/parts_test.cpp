#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <stdexcept>
#include <thread>

#include "gateway/net/buffers.hpp"
#include "gateway/net/deadline.hpp"
#include "gateway/net/listener.hpp"
#include "gateway/net/task.hpp"
#include "support_io/rig.hpp"

namespace gateway::test {
namespace {

using namespace std::chrono_literals;
using net::Deadline;
using net::DeadlineSweep;

Instant const noon{Duration(1'000'000'000'000)};

struct Fired {
  int count = 0;
  Code reason{};
  static void on(void* self, Code reason) {
    auto& fired = *static_cast<Fired*>(self);
    ++fired.count;
    fired.reason = reason;
  }
};

TEST(DeadlineSweep, FiresOnceWhenTheTimeHasComeAndNotBefore) {
  DeadlineSweep sweep;
  Deadline deadline;
  Fired fired;
  deadline.watch(sweep, Fired::on, &fired);
  sweep.tick(noon);
  EXPECT_EQ(fired.count, 0) << "it was never armed";
  deadline.arm(noon + 10s, Code::header_timeout);
  sweep.tick(noon + 10s - 1ns);
  EXPECT_EQ(fired.count, 0);
  EXPECT_FALSE(deadline.expired());
  sweep.tick(noon + 10s);
  EXPECT_EQ(fired.count, 1);
  EXPECT_EQ(fired.reason, Code::header_timeout);
  EXPECT_TRUE(deadline.expired());
  sweep.tick(noon + 100s);
  EXPECT_EQ(fired.count, 1);
  deadline.arm(noon + 200s, Code::body_timeout);
  EXPECT_FALSE(deadline.expired());
  sweep.tick(noon + 200s);
  EXPECT_EQ(fired.count, 2);
  EXPECT_EQ(fired.reason, Code::body_timeout);
}

TEST(DeadlineSweep, DoesNotFireWhatWasDisarmedOrDestroyed) {
  DeadlineSweep sweep;
  Fired fired;
  Deadline kept;
  kept.watch(sweep, Fired::on, &fired);
  {
    Deadline gone;
    gone.watch(sweep, Fired::on, &fired);
    gone.arm(noon, Code::header_timeout);
  }
  kept.arm(noon, Code::header_timeout);
  kept.disarm();
  sweep.tick(noon + 1h);
  EXPECT_EQ(fired.count, 0);
}

// A callback that destroys deadlines, its own and any other, while the sweep goes through them.
TEST(DeadlineSweep, SurvivesThatCallbacksUnlinkAnyDeadline) {
  constexpr int number = 5;
  for (int acting = 0; acting < number; ++acting)
    for (int victims = 0; victims < 1 << number; ++victims) {
      struct Field {
        DeadlineSweep sweep;
        std::unique_ptr<Deadline> deadlines[number];
        int acting = 0, victims = 0, fired = 0;
        static void on(void* self, Code) { ++static_cast<Field*>(self)->fired; }
        static void act(void* self, Code) {
          auto& field = *static_cast<Field*>(self);
          for (int i = 0; i < number; ++i)
            if ((field.victims >> i & 1) != 0) field.deadlines[i].reset();
        }
      };
      Field field;
      field.acting = acting;
      field.victims = victims;
      for (int i = 0; i < number; ++i) {
        field.deadlines[i] = std::make_unique<Deadline>();
        field.deadlines[i]->watch(field.sweep, i == acting ? Field::act : Field::on, &field);
        field.deadlines[i]->arm(noon, Code::body_timeout);
      }
      field.sweep.tick(noon);
      // The newest comes first: those before the acting one have fired, those behind it only if they still live.
      int expected = 0;
      for (int i = 0; i < number; ++i) expected += i > acting || (i < acting && (victims >> i & 1) == 0);
      EXPECT_EQ(field.fired, expected) << acting << " " << victims;
    }
}

net::Task<int> add(int a, int b) { co_return a + b; }
net::Task<int> throws(bool really) {
  if (really) throw std::runtime_error("from a task");
  co_return 1;
}
net::Task<int> deep(int levels) {
  if (levels == 0) co_return 0;
  co_return 1 + co_await deep(levels - 1);
}

TEST(Task, GivesItsValueThroughManyFrames) {
  int sum = 0, depth = 0;
  bool ended = false;
  auto const root = [](int& out, int& levels) -> net::Task<void> {
    out = co_await add(2, 3);
    levels = co_await deep(1'000);
  };
  net::spawn(root(sum, depth), [&](std::exception_ptr thrown) { ended = thrown == nullptr; });
  EXPECT_EQ(sum, 5);
  EXPECT_EQ(depth, 1'000);
  EXPECT_TRUE(ended);
}

TEST(Task, AnExceptionReachesTheAwaiterAndTheRoot) {
  int caught = 0;
  std::exception_ptr at_root;
  auto const root = [](int& count) -> net::Task<void> {
    try {
      co_await throws(true);
    } catch (std::runtime_error const&) {
      ++count;
    }
    count += co_await throws(false);
    co_await throws(true);
    count += 100;
  };
  net::spawn(root(caught), [&](std::exception_ptr thrown) { at_root = thrown; });
  EXPECT_EQ(caught, 2);
  ASSERT_TRUE(at_root != nullptr);
  EXPECT_THROW(std::rethrow_exception(at_root), std::runtime_error);
}

TEST(Task, WaitsForOneOfTwoOperationsAndIsInterruptedByADeadline) {
  net::IoOp first, second;
  std::string seen;
  auto const root = [](net::IoOp& a, net::IoOp& b, std::string& log) -> net::Task<void> {
    a.begin();
    b.begin();
    co_await net::WaitEither(a, b);
    log += a.pending() ? "b" : "a";
    co_await net::WaitOne(a);
    log += a.pending() ? "interrupted" : "a";
    co_await net::WaitOne(a);
    log += a.pending() ? "?" : "done";
  };
  net::spawn(root(first, second, seen), [](std::exception_ptr) {});
  EXPECT_EQ(seen, "");
  second.finish(net::IoStatus::ok, 1);
  EXPECT_EQ(seen, "b");
  first.interrupt();
  EXPECT_EQ(seen, "binterrupted");
  first.finish(net::IoStatus::ok, 1);
  EXPECT_EQ(seen, "binterrupteddone");
  first.interrupt();  // nobody waits
  EXPECT_EQ(seen, "binterrupteddone");
}

TEST(FramePool, GivesDistinctWritableMemoryOfAnySize) {
  std::vector<std::pair<char*, std::size_t>> held;
  std::set<char*> distinct;
  for (std::size_t round = 0; round < 3; ++round) {
    for (std::size_t size = 1; size < 6'000; size += 97) {
      auto* const memory = static_cast<char*>(net::FramePool::allocate(size));
      std::memset(memory, static_cast<int>(size), size);
      EXPECT_TRUE(distinct.insert(memory).second);
      held.emplace_back(memory, size);
    }
    for (auto const& [memory, size] : held) {
      for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(memory[i], static_cast<char>(size));
      net::FramePool::deallocate(memory, size);
    }
    held.clear();
    distinct.clear();
  }
}

#ifndef ARGOS_NO_FRAME_RECYCLING
TEST(FramePool, UsesAFrameAgain) {
  auto* const first = net::FramePool::allocate(500);
  net::FramePool::deallocate(first, 500);
  auto* const second = net::FramePool::allocate(510);  // the same class of sizes
  EXPECT_EQ(first, second);
  net::FramePool::deallocate(second, 510);
}
#endif

TEST(Block, AFewLongBodiesGetWideBlocks) {
  using net::Block;
  using net::BlockSize;
  constexpr auto relay = net::block_bytes(BlockSize::relay), wide = net::block_bytes(BlockSize::wide);
  EXPECT_EQ(Block::for_body(relay).size(), relay) << "a body that fits the smaller one";
  std::vector<Block> lent;
  for (std::size_t i = 0; i < Block::max_wide; ++i) lent.push_back(Block::for_body(relay + 1));
  for (auto const& block : lent) EXPECT_EQ(block.size(), wide);
  auto crowd = Block::for_body(wide);
  EXPECT_EQ(crowd.size(), relay);
  std::memset(lent.back().data(), 'x', wide);
  Block moved(std::move(lent.back()));
  lent.pop_back();
  EXPECT_EQ(Block::for_body(wide).size(), relay) << "moving one does not give it back";
  moved.release();
  EXPECT_EQ(Block::for_body(wide).size(), wide);
}

TEST(Block, BelongsToOneOwnerAndIsLentAgain) {
  using net::Block;
  using net::BlockSize;
  for (auto const size : {BlockSize::head, BlockSize::small, BlockSize::relay, BlockSize::wide}) {
    Block a(size);
    ASSERT_TRUE(a);
    EXPECT_EQ(a.size(), net::block_bytes(size));
    std::memset(a.data(), 'a', a.size());
    char* const data = a.data();
    Block b(std::move(a));
    EXPECT_FALSE(a);  // NOLINT: what a moved-from block is, is the question
    EXPECT_EQ(a.size(), 0u);
    EXPECT_EQ(b.data(), data);
    Block c(size);
    EXPECT_NE(c.data(), data);
    c = std::move(b);
    EXPECT_EQ(c.data(), data);
    c.release();
    c.release();
    EXPECT_FALSE(c);
    Block d(size);
    EXPECT_EQ(d.data(), data) << "the last one given back is the first one lent";
  }
  // More than a thread keeps.
  std::vector<Block> many;
  for (int i = 0; i < 200; ++i) many.emplace_back(BlockSize::small);
  std::set<char*> distinct;
  for (auto const& block : many) distinct.insert(block.data());
  EXPECT_EQ(distinct.size(), many.size());
}

int connect_to(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  int const descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return descriptor;
  ::close(descriptor);
  return -1;
}

TEST(Acceptor, TakesMoreConnectionsThanOneTurnTakesAndNamesThePeer) {
  Loop loop;
  std::string error;
  auto socket = net::ListenSocket::open_tcp("127.0.0.1", 0, error);
  ASSERT_TRUE(socket.is_open()) << error;
  auto const port = socket.port();
  std::vector<Peer> peers;
  net::Acceptor acceptor(
      loop.context, std::move(socket),
      [&](int descriptor, int family, Peer const& peer) {
        EXPECT_EQ(family, AF_INET);
        peers.push_back(peer);
        ::close(descriptor);
      },
      [](int) {});
  acceptor.start();
  std::vector<int> callers;
  for (int i = 0; i < 150; ++i) callers.push_back(connect_to(port));
  EXPECT_TRUE(loop.run_until([&] { return peers.size() == callers.size(); }));
  char text[Peer::max_text];
  ASSERT_FALSE(peers.empty());
  EXPECT_EQ(peers.front().write(text), "127.0.0.1");
  acceptor.close();
  acceptor.close();
  loop.settle();
  EXPECT_EQ(connect_to(port), -1);
  for (int const descriptor : callers) ::close(descriptor);
}

TEST(Acceptor, PausesWithoutDescriptorsAndGoesOnLater) {
  Loop loop;
  std::string error;
  auto socket = net::ListenSocket::open_tcp("127.0.0.1", 0, error);
  auto const port = socket.port();
  int accepted = 0, errors = 0;
  net::Acceptor acceptor(
      loop.context, std::move(socket),
      [&](int descriptor, int, Peer const&) {
        ++accepted;
        ::close(descriptor);
      },
      [&](int number) { errors += number == EMFILE; });
  acceptor.start();
  loop.settle();
  int const caller = connect_to(port);
  ASSERT_GE(caller, 0);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(caller) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  std::vector<int> fill;
  for (int fd; (fd = ::dup(caller)) >= 0;) fill.push_back(fd);
  loop.settle();
  EXPECT_EQ(accepted, 0);
  EXPECT_EQ(errors, 1) << "one complaint a pause: it must not spin";
  for (int const fd : fill) ::close(fd);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(loop.run_until([&] { return accepted == 1; }));
  ::close(caller);
  acceptor.close();
  loop.settle();
}

TEST(ListenSocket, SaysWhyItCannotListen) {
  std::string error;
  EXPECT_FALSE(net::ListenSocket::open_tcp("127.0.0.1.example.invalid.", 1, error).is_open());
  EXPECT_NE(error, "");
  auto const file = write_temporary("no-socket", "content");
  error.clear();
  EXPECT_FALSE(net::ListenSocket::open_unix(file, error).is_open());
  EXPECT_NE(error.find("no socket"), std::string::npos) << error;
  // A port that somebody holds without sharing it.
  int const holder = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(holder, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(holder, 1), 0);
  ::getsockname(holder, reinterpret_cast<sockaddr*>(&address), &size);
  error.clear();
  EXPECT_FALSE(net::ListenSocket::open_tcp("127.0.0.1", ntohs(address.sin_port), error).is_open());
  EXPECT_NE(error.find("in use"), std::string::npos) << error;
  ::close(holder);
}

TEST(ListenSocket, ReplacesAStaleUnixSocketAndNamesItsPeersByUid) {
  auto const path = write_temporary("unix.sock", "");
  ::unlink(path.c_str());
  std::string error;
  { auto const left_behind = net::ListenSocket::open_unix(path, error); }
  Loop loop;
  auto socket = net::ListenSocket::open_unix(path, error);
  ASSERT_TRUE(socket.is_open()) << error;
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0666u);
  std::vector<Peer> peers;
  net::Acceptor acceptor(
      loop.context, std::move(socket),
      [&](int descriptor, int, Peer const& peer) {
        peers.push_back(peer);
        ::close(descriptor);
      },
      [](int) {});
  acceptor.start();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  int const caller = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::connect(caller, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_TRUE(loop.run_until([&] { return !peers.empty(); }));
  EXPECT_EQ(peers.front().family, Peer::Family::unix_socket);
  EXPECT_EQ(peers.front().uid, ::getuid());
  ::close(caller);
  acceptor.close();
  loop.settle();
}

}  // namespace
}  // namespace gateway::test
