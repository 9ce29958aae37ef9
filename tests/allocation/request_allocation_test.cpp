#include <gtest/gtest.h>

#include <cstdlib>

#include "support_io/allocations.hpp"
#include "support_io/rig.hpp"

// After some requests a request costs the gateway no allocation any more, whichever way it goes.
namespace gateway::test {
namespace {

constexpr int warm_up = 200, measured = 1'000;

struct Path {
  char const* name;
  std::string request;
  int status;
  Rig::Wire wire = Rig::Wire::tcp;
  // Without hashing: OpenSSL 3.0 makes its context anew for each file.
  std::string uploads = "validation = \"off\"";
};

// A text part that some reader might take for another, and more files than are noted.
std::string many_parts() {
  std::string parts = text_part("unknown.Name", "x") + text_part("Submission", "y");
  for (auto const* name : {"f1", "f2", "f3", "f4", "f5"})
    parts += "--b0undary\r\nContent-Disposition: form-data; name=\"" + std::string(name) +
             "\"; filename=\"a&b.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg_picture(9) + "\r\n";
  return parts;
}

class Allocation : public testing::TestWithParam<Path> {};

TEST(Counter, SeesEveryKindOfAllocation) {
  std::size_t const before = allocations_of_gateway();
  {
    GatewayTurn const turn;
    // Each pointer is shown to the optimiser as used, or it would leave the pair of calls out.
    auto const use = [](void* memory) {
      asm volatile("" ::"r"(memory) : "memory");
      return memory;
    };
    auto* const one = new int(1);
    use(one);
    delete one;
    auto const many = std::make_unique<char[]>(5'000);
    std::free(use(std::malloc(10)));
    std::free(use(std::calloc(2, 10)));
    std::string const text(100, 'x');
    asm volatile("" ::"r"(many.get()), "r"(text.data()) : "memory");
  }
  EXPECT_GE(allocations_of_gateway() - before, 4u);
  std::size_t const outside = allocations_of_gateway();
  auto const ours = std::make_unique<char[]>(5'000);
  asm volatile("" ::"r"(ours.get()) : "memory");
  EXPECT_EQ(allocations_of_gateway(), outside) << "what the test itself allocates does not count";
}

TEST_P(Allocation, NoneForARequestOnceWarm) {
  RigOptions options;
  options.uploads = GetParam().uploads;
  Rig rig(options);
  auto& caller = rig.call(GetParam().wire);
  auto const one = [&] {
    caller.send(GetParam().request);
    auto const answer = rig.answer_of(caller);
    ASSERT_EQ(answer.status, GetParam().status);
  };
  for (int i = 0; i < warm_up; ++i) one();
  std::size_t const before = allocations_of_gateway();
  for (int i = 0; i < measured; ++i) one();
  EXPECT_EQ(allocations_of_gateway() - before, 0u) << "in " << measured << " requests";
  EXPECT_EQ(rig.requests_counted(), static_cast<std::uint64_t>(warm_up + measured));
}

INSTANTIATE_TEST_SUITE_P(Paths, Allocation,
                         testing::Values(Path{"Lookup", get_request(), 200}, Path{"Upload", post_request(noise(100'000)), 200},
                                         Path{"ChunkedUpload", post_request(noise(100'000), 9'000), 200},
                                         Path{"InspectedUpload", upload_request(step1_body(jpeg_picture(100'000), text_part("unknown.Name", "x"))), 200,
                                              Rig::Wire::tcp, "validation = \"enforce\"\nsha256 = false"},
                                         Path{"FramedUpload", upload_request(step1_body(jpeg_picture(9), many_parts())), 200,
                                              Rig::Wire::tcp, "validation = \"off\"\nsha256 = false"},
                                         Path{"UnknownPath", get_request("/v3/nothing"), 404},
                                         Path{"WrongMethod", "PUT /v3/submission HTTP/1.1\r\nHost: x\r\n\r\n", 405},
                                         Path{"LookupUnixSocket", get_request(), 200, Rig::Wire::unix_socket}),
                         [](auto const& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace gateway::test
