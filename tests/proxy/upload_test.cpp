#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <random>

#include "gateway/base/identifiers.hpp"
#include "gateway/proxy/held_back.hpp"
#include "support_io/rig.hpp"

// Uploads on their way through a worker: what reaches the vendor, and when.
namespace gateway::test {
namespace {

using Wire = Rig::Wire;
using namespace std::string_literals;

RigOptions with_validation(std::string const& how) {
  RigOptions options;
  options.uploads = "validation = \"" + how + "\"";
  return options;
}

std::string sha256(std::string_view bytes) {
  unsigned char digest[32];
  char hex[64];
  EVP_Digest(bytes.data(), bytes.size(), digest, nullptr, EVP_sha256(), nullptr);
  write_hex(digest, hex);
  return {hex, sizeof hex};
}

std::size_t counted(observe::LabelledCounters<1024> const& counters) {
  std::size_t sum = 0;
  counters.visit([&](std::uint64_t, std::uint64_t count) { sum += count; });
  return sum;
}

struct Bad {
  std::string name;
  Code code;
  std::string body;
  std::string detail;
};

// Each is bad in its own place; the pictures make them too large to be judged before they stream.
std::vector<Bad> bad_uploads(std::size_t size) {
  auto const good = jpeg_picture(size);
  auto const whole = step1_body(good);
  return {
      {"no picture", Code::file_type_not_allowed, step1_body(noise(size)), "part 'idImage' is not image/jpeg or image/png"},
      {"cut picture", Code::image_truncated, step1_body(good.substr(0, good.size() - 2)), "part 'idImage' is a picture without its end"},
      {"appended data", Code::image_trailing_data, step1_body(good + "PK"), "part 'idImage' has data behind the end of the picture"},
      {"missing field", Code::fields_invalid, text_part("email", "a@example.test") + upload_body(good), ""},
      {"no last boundary", Code::multipart_unfinished, whole.substr(0, whole.size() - 6), ""},
      {"data behind the end", Code::multipart_epilogue, whole + "x", ""},
      {"repeated part", Code::part_name_repeated, step1_body(good, text_part("email", "b@example.test")), ""},
  };
}

class Uploads : public testing::TestWithParam<std::pair<Wire, bool>> {
 protected:
  static RigOptions options() {
    RigOptions made = with_validation("enforce");
    made.upstream_tls = GetParam().second;
    return made;
  }
};

TEST_P(Uploads, AGoodOneArrivesByteForByteAndIsNoted) {
  for (std::size_t const size : {std::size_t{100}, std::size_t{70'000}, std::size_t{900'000}})
    for (std::size_t const chunk : {std::size_t{0}, std::size_t{1'000}, std::size_t{300'000}}) {
      SCOPED_TRACE(std::to_string(size) + " bytes in chunks of " + std::to_string(chunk));
      Rig rig(options());
      auto const file = jpeg_picture(size);
      auto const body = step1_body(file);
      auto& caller = rig.call_with(upload_request(body, chunk), GetParam().first);
      auto const answer = rig.answer_of(caller);
      EXPECT_EQ(answer.status, 200) << answer.body;
      ASSERT_EQ(rig.vendor.seen.size(), 1u);
      EXPECT_TRUE(rig.vendor.seen[0].message.body == body);
      auto const records = rig.records();
      ASSERT_EQ(records.size(), 1u);
      ASSERT_EQ(records[0].file_count, 1);
      auto const& noted = rig.files.at(0);
      EXPECT_EQ(noted.part, "idImage");
      EXPECT_EQ(noted.type, "image/jpeg");
      EXPECT_EQ(noted.bytes, file.size());
      char hex[64];
      write_hex(noted.sha256, hex);
      EXPECT_EQ(std::string(hex, sizeof hex), sha256(file));
    }
}

TEST_P(Uploads, ABadOneNeverArrivesWhole) {
  for (auto const& bad : bad_uploads(700'000))
    for (std::size_t const chunk : {std::size_t{0}, std::size_t{5'000}}) {
      SCOPED_TRACE(bad.name + " in chunks of " + std::to_string(chunk));
      Rig rig(options());
      auto& caller = rig.call_with(upload_request(bad.body, chunk), GetParam().first);
      auto const answer = rig.answer_of(caller);
      EXPECT_EQ(answer.status, traits_of(bad.code).status);
      EXPECT_EQ(answer.field("x-gateway-reason"), traits_of(bad.code).token);
      EXPECT_NE(answer.body.find("\"detail\":\"" + bad.detail), std::string::npos) << answer.body;
      EXPECT_NE(answer.body.find("\"errors\":[{\"field\":\""), std::string::npos) << answer.body;
      rig.wind_down();
      EXPECT_TRUE(rig.vendor.seen.empty());
      for (auto const& connection : rig.vendor.connections) {
        EXPECT_EQ(connection->raw.find("--b0undary--"), std::string::npos) << "nor what could pass for whole";
        EXPECT_TRUE(connection->end->broken || connection->end->ended);
      }
      EXPECT_EQ(counted(rig.worker->metrics.uploads_rejected), 1u);
      EXPECT_EQ(rig.records().size(), 1u);
    }
}

TEST_P(Uploads, ASmallBadOneAsksForNoConnectionAndCostsTheCallerNone) {
  for (auto const& bad : bad_uploads(2'000))
    for (std::size_t const chunk : {std::size_t{0}, std::size_t{3}}) {
      SCOPED_TRACE(bad.name + " in chunks of " + std::to_string(chunk));
      Rig rig(options());
      auto& caller = rig.call_with(upload_request(bad.body, chunk), GetParam().first);
      auto const answer = rig.answer_of(caller);
      EXPECT_EQ(answer.field("x-gateway-reason"), traits_of(bad.code).token) << answer.body;
      EXPECT_TRUE(rig.vendor.connections.empty());
      EXPECT_EQ(rig.records().at(0).attempts, 0);
      if (answer.field("connection") == "close") continue;  // refused before its end
      caller.send(upload_request(step1_body(jpeg_picture(10))));
      EXPECT_EQ(rig.answer_of(caller).status, 200);
    }
}

INSTANTIATE_TEST_SUITE_P(Wires, Uploads,
                         testing::Values(std::pair{Wire::unix_socket, false}, std::pair{Wire::tls, true}, std::pair{Wire::tcp, true}),
                         [](auto const& info) {
                           return std::string(info.param.first == Wire::tls ? "Tls" : info.param.first == Wire::tcp ? "Tcp" : "Unix") +
                                  (info.param.second ? "TlsVendor" : "PlainVendor");
                         });

TEST(Upload, TheLastBytesWaitForTheVerdict) {
  Rig rig(with_validation("enforce"));
  auto const body = step1_body(jpeg_picture(200'000));
  auto const request = upload_request(body);
  auto& caller = rig.call_with(request.substr(0, request.size() - 1));
  ASSERT_TRUE(rig.loop.run_until([&] { return caller.unsent() == 0; }));
  rig.loop.settle();
  ASSERT_EQ(rig.vendor.connections.size(), 1u);
  auto const& raw = rig.vendor.connections[0]->raw;
  auto const sent = raw.size() - raw.find("\r\n\r\n") - 4;
  EXPECT_EQ(sent, body.size() - 1 - proxy::HeldBack::bytes);
  caller.send(request.substr(request.size() - 1));
  EXPECT_EQ(rig.answer_of(caller).status, 200);
  EXPECT_TRUE(rig.vendor.seen.at(0).message.body == body);
}

TEST(Upload, AllProblemsAreToldTogetherAndNoValueWithThem) {
  Rig rig(with_validation("enforce"));
  auto const body = text_part("issuingCountry", "Atlantis") + text_part("email", "secret person") + text_part("idType", "library_card") +
                    text_part("unknown", "passes") + upload_body(jpeg_picture(50));
  auto const answer = rig.answer_of(rig.call_with(upload_request(body)));
  EXPECT_EQ(answer.status, 400);
  for (auto const* field : {"issuingCountry", "email", "idType"})
    EXPECT_NE(answer.body.find("{\"field\":\""s + field + "\""), std::string::npos) << answer.body;
  EXPECT_NE(answer.body.find("2 more in errors"), std::string::npos) << answer.body;
  for (auto const* value : {"Atlantis", "secret", "library_card", "unknown"}) EXPECT_EQ(answer.body.find(value), std::string::npos) << answer.body;
}

TEST(Upload, ReportForwardsAndCountsOffForwards) {
  for (auto const* mode : {"report", "off"}) {
    Rig rig(with_validation(mode));
    auto const body = text_part("email", "nobody") + upload_body("no picture at all");
    auto const answer = rig.answer_of(rig.call_with(upload_request(body)));
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(rig.vendor.seen.at(0).message.body == body);
    bool const report = mode == "report"s;
    EXPECT_EQ(counted(rig.worker->metrics.uploads_reported) > 0, report);
    EXPECT_EQ(counted(rig.worker->metrics.uploads_rejected), 0u);
    ASSERT_EQ(rig.records().size(), 1u);
    EXPECT_EQ(rig.files.at(0).type, "unknown");
    // Framing and sizes hold all the same.
    auto& caller = rig.call_with(upload_request(body + "more"));
    EXPECT_EQ(rig.answer_of(caller).field("x-gateway-reason"), "multipart_epilogue");
  }
}

TEST(Upload, FilesBeyondThoseThatAreNotedAreCounted) {
  for (auto const* mode : {"report", "off", "enforce"})
    for (int const more : {0, 3, 4, 60}) {
      SCOPED_TRACE(mode + (" with " + std::to_string(more)));
      Rig rig(with_validation(mode));
      std::string files;
      for (int i = 0; i < more; ++i)
        files += "--b0undary\r\nContent-Disposition: form-data; name=\"f" + std::to_string(i) +
                 "\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg_picture(9) + "\r\n";
      auto& caller = rig.call_with(upload_request(files + upload_body(jpeg_picture(9))));
      EXPECT_EQ(rig.answer_of(caller).status, mode == "enforce"s ? 400 : 200);
      caller.send(upload_request(upload_body(jpeg_picture(9))));
      rig.answer_of(caller);
      auto const records = rig.records();
      ASSERT_EQ(records.size(), 2u);
      EXPECT_EQ(records[0].file_count, std::min(more + 1, 4));
      EXPECT_EQ(records[0].files_more, std::max(more + 1 - 4, 0));
      EXPECT_EQ(records[1].files_more, 0) << "nothing stays for the next request";
    }
}

TEST(Upload, LimitsAreNamedWithPartAndSize) {
  auto options = with_validation("enforce");
  options.limits = "file_bytes = \"100KiB\"\nfield_bytes = 64\nparts = 5\n";
  struct Case {
    std::string body, reason, detail;
  };
  std::string many;
  for (int i = 0; i < 6; ++i) many += text_part("x" + std::to_string(i), "y");
  std::vector<Case> const cases = {
      {step1_body(jpeg_picture(110'000)), "file_too_large", "part 'idImage' is larger than 100 KiB (limits.file_bytes)"},
      {text_part("userid", std::string(65, 'u')) + upload_body(jpeg_picture(9)), "field_too_large", "part 'userid' is larger than 64 bytes (limits.field_bytes)"},
      {many + upload_body(jpeg_picture(9)), "too_many_parts", "there are more than 5 parts (limits.parts)"},
  };
  for (auto const& item : cases)
    for (std::size_t const chunk : {std::size_t{0}, std::size_t{10'000}}) {
      Rig rig(options);
      auto const answer = rig.answer_of(rig.call_with(upload_request(item.body, chunk)));
      EXPECT_EQ(answer.status, 413);
      EXPECT_EQ(answer.field("x-gateway-reason"), item.reason);
      EXPECT_NE(answer.body.find(item.detail), std::string::npos) << answer.body;
      EXPECT_TRUE(rig.vendor.seen.empty());
    }
}

TEST(Upload, TheHeadAloneIsRefusedBeforeContinue) {
  struct Case {
    std::string path, type, reason;
  };
  std::vector<Case> const cases = {
      {"/v3/submission/step1", "multipart/form-data", "boundary_missing"},
      {"/v3/submission/step1", "multipart/form-data; boundary=a; boundary=b", "boundary_repeated"},
      {"/v3/submission/step2?x=y", "multipart/form-data; boundary=a", "query_invalid"},
  };
  for (auto const& item : cases) {
    Rig rig(with_validation("enforce"));
    auto& caller = rig.call_with("POST " + item.path + " HTTP/1.1\r\nHost: x\r\nContent-Type: " + item.type +
                                 "\r\nContent-Length: 3000000\r\nExpect: 100-continue\r\n\r\n");
    int interim = 0;
    EXPECT_EQ(rig.answer_of(caller, &interim).field("x-gateway-reason"), item.reason);
    EXPECT_EQ(interim, 0);
  }
}

TEST(Upload, WhatWasLetPassIsNotBlamedForAnotherFailure) {
  Rig rig(with_validation("report"));
  rig.vendor.stop_listening();
  auto const answer = rig.answer_of(rig.call_with(upload_request(text_part("email", "nobody") + upload_body("x"))));
  EXPECT_EQ(answer.field("x-gateway-reason"), "upstream_connect_failed");
  EXPECT_EQ(answer.body.find("errors"), std::string::npos) << answer.body;
  EXPECT_EQ(rig.answer_of(rig.call_with(get_request("/v3/submission?nonsense=1"))).field("x-gateway-reason"), "upstream_connect_failed");
  EXPECT_GT(counted(rig.worker->metrics.uploads_reported), 3u) << "faults of queries are counted too";
}

TEST(Upload, TheVerdictIsToldHoweverMuchElseIsWrong) {
  Rig rig(with_validation("enforce"));
  std::string body;
  for (int i = 0; i < 40; ++i)
    body += "--b0undary\r\nContent-Disposition: form-data; name=\"f" + std::to_string(i) +
            "\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg_picture(9) + "\r\n";
  body += "--b0undary\r\nContent-Disposition: form-data; name=\"t\"\r\nX-Y: z\r\n\r\nv\r\n--b0undary--\r\n";
  auto const answer = rig.answer_of(rig.call_with(upload_request(body)));
  EXPECT_EQ(answer.field("x-gateway-reason"), "part_header_unknown");
  EXPECT_NE(answer.body.find("\"detail\":\"part 't': unknown part header; 31 more in errors\""), std::string::npos) << answer.body;
}

TEST(Upload, AWholeBodyThatIsTooLongIsRefusedByItsLength) {
  for (auto const* type : {"application/json", "application/x-www-form-urlencoded"}) {
    Rig rig(with_validation("enforce"));
    auto& caller = rig.call_with("POST /v3/address_code HTTP/1.1\r\nHost: x\r\nContent-Type: "s + type +
                                 "\r\nContent-Length: 65537\r\nExpect: 100-continue\r\n\r\n");
    int interim = 0;
    auto const answer = rig.answer_of(caller, &interim);
    EXPECT_EQ(answer.field("x-gateway-reason"), "body_too_large");
    EXPECT_NE(answer.body.find("64 KiB"), std::string::npos) << answer.body;
    EXPECT_EQ(interim, 0);
    EXPECT_TRUE(rig.vendor.connections.empty());
  }
}

TEST(Upload, TextIsReadAndLabelledAsUtf8) {
  struct Case {
    std::string type;
    int status;
  };
  for (auto const& item : {Case{"application/json; charset=UTF-8", 200}, Case{"application/json;charset=utf-8", 200},
                           Case{"application/json; charset=utf-16", 400}, Case{"application/json; charset=utf-8; x=y", 400}}) {
    Rig rig(with_validation("enforce"));
    auto const answer = rig.answer_of(rig.call_with(request_with_body("/v3/address_code", item.type, "{\"address\":\"x\"}")));
    EXPECT_EQ(answer.status, item.status) << item.type << answer.body;
  }
}

TEST(Upload, ALargeHeadIsGivenBackBeforeTheBodyHasCome) {
  Rig rig(with_validation("enforce"));
  auto const request = upload_request(step1_body(jpeg_picture(300'000)), 0, "X-Long: " + std::string(2'000, 'x') + "\r\n");
  auto& caller = rig.call_with(request.substr(0, request.size() - 100'000));
  ASSERT_TRUE(rig.loop.run_until([&] { return caller.unsent() == 0; }));
  rig.loop.settle();
  EXPECT_EQ(rig.worker->sessions->borrowed_bytes(), 0u);
  caller.send(request.substr(request.size() - 100'000));
  EXPECT_EQ(rig.answer_of(caller).status, 200);
}

TEST(HeldBack, GivesEveryByteInOrderAndTheLastOnesLast) {
  std::random_device entropy;
  auto const seed = entropy();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 500; ++round) {
    auto const text = noise(random() % 2'000, static_cast<unsigned>(round));
    proxy::HeldBack held;
    std::string out;
    for (std::size_t at = 0;;) {
      auto const size = std::min(text.size() - at, std::size_t{random() % (round % 3 == 0 ? 5 : 400)});
      at += size;
      bool const last = at == text.size() && random() % 4 == 0;
      auto const ready = held.push({text.data() + at - size, size}, last);
      out.append(ready.first.begin(), ready.first.end()).append(ready.second.begin(), ready.second.end());
      if (last) break;
      ASSERT_EQ(out.size(), at - std::min(at, proxy::HeldBack::bytes));
    }
    ASSERT_TRUE(out == text);
  }
}

}  // namespace
}  // namespace gateway::test
