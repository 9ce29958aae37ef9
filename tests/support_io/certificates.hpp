#pragma once
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace gateway::test {

// What a certificate is to say. `names` as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1".
struct CertificateWish {
  std::string names = "DNS:localhost,IP:127.0.0.1";
  long valid_from_seconds = -3600, valid_to_seconds = 24 * 3600;  // relative to now
};

struct Certified {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> certificate;
};

// A certificate authority that lives in memory and issues certificates for tests.
class TestCa {
 public:
  TestCa();
  Certified issue(CertificateWish const& wish = {}) const;
  std::string pem() const;

 private:
  Certified self_;
};

std::string key_pem(Certified const& certified);
std::string certificate_pem(Certified const& certified);

// A file in a folder of this process that is removed at exit.
std::string write_temporary(std::string const& name, std::string const& content);

using SslContext = std::shared_ptr<SSL_CTX>;
// The peer's side, made without any of the gateway's code.
SslContext peer_server_context(Certified const& certified);
SslContext peer_client_context(std::string const& ca_pem);

}  // namespace gateway::test
