#include "load_options.hpp"

#include "message.hpp"

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <stdexcept>

namespace gateway::bench {

namespace {

std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::invalid_argument("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::size_t number_of(const std::string& text) {
  const auto number = parse_length(text);
  if (!number) throw std::invalid_argument("not a number: " + text);
  return *number;
}

}  // namespace

LoadOptions parse_load_options(int argc, char** argv) {
  LoadOptions options;
  const std::map<std::string, std::function<void(const std::string&)>> known = {
      {"--port", [&](const std::string& v) { options.port = parse_port(v); }},
      {"--connections", [&](const std::string& v) { options.connections = number_of(v); }},
      {"--warmup-ms", [&](const std::string& v) { options.warmup_ms = number_of(v); }},
      {"--measure-ms", [&](const std::string& v) { options.measure_ms = number_of(v); }},
      {"--limit-ms", [&](const std::string& v) { options.limit_ms = number_of(v); }},
      {"--mode", [&](const std::string& v) { options.idle = v == "idle", options.warm = v == "warm"; }},
      {"--keys", [&](const std::string& v) { options.keys = number_of(v); }},
      {"--ca", [&](const std::string& v) { options.ca_file = v; }},
      {"--server-name", [&](const std::string& v) { options.server_name = v; }},
      {"--pid", [&](const std::string& v) { options.pids.push_back(static_cast<pid_t>(number_of(v))); }},
      {"--request", [&](const std::string& v) { options.job.head = contents_of(v); }},
      {"--body", [&](const std::string& v) { options.job.body = contents_of(v); }},
      {"--expect-status", [&](const std::string& v) { options.job.expected_status = static_cast<int>(number_of(v)); }},
      {"--expect-body", [&](const std::string& v) { options.job.expected_body = contents_of(v); }},
      {"--expect-marker", [&](const std::string& v) { options.job.expected_marker = v; }},
  };
  for (int i = 1; i < argc; i += 2) {
    const auto option = known.find(argv[i]);
    if (option == known.end()) throw std::invalid_argument(std::string("unknown option ") + argv[i]);
    if (i + 1 == argc) throw std::invalid_argument(std::string("no value for ") + argv[i]);
    option->second(argv[i + 1]);
  }
  if (options.port == 0 || options.job.head.empty() || options.connections == 0) {
    throw std::invalid_argument("needs --port, --request and at least one connection");
  }
  if (options.job.expected_body.empty() && options.job.expected_marker.empty()) {
    throw std::invalid_argument("needs --expect-body or --expect-marker: an unchecked answer proves nothing");
  }
  if (options.warm && options.keys == 0) throw std::invalid_argument("--mode warm needs --keys");
  options.job.counter_at = options.job.head.find(counter_mark);
  options.job.expected_at = options.job.expected_body.find(counter_mark);
  if (options.job.counter_at == std::string::npos && options.job.expected_at != std::string::npos) {
    throw std::invalid_argument("the answer has a number, the request has none");
  }
  return options;
}

}  // namespace gateway::bench
