#pragma once

#include "operations.hpp"

#include <boost/asio/ip/address.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox {

/// One network of --allow.
struct Network {
  boost::asio::ip::address_v6::bytes_type bytes{};  ///< IPv4 in its mapped form
  unsigned prefix = 0;                              ///< of the 128 bits
};
/// "10.0.0.0/8", "::1/128" or a single address.
[[nodiscard]] std::optional<Network> parse_network(std::string_view text);
[[nodiscard]] bool contains(Network const& network, boost::asio::ip::address const& address);

struct Head {
  std::string_view method;
  std::string_view target;
  std::optional<std::string_view> key;
  boost::asio::ip::address peer;
};

/// What the head of a request decides.
struct Admission {
  std::optional<Operation> operation;  ///< nothing when refused
  std::size_t project = 0;
  std::string_view query;
  std::optional<Answer> refusal;
};

/// The stand-in itself, without its transport.
class Service {
 public:
  Service(Options const& options, std::vector<Network> allowed);

  /// Route, key and address, in this order.
  [[nodiscard]] Admission admit(Head const& head) const;
  [[nodiscard]] Answer handle(Request const& request);
  [[nodiscard]] Options const& options() const { return options_; }

 private:
  Options const& options_;
  std::vector<Network> allowed_;
  Store store_;
};

}  // namespace sandbox
