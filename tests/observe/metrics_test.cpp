#include "gateway/observe/metrics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "support/random.hpp"

namespace gateway::test {
namespace {

using namespace std::chrono_literals;
using observe::duration_buckets;
using observe::Histogram;
using observe::LabelledCounters;
using observe::MetricSources;
using observe::no_reason;
using observe::ProcessMetrics;
using observe::TenantLabels;
using observe::WorkerMetrics;
using policy::OperationId;

TEST(Histogram, BoundsAreUpperAndInclusive) {
  for (std::size_t i = 0; i < duration_buckets.size(); ++i) {
    auto const bound = Duration(static_cast<std::int64_t>(duration_buckets[i] * 1e9 + 0.5));
    for (auto [offset, expected] : {std::pair<std::int64_t, std::size_t>{-1, i}, {0, i}, {1, i + 1}}) {
      Histogram histogram;
      histogram.observe(bound + Duration(offset));
      for (std::size_t b = 0; b <= duration_buckets.size(); ++b)
        EXPECT_EQ(histogram.buckets[b].get(), b == expected ? 1u : 0u) << i << " " << offset;
      EXPECT_EQ(histogram.sum_ns.get(), static_cast<std::uint64_t>((bound + Duration(offset)).count()));
    }
  }
  EXPECT_TRUE(std::is_sorted(duration_buckets.begin(), duration_buckets.end()));
}

TEST(Histogram, TakesZeroHugeAndNegativeDurations) {
  Histogram histogram;
  histogram.observe(0ns);
  histogram.observe(24h);
  histogram.observe(-5ms);
  EXPECT_EQ(histogram.buckets[0].get(), 2u);
  EXPECT_EQ(histogram.buckets[duration_buckets.size()].get(), 1u);
  EXPECT_EQ(histogram.sum_ns.get(), static_cast<std::uint64_t>(Duration(24h).count()));
}

template <class Counters>
std::map<std::uint64_t, std::uint64_t> content(Counters const& counters) {
  std::map<std::uint64_t, std::uint64_t> found;
  counters.visit([&](std::uint64_t key, std::uint64_t count) {
    EXPECT_TRUE(found.emplace(key, count).second) << "key " << key << " twice";
  });
  return found;
}

TEST(LabelledCounters, CountEachKeyAndOverflowWhenFull) {
  auto counters = std::make_unique<LabelledCounters<8>>();
  for (std::uint64_t key = 0; key < 8; ++key)
    for (std::uint64_t n = 0; n <= key; ++n) counters->add(key * 1000);
  auto const full = content(*counters);
  ASSERT_EQ(full.size(), 8u);
  for (std::uint64_t key = 0; key < 8; ++key) EXPECT_EQ(full.at(key * 1000), key + 1);
  EXPECT_EQ(counters->overflow(), 0u);
  counters->add(77);
  counters->add(78);
  EXPECT_EQ(counters->overflow(), 2u);
  counters->add(0);
  EXPECT_EQ(content(*counters).at(0), 2u) << "known keys still count";
  EXPECT_EQ(counters->overflow(), 2u);
}

TEST(LabelledCountersProperty, AgreeWithAMap) {
  Random random("LabelledCounters.AgreeWithAMap");
  for (int round = 0; round < 200; ++round) {
    auto counters = std::make_unique<LabelledCounters<64>>();
    std::map<std::uint64_t, std::uint64_t> model;
    std::uint64_t overflow = 0;
    for (int i = 0; i < 500; ++i) {
      auto const key =
          random.chance(2) ? random.below(40) << 32 | random.below(3) : random.bits() >> random.below(40) >> 1;
      counters->add(key);
      if (model.count(key) != 0 || model.size() < 64)
        ++model[key];
      else
        ++overflow;
    }
    ASSERT_EQ(content(*counters), model) << "seed " << random.seed();
    ASSERT_EQ(counters->overflow(), overflow) << "seed " << random.seed();
  }
}

TEST(LabelledCounters, AreReadWhileTheyAreWritten) {
  auto counters = std::make_unique<LabelledCounters<64>>();
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop)
      counters->visit([](std::uint64_t key, std::uint64_t count) {
        EXPECT_LT(key, 50u);
        EXPECT_LE(count, 4000u);
      });
  });
  for (int i = 0; i < 200000; ++i) counters->add(static_cast<std::uint64_t>(i % 50));
  stop = true;
  reader.join();
  for (auto const& [key, count] : content(*counters)) EXPECT_EQ(count, 4000u) << key;
}

