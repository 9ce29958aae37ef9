#include "gateway/base/identifiers.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "gateway/base/time.hpp"
#include "support/random.hpp"

namespace gateway::test {
namespace {

class FixedEntropy final : public Entropy {
 public:
  explicit FixedEntropy(std::uint64_t value) : value_(value) {}
  std::uint64_t next() override { return value_; }

 private:
  std::uint64_t value_;
};

TEST(RequestId, TakesTheCallersWhenItIsWellFormed) {
  for (std::string const& good : {std::string("a"), std::string("A-Za-z0-9._-"), std::string("0123"),
                                  std::string("---"), std::string("..."), std::string(128, 'x')}) {
    auto const id = RequestId::parse(good);
    ASSERT_TRUE(id) << good;
    EXPECT_EQ(id->view(), good);
  }
  for (std::string const& bad : {std::string(), std::string(129, 'x'), std::string(5000, 'x'), std::string("a b"),
                                 std::string("a\r\nx"), std::string("a\"b"), std::string("a/b"), std::string("a:b"),
                                 std::string("caf\xc3\xa9"), std::string("a\0b", 3), std::string("{a}")})
    EXPECT_FALSE(RequestId::parse(bad)) << bad;
}

TEST(RequestId, JudgesEachByte) {
  for (int byte = 0; byte < 256; ++byte) {
    char const c = static_cast<char>(byte);
    bool const allowed = byte < 128 && (std::isalnum(byte) != 0 || c == '.' || c == '_' || c == '-');
    EXPECT_EQ(RequestId::parse({&c, 1}).has_value(), allowed) << byte;
  }
}

void expect_uuid7(std::string_view id) {
  ASSERT_EQ(id.size(), 36u);
  for (std::size_t i = 0; i < id.size(); ++i) {
    bool const dash = i == 8 || i == 13 || i == 18 || i == 23;
    EXPECT_EQ(id[i] == '-', dash) << id;
    if (!dash) EXPECT_NE(std::string("0123456789abcdef").find(id[i]), std::string::npos) << id;
  }
  EXPECT_EQ(id[14], '7') << "version";
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << "variant";
}

TEST(RequestId, MadeOnesAreUuidsOfVersionSeven) {
  for (std::uint64_t bits : {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{0x0123456789abcdef}}) {
    FixedEntropy entropy(bits);
    expect_uuid7(RequestId::make(1'700'000'000'123'456'789, entropy).view());
  }
  FixedEntropy none(0);
  EXPECT_EQ(RequestId::make(0x0123456789ab * std::int64_t{1'000'000}, none).view(),
            "01234567-89ab-7000-8000-000000000000");
  FixedEntropy all(~std::uint64_t{0});
  EXPECT_EQ(RequestId::make(1'000'000, all).view(), "00000000-0001-7fff-bfff-ffffffffffff");
}

TEST(RequestId, MadeOnesSortByTimeAndDiffer) {
  KernelEntropy entropy;
  std::set<std::string> seen;
  std::string last;
  for (int i = 0; i < 2000; ++i) {
    auto const id = RequestId::make(1'700'000'000'000'000'000 + i * std::int64_t{1'000'000}, entropy);
    std::string const text(id.view());
    expect_uuid7(text);
    EXPECT_LT(last, text) << i;
    EXPECT_TRUE(seen.insert(text).second);
    EXPECT_TRUE(RequestId::parse(text)) << "a made id is a legal one";
    last = text;
  }
  for (int i = 0; i < 2000; ++i)
    EXPECT_TRUE(seen.insert(std::string(RequestId::make(1, entropy).view())).second) << "within one millisecond";
}

TEST(KernelEntropy, DoesNotRepeat) {
  KernelEntropy a, b;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(seen.insert(a.next()).second);
    EXPECT_TRUE(seen.insert(b.next()).second);
  }
}

std::string const trace = "0af7651916cd43dd8448eb211c80319c", parent = "b7ad6b7169203331";
std::string const valid = "00-" + trace + "-" + parent + "-01";

bool continued(std::string const& header) {
  FixedEntropy entropy(0x1111111111111111);
  auto const context = TraceContext::continue_from(header, entropy);
  EXPECT_EQ(context.header().size(), 55u);
  EXPECT_EQ(context.header().substr(0, 3), "00-");
  EXPECT_EQ(context.header().substr(36, 16), "1111111111111111") << "the parent is ours";
  bool const kept = context.trace_id() == trace;
  if (!kept) {
    EXPECT_EQ(context.header().substr(53), "00") << "a new trace is not sampled";
  }
  return kept;
}

TEST(TraceContext, ContinuesAValidHeader) {
  EXPECT_TRUE(continued(valid));
  FixedEntropy entropy(0x3333333333333333);
  EXPECT_EQ(TraceContext::continue_from(valid, entropy).header(), "00-" + trace + "-3333333333333333-01")
      << "flags are kept";
  for (std::string const flags : {"00", "01", "02", "ff"})
    EXPECT_TRUE(continued("00-" + trace + "-" + parent + "-" + flags));
  EXPECT_TRUE(continued("01-" + trace + "-" + parent + "-01")) << "later versions are read as version 00";
  EXPECT_TRUE(continued("cc-" + trace + "-" + parent + "-01-what-comes-next"));
}

TEST(TraceContext, StartsANewTraceForAnythingElse) {
  std::string const zeros32(32, '0'), zeros16(16, '0');
  for (std::string const& bad :
       {std::string(), std::string("00"), valid.substr(0, 54), valid + "x", valid + "-", valid + "-01",
        "ff-" + trace + "-" + parent + "-01", "0-" + trace + "-" + parent + "-01",
        "00-" + zeros32 + "-" + parent + "-01", "00-" + trace + "-" + zeros16 + "-01",
        "01-" + trace + "-" + parent + "-01x", "00_" + trace + "-" + parent + "-01", " " + valid, valid + " ",
        std::string(55, '-'), std::string(55, '0'), std::string(4000, 'a')})
    EXPECT_FALSE(continued(bad)) << bad;
}

TEST(TraceContext, EachByteOfAValidHeaderMatters) {
  for (std::size_t at = 0; at < valid.size(); ++at)
    for (char c : std::string("gG AF-\r\n\0x", 10)) {
      auto broken = valid;
      broken[at] = c;
      if (broken == valid) continue;
      EXPECT_FALSE(continued(broken)) << at << " " << broken;
    }
}

TEST(TraceContext, ANewTraceTakesItsIdFromARequestIdThatWasMade) {
  FixedEntropy entropy(0x0123456789abcdef);
  auto const id = RequestId::make(1'700'000'000'000'000'000, entropy);
  std::string digits(id.view());
  std::erase(digits, '-');
  EXPECT_EQ(TraceContext::continue_from("", entropy, &id).trace_id(), digits);
  std::string const given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_EQ(TraceContext::continue_from(given, entropy, &id).trace_id(), given.substr(3, 32)) << "the caller's is kept";
}

TEST(TraceContext, NewTracesAreNeverZeroAndDiffer) {
  FixedEntropy none(0);
  auto const context = TraceContext::continue_from("", none);
  EXPECT_NE(context.trace_id(), std::string(32, '0'));
  EXPECT_NE(context.header().substr(36, 16), std::string(16, '0'));
  KernelEntropy entropy;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i)
    EXPECT_TRUE(seen.insert(std::string(TraceContext::continue_from("", entropy).trace_id())).second);
}

TEST(Hex, WritesLowerCaseDigits) {
  unsigned char const bytes[] = {0x00, 0x01, 0xab, 0xff};
  char out[9] = "xxxxxxxx";
  EXPECT_EQ(write_hex(bytes, out), out + 8);
  EXPECT_STREQ(out, "0001abff");
}

TEST(Time, ClocksGoForwardAndTellTheYear) {
  auto const before = precise_now();
  auto const after = precise_now();
  EXPECT_GE(after, before);
  EXPECT_GE(coarse_now().time_since_epoch().count(), 0);
  EXPECT_GT(wall_clock_ns(), 1'700'000'000'000'000'000);
}

}  // namespace
}  // namespace gateway::test
