#include "gateway/upload/digest.hpp"

#include <openssl/evp.h>

#include <new>

namespace gateway::upload {
namespace {
// Fetched once: looking an algorithm up costs more than hashing a small file.
EVP_MD const* algorithm() {
  static EVP_MD const* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return fetched;
}
}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (!context_) throw std::bad_alloc();
}

void Sha256::begin() { EVP_DigestInit_ex2(context_.get(), algorithm(), nullptr); }
void Sha256::feed(std::span<char const> bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }

Digest Sha256::finish() {
  Digest digest;
  EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
  return digest;
}

}  // namespace gateway::upload