TEST(TenantLabels, KeepTheirIndexAndAreBounded) {
  TenantLabels labels;
  EXPECT_EQ(labels.names(), std::vector<std::string>{"unknown"});
  EXPECT_EQ(labels.intern("a"), 1);
  EXPECT_EQ(labels.intern("b"), 2);
  EXPECT_EQ(labels.intern("a"), 1);
  EXPECT_EQ(labels.intern("unknown"), TenantLabels::unknown);
  for (std::size_t i = 3; i < TenantLabels::max_labels; ++i) EXPECT_EQ(labels.intern("t" + std::to_string(i)), i);
  EXPECT_EQ(labels.intern("one-too-many"), TenantLabels::unknown);
  EXPECT_EQ(labels.intern("b"), 2);
  EXPECT_EQ(labels.names().size(), TenantLabels::max_labels);
}

TEST(RequestKey, IsUniqueForAllItsParts) {
  std::set<std::uint64_t> keys;
  for (std::uint16_t tenant : {0, 1, 1023})
    for (std::size_t operation = 0; operation < observe::operation_labels; ++operation)
      for (int status : {100, 200, 404, 499, 599})
        for (int reason = no_reason; reason < static_cast<int>(failure_count); ++reason)
          EXPECT_TRUE(
              keys.insert(WorkerMetrics::request_key(tenant, static_cast<OperationId>(operation), status, reason))
                  .second);
}

struct Sample {
  std::string labels;
  double value;
};
struct Page {
  std::map<std::string, std::string> types;
  std::map<std::string, std::vector<Sample>> samples;
};

// Reads the text format strictly enough to notice what a Prometheus server would refuse.
Page read_page(std::string const& text) {
  Page page;
  std::istringstream in(text);
  std::string line;
  EXPECT_EQ(text.back(), '\n');
  while (std::getline(in, line)) {
    if (line.starts_with("# HELP ")) continue;
    if (line.starts_with("# TYPE ")) {
      std::istringstream words(line.substr(7));
      std::string name, type;
      words >> name >> type;
      EXPECT_TRUE(page.types.emplace(name, type).second) << name << " has two TYPE lines";
      continue;
    }
    auto const space = line.rfind(' ');
    if (space == line.npos) {
      ADD_FAILURE() << "no sample: " << line;
      continue;
    }
    auto const brace = line.find('{');
    auto const name = line.substr(0, std::min(brace, space));
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789"), name.npos) << line;
    std::size_t end = 0;
    auto const number = line.substr(space + 1);
    double const value = std::stod(number, &end);
    EXPECT_EQ(end, number.size()) << line;
    page.samples[name].push_back({brace == line.npos ? "" : line.substr(brace, space - brace), value});
  }
  return page;
}

double value_of(Page const& page, std::string const& name, std::string const& labels = "") {
  auto const found = page.samples.find(name);
  if (found == page.samples.end()) return -1;
  for (auto const& sample : found->second)
    if (sample.labels == labels) return sample.value;
  return -1;
}

class Exporter : public testing::Test {
 protected:
  Exporter() {
    tenants_.intern("alpha");
    sources_ = {{workers_[0].get(), workers_[1].get()}, &process_, &tenants_, {7, 8, 9, 10, 11}, {}, "1.2.3", "abcdef", "clang 19"};
  }
  Page page() { return read_page(observe::render_metrics(sources_)); }

  std::unique_ptr<WorkerMetrics> workers_[2] = {std::make_unique<WorkerMetrics>(), std::make_unique<WorkerMetrics>()};
  ProcessMetrics process_;
  TenantLabels tenants_;
  MetricSources sources_;
};

