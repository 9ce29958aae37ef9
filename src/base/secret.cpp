#include "gateway/base/secret.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace gateway {
namespace {
// A page of its own lets us lock the secret and keep it out of dumps without touching its neighbours.
constexpr std::size_t page_bytes = 4096;
constexpr std::string_view fingerprint_label = "argos-gateway key fingerprint v1";
constexpr std::string_view scope_label = "argos-gateway cache scope/";
}  // namespace

Secret Secret::take(std::span<char> source) {
  Secret secret;
  if (source.empty()) return secret;
  auto const mapped = (source.size() + page_bytes - 1) / page_bytes * page_bytes;
  void* memory = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  ::madvise(memory, mapped, MADV_DONTDUMP);
  ::mlock(memory, mapped);  // best effort: RLIMIT_MEMLOCK may forbid it
  secret.data_ = static_cast<char*>(memory);
  secret.size_ = source.size();
  secret.mapped_ = mapped;
  std::memcpy(secret.data_, source.data(), source.size());
  gateway::wipe(source);
  return secret;
}

Secret Secret::take(std::string&& source) {
  auto secret = take(std::span<char>(source.data(), source.size()));
  gateway::wipe(source);
  return secret;
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    mapped_ = std::exchange(other.mapped_, 0);
  }
  return *this;
}

Secret::~Secret() { wipe(); }

void Secret::wipe() noexcept {
  if (data_ == nullptr) return;
  OPENSSL_cleanse(data_, size_);
  ::munmap(data_, mapped_);
  data_ = nullptr;
  size_ = mapped_ = 0;
}

bool Secret::equals(std::string_view candidate) const {
  return candidate.size() == size_ && CRYPTO_memcmp(candidate.data(), data_, size_) == 0;
}

void wipe(std::span<char> bytes) noexcept {
  if (!bytes.empty()) OPENSSL_cleanse(bytes.data(), bytes.size());
}

void wipe(std::string& text) noexcept {
  text.resize(text.capacity());
  if (!text.empty()) OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

std::string fingerprint(Secret const& secret) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  auto const bytes = secret.expose();
  HMAC(EVP_sha256(), fingerprint_label.data(), static_cast<int>(fingerprint_label.size()),
       reinterpret_cast<unsigned char const*>(bytes.data()), bytes.size(), digest, &length);
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (int i = 0; i < 4; ++i) {
    hex += digits[digest[i] >> 4];
    hex += digits[digest[i] & 15];
  }
  return hex;
}

std::array<std::uint8_t, 16> scope_of(Secret const& secret, std::string_view name) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  auto const key = secret.expose();
  auto const text = std::string(scope_label) + std::string(name);
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<unsigned char const*>(text.data()), text.size(), digest, &length);
  std::array<std::uint8_t, 16> scope;
  std::copy_n(digest, scope.size(), scope.begin());
  return scope;
}

bool forbid_core_dumps() {
  rlimit const none{0, 0};
  return ::setrlimit(RLIMIT_CORE, &none) == 0 && ::prctl(PR_SET_DUMPABLE, 0) == 0;
}

}  // namespace gateway
