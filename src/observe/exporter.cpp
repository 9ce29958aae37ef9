#include <prometheus/collectable.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include "gateway/observe/metrics.hpp"

namespace gateway::observe {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

// Builds the families of one scrape out of the workers' cells.
class Scrape {
 public:
  explicit Scrape(MetricSources const& sources) : sources_(sources), tenants_(sources.tenants->names()) {}

  std::vector<MetricFamily> take() {
    requests();
    upstream();
    cache();
    store();
    connections();
    process_wide();
    process_standard();
    return std::move(families_);
  }

 private:
  void family(std::string name, std::string help, MetricType type) {
    families_.push_back({std::move(name), std::move(help), type, {}});
  }
  void own(std::string const& name, std::string help, MetricType type) {
    family("argos_gateway_" + name, std::move(help), type);
  }
  void value(Labels labels, double number) {
    auto& current = families_.back();
    ClientMetric metric;
    metric.label = std::move(labels);
    if (current.type == MetricType::Counter) metric.counter.value = number;
    else metric.gauge.value = number;
    current.metric.push_back(std::move(metric));
  }
  template <class Read>
  double sum(Read&& read) const {
    double total = 0;
    for (auto const* worker : sources_.workers) total += static_cast<double>(read(*worker));
    return total;
  }
  template <class Select>
  std::map<std::uint64_t, double> merge(Select&& select) const {
    std::map<std::uint64_t, double> merged;
    for (auto const* worker : sources_.workers)
      select(*worker).visit([&](std::uint64_t key, std::uint64_t count) { merged[key] += static_cast<double>(count); });
    return merged;
  }
  static std::string operation(std::uint64_t index) {
    return std::string(policy::operation_name(static_cast<policy::OperationId>(index)));
  }
  std::string tenant(std::uint64_t index) const { return index < tenants_.size() ? tenants_[index] : tenants_[0]; }
  static std::string reason(std::uint64_t index) { return std::string(failure_traits[index].token); }

  template <class Select>
  void histogram(Labels labels, Select&& select) {
    ClientMetric metric;
    metric.label = std::move(labels);
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i <= duration_buckets.size(); ++i) {
      cumulative += static_cast<std::uint64_t>(sum([&](WorkerMetrics const& w) { return select(w).buckets[i].get(); }));
      double const bound = i < duration_buckets.size() ? duration_buckets[i] : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({cumulative, bound});
    }
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = sum([&](WorkerMetrics const& w) { return select(w).sum_ns.get(); }) * 1e-9;
    families_.back().metric.push_back(std::move(metric));
  }

  void requests() {
    own("requests_total", "Requests by tenant, operation, status and reason.", MetricType::Counter);
    for (auto const& [key, count] : merge([](auto const& w) -> auto const& { return w.requests; })) {
      auto const code = key & 0xff;
      value({{"tenant", tenant(key >> 32)},
             {"operation", operation(key >> 24 & 0xff)},
             {"status", std::to_string(key >> 8 & 0xffff)},
             {"reason", code == 0 ? "none" : reason(code - 1)}},
            count);
    }
    own("request_duration_seconds", "Time from the first byte of a request to the end of its answer.", MetricType::Histogram);
    for (std::size_t i = 0; i < operation_labels; ++i) {
      bool const cacheable = i < policy::operation_count && policy::operations[i].cacheable;
      for (std::size_t k = 0; k < (cacheable ? cache_label_count : 1); ++k)
        histogram({{"operation", operation(i)}, {"cache", std::string(cache_result_name(static_cast<CacheResult>(k)))}},
                  [i, k](WorkerMetrics const& w) -> auto const& { return w.request_duration[i][k]; });
    }
    own("requests_in_flight", "Requests being served.", MetricType::Gauge);
    value({}, sum([](auto const& w) { return w.in_flight.get(); }));
    own("upload_bytes_total", "Bytes of request bodies taken from callers.", MetricType::Counter);
    for (std::size_t i = 0; i < operation_labels; ++i)
      value({{"operation", operation(i)}}, sum([i](auto const& w) { return w.upload_bytes[i].get(); }));
    refusals("uploads_rejected_total", "Uploads that were refused for their body or content.",
             [](auto const& w) -> auto const& { return w.uploads_rejected; });
    refusals("uploads_reported_total", "Faults of uploads that uploads.validation = \"report\" let pass.",
             [](auto const& w) -> auto const& { return w.uploads_reported; });
    own("client_api_key_ignored_total", "Requests that carried an x-api-key of their own.", MetricType::Counter);
    for (auto const& [key, count] : merge([](auto const& w) -> auto const& { return w.client_api_key_ignored; }))
      value({{"tenant", tenant(key)}}, count);
  }