TEST_F(Exporter, NamesEachMetricOfThisStepWithItsType) {
  process_.key_fingerprint = "01234567";
  auto const text = page();
  std::map<std::string, std::string> const expected = {{"requests_total", "counter"},
                                                       {"request_duration_seconds", "histogram"},
                                                       {"requests_in_flight", "gauge"},
                                                       {"connections", "gauge"},
                                                       {"upstream_errors_total", "counter"},
                                                       {"upstream_responses_total", "counter"},
                                                       {"upstream_duration_seconds", "histogram"},
                                                       {"upstream_connections", "gauge"},
                                                       {"client_api_key_ignored_total", "counter"},
                                                       {"api_key_info", "gauge"},
                                                       {"api_key_loaded_timestamp_seconds", "gauge"},
                                                       {"config_reloads_total", "counter"},
                                                       {"config_last_reload_timestamp_seconds", "gauge"},
                                                       {"upload_bytes_total", "counter"},
                                                       {"cache_requests_total", "counter"},
                                                       {"cache_entries", "gauge"},
                                                       {"cache_bytes", "gauge"},
                                                       {"cache_evictions_total", "counter"},
                                                       {"cache_invalidations_total", "counter"},
                                                       {"build_info", "gauge"},
                                                       {"access_log_dropped_total", "counter"}};
  for (auto const& [name, type] : expected) {
    auto const found = text.types.find("argos_gateway_" + name);
    ASSERT_NE(found, text.types.end()) << name;
    EXPECT_EQ(found->second, type) << name;
  }
  for (auto name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
                    "process_open_fds", "process_max_fds", "process_start_time_seconds"}) {
    ASSERT_TRUE(text.types.count(name)) << name;
    EXPECT_GT(value_of(text, name), 0) << name;
  }
  for (auto const& [name, type] : text.types)
    EXPECT_TRUE(name.starts_with("argos_gateway_") || name.starts_with("process_")) << name;
}

TEST_F(Exporter, SumsTheWorkersByLabel) {
  auto const key = WorkerMetrics::request_key(1, OperationId::get_image, 200, no_reason);
  workers_[0]->requests.add(key);
  workers_[1]->requests.add(key);
  workers_[1]->requests.add(
      WorkerMetrics::request_key(0, OperationId::none, 404, static_cast<int>(Code::unknown_path)));
  workers_[0]->upstream_responses.add(static_cast<std::uint64_t>(OperationId::get_image) << 16 | 200);
  workers_[0]->upstream_errors.add(static_cast<std::uint64_t>(OperationId::submit_step1) << 16 |
                                   static_cast<std::uint64_t>(Code::upstream_reset));
  workers_[1]->client_api_key_ignored.add(1);
  workers_[0]->connections.add(3);
  workers_[1]->connections.add(4);
  workers_[1]->connections.subtract();
  workers_[0]->upstream_idle.set(5);
  workers_[1]->upstream_busy.set(2);
  workers_[0]->access_dropped.add(9);
  auto const text = page();
  EXPECT_EQ(value_of(text, "argos_gateway_requests_total",
                     R"({tenant="alpha",operation="get_image",status="200",reason="none"})"),
            2);
  EXPECT_EQ(value_of(text, "argos_gateway_requests_total",
                     R"({tenant="unknown",operation="none",status="404",reason="unknown_path"})"),
            1);
  EXPECT_EQ(value_of(text, "argos_gateway_upstream_responses_total", R"({operation="get_image",status="200"})"), 1);
  EXPECT_EQ(
      value_of(text, "argos_gateway_upstream_errors_total", R"({operation="submit_step1",reason="upstream_reset"})"),
      1);
  EXPECT_EQ(value_of(text, "argos_gateway_client_api_key_ignored_total", R"({tenant="alpha"})"), 1);
  EXPECT_EQ(value_of(text, "argos_gateway_connections"), 6);
  EXPECT_EQ(value_of(text, "argos_gateway_upstream_connections", R"({state="idle"})"), 5);
  EXPECT_EQ(value_of(text, "argos_gateway_upstream_connections", R"({state="busy"})"), 2);
  EXPECT_EQ(value_of(text, "argos_gateway_access_log_dropped_total"), 9);
  EXPECT_EQ(value_of(text, "argos_gateway_build_info", R"({version="1.2.3",commit="abcdef",compiler="clang 19"})"), 1);
}

