#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <cstring>
#include <ctime>

#include "gateway/net/tls.hpp"

namespace gateway::net {
namespace {

constexpr unsigned char session_context[] = "argos-gateway";
// Only AEAD suites with forward secrecy for TLS 1.2.
constexpr char tls12_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

std::string last_error() {
  auto const code = ERR_get_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  char const* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

TlsContext new_context(SSL_METHOD const* method) {
  TlsContext context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) return context;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), tls12_ciphers);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

// http/1.1 is the only protocol that is spoken; callers that offer none, or only others, are still served.
int choose_protocol(SSL*, unsigned char const** out, unsigned char* out_size, unsigned char const* offered,
                    unsigned int offered_size, void*) {
  static constexpr unsigned char http11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, http11, sizeof http11 - 1, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* slot = static_cast<TlsSessionSlot*>(SSL_get_app_data(ssl));
  if (slot == nullptr || !slot->accepts(SSL_get_SSL_CTX(ssl))) return 0;
  slot->set(session);
  return 1;
}

}  // namespace

void TlsSessionSlot::set(SSL_SESSION* session) {
  if (session_ != nullptr) SSL_SESSION_free(session_);
  session_ = session;
}

TlsContextResult make_server_context(TlsServerFiles const& files) {
  ERR_clear_error();
  auto context = new_context(TLS_server_method());
  if (!context) return {nullptr, "TLS is not available: " + last_error(), {}};
  auto* ctx = context.get();
  if (SSL_CTX_use_certificate_chain_file(ctx, files.certificate.c_str()) != 1)
    return {nullptr, "certificate " + files.certificate + " cannot be used: " + last_error(), "certificate"};
  if (SSL_CTX_use_PrivateKey_file(ctx, files.private_key.c_str(), SSL_FILETYPE_PEM) != 1)
    return {nullptr, "private key " + files.private_key + " cannot be used: " + last_error(), "private_key"};
  if (SSL_CTX_check_private_key(ctx) != 1)
    return {nullptr, "private key " + files.private_key + " does not belong to " + files.certificate, "private_key"};
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);  // an idle caller holds no record buffers
  SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1);
  SSL_CTX_set_num_tickets(ctx, 1);
  SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, nullptr);
  if (!files.client_ca.empty()) {
    auto* names = SSL_load_client_CA_file(files.client_ca.c_str());
    if (names == nullptr || SSL_CTX_load_verify_locations(ctx, files.client_ca.c_str(), nullptr) != 1)
      return {nullptr, "client CA file " + files.client_ca + " cannot be used: " + last_error(), "client_ca"};
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (files.require_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  }
  return {std::move(context), {}, {}};
}

TlsContextResult make_client_context(std::string const& ca_file) {
  ERR_clear_error();
  auto context = new_context(TLS_client_method());
  if (!context) return {nullptr, "TLS is not available: " + last_error(), {}};
  auto* ctx = context.get();
  bool const loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(ctx) == 1
                                      : SSL_CTX_load_verify_locations(ctx, ca_file.c_str(), nullptr) == 1;
  if (!loaded) return {nullptr, "CA file " + ca_file + " cannot be used: " + last_error(), "ca_file"};
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ctx, keep_session);
  static constexpr unsigned char http11[] = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(ctx, http11, sizeof http11 - 1);
  return {std::move(context), {}, {}};
}

std::int64_t certificate_expiry(TlsContext const& context) {
  auto* certificate = context ? SSL_CTX_get0_certificate(context.get()) : nullptr;
  if (certificate == nullptr) return 0;
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) return 0;
  return ::timegm(&end);
}

}  // namespace gateway::net
