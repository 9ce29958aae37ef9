#include <gtest/gtest.h>

#include "fault/patience.hpp"

// Lets the n-th system call for I/O of the gateway fail, for every n until nothing fails any more, through whole uploads
// and downloads. Whatever fails: one access record and one count a request, nothing leaks (the sanitizers look), and the
// caller has a right answer or can see that it has none.
namespace gateway::test {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

struct Scenario {
  char const* name;
  bool upload, chunked, tls;
};

std::ostream& operator<<(std::ostream& out, Scenario const& s) { return out << s.name; }

class TransferFault : public testing::TestWithParam<Scenario> {
 protected:
  std::string const body_ = GetParam().upload ? step1_body(jpeg_picture(mebibyte)) : noise(mebibyte, 7);
  std::size_t const piece_ = 50'000;

  std::string answer_body() const { return GetParam().upload ? std::string("{\"ok\":true}") : body_; }

  std::string request() const {
    if (!GetParam().upload) return get_request();
    return upload_request(body_, GetParam().chunked ? piece_ : 0);
  }

  std::string vendor_answer() const {
    if (GetParam().upload || !GetParam().chunked) return Vendor::answer(200, answer_body());
    return "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(body_, piece_);
  }

  // One request over a fresh connection while call `nth` fails. False when there was no such call: then all must be well.
  bool run(std::size_t nth, Fault fault) {
    RigOptions options;
    options.upstream_tls = GetParam().tls;
    options.uploads = "";  // inspected
    Rig rig(options);
    let_a_second_pass_when_idle(rig);
    rig.vendor.on_request = [&](Vendor::Connection& connection, Message const& message) {
      if (GetParam().upload) EXPECT_EQ(message.body.size(), body_.size()) << "a cut upload looked whole";
      if (GetParam().upload) EXPECT_TRUE(message.body == body_) << "the vendor got other bytes";
      connection.end->send(vendor_answer());
    };
    plan_fault(nth, fault);
    auto& caller = rig.call_with(request());
    auto const answer = rig.answer_of(caller);
    bool const happened = fault_happened();
    auto const call = faulty_call();
    plan_fault(0, fault);
    SCOPED_TRACE("call " + std::to_string(nth) + " (" + call + ") with fault " + std::to_string(static_cast<int>(fault)));
    judge(rig, answer, happened && fault != Fault::one_byte && fault != Fault::blocked);
    return happened;
  }

  void judge(Rig& rig, Message const& answer, bool may_fail) {
    EXPECT_GE(answer.status, 0) << "no end of the exchange, or a malformed answer";
    rig.wind_down();
    auto const records = rig.records();
    EXPECT_EQ(rig.requests_counted(), records.size());
    EXPECT_LE(records.size(), 1u);
    EXPECT_EQ(rig.vendor.malformed, 0u);
    if (GetParam().upload) EXPECT_LE(rig.vendor.seen.size(), 1u) << "a submission was sent twice";
    if (records.empty()) {
      // The very first read failed: there was no request yet.
      EXPECT_TRUE(may_fail);
      EXPECT_EQ(answer.status, 0);
      EXPECT_TRUE(rig.vendor.seen.empty());
      return;
    }
    if (answer.status == 200) {
      EXPECT_TRUE(answer.body == answer_body()) << "a complete answer with other bytes";
      EXPECT_EQ(records.front().status, 200);
    } else {
      EXPECT_TRUE(may_fail) << "status " << answer.status;
      EXPECT_NE(records.front().reason, observe::no_reason);
      if (answer.status != 0) EXPECT_EQ(answer.field("x-gateway-reason"), traits_of(static_cast<Code>(records.front().reason)).token);
    }
  }
};

TEST_P(TransferFault, EveryCallThatFailsIsSeenOrMadeGood) {
  std::size_t longest = 0;
  // Which error it is matters to the socket layer alone, which the plain runs cover.
  std::vector<Fault> faults = {Fault::reset, Fault::one_byte, Fault::blocked};
  if (!GetParam().tls) faults.insert(faults.end(), {Fault::broken, Fault::timed_out});
  for (auto const fault : faults) {
    std::size_t nth = 1;
    while (run(nth, fault)) {
      if (HasFailure()) FAIL() << "at call " << nth;
      ASSERT_LT(++nth, 5000u) << "no end of calls";
    }
    if (HasFailure()) FAIL() << "without a fault, after " << nth;
    longest = std::max(longest, nth);
  }
  EXPECT_GT(longest, 20u) << "the calls are not seen: nothing was tested";
  RecordProperty("calls", static_cast<int>(longest));
}

INSTANTIATE_TEST_SUITE_P(Whole, TransferFault,
                         testing::Values(Scenario{"UploadByLengthPlain", true, false, false}, Scenario{"UploadChunkedPlain", true, true, false},
                                         Scenario{"DownloadByLengthPlain", false, false, false},
                                         Scenario{"DownloadChunkedPlain", false, true, false},
                                         Scenario{"UploadByLengthTls", true, false, true}, Scenario{"UploadChunkedTls", true, true, true},
                                         Scenario{"DownloadByLengthTls", false, false, true},
                                         Scenario{"DownloadChunkedTls", false, true, true}),
                         [](auto const& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace gateway::test
