#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <span>

struct evp_md_ctx_st;

namespace gateway::upload {

using Digest = std::array<unsigned char, 32>;

// SHA-256 of a file while it streams (FIPS 180-4, by OpenSSL). Reusable; single threaded.
class Sha256 {
 public:
  Sha256();
  void begin();
  void feed(std::span<char const> bytes);
  Digest finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace gateway::upload
