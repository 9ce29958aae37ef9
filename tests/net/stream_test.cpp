#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "stream_under_test.hpp"

// What every kind of stream keeps to, over plain sockets and as either side of TLS.
namespace gateway::test {
namespace {

using net::IoStatus;

class Stream : public testing::TestWithParam<Kind> {};

TEST_P(Stream, ReadsWhatThePeerSendsHoweverItIsSplit) {
  StreamUnderTest under(GetParam());
  ASSERT_TRUE(under.shake_hands());
  auto const text = noise(5'000);
  for (std::size_t const piece : {std::size_t{1}, std::size_t{7}, std::size_t{5'000}}) {
    under.peer->most_per_write = piece;
    under.peer->send(text);
    EXPECT_EQ(under.read_all(text.size()), text) << "pieces of " << piece;
  }
}

TEST_P(Stream, ReadsIntoBuffersOfAnySize) {
  StreamUnderTest under(GetParam());
  ASSERT_TRUE(under.shake_hands());
  auto const text = noise(40'000);
  for (std::size_t const most : {std::size_t{1}, std::size_t{300}, std::size_t{100'000}}) {
    auto const part = text.substr(0, most == 1 ? 2'000 : text.size());
    under.peer->send(part);
    EXPECT_EQ(under.read_all(part.size(), most), part) << "buffers of " << most;
  }
}

TEST_P(Stream, AnIdleReadSeesWhatComesLaterAndAProbeWhatCameBefore) {
  StreamUnderTest under(GetParam());
  ASSERT_TRUE(under.shake_hands());
  std::string buffer(100, '\0');
  for (bool const before : {false, true, false}) {
    // Read up to the end first: only then is a stream believed to have nothing to say.
    under.peer->send("first");
    ASSERT_EQ(under.read_all(5), "first");
    if (before) under.peer->send("early");
    under.loop.settle();
    under.stream->start_idle_read(under.read, buffer);
    under.loop.settle();
    if (!before) {
      ASSERT_TRUE(under.read.pending());
      EXPECT_TRUE(under.stream->probe_idle());
      under.peer->send("later");
    } else if (under.read.pending()) {
      EXPECT_FALSE(under.stream->probe_idle());
      under.peer->send("!");
    }
    ASSERT_TRUE(under.wait(under.read));
    ASSERT_EQ(under.read.status(), IoStatus::ok);
    auto got = buffer.substr(0, under.read.bytes());
    if (before && got.size() < 6 && GetParam() != Kind::plain) got += under.read_all(6 - got.size());
    EXPECT_EQ(got, before ? "early!" : "later");
    under.read.reset();
  }
}

TEST_P(Stream, WritesAllPartsInTheirOrder) {
  StreamUnderTest under(GetParam());
  ASSERT_TRUE(under.shake_hands());
  // Around the size of a TLS record, empty ones, and one larger than what is gathered for a send.
  std::vector<std::vector<std::size_t>> const cases = {{1},
                                                       {0, 5, 0},
                                                       {10, 20, 30, 40, 50, 60, 70, 80},
                                                       {16'384},
                                                       {16'383, 1, 1},
                                                       {1, 16'384, 1},
                                                       {20'000, 5, 200'000, 3},
                                                       {7, 300'000, 2}};
  for (auto const& sizes : cases) {
    std::vector<std::string> parts;
    std::string all;
    for (auto const size : sizes) all += parts.emplace_back(noise(size, static_cast<unsigned>(size + 3)));
    under.peer->received.clear();
    under.start_write(parts);
    ASSERT_TRUE(under.wait(under.write));
    EXPECT_EQ(under.write.status(), IoStatus::ok);
    EXPECT_EQ(under.write.bytes(), all.size());
    ASSERT_TRUE(under.loop.run_until([&] { return under.peer->received.size() >= all.size(); }));
    EXPECT_TRUE(under.peer->received == all) << sizes.size() << " parts";
  }
}

TEST_P(Stream, FiveMebibytesGoBothWaysAtOnceUnderBackPressure) {
  StreamUnderTest under(GetParam());
  ASSERT_TRUE(under.shake_hands());
  constexpr std::size_t total = 5 * 1024 * 1024;
  auto const there = noise(total, 1), back = noise(total, 2);
  under.peer->send(there);
  under.peer->most_per_read = 3'000;
  std::string got, buffer(100'000, '\0');
  std::size_t written = 0;
  std::string part;
  bool waited = false;
  auto const turn = [&] {
    if (!under.write.pending() && written < total) {
      part = back.substr(written, 256 * 1024);
      under.start_write({part});
      waited |= under.write.pending();
      written += part.size();
    }
    if (!under.read.pending()) {
      if (under.read.done() && under.read.status() == IoStatus::ok) got.append(buffer.data(), under.read.bytes());
      under.read.reset();
      if (got.size() < total) under.stream->start_read(under.read, {buffer.data(), buffer.size()});
    }
    return got.size() == total && under.peer->received.size() == total;
  };
  ASSERT_TRUE(under.loop.run_until(turn, std::chrono::seconds(60)));
  EXPECT_TRUE(waited) << "no write ever had to wait: there was no back-pressure";
  EXPECT_TRUE(got == there);
  EXPECT_TRUE(under.peer->received == back);
}

TEST_P(Stream, AnOrderlyEndOfThePeerIsAnEndAndWritingGoesOn) {
  StreamUnderTest under(GetParam());
  ASSERT_TRUE(under.shake_hands());
  under.peer->send("last words");
  under.peer->finish();
  EXPECT_EQ(under.read_all(10), "last words");
  EXPECT_EQ(under.read_some(), "");
  EXPECT_EQ(under.read.status(), IoStatus::end);
  EXPECT_EQ(under.read_some(), "");
  EXPECT_EQ(under.read.status(), IoStatus::end) << "the end stays";
  under.start_write({"answer"});
  ASSERT_TRUE(under.wait(under.write));
  EXPECT_EQ(under.write.status(), IoStatus::ok);
  // Over TLS our library's end of the connection reads on after its own close_notify.
  EXPECT_TRUE(under.loop.run_until([&] { return under.peer->received == "answer"; }));
}

TEST_P(Stream, ShutdownEndsOurDirectionInOrderAndReadingGoesOn) {
  StreamUnderTest under(GetParam());
  ASSERT_TRUE(under.shake_hands());
  under.start_write({"done"});
  ASSERT_TRUE(under.wait(under.write));
  under.stream->shutdown_write();
  under.stream->shutdown_write();  // once is enough, twice is harmless
  ASSERT_TRUE(under.loop.run_until([&] { return under.peer->ended || under.peer->broken; }));
  EXPECT_TRUE(under.peer->ended) << "over TLS a close_notify must come first";
  EXPECT_EQ(under.peer->received, "done");
  under.peer->send("still here");
  EXPECT_EQ(under.read_all(10), "still here");
}

TEST_P(Stream, AResetIsAFailure) {
  StreamUnderTest under(GetParam(), true);
  ASSERT_TRUE(under.shake_hands());
  std::string buffer(100, '\0');
  under.stream->start_read(under.read, {buffer.data(), buffer.size()});
  under.loop.settle();
  under.peer->reset();
  ASSERT_TRUE(under.wait(under.read));
  EXPECT_EQ(under.read.status(), IoStatus::failed);
}

TEST_P(Stream, AbortEndsWhatIsPendingAndRefusesWhatComes) {
  StreamUnderTest under(GetParam());
  ASSERT_TRUE(under.shake_hands());
  under.peer->paused = true;
  std::string buffer(100, '\0');
  auto const much = noise(4 * 1024 * 1024);
  under.stream->start_read(under.read, {buffer.data(), buffer.size()});
  under.start_write({much});
  under.loop.settle();
  ASSERT_TRUE(under.read.pending());
  ASSERT_TRUE(under.write.pending());
  under.stream->abort(true);
  under.stream->abort(false);
  ASSERT_TRUE(under.loop.run_until([&] { return !under.read.pending() && !under.write.pending(); }));
  EXPECT_EQ(under.read.status(), IoStatus::aborted);
  EXPECT_EQ(under.write.status(), IoStatus::aborted);
  EXPECT_LT(under.write.bytes(), much.size());
  under.stream->start_read(under.read, {buffer.data(), buffer.size()});
  ASSERT_TRUE(under.wait(under.read));
  EXPECT_EQ(under.read.status(), IoStatus::aborted);
  under.start_write({"x"});
  ASSERT_TRUE(under.wait(under.write));
  EXPECT_EQ(under.write.status(), IoStatus::aborted);
  EXPECT_FALSE(under.stream->probe_idle());
  EXPECT_EQ(under.stream->try_read({buffer.data(), buffer.size()}), 0u);
  under.stream->shutdown_write();
}

TEST_P(Stream, TheProbeSeesBytesAndEndsThatTheLoopHasNotSeen) {
  for (bool const bytes : {true, false}) {
    StreamUnderTest under(GetParam());
    ASSERT_TRUE(under.shake_hands());
    std::string buffer(100, '\0');
    under.stream->start_read(under.read, {buffer.data(), buffer.size()});
    under.loop.settle();  // session tickets
    EXPECT_TRUE(under.stream->probe_idle());
    if (bytes) under.peer->send("unasked");
    else under.peer->finish();
    while (under.peer->pump()) continue;
    EXPECT_FALSE(under.stream->probe_idle());
    ASSERT_TRUE(under.wait(under.read));
    EXPECT_EQ(under.read.status(), bytes ? IoStatus::ok : IoStatus::end);
  }
}

TEST_P(Stream, TryReadTakesWhatIsThereAndLeavesTheEndToTheNextRead) {
  StreamUnderTest under(GetParam());
  ASSERT_TRUE(under.shake_hands());
  std::string buffer(200'000, '\0');
  under.loop.settle();
  EXPECT_EQ(under.stream->try_read({buffer.data(), buffer.size()}), 0u);
  auto const text = noise(50'000);
  under.peer->send(text);
  under.peer->finish();
  while (under.peer->pump()) continue;
  std::string all = under.read_some(512);
  for (std::size_t got = 1; got > 0;) {
    got = under.stream->try_read({buffer.data(), buffer.size()});
    all.append(buffer.data(), got);
    while (under.peer->pump()) continue;
  }
  EXPECT_TRUE(all == text) << all.size();
  EXPECT_EQ(under.read_some(), "");
  EXPECT_EQ(under.read.status(), IoStatus::end);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Stream, testing::Values(Kind::plain, Kind::tls_server, Kind::tls_client),
                         [](auto const& info) { return name_of_kind(info.param); });

TEST(SocketStream, ConnectingToAPortWithoutListenerFails) {
  Loop loop;
  Vendor vendor;
  auto const address = vendor.address();
  vendor.stop_listening();
  net::SocketStream stream(loop.context.get_executor(), AF_INET, ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  net::IoOp op;
  stream.start_connect(op, reinterpret_cast<sockaddr const*>(&address.bytes), address.size);
  ASSERT_TRUE(loop.run_until([&] { return !op.pending(); }));
  EXPECT_EQ(op.status(), IoStatus::failed);
  EXPECT_EQ(op.error(), ECONNREFUSED);
}

}  // namespace
}  // namespace gateway::test
