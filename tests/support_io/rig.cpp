#include "support_io/rig.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gateway::test {
namespace {

std::shared_ptr<config::Config const> make_config(RigOptions const& options, std::uint16_t vendor_port) {
  std::string const scheme = options.upstream_tls ? "https" : "http";
  std::string const text = "[server]\nlisten = [\"127.0.0.1:0\"]\n[upstream]\nbase_url = \"" + scheme + "://localhost:" +
                           std::to_string(vendor_port) + "/v3\"\nallow_plain_http = true\n" + options.upstream +
                           "\n[api_key]\nenv = \"UNUSED\"\n[limits]\n" + options.limits + "\n[uploads]\n" + options.uploads + "\n[[tenant]]\nname = \"test\"\ncidr = [\"" +
                           options.cidr + "\"]\noperations = [" + options.operations + "]\n";
  auto loaded = config::parse(text, "test.toml", "/");
  for (auto const& problem : loaded.problems) ADD_FAILURE() << problem.text();
  return std::move(loaded.config);
}

Certified const& server_certificate() {
  static auto const made = Rig::ca().issue();
  return made;
}

net::TlsContext const& gateway_server_context() {
  static auto const made = net::make_server_context({write_temporary("server.pem", certificate_pem(server_certificate())),
                                                     write_temporary("server.key", key_pem(server_certificate())), "", false});
  EXPECT_EQ(made.error, "");
  return made.context;
}

net::TlsContext const& gateway_client_context() {
  static auto const made = net::make_client_context(write_temporary("ca.pem", Rig::ca().pem()));
  EXPECT_EQ(made.error, "");
  return made.context;
}

}  // namespace

TestCa const& Rig::ca() {
  static TestCa const made;
  return made;
}

Loop::Loop() {
  ::signal(SIGPIPE, SIG_IGN);  // the tests' own ends write with OpenSSL, which does not ask for silence
  boost::asio::generic::stream_protocol::socket const first(context);
}

bool Loop::step() {
  bool moved = false;
  {
    GatewayTurn const turn;
    context.restart();
    // Not poll(): with a write that is refused again and again it would never come back.
    for (int i = 0; i < 64 && context.poll_one() > 0; ++i) moved = true;
  }
  for (auto const& pump : pumps) moved |= pump();
  return moved;
}

bool Loop::run_until(std::function<bool()> const& done, std::chrono::seconds limit) {
  auto const end = precise_now() + limit;
  while (!done()) {
    if (step()) continue;
    if (precise_now() > end) return false;
    ::usleep(100);
  }
  return true;
}

void Loop::settle() {
  for (int quiet = 0, steps = 0; quiet < 20 && steps < 2'000; ++steps) {
    if (step()) {
      quiet = 0;
      continue;
    }
    ++quiet;
    ::usleep(100);
  }
}

Rig::Rig(RigOptions options)
    : vendor(options.upstream_tls ? peer_server_context(server_certificate()) : SslContext()),
      worker(std::make_shared<proxy::Worker>(loop.context, ring)),
      options_(std::move(options)) {
  proxy::Snapshot snapshot;
  snapshot.config = make_config(options_, vendor.port());
  if (options_.with_key) snapshot.api_key = std::make_shared<Secret const>(Secret::take(std::string(api_key_text)));
  worker->snapshot = std::make_shared<proxy::Snapshot const>(snapshot);
  worker->date = "Thu, 01 Jan 1970 00:00:00 GMT";
  worker->on_session_end = [this] { ++sessions_ended; };
  worker->pool.configure(pool_settings());
  worker->pool.set_addresses(std::make_shared<upstream::AddressList const>(upstream::AddressList{vendor.address()}));
  loop.pumps.push_back([this] { return vendor.pump(); });
  loop.pumps.push_back([this] {
    bool moved = false;
    for (auto& caller : callers) moved |= caller.pump();
    return moved;
  });
}

upstream::PoolSettings Rig::pool_settings() const {
  auto const& values = worker->snapshot->config->values;
  upstream::PoolSettings settings{};
  settings.host = "localhost";
  if (options_.upstream_tls) settings.tls = gateway_client_context();
  settings.max_connections = options_.max_connections;
  settings.connect_timeout = values.upstream_connect_timeout;
  settings.idle_timeout = values.upstream_idle_timeout;
  return settings;
}

Rig::~Rig() {
  wind_down();
  worker.reset();
}

