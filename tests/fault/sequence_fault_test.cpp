#include <gtest/gtest.h>

#include "fault/patience.hpp"

// The same for several small requests in a row: reused vendor connections, keep-alive callers, callers over TLS.
namespace gateway::test {
namespace {

constexpr int requests_in_a_row = 3;

struct Kind {
  char const* name;
  bool upstream_tls;
  Rig::Wire wire;
};

class SequenceFault : public testing::TestWithParam<Kind> {
 protected:
  bool run(std::size_t nth, Fault fault) {
    RigOptions options;
    options.upstream_tls = GetParam().upstream_tls;
    Rig rig(options);
    let_a_second_pass_when_idle(rig);
    rig.vendor.on_request = [](Vendor::Connection& connection, Message const& message) {
      // The answer names the request, so that answers that were mixed up are noticed.
      auto const target = message.head.substr(4, message.head.find(' ', 4) - 4);
      connection.end->send(Vendor::answer(200, target));
    };
    plan_fault(nth, fault);
    auto& caller = rig.call(GetParam().wire);
    int answered = 0;
    for (int i = 0; i < requests_in_a_row; ++i) {
      auto const target = "/v3/submission?submissionId=" + std::to_string(i);
      caller.send(get_request(target));
      auto const answer = rig.answer_of(caller);
      EXPECT_GE(answer.status, 0) << "request " << i;
      if (answer.status <= 0) break;
      ++answered;
      if (answer.status == 200) EXPECT_EQ(answer.body, target);
      else EXPECT_NE(answer.field("x-gateway-reason"), "");
      if (answer.field("connection") == "close") break;
    }
    bool const happened = fault_happened();
    auto const call = faulty_call();
    plan_fault(0, fault);
    SCOPED_TRACE("call " + std::to_string(nth) + " (" + call + ") with fault " + std::to_string(static_cast<int>(fault)));
    rig.wind_down();
    auto const records = rig.records();
    EXPECT_EQ(rig.requests_counted(), records.size());
    EXPECT_GE(records.size(), static_cast<std::size_t>(answered));
    EXPECT_LE(records.size(), static_cast<std::size_t>(answered) + 1);
    bool const harmless = !happened || fault == Fault::one_byte || fault == Fault::blocked;
    if (harmless) EXPECT_EQ(answered, requests_in_a_row);
    return happened;
  }
};

TEST_P(SequenceFault, EveryCallThatFailsIsSeenOrMadeGood) {
  std::size_t longest = 0;
  for (auto const fault : {Fault::reset, Fault::broken, Fault::timed_out, Fault::one_byte, Fault::blocked}) {
    std::size_t nth = 1;
    while (run(nth, fault)) {
      if (HasFailure()) FAIL() << "at call " << nth;
      ASSERT_LT(++nth, 5000u);
    }
    if (HasFailure()) FAIL() << "without a fault, after " << nth;
    longest = std::max(longest, nth);
  }
  EXPECT_GT(longest, 10u) << "the calls are not seen: nothing was tested";
}

INSTANTIATE_TEST_SUITE_P(Wires, SequenceFault,
                         testing::Values(Kind{"Plain", false, Rig::Wire::tcp}, Kind{"TlsVendor", true, Rig::Wire::unix_socket},
                                         Kind{"TlsCaller", false, Rig::Wire::tls}, Kind{"TlsBoth", true, Rig::Wire::tls}),
                         [](auto const& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace gateway::test
