#pragma once
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "gateway/net/buffers.hpp"
#include "gateway/net/socket_stream.hpp"

namespace gateway::net {

// An immutable TLS configuration, shared by connections of all threads; replaced as a whole on reload.
using TlsContext = std::shared_ptr<SSL_CTX>;

struct TlsContextResult {
  TlsContext context;  // null when it could not be made
  std::string error;   // one sentence, without secrets
  std::string culprit;  // which file is to blame: "certificate", "private_key", "client_ca" or "ca_file"
};

struct TlsServerFiles {
  std::string certificate, private_key, client_ca;
  bool require_client_certificate = false;
};
// TLS 1.2 and 1.3 for callers; checks that the key belongs to the certificate.
TlsContextResult make_server_context(TlsServerFiles const& files);
// TLS 1.2 and 1.3 to the vendor; the chain is verified against `ca_file`, or the system's store when it is empty.
TlsContextResult make_client_context(std::string const& ca_file);
// Seconds since 1970 when the certificate of the context ends; 0 when it has none.
std::int64_t certificate_expiry(TlsContext const& context);

// The last session ticket of a vendor, offered on the next connection. One a worker.
class TlsSessionSlot {
 public:
  TlsSessionSlot() = default;
  // Forgets the session; from now on only those of connections of `context` are kept, since resumption skips the
  // verification that a changed context may ask for.
  void restrict_to(SSL_CTX const* context) {
    context_ = context;
    set(nullptr);
  }
  bool accepts(SSL_CTX const* context) const { return context == context_; }
  TlsSessionSlot(TlsSessionSlot const&) = delete;
  TlsSessionSlot& operator=(TlsSessionSlot const&) = delete;
  ~TlsSessionSlot() { set(nullptr); }
  SSL_SESSION* get() const { return session_; }
  void set(SSL_SESSION* session);  // takes the reference over

 private:
  SSL_SESSION* session_ = nullptr;
  SSL_CTX const* context_ = nullptr;
};

// TLS over a socket, on OpenSSL directly rather than asio::ssl::stream: records are gathered and sent in batches of
// 112 KiB, buffers are held only while bytes are in flight, and an idle connection costs a fifth of the memory.
class TlsStream final : public ByteStream {
 public:
  // For callers. Small, because every idle connection has it, but a usual request with its record fits in: what does not
  // costs two calls more, one of which only learns that there is nothing left.
  static constexpr std::size_t server_input_bytes = 1024;
  // For the vendor: one read takes a typical answer.
  static constexpr std::size_t client_input_bytes = 16 * 1024 + 512;

  TlsStream(TlsContext const& context, Executor executor, int family, int descriptor, std::size_t input_bytes);
  ~TlsStream() override;

  void start_connect(IoOp& op, sockaddr const* address, unsigned size) { raw_.start_connect(op, address, size); }
  // For clients, before the handshake: SNI and the name or address that the certificate must have.
  bool expect_host(std::string const& host, TlsSessionSlot& sessions);
  void start_client_handshake(IoOp& op);
  void start_server_handshake(IoOp& op);

  void start_read(IoOp& op, std::span<char> buffer) override;
  void start_idle_read(IoOp& op, std::span<char> buffer) override;
  std::size_t try_read(std::span<char> buffer) noexcept override;
  void start_write(IoOp& op, std::span<iovec const> parts) override;
  void abort(bool hard) noexcept override;
  void shutdown_write() noexcept override;
  bool probe_idle() noexcept override;
  bool is_broken() noexcept override { return raw_.is_broken(); }
  std::size_t unsent_bytes() noexcept override { return raw_.unsent_bytes(); }
  std::string_view tls_version() const override { return SSL_get_version(ssl_); }

 private:
  friend int tls_bio_read(BIO* bio, char* out, int size);
  friend int tls_bio_write(BIO* bio, char const* data, int size);

  void start_handshake(IoOp& op);
  void drive_handshake();
  void drive_read();
  void drive_write();
  bool encrypt_some();  // false on a TLS failure
  void wait_for_input();
  void flush_quietly() noexcept;
  void start_sending();
  void end(IoOp*& op, IoStatus status, std::size_t bytes = 0);
  static void on_input(void* self);
  static void on_output(void* self);

  SocketStream raw_;
  SSL* ssl_;
  std::unique_ptr<char[]> input_;
  std::size_t input_capacity_, input_from_ = 0, input_to_ = 0;
  bool input_may_have_more_ = true;  // the socket may hold more than the last read took
  bool input_ended_ = false;
  bool dead_ = false;
  bool write_dead_ = false;  // nothing more can be sent; what has arrived can still be read
  bool shut_ = false;
  bool starting_ = false;  // inside start_...: results are stored, not announced

  // Records that wait to be sent, and those that a pending write of the socket is sending.
  Block output_, sending_;
  std::size_t output_size_ = 0;

  IoOp* handshake_op_ = nullptr;
  IoOp* read_op_ = nullptr;
  IoOp* write_op_ = nullptr;
  std::span<char> read_buffer_;
  iovec parts_[max_parts];
  std::size_t part_ = 0, part_count_ = 0, written_ = 0;
  IoOp raw_read_, raw_write_;
};

}  // namespace gateway::net