void Rig::wind_down() {
  for (auto& caller : callers) caller.close();
  bool const ended = loop.run_until([&] { return worker->connections == 0; }, std::chrono::seconds(10));
  if (!ended) {
    // Reported, then forced, so that the cases after this one still run.
    ADD_FAILURE() << worker->connections << " sessions outlive their callers";
    for (auto& connection : vendor.connections) connection->end->close();
    advance(std::chrono::hours(48));
    loop.run_until([&] { return worker->connections == 0; }, std::chrono::seconds(10));
  }
  EXPECT_EQ(worker->metrics.in_flight.get(), 0u);
  EXPECT_EQ(worker->metrics.connections.get(), 0u);
  EXPECT_EQ(worker->pool.gauges().busy, 0u);
  {
    GatewayTurn const turn;
    worker->pool.stop();
  }
  EXPECT_TRUE(loop.run_until([&] {
    worker->pool.sweep();
    return worker->pool.empty();
  }));
  // Operations that were broken off end through the loop.
  for (int i = 0; i < 10; ++i) loop.step();
  worker->pool.sweep();
  EXPECT_EQ(worker->pool.gauges().idle, 0u);
  EXPECT_EQ(worker->metrics.session_bugs.get(), 0u);
}

Endpoint& Rig::call(Wire wire) {
  auto const [ours, theirs] = wire == Wire::unix_socket ? unix_pair() : tcp_pair();
  callers.emplace_back(ours);
  auto& caller = callers.back();
  Peer peer;
  peer.family = Peer::Family::v4;
  peer.address = {127, 0, 0, 1};
  int const family = wire == Wire::unix_socket ? AF_UNIX : AF_INET;
  std::unique_ptr<net::ByteStream> stream;
  GatewayTurn const turn;
  if (wire == Wire::tls) {
    if (!caller_context_) caller_context_ = peer_client_context(ca().pem());
    caller.start_tls(caller_context_, false);
    stream = std::make_unique<net::TlsStream>(gateway_server_context(), loop.context.get_executor(), family, theirs,
                                              net::TlsStream::server_input_bytes);
  } else {
    stream = std::make_unique<net::SocketStream>(loop.context.get_executor(), family, theirs);
  }
  proxy::start_session(*worker, std::make_unique<proxy::Downstream>(std::move(stream), peer, worker->sweep), wire == Wire::tls);
  return caller;
}

Endpoint& Rig::call_with(std::string_view bytes, Wire wire) {
  auto& caller = call(wire);
  caller.send(bytes);
  return caller;
}

Message Rig::answer_of(Endpoint& caller, int* interim) {
  Message message;
  auto reading = Reading::incomplete;
  bool const came = loop.run_until([&] {
    reading = take_answer(caller.received, caller.ended, message, interim);
    return reading != Reading::incomplete || caller.ended || caller.broken || !caller.open();
  });
  if (reading == Reading::complete) return message;
  message.status = !came ? -2 : reading == Reading::malformed ? -1 : 0;
  return message;
}

void Rig::advance(Duration by) {
  GatewayTurn const turn;
  worker->sweep.tick(coarse_now() + by);
  worker->pool.sweep();
}

std::vector<observe::AccessRecord> Rig::records() {
  std::vector<observe::AccessRecord> found;
  files.clear();
  ring.drain([&](observe::AccessRecord const& record, std::span<observe::AccessFile const> of_record) {
    found.push_back(record);
    files.insert(files.end(), of_record.begin(), of_record.end());
  });
  return found;
}

std::uint64_t Rig::requests_counted() const {
  std::uint64_t sum = 0;
  worker->metrics.requests.visit([&](std::uint64_t, std::uint64_t count) { sum += count; });
  return sum;
}

std::string get_request(std::string_view target, std::string_view more_fields) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: gateway\r\n" + std::string(more_fields) + "\r\n";
}

std::string post_request(std::string const& body, std::size_t body_chunk, std::string_view more_fields) {
  return request_with_body("/v3/address_code", "application/json", body, body_chunk, more_fields);
}

std::string upload_body(std::string_view file) {
  return "--b0undary\r\nContent-Disposition: form-data; name=\"idImage\"; filename=\"id.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n" +
         std::string(file) + "\r\n--b0undary--\r\n";
}

std::string text_part(std::string_view name, std::string_view value) {
  return "--b0undary\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" + std::string(value) + "\r\n";
}

std::string step1_body(std::string_view file, std::string const& more_parts) {
  return text_part("issuingCountry", "KOR") + text_part("email", "a@example.test") + text_part("idType", "passport") + more_parts +
         upload_body(file);
}

std::string jpeg_picture(std::size_t size) {
  using namespace std::string_literals;
  auto data = noise(size);
  std::replace(data.begin(), data.end(), '\xff', '\xfe');
  return "\xff\xd8\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"s + data + "\xff\xd9";
}

std::string upload_request(std::string const& body, std::size_t body_chunk, std::string_view more_fields) {
  return request_with_body("/v3/submission/step1", "multipart/form-data; boundary=b0undary", body, body_chunk, more_fields);
}

std::string request_with_body(std::string_view path, std::string_view type, std::string const& body, std::size_t body_chunk,
                              std::string_view more_fields) {
  std::string const head = "POST " + std::string(path) + " HTTP/1.1\r\nHost: gateway\r\nContent-Type: " + std::string(type) + "\r\n" +
                           std::string(more_fields);
  if (body_chunk > 0) return head + "Transfer-Encoding: chunked\r\n\r\n" + chunked(body, body_chunk);
  return head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace gateway::test
