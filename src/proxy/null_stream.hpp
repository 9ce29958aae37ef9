#pragma once
#include "gateway/net/stream.hpp"

namespace gateway::proxy {

// The caller of a fetch: nobody. It never sends, never leaves, and takes whatever it is given.
class NullStream final : public net::ByteStream {
 public:
  void start_read(net::IoOp& op, std::span<char>) override { op.begin(); }
  void start_idle_read(net::IoOp& op, std::span<char>) override { op.begin(); }
  std::size_t try_read(std::span<char>) noexcept override { return 0; }
  void start_write(net::IoOp& op, std::span<iovec const> parts) override {
    std::size_t bytes = 0;
    for (auto const& part : parts) bytes += part.iov_len;
    op.begin();
    op.finish_quietly(net::IoStatus::ok, bytes);
  }
  void abort(bool) noexcept override {}
  void shutdown_write() noexcept override {}
  bool probe_idle() noexcept override { return true; }
};

}  // namespace gateway::proxy
