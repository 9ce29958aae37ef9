#include "control.hpp"

#include <malloc.h>
#include <sched.h>

#include <algorithm>
#include <csignal>

#include "cache_control.hpp"

namespace gateway::server {
namespace {

unsigned worker_count(std::int64_t configured) {
  if (configured > 0) return static_cast<unsigned>(configured);
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return 1;
}

constexpr std::size_t crowd = 64;  // connections, callers' and to the vendor, whose memory is worth a trim

std::int64_t unix_now() { return wall_clock_ns() / 1'000'000'000; }

}  // namespace

Control::Control(std::unique_ptr<config::Config> config, BuildInfo build)
    : build_(std::move(build)),
      log_(observe::level_by_name(config->values.log_level), config->values.log_format == "json"),
      access_(log_, labels_),
      sweep_timer_(loop_.get_executor()),
      drain_timer_(loop_.get_executor()),
      signals_(loop_.get_executor()) {
  config->tenants.assign_labels([this](std::string const& name) { return labels_.intern(name); });
  config_ = std::move(config);
}

bool Control::open() {
  if (!load_tls(*config_)) return false;
  load_key(true);
  max_connections_ = static_cast<std::size_t>(config_->values.limits_connections);
  cache_ = std::make_unique<cache::Store>(cache::StoreLimits{.memory = static_cast<std::size_t>(config_->values.cache_memory)});
  if (!config_->values.store_redis.empty() && !(peers_ = BusPeers::start(config_->values, cache_->invalidations(), log_))) return false;
  auto const seed = entropy_.next();
  for (unsigned i = 0, count = worker_count(config_->values.server_workers); i < count; ++i)
    threads_.push_back(std::make_unique<WorkerThread>(access_.add_ring(), WorkerThread::Limits{&open_connections_, &max_connections_}));
  for (auto& thread : threads_) {
    thread->worker().cache = cache_.get();
    thread->worker().cache_seed = seed;
    thread->worker().peers = peers_.get();
  }
  if (!open_listeners()) return false;
  publish();
  resolver_ = std::make_unique<ResolverThread>(
      config_->upstream.host, config_->upstream.port,
      [this](std::shared_ptr<upstream::AddressList const> list) {
        each_worker([list](WorkerThread& thread) { thread.worker().pool.set_addresses(std::make_shared<upstream::AddressList const>(*list)); });
      },
      [this, host = config_->upstream.host] { log_.warn("resolve", "the vendor's name does not resolve", {{"host", host}}); });
  resolver_->start();
  metrics_.last_reload_unix = unix_now();
  return true;
}

bool Control::open_listeners() {
  for (auto const& endpoint : config_->listen)
    if (!open_one(endpoint)) return false;
  std::string error;
  auto socket = config_->admin.is_unix ? net::ListenSocket::open_unix(config_->admin.host, error)
                                       : net::ListenSocket::open_tcp(config_->admin.host, config_->admin.port, error);
  if (!socket.is_open()) {
    log_.error("listen", "cannot listen on admin.listen: " + error);
    return false;
  }
  auto bound = config_->admin;
  if (!bound.is_unix) bound.port = socket.port();
  log_.info("listening", "admin listener open", {{"admin", bound.text()}});
  admin_ = std::make_unique<Admin>(loop_, std::move(socket), sweep_, [this](AdminQuestion const& question) { return answer(question); });
  return true;
}

bool Control::open_one(config::Endpoint const& endpoint) {
  std::string error;
  auto bound = endpoint;
  net::ListenSocket shared;
  for (auto& thread : threads_) {
    net::ListenSocket socket;
    if (endpoint.is_unix) {
      if (!shared.is_open()) shared = net::ListenSocket::open_unix(endpoint.host, error);
      if (shared.is_open()) socket = shared.duplicate();
    } else {
      socket = net::ListenSocket::open_tcp(bound.host, bound.port, error);
      if (socket.is_open()) bound.port = socket.port();  // the same for every worker when the file says 0
    }
    if (!socket.is_open()) {
      log_.error("listen", "cannot listen on server.listen: " + error);
      return false;
    }
    thread->listen(std::move(socket));
  }
  bool const tls = server_tls_ != nullptr && !endpoint.is_unix;
  log_.info("listening", "listener open", {{"address", bound.text()}, {"tls", tls ? "yes" : "no"}});
  return true;
}

bool Control::load_tls(config::Config const& config) {
  auto const& values = config.values;
  net::TlsContextResult server, client;
  if (!values.server_tls_certificate.empty())
    server = net::make_server_context({values.server_tls_certificate, values.server_tls_private_key, values.server_tls_client_ca,
                                       values.server_tls_require_client_certificate});
  if (config.upstream.tls) client = net::make_client_context(values.upstream_ca_file);
  for (auto const& error : {server.error, client.error})
    if (!error.empty()) log_.error("tls", error);
  if (!server.error.empty() || !client.error.empty()) return false;
  server_tls_ = std::move(server.context);
  client_tls_ = std::move(client.context);
  metrics_.certificate_expiry_unix = net::certificate_expiry(server_tls_);
  return true;
}

void Control::load_key(bool at_start) {
  if (key_ && config_->values.api_key_file.empty()) return;  // an environment variable cannot change
  auto loaded = read_key(config_->values);
  if (!loaded.key) {
    // The watch looks often; the same complaint is made once.
    if (loaded.error != last_key_error_ || at_start) {
      log_.error("api_key", loaded.error, {{"kept", key_ ? "yes" : "no"}});
      metrics_.key_rejected.fetch_add(1);
    }
    last_key_error_ = loaded.error;
    return;
  }
  last_key_error_.clear();
  if (key_ && key_->equals(loaded.key->expose())) return;
  key_ = std::move(loaded.key);
  auto const print = fingerprint(*key_);
  {
    std::lock_guard const lock(metrics_.mutex);
    metrics_.key_fingerprint = print;
  }
  metrics_.key_loaded_unix = unix_now();
  log_.info("api_key", "key loaded", {{"fingerprint", print}});
  if (!at_start) publish();
}

upstream::PoolSettings Control::pool_settings() const {
  auto const& values = config_->values;
  auto const share = static_cast<std::size_t>(values.upstream_max_connections) / threads_.size();
  return {config_->upstream.host, client_tls_, std::max<std::size_t>(1, share), values.upstream_connect_timeout, values.upstream_idle_timeout};
}

// Each worker wraps the picture in a reference count of its own, so that pinning it is not contended.
void Control::publish() {
  proxy::Snapshot const picture{config_, key_, server_tls_, cache_rules(*config_, key_.get())};
  auto const settings = pool_settings();
  each_worker([picture, settings](WorkerThread& thread) {
    thread.worker().snapshot = std::make_shared<proxy::Snapshot const>(picture);
    thread.worker().pool.configure(settings);
  });
}

int Control::run() {
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.add(SIGHUP);
  wait_for_signal();
  if (!config_->values.api_key_file.empty()) {
    key_watch_ = std::make_unique<FileWatch>(loop_, config_->values.api_key_file, [this] { load_key(false); });
    key_watch_->start();
  }
  access_.start();
  for (unsigned i = 0; i < threads_.size(); ++i) threads_[i]->start(i);
  admin_->start();
  tick();
  log_.info("start", "argos-gateway is running", {{"version", build_.version}, {"workers", std::to_string(threads_.size())}});
  loop_.run();
  for (auto& thread : threads_) thread->join();
  resolver_->stop();
  if (peers_) peers_->stop();
  access_.stop();
  log_.info("stop", "argos-gateway has ended");
  return exit_code_;
}

// OpenSSL's and Asio's memory for a crowd of connections stays with the allocator when the crowd has gone. Handing it back
// stops allocation in a worker for about a millisecond, so it is done once a crowd has halved, not steadily.
void Control::trim_memory() {
  auto open = open_connections_.load(std::memory_order_relaxed);
  for (auto const& thread : threads_) open += thread->metrics().upstream_idle.get() + thread->metrics().upstream_busy.get();
  peak_connections_ = std::max(peak_connections_, open);
  if (peak_connections_ < crowd || open > peak_connections_ / 2) return;
  peak_connections_ = open;
  ::malloc_trim(0);
}

void Control::tick() {
  sweep_.tick(coarse_now());
  trim_memory();
  sweep_timer_.expires_after(net::DeadlineSweep::period);
  sweep_timer_.async_wait([this](boost::system::error_code error) {
    if (!error && !finished_) tick();  // a handler that is queued already is beyond cancelling
  });
}

void Control::wait_for_signal() {
  signals_.async_wait([this](boost::system::error_code error, int number) {
    if (error) return;
    if (number == SIGHUP) reload();
    else if (draining_) stop_now();
    else start_drain();
    if (!finished_) wait_for_signal();
  });
}

void Control::reload() {
  auto loaded = config::load(config_->file);
  for (auto const& problem : loaded.problems) log_.error("reload", problem.text());
  std::vector<std::string> restart;
  if (loaded.good()) {
    for (auto const& line : config::differences(*config_, *loaded.config, restart)) log_.info("reload", line);
    config::keep_restart_values(*config_, *loaded.config);
  }
  if (!loaded.good() || !load_tls(*loaded.config)) {
    metrics_.reloads_bad.fetch_add(1);
    log_.error("reload", "the new configuration is not used; the last good one stays");
    return;
  }
  for (auto const& key : restart) log_.warn("reload", key + " takes effect at the next start");
  loaded.config->tenants.assign_labels([this](std::string const& name) { return labels_.intern(name); });
  config_ = std::move(loaded.config);
  log_.set_level(observe::level_by_name(config_->values.log_level));
  max_connections_ = static_cast<std::size_t>(config_->values.limits_connections);
  load_key(true);
  publish();
  metrics_.reloads_good.fetch_add(1);
  metrics_.last_reload_unix = unix_now();
  log_.info("reload", "the new configuration is in use");
}

AdminAnswer Control::answer(AdminQuestion const& question) {
  constexpr char text[] = "text/plain; charset=utf-8";
  auto const path = question.path;
  bool const purges = path == "/cache/purge";
  if (question.method != (purges ? http::Method::post : http::Method::get))
    return {405, text, purges ? "only POST\n" : "only GET\n", purges ? "POST" : "GET"};
  if (purges) return purge(question.query);
  if (path == "/livez") return {200, text, "ok\n", {}};
  if (path == "/readyz") return readiness();
  if (path == "/metrics") {
    observe::MetricSources sources;
    for (auto const& thread : threads_) sources.workers.push_back(&thread->metrics());
    sources.process = &metrics_;
    sources.tenants = &labels_;
    auto const& cached = cache_->metrics();
    sources.cache = {cached.entries.load(), cache_->ledger().used(), cache_->ledger().limit(), cached.evictions.load(),
                     cache_->invalidations().count() + cache_->soft().count()};
    if (peers_) sources.store = peers_->numbers();
    sources.version = build_.version;
    sources.commit = build_.commit;
    sources.compiler = build_.compiler;
    return {200, "text/plain; version=0.0.4; charset=utf-8", observe::render_metrics(sources), {}};
  }
  return {404, text, "not found; there are /livez, /readyz, /metrics and /cache/purge\n", {}};
}

AdminAnswer Control::purge(std::string_view query) {
  auto result = purge_cache(*cache_, peers_.get(), query);
  // What was purged, never which submission.
  if (result.status == 200) log_.info("cache_purge", "the cache was purged", {{"what", result.body.substr(0, result.body.size() - 1)}});
  return result;
}

AdminAnswer Control::readiness() const {
  char const* why = draining_ ? "draining" : !key_ ? "no_api_key" : nullptr;
  if (why == nullptr) return {200, "application/json", "{\"ready\":true}\n", {}};
  return {503, "application/json", std::string("{\"ready\":false,\"reason\":\"") + why + "\"}\n", {}};
}

}  // namespace gateway::server
