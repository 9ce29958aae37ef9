#include "support_io/certificates.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace gateway::test {
namespace {

std::shared_ptr<EVP_PKEY> make_key() {
  auto* const key = EVP_EC_gen("P-256");
  if (key == nullptr) throw std::runtime_error("no key could be made");
  return {key, EVP_PKEY_free};
}

void add_extension(X509* certificate, X509* issuer, int nid, std::string const& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  auto* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) throw std::runtime_error("bad extension " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

std::shared_ptr<X509> bare_certificate(EVP_PKEY* key, std::string const& name, CertificateWish const& wish) {
  std::shared_ptr<X509> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), 2);
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), wish.valid_from_seconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), wish.valid_to_seconds);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<unsigned char const*>(name.c_str()), -1, -1, 0);
  return certificate;
}

template <class Write>
std::string pem_of(Write&& write) {
  std::unique_ptr<BIO, int (*)(BIO*)> const bio(BIO_new(BIO_s_mem()), BIO_free);
  write(bio.get());
  char* text = nullptr;
  auto const size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

struct TemporaryFolder {
  std::filesystem::path path;
  TemporaryFolder() {
    auto pattern = (std::filesystem::temp_directory_path() / "argos-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

}  // namespace

TestCa::TestCa() {
  self_.key = make_key();
  self_.certificate = bare_certificate(self_.key.get(), "test CA", {});
  auto* const x = self_.certificate.get();
  X509_set_issuer_name(x, X509_get_subject_name(x));
  add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign");
  X509_sign(x, self_.key.get(), EVP_sha256());
}

Certified TestCa::issue(CertificateWish const& wish) const {
  Certified made;
  made.key = make_key();
  made.certificate = bare_certificate(made.key.get(), "test", wish);
  auto* const x = made.certificate.get();
  X509_set_issuer_name(x, X509_get_subject_name(self_.certificate.get()));
  add_extension(x, self_.certificate.get(), NID_subject_alt_name, wish.names);
  X509_sign(x, self_.key.get(), EVP_sha256());
  return made;
}

std::string TestCa::pem() const { return certificate_pem(self_); }

std::string key_pem(Certified const& certified) {
  return pem_of([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, certified.key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string certificate_pem(Certified const& certified) {
  return pem_of([&](BIO* bio) { PEM_write_bio_X509(bio, certified.certificate.get()); });
}

std::string write_temporary(std::string const& name, std::string const& content) {
  static TemporaryFolder const folder;
  static int number = 0;
  auto const path = (folder.path / (std::to_string(++number) + "-" + name)).string();
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

SslContext peer_server_context(Certified const& certified) {
  SslContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_use_certificate(context.get(), certified.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), certified.key.get());
  SSL_CTX_set_session_id_context(context.get(), reinterpret_cast<unsigned char const*>("test"), 4);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

SslContext peer_client_context(std::string const& ca_pem) {
  SslContext context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  std::unique_ptr<BIO, int (*)(BIO*)> const bio(BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())), BIO_free);
  std::unique_ptr<X509, void (*)(X509*)> const ca(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), ca.get());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

}  // namespace gateway::test
