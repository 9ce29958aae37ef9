#pragma once

#include "stream.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gateway::bench {

struct VendorOptions {
  std::string api_key;
  std::string lookup_body;  // the first `counter_mark` in it becomes what was asked for
  std::string upload_body;  // what every upload has to be, byte for byte
};

struct VendorCounters {
  std::uint64_t connections = 0;
  std::uint64_t tls_full = 0;
  std::uint64_t tls_resumed = 0;
  std::uint64_t lookups = 0;
  std::uint64_t uploads = 0;
  std::uint64_t refused = 0;
  std::string last_refusal;
};

/// One connection of the stand-in vendor. It is strict about what the proxy had to do to the request, so that a proxy
/// that does less than the others fails instead of winning.
class VendorConnection {
 public:
  VendorConnection(const VendorOptions& options, VendorCounters& counters, Stream stream)
      : options_(&options), counters_(&counters), stream_(std::move(stream)) {}

  [[nodiscard]] int descriptor() const { return stream_.descriptor(); }
  [[nodiscard]] bool wants_write() const { return !unsent_.empty(); }

  /// Serves whatever is ready; false when the connection is over. `scratch` is only used during the call.
  bool resume(std::span<char> scratch);

 private:
  bool take(std::string_view bytes);
  std::size_t take_head(std::string_view bytes);
  void take_body(std::string_view bytes);
  void begin_request(std::string_view head);
  void answer_lookup(std::string_view line);
  void answer(int status, std::string_view type, std::string_view body);
  void refuse(int status, std::string_view why);
  bool flush();
  void count_handshake();

  const VendorOptions* options_;
  VendorCounters* counters_;
  Stream stream_;
  std::string partial_head_;
  std::string unsent_;
  std::size_t body_left_ = 0;
  bool body_differs_ = false;
  bool in_body_ = false;
  bool handshake_counted_ = false;
  bool broken_ = false;
};

}  // namespace gateway::bench
