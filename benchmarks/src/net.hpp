#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace gateway::bench {

/// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

/// Loopback only: the suite never sends load anywhere else, so an address is just a port.
Descriptor listen_on_loopback(std::uint16_t port);

/// Starts a non-blocking connect; completion shows as writability.
Descriptor connect_to_loopback(std::uint16_t port);

/// Non-blocking and without Nagle's delay.
void prepare_socket(int fd);

/// As many descriptors as the system allows this process.
void raise_descriptor_limit();

std::uint16_t parse_port(const std::string& text);

}  // namespace gateway::bench
