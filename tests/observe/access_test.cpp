#include "gateway/observe/access.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstring>
#include <set>
#include <thread>

#include "support/peers.hpp"
#include "support/stderr_capture.hpp"

namespace gateway::test {
namespace {

using namespace std::chrono_literals;
using observe::AccessLog;
using observe::AccessRecord;
using observe::AccessFile;
using observe::AccessRing;
using observe::Level;
using observe::Log;
using observe::TenantLabels;

AccessRecord record(std::string const& id = "id-1") {
  AccessRecord made;
  made.wall_ns = 1'767'323'045'678'901'234;
  made.request_id = *RequestId::parse(id);
  std::memset(made.trace_id, 'a', sizeof made.trace_id);
  made.tenant = 1;
  made.operation = policy::OperationId::submit_step1;
  made.proof = policy::Proof::address;
  made.method = http::Method::post;
  made.status = 502;
  made.reason = static_cast<int>(Code::upstream_reset);
  made.upstream_status = 200;
  made.attempts = 2;
  made.bytes_in = 3'000'000'000;
  made.bytes_out = 77;
  made.duration = 1234567ns;
  made.upstream = 1s;
  made.peer = peer_at("2001:db8::1");
  return made;
}

std::vector<std::string> written(std::vector<AccessRecord> const& records, bool json, Level level = Level::info) {
  StderrCapture capture;
  {
    TenantLabels tenants;
    tenants.intern("alpha");
    Log log(level, json);
    AccessLog access(log, tenants);
    auto& ring = access.add_ring();
    access.start();
    for (auto const& one : records) EXPECT_TRUE(ring.push(one));
    access.stop();
  }
  return capture.lines();
}

TEST(AccessLine, IsAJsonObjectWithExactlyItsFields) {
  auto const lines = written({record()}, true);
  ASSERT_EQ(lines.size(), 1u);
  auto const line = boost::json::parse(lines[0]).as_object();
  std::set<std::string> names;
  for (auto const& member : line) names.insert(std::string(member.key()));
  std::set<std::string> const expected = {"time",        "level",           "event",     "request_id", "trace_id",
                                          "tenant",      "proof",           "operation", "method",     "status",
                                          "reason",      "upstream_status", "attempts",  "bytes_in",   "bytes_out",
                                          "duration_us", "upstream_us",     "peer",      "cache"};
  EXPECT_EQ(names, expected);
  EXPECT_EQ(line.at("time").as_string(), "2026-01-02T03:04:05.678901Z");
  EXPECT_EQ(line.at("level").as_string(), "info");
  EXPECT_EQ(line.at("event").as_string(), "access");
  EXPECT_EQ(line.at("request_id").as_string(), "id-1");
  EXPECT_EQ(line.at("trace_id").as_string(), std::string(32, 'a'));
  EXPECT_EQ(line.at("tenant").as_string(), "alpha");
  EXPECT_EQ(line.at("proof").as_string(), "address");
  EXPECT_EQ(line.at("operation").as_string(), "submit_step1");
  EXPECT_EQ(line.at("method").as_string(), "POST");
  EXPECT_EQ(line.at("status").as_int64(), 502);
  EXPECT_EQ(line.at("reason").as_string(), "upstream_reset");
  EXPECT_EQ(line.at("upstream_status").as_int64(), 200);
  EXPECT_EQ(line.at("attempts").as_int64(), 2);
  EXPECT_EQ(line.at("cache").as_string(), "none");
  EXPECT_EQ(line.at("bytes_in").as_int64(), 3'000'000'000);
  EXPECT_EQ(line.at("bytes_out").as_int64(), 77);
  EXPECT_EQ(line.at("duration_us").as_int64(), 1234);
  EXPECT_EQ(line.at("upstream_us").as_int64(), 1'000'000);
  EXPECT_EQ(line.at("peer").as_string(), "2001:db8::1");
}

TEST(AccessLine, NamesEachReasonTenantAndOperation) {
  std::vector<AccessRecord> records;
  for (std::size_t i = 0; i < failure_count; ++i) {
    records.push_back(record());
    records.back().reason = static_cast<int>(i);
    records.back().operation = static_cast<policy::OperationId>(i % observe::operation_labels);
  }
  records.push_back(record());
  records.back().reason = observe::no_reason;
  records.back().tenant = 9999;
  records.back().peer = unix_peer(1000);
  auto const lines = written(records, true);
  ASSERT_EQ(lines.size(), records.size());
  for (std::size_t i = 0; i < failure_count; ++i) {
    auto const line = boost::json::parse(lines[i]).as_object();
    EXPECT_EQ(line.at("reason").as_string(), failure_traits[i].token);
    EXPECT_EQ(line.at("operation").as_string(),
              policy::operation_name(static_cast<policy::OperationId>(i % observe::operation_labels)));
  }
  auto const last = boost::json::parse(lines.back()).as_object();
  EXPECT_EQ(last.at("reason").as_string(), "none");
  EXPECT_EQ(last.at("tenant").as_string(), "unknown");
  EXPECT_EQ(last.at("peer").as_string(), "unix:1000");
}

TEST(AccessLine, HasATextForm) {
  auto const lines = written({record()}, false);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].starts_with("2026-01-02T03:04:05.678901Z info access: request_id=id-1 ")) << lines[0];
  EXPECT_NE(lines[0].find(" status=502 reason=upstream_reset "), std::string::npos) << lines[0];
}

TEST(AccessLine, SaysHowManyFilesAreNotListed) {
  auto one = record();
  one.files_more = 60;
  auto const lines = written({one, record()}, true);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(boost::json::parse(lines[0]).as_object().at("files_more").as_int64(), 60);
  EXPECT_FALSE(boost::json::parse(lines[1]).as_object().contains("files_more"));
  EXPECT_TRUE(written({one}, false).at(0).ends_with(" files_more=60"));
}

TEST(AccessLine, IsLeftOutAboveInfo) { EXPECT_TRUE(written({record(), record()}, true, Level::warn).empty()); }

TEST(AccessLog, StopsTwiceAndWithoutAStart) {
  TenantLabels tenants;
  Log log(Level::info, true);
  AccessLog access(log, tenants);
  access.stop();
  access.start();
  access.stop();
  access.stop();
}

TEST(AccessRing, DropsWhenItIsFullAndRecoversWhenItIsDrained) {
  AccessRing ring;
  for (std::size_t i = 0; i < AccessRing::capacity; ++i) {
    auto one = record();
    one.status = static_cast<int>(i);
    ASSERT_TRUE(ring.push(one)) << i;
  }
  EXPECT_FALSE(ring.push(record()));
  EXPECT_FALSE(ring.push(record()));
  std::size_t taken = 0;
  ring.drain([&](AccessRecord const& one, auto) { EXPECT_EQ(one.status, static_cast<int>(taken++)) << "in order"; });
  EXPECT_EQ(taken, AccessRing::capacity);
  EXPECT_TRUE(ring.push(record()));
  ring.drain([&](AccessRecord const&, auto) { ++taken; });
  EXPECT_EQ(taken, AccessRing::capacity + 1);
  ring.drain([&](AccessRecord const&, auto) { ADD_FAILURE() << "nothing is left"; });
}

TEST(AccessRing, KeepsFilesWithTheirRecord) {
  AccessRing ring;
  std::array<AccessFile, 6> files;
  for (std::size_t i = 0; i < files.size(); ++i) files[i].bytes = i;
  std::size_t pushed = 0, seen = 0;
  // More than the files have room for, in rounds that wrap around.
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0;; ++i) {
      auto one = record();
      one.status = static_cast<int>(i % 6);
      if (!ring.push(one, std::span<AccessFile const>(files).first(i % 6))) break;
      ++pushed;
    }
    ring.drain([&](AccessRecord const& one, std::span<AccessFile const> of_record) {
      ++seen;
      ASSERT_EQ(of_record.size(), std::min<std::size_t>(static_cast<std::size_t>(one.status), AccessRing::max_files));
      for (std::size_t i = 0; i < of_record.size(); ++i) EXPECT_EQ(of_record[i].bytes, i);
    });
    EXPECT_EQ(seen, pushed);
  }
  EXPECT_GT(pushed, 1000u);
}

TEST(AccessRing, LosesNothingBetweenTwoThreads) {
  AccessRing ring;
  constexpr int total = 100000;
  std::atomic<bool> finished{false};
  int next = 0;
  std::thread reader([&] {
    auto const take = [&] { ring.drain([&](AccessRecord const& one, auto) { EXPECT_EQ(one.status, next++); }); };
    while (!finished) take();
    take();
  });
  auto one = record();
  for (int i = 0; i < total;) {
    one.status = i;
    if (ring.push(one))
      ++i;
    else
      std::this_thread::yield();
  }
  finished = true;
  reader.join();
  EXPECT_EQ(next, total);
}

}  // namespace
}  // namespace gateway::test