  // Counters by operation and reason.
  template <class Select>
  void refusals(char const* name, char const* help, Select select) {
    own(name, help, MetricType::Counter);
    for (auto const& [key, count] : merge(select))
      value({{"operation", operation(key >> 16)}, {"reason", reason(key & 0xffff)}}, count);
  }

  void upstream() {
    own("upstream_duration_seconds", "Time from the end of a request to the first byte of the vendor's answer.", MetricType::Histogram);
    for (std::size_t i = 0; i < policy::operation_count; ++i)
      histogram({{"operation", operation(i)}}, [i](WorkerMetrics const& w) -> auto const& { return w.upstream_duration[i]; });
    own("upstream_responses_total", "Answers of the vendor by status.", MetricType::Counter);
    for (auto const& [key, count] : merge([](auto const& w) -> auto const& { return w.upstream_responses; }))
      value({{"operation", operation(key >> 16)}, {"status", std::to_string(key & 0xffff)}}, count);
    refusals("upstream_errors_total", "Attempts that the vendor, or the way to it, failed.",
             [](auto const& w) -> auto const& { return w.upstream_errors; });
    own("upstream_connections", "Connections to the vendor.", MetricType::Gauge);
    value({{"state", "idle"}}, sum([](auto const& w) { return w.upstream_idle.get(); }));
    value({{"state", "busy"}}, sum([](auto const& w) { return w.upstream_busy.get(); }));
    own("upstream_retries_total", "Requests sent to the vendor a second time.", MetricType::Counter);
    value({}, sum([](auto const& w) { return w.upstream_retries.get(); }));
  }

  void cache() {
    own("cache_requests_total", "Lookups by what the cache had to do with them.", MetricType::Counter);
    for (std::size_t i = 1; i < cache_result_count; ++i)
      value({{"result", std::string(cache_result_name(static_cast<CacheResult>(i)))}},
            sum([i](auto const& w) { return w.cache_requests[i].get(); }));
    own("cache_entries", "Answers in the cache.", MetricType::Gauge);
    value({}, static_cast<double>(sources_.cache.entries));
    own("cache_bytes", "Memory of the cache, with its tables and answers on their way.", MetricType::Gauge);
    value({}, static_cast<double>(sources_.cache.bytes));
    own("cache_limit_bytes", "Most memory that the cache may take.", MetricType::Gauge);
    value({}, static_cast<double>(sources_.cache.limit));
    own("cache_evictions_total", "Answers dropped for want of room.", MetricType::Counter);
    value({}, static_cast<double>(sources_.cache.evictions));
    own("cache_invalidations_total", "Submissions, lists and purges that ended what the cache held of them.", MetricType::Counter);
    value({}, static_cast<double>(sources_.cache.invalidations));
  }