TEST_F(Exporter, HistogramsAreCumulativeAndEndAtTheirCount) {
  auto const at = static_cast<std::size_t>(OperationId::read_submission);
  for (Duration const duration : {Duration(50us), Duration(700us), Duration(700us), Duration(40ms)})
    workers_[0]->request_duration[at][2].observe(duration);
  workers_[1]->request_duration[at][2].observe(2h);
  auto const text = page();
  std::string const labels = R"({operation="read_submission",cache="stale")";
  EXPECT_EQ(value_of(text, "argos_gateway_request_duration_seconds_count", labels + "}"), 5);
  EXPECT_NEAR(value_of(text, "argos_gateway_request_duration_seconds_sum", labels + "}"), 7200.04145, 1e-6);
  double last = 0;
  std::size_t buckets = 0;
  for (auto const& sample : text.samples.at("argos_gateway_request_duration_seconds_bucket")) {
    if (!sample.labels.starts_with(labels)) continue;
    EXPECT_GE(sample.value, last) << sample.labels;
    last = sample.value;
    ++buckets;
  }
  EXPECT_EQ(buckets, duration_buckets.size() + 1);
  EXPECT_EQ(last, 5) << "+Inf";
}

TEST_F(Exporter, ProcessWideNumbers) {
  process_.key_fingerprint = "01234567";
  process_.key_loaded_unix = 1'700'000'000;
  process_.reloads_good = 3;
  process_.reloads_bad = 1;
  auto const text = page();
  EXPECT_EQ(value_of(text, "argos_gateway_api_key_info", R"({fingerprint="01234567"})"), 1);
  EXPECT_EQ(value_of(text, "argos_gateway_api_key_loaded_timestamp_seconds"), 1'700'000'000);
  EXPECT_EQ(value_of(text, "argos_gateway_config_reloads_total", R"({result="success"})"), 3);
  EXPECT_EQ(value_of(text, "argos_gateway_config_reloads_total", R"({result="failure"})"), 1);
  EXPECT_EQ(text.samples.count("argos_gateway_tls_certificate_expiry_timestamp_seconds"), 0u)
      << "plain listeners have none";
  process_.key_fingerprint.clear();
  process_.certificate_expiry_unix = 1'900'000'000;
  auto const later = page();
  EXPECT_EQ(later.samples.count("argos_gateway_api_key_info"), 0u) << "no key, no fingerprint";
  EXPECT_EQ(value_of(later, "argos_gateway_tls_certificate_expiry_timestamp_seconds", R"({certificate="server"})"),
            1'900'000'000);
}

TEST_F(Exporter, OverflowIsVisible) {
  for (std::uint64_t i = 0; i < 3000; ++i)
    workers_[0]->requests.add(
        WorkerMetrics::request_key(1, OperationId::none, static_cast<int>(i % 60000), static_cast<int>(i % 40)));
  EXPECT_EQ(value_of(page(), "argos_gateway_metric_series_overflow_total"), 3000 - 2048);
}

TEST_F(Exporter, OperationsAndReasonsAreThoseOfTheTables) {
  for (std::size_t operation = 0; operation < observe::operation_labels; ++operation)
    for (std::size_t code = 0; code < failure_count; ++code)
      workers_[0]->requests.add(WorkerMetrics::request_key(1, static_cast<OperationId>(operation),
                                                           failure_traits[code].status, static_cast<int>(code)));
  auto const text = page();
  for (std::size_t operation = 0; operation < observe::operation_labels; ++operation)
    for (std::size_t code = 0; code < failure_count; ++code) {
      auto const labels = "{tenant=\"alpha\",operation=\"" +
                          std::string(policy::operation_name(static_cast<OperationId>(operation))) + "\",status=\"" +
                          std::to_string(failure_traits[code].status) + "\",reason=\"" +
                          std::string(failure_traits[code].token) + "\"}";
      EXPECT_EQ(value_of(text, "argos_gateway_requests_total", labels), 1) << labels;
    }
}

}  // namespace
}  // namespace gateway::test
