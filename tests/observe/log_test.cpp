#include "gateway/observe/log.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "support/random.hpp"
#include "support/stderr_capture.hpp"

namespace gateway::test {
namespace {

using observe::Level;
using observe::Log;

std::string as_json(std::string_view text) {
  std::string out = "\"";
  observe::append_json(out, text);
  return out + "\"";
}

TEST(LogText, EveryAsciiByteComesBackOutOfAJsonString) {
  std::string all;
  for (int byte = 0; byte < 128; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(boost::json::parse(as_json(all)).as_string(), all);
  for (char c : all)
    EXPECT_EQ(boost::json::parse(as_json({&c, 1})).as_string(), std::string(1, c)) << static_cast<int>(c);
  EXPECT_EQ(as_json("a\nb").find('\n'), std::string::npos) << "one line an event";
  EXPECT_EQ(boost::json::parse(as_json("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82")).as_string(),
            "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82");
}

// File names and messages of exceptions may hold any bytes; the line must stay JSON.
TEST(LogText, BytesThatAreNoUtf8DoNotSpoilTheLine) {
  Random random("LogText.BytesThatAreNoUtf8");
  for (int byte = 128; byte < 256; ++byte) {
    boost::json::error_code error;
    boost::json::parse(as_json(std::string("a") + static_cast<char>(byte) + "b"), error);
    EXPECT_FALSE(error) << byte;
  }
  for (int round = 0; round < 2000; ++round) {
    auto const text = random.bytes(random.below(30));
    boost::json::error_code error;
    boost::json::parse(as_json(text), error);
    ASSERT_FALSE(error) << "seed " << random.seed();
  }
}

TEST(LogText, TimesAreWrittenInUtcWithMicroseconds) {
  char buffer[32];
  EXPECT_EQ(observe::write_time(0, buffer), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(observe::write_time(1'767'323'045'678'901'234, buffer), "2026-01-02T03:04:05.678901Z");
  EXPECT_EQ(observe::write_time(951'782'399'000'001'000, buffer), "2000-02-28T23:59:59.000001Z");
  EXPECT_EQ(observe::write_time(951'782'400'999'999'999, buffer), "2000-02-29T00:00:00.999999Z");
}

TEST(LogText, LevelsAreKnownByName) {
  EXPECT_EQ(observe::level_by_name("debug"), Level::debug);
  EXPECT_EQ(observe::level_by_name("info"), Level::info);
  EXPECT_EQ(observe::level_by_name("warn"), Level::warn);
  EXPECT_EQ(observe::level_by_name("error"), Level::error);
}

TEST(Log, WritesOneJsonObjectALine) {
  StderrCapture capture;
  {
    Log log(Level::info, true);
    log.debug("hidden", "too fine");
    log.info("start", "it \"begins\"\nhere", {{"file", "a\\b"}, {"count", "3"}});
    log.error("end", "");
  }
  auto const lines = capture.lines();
  ASSERT_EQ(lines.size(), 2u);
  auto const first = boost::json::parse(lines[0]).as_object();
  EXPECT_EQ(first.at("level").as_string(), "info");
  EXPECT_EQ(first.at("event").as_string(), "start");
  EXPECT_EQ(first.at("message").as_string(), "it \"begins\"\nhere");
  EXPECT_EQ(first.at("file").as_string(), "a\\b");
  EXPECT_EQ(first.at("count").as_string(), "3");
  EXPECT_EQ(first.at("time").as_string().size(), 27u);
  EXPECT_EQ(boost::json::parse(lines[1]).as_object().at("level").as_string(), "error");
}

TEST(Log, TextFormIsOneLineToo) {
  StderrCapture capture;
  {
    Log log(Level::debug, false);
    log.warn("odd", "a\nb", {{"key", "v\r\n"}});
  }
  auto const lines = capture.lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find(" warn odd: a"), std::string::npos) << lines[0];
  EXPECT_NE(lines[0].find("key=v"), std::string::npos) << lines[0];
}

TEST(Log, LevelsFilterAndMayChange) {
  Log log(Level::warn, true);
  EXPECT_FALSE(log.enabled(Level::info));
  EXPECT_TRUE(log.enabled(Level::warn));
  log.set_level(Level::debug);
  EXPECT_TRUE(log.enabled(Level::debug));
}

}  // namespace
}  // namespace gateway::test