  // Only where several gateways are configured to know of each other.
  void store() {
    auto const& numbers = sources_.store;
    if (!numbers.used) return;
    own("store_connected", "Whether the other gateways can be told of changes.", MetricType::Gauge);
    value({}, numbers.connected ? 1 : 0);
    own("store_isolated", "Whether changes made through other gateways may be missed; old answers are not served then.", MetricType::Gauge);
    value({}, numbers.isolated ? 1 : 0);
    own("store_messages_total", "Messages to and from other gateways.", MetricType::Counter);
    value({{"direction", "sent"}}, static_cast<double>(numbers.sent));
    value({{"direction", "received"}}, static_cast<double>(numbers.received));
    value({{"direction", "malformed"}}, static_cast<double>(numbers.malformed));
    own("store_resyncs_total", "Times that the whole cache was dropped because a change may have been missed.", MetricType::Counter);
    value({}, static_cast<double>(numbers.resyncs));
    own("store_reconnects_total", "Connections to the store after the first.", MetricType::Counter);
    value({}, static_cast<double>(numbers.reconnects));
    own("store_round_trip_seconds", "Time for a message to come back, which is what it takes to reach the others.", MetricType::Histogram);
    ClientMetric metric;
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < numbers.round_trips.size(); ++i) {
      cumulative += numbers.round_trips[i];
      double const bound = i < numbers.round_trip_bounds.size() ? numbers.round_trip_bounds[i] : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({cumulative, bound});
    }
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = numbers.round_trip_sum;
    families_.back().metric.push_back(std::move(metric));
  }

  void connections() {
    own("connections", "Connections of callers.", MetricType::Gauge);
    value({}, sum([](auto const& w) { return w.connections.get(); }));
    own("connections_refused_total", "Connections refused because limits.connections was reached.", MetricType::Counter);
    value({}, sum([](auto const& w) { return w.connections_refused.get(); }));
    own("accept_errors_total", "Times that a connection could not be accepted for lack of descriptors or memory.", MetricType::Counter);
    value({}, sum([](auto const& w) { return w.accept_errors.get(); }));
    own("session_bugs_total", "Connections ended by an unexpected exception.", MetricType::Counter);
    value({}, sum([](auto const& w) { return w.session_bugs.get(); }));
    own("access_log_dropped_total", "Access lines dropped because the log could not keep up.", MetricType::Counter);
    value({}, sum([](auto const& w) { return w.access_dropped.get(); }));
    own("metric_series_overflow_total", "Counts that found no free series.", MetricType::Counter);
    value({}, sum([](auto const& w) {
            return w.requests.overflow() + w.upstream_responses.overflow() + w.upstream_errors.overflow() +
                   w.client_api_key_ignored.overflow() + w.uploads_rejected.overflow() + w.uploads_reported.overflow();
          }));
  }

  void process_wide() {
    auto& process = *sources_.process;
    own("api_key_info", "The vendor key in use, by its fingerprint.", MetricType::Gauge);
    {
      std::lock_guard const lock(process.mutex);
      if (!process.key_fingerprint.empty()) value({{"fingerprint", process.key_fingerprint}}, 1);
    }
    own("api_key_loaded_timestamp_seconds", "When the vendor key in use was loaded.", MetricType::Gauge);
    value({}, static_cast<double>(process.key_loaded_unix.load()));
    own("api_key_refused_total", "New keys that were empty or malformed and not taken.", MetricType::Counter);
    value({}, static_cast<double>(process.key_rejected.load()));
    own("config_reloads_total", "Reloads of the configuration.", MetricType::Counter);
    value({{"result", "success"}}, static_cast<double>(process.reloads_good.load()));
    value({{"result", "failure"}}, static_cast<double>(process.reloads_bad.load()));
    own("config_last_reload_timestamp_seconds", "When the configuration in use was loaded.", MetricType::Gauge);
    value({}, static_cast<double>(process.last_reload_unix.load()));
    if (auto const expiry = process.certificate_expiry_unix.load(); expiry != 0) {
      own("tls_certificate_expiry_timestamp_seconds", "When a certificate ends.", MetricType::Gauge);
      value({{"certificate", "server"}}, static_cast<double>(expiry));
    }
    own("build_info", "The running build.", MetricType::Gauge);
    value({{"version", sources_.version}, {"commit", sources_.commit}, {"compiler", sources_.compiler}}, 1);
  }

  // The standard process metrics, which prometheus-cpp lacks.
  void process_standard() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    auto const seconds = [](timeval t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
    family("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", MetricType::Counter);
    value({}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
    std::ifstream statm("/proc/self/statm");
    double pages = 0, resident = 0;
    statm >> pages >> resident;
    auto const page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    family("process_virtual_memory_bytes", "Virtual memory size in bytes.", MetricType::Gauge);
    value({}, pages * page);
    family("process_resident_memory_bytes", "Resident memory size in bytes.", MetricType::Gauge);
    value({}, resident * page);
    std::error_code ignored;
    double descriptors = 0;
    for (std::filesystem::directory_iterator it("/proc/self/fd", ignored), end; it != end; it.increment(ignored)) ++descriptors;
    family("process_open_fds", "Number of open file descriptors.", MetricType::Gauge);
    value({}, descriptors);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    family("process_max_fds", "Maximum number of open file descriptors.", MetricType::Gauge);
    value({}, static_cast<double>(limit.rlim_cur));
    family("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", MetricType::Gauge);
    value({}, start_time());
  }

  // Field 22 of /proc/self/stat, in ticks since boot; the name in field 2 may hold blanks, hence the last ')'.
  static double start_time() {
    std::ifstream stat("/proc/self/stat");
    std::string const text((std::istreambuf_iterator<char>(stat)), {});
    std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
    std::string word;
    for (int field = 3; field < 22; ++field) fields >> word;
    double ticks = 0, boot = 0;
    fields >> ticks;
    std::ifstream system("/proc/stat");
    while (system >> word && word != "btime") continue;
    system >> boot;
    return boot + ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }

  MetricSources const& sources_;
  std::vector<std::string> tenants_;
  std::vector<MetricFamily> families_;
};

class WorkerCollectable final : public prometheus::Collectable {
 public:
  explicit WorkerCollectable(MetricSources const& sources) : sources_(sources) {}
  std::vector<MetricFamily> Collect() const override { return Scrape(sources_).take(); }

 private:
  MetricSources const& sources_;
};

}  // namespace

std::string render_metrics(MetricSources const& sources) {
  WorkerCollectable const collectable(sources);
  return prometheus::TextSerializer().Serialize(collectable.Collect());
}

}  // namespace gateway::observe
