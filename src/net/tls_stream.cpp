#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "gateway/net/tls.hpp"

namespace gateway::net {
namespace {
constexpr std::size_t record_bytes = 16 * 1024;
// Output is sent when this much has been gathered: per-record sends cost twice the CPU on uploads.
constexpr std::size_t gather_bytes = 112 * 1024;
// One record with its overhead must always fit behind what has been gathered.
static_assert(gather_bytes + 2 * record_bytes <= block_bytes(BlockSize::relay));

// Where small writes are put together so that they become one record. Wiped after use: it may have held the key.
thread_local char coalesced[record_bytes];
}  // namespace

int tls_bio_read(BIO* bio, char* out, int size) {
  auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  auto const wanted = static_cast<std::size_t>(size);
  if (auto const have = stream.input_to_ - stream.input_from_; have > 0) {
    auto const take = std::min(have, wanted);
    std::memcpy(out, stream.input_.get() + stream.input_from_, take);
    stream.input_from_ += take;
    return static_cast<int>(take);
  }
  if (stream.input_ended_) return 0;
  if (stream.input_may_have_more_) {
    auto const got = stream.raw_.try_receive({out, wanted});
    if (got > 0) return static_cast<int>(got);
    if (got == 0) {
      stream.input_ended_ = true;
      return 0;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      stream.dead_ = true;
      return -1;
    }
    stream.input_may_have_more_ = false;
  }
  BIO_set_retry_read(bio);
  return -1;
}

int tls_bio_write(BIO* bio, char const* data, int size) {
  auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  auto const bytes = static_cast<std::size_t>(size);
  if (!stream.output_) stream.output_ = Block(bytes > block_bytes(BlockSize::small) / 2 ? BlockSize::relay : BlockSize::small);
  if (stream.output_size_ + bytes > stream.output_.size()) {
    if (stream.output_.size() == block_bytes(BlockSize::relay)) return -1;  // cannot happen: see gather_bytes
    Block larger(BlockSize::relay);
    std::memcpy(larger.data(), stream.output_.data(), stream.output_size_);
    stream.output_ = std::move(larger);
  }
  std::memcpy(stream.output_.data() + stream.output_size_, data, bytes);
  stream.output_size_ += bytes;
  return size;
}

namespace {
long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* bio_method() {
  static BIO_METHOD* const method = [] {
    auto* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "argos tls stream");
    BIO_meth_set_read(m, tls_bio_read);
    BIO_meth_set_write(m, tls_bio_write);
    BIO_meth_set_ctrl(m, bio_control);
    return m;
  }();
  return method;
}
}  // namespace

TlsStream::TlsStream(TlsContext const& context, Executor executor, int family, int descriptor, std::size_t input_bytes)
    : raw_(executor, family, descriptor),
      ssl_(SSL_new(context.get())),
      input_(std::make_unique_for_overwrite<char[]>(input_bytes)),
      input_capacity_(input_bytes) {
  BIO* bio = BIO_new(bio_method());
  if (ssl_ == nullptr || bio == nullptr) std::terminate();  // out of memory: a restart is cheap, a half-dead process is not
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  raw_read_.on_finish(on_input, this);
  raw_write_.on_finish(on_output, this);
}

TlsStream::~TlsStream() {
  // OpenSSL takes a session out of use when its connection is freed without a shutdown; connections that ended cleanly for
  // us are closed at once, and their session shall serve the next one.
  if (!dead_ && !write_dead_) SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
}

bool TlsStream::expect_host(std::string const& host, TlsSessionSlot& sessions) {
  unsigned char address[16];
  bool const is_address = ::inet_pton(AF_INET, host.c_str(), address) == 1 || ::inet_pton(AF_INET6, host.c_str(), address) == 1;
  if (is_address) {
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str()) != 1) return false;
  } else {
    SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (SSL_set1_host(ssl_, host.c_str()) != 1 || SSL_set_tlsext_host_name(ssl_, host.c_str()) != 1) return false;
  }
  SSL_set_app_data(ssl_, &sessions);
  if (sessions.get() != nullptr) SSL_set_session(ssl_, sessions.get());
  return true;
}

void TlsStream::start_client_handshake(IoOp& op) {
  SSL_set_connect_state(ssl_);
  start_handshake(op);
}

void TlsStream::start_server_handshake(IoOp& op) {
  SSL_set_accept_state(ssl_);
  start_handshake(op);
}

void TlsStream::start_handshake(IoOp& op) {
  op.begin();
  handshake_op_ = &op;
  starting_ = true;
  drive_handshake();
  starting_ = false;
}

// Ends `op`, quietly while its start function is still running.
void TlsStream::end(IoOp*& op, IoStatus status, std::size_t bytes) {
  auto& ended = *std::exchange(op, nullptr);
  if (starting_) ended.finish_quietly(status, bytes);
  else ended.finish(status, bytes);
}

void TlsStream::drive_handshake() {
  if (raw_.aborted()) return end(handshake_op_, IoStatus::aborted);
  if (dead_ || write_dead_) return end(handshake_op_, IoStatus::failed);
  ERR_clear_error();
  int const result = SSL_do_handshake(ssl_);
  int const reason = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, result);
  if (output_size_ > 0) {
    start_sending();
    if (raw_write_.pending()) return;  // on_output comes back here
    sending_.release();
  }
  if (result == 1) return end(handshake_op_, IoStatus::ok);
  if (reason == SSL_ERROR_WANT_READ && !input_ended_) return wait_for_input();
  dead_ = true;
  end(handshake_op_, input_ended_ ? IoStatus::truncated : IoStatus::failed);
}

void TlsStream::wait_for_input() {
  input_from_ = input_to_ = 0;
  raw_.start_read(raw_read_, {input_.get(), input_capacity_});
  if (!raw_read_.pending()) on_input(this);
}

void TlsStream::on_input(void* self) {
  auto& stream = *static_cast<TlsStream*>(self);
  switch (stream.raw_read_.status()) {
    case IoStatus::ok:
      stream.input_to_ = stream.raw_read_.bytes();
      stream.input_may_have_more_ = stream.input_to_ == stream.input_capacity_;
      break;
    case IoStatus::end:
    case IoStatus::truncated:
      stream.input_ended_ = true;
      break;
    case IoStatus::failed:
    case IoStatus::aborted:
      stream.dead_ = true;
      break;
  }
  if (stream.handshake_op_ != nullptr) return stream.drive_handshake();
  if (stream.read_op_ != nullptr) stream.drive_read();
}

void TlsStream::start_read(IoOp& op, std::span<char> buffer) {
  op.begin();
  read_op_ = &op;
  read_buffer_ = buffer;
  starting_ = true;
  drive_read();
  starting_ = false;
}

void TlsStream::start_idle_read(IoOp& op, std::span<char> buffer) {
  bool const quiet = !dead_ && !input_ended_ && !input_may_have_more_ && input_from_ == input_to_ && SSL_has_pending(ssl_) == 0;
  if (!quiet) return start_read(op, buffer);
  op.begin();
  read_op_ = &op;
  read_buffer_ = buffer;
  input_from_ = input_to_ = 0;
  starting_ = true;
  raw_.start_idle_read(raw_read_, {input_.get(), input_capacity_});
  if (!raw_read_.pending()) on_input(this);
  starting_ = false;
}

std::size_t TlsStream::try_read(std::span<char> buffer) noexcept {
  std::size_t total = 0, bytes = 0;
  if (raw_.aborted() || dead_) return 0;
  ERR_clear_error();
  // One record a call; an end or a failure is remembered by the session and told by the next start_read.
  while (total < buffer.size() && SSL_read_ex(ssl_, buffer.data() + total, buffer.size() - total, &bytes) == 1) total += bytes;
  flush_quietly();
  return total;
}

void TlsStream::drive_read() {
  if (raw_.aborted()) return end(read_op_, IoStatus::aborted);
  if (dead_) return end(read_op_, IoStatus::failed);
  ERR_clear_error();
  std::size_t bytes = 0;
  int const result = SSL_read_ex(ssl_, read_buffer_.data(), read_buffer_.size(), &bytes);
  int const reason = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, result);
  flush_quietly();  // an answer to a key update, or an alert
  if (result == 1) return end(read_op_, IoStatus::ok, bytes);
  if (reason == SSL_ERROR_WANT_READ && !input_ended_ && !dead_) return wait_for_input();
  if (reason == SSL_ERROR_ZERO_RETURN) return end(read_op_, IoStatus::end);
  bool const cut = input_ended_;
  dead_ = true;
  end(read_op_, cut ? IoStatus::truncated : IoStatus::failed);
}

void TlsStream::flush_quietly() noexcept {
  if (output_size_ == 0 || write_dead_ || raw_write_.pending() || write_op_ != nullptr) return;
  iovec const part{output_.data(), output_size_};
  auto const sent = raw_.try_send({&part, 1});
  // What the kernel does not take now goes out before the next write's records.
  if (sent <= 0) return;
  output_size_ -= static_cast<std::size_t>(sent);
  std::memmove(output_.data(), output_.data() + sent, output_size_);
  if (output_size_ == 0) output_.release();
}

void TlsStream::start_write(IoOp& op, std::span<iovec const> parts) {
  op.begin();
  write_op_ = &op;
  part_ = written_ = 0;
  part_count_ = parts.size();
  std::copy(parts.begin(), parts.end(), parts_);
  starting_ = true;
  drive_write();
  starting_ = false;
}

void TlsStream::drive_write() {
  for (;;) {
    if (raw_.aborted()) return end(write_op_, IoStatus::aborted, written_);
    if (dead_ || write_dead_ || !encrypt_some()) return end(write_op_, IoStatus::failed, written_);
    if (output_size_ == 0) return end(write_op_, IoStatus::ok, written_);
    start_sending();
    if (raw_write_.pending()) return;  // on_output comes back here
    sending_.release();
    if (raw_write_.status() != IoStatus::ok) {
      write_dead_ = true;
      return end(write_op_, IoStatus::failed, written_);
    }
  }
}

// Hands what was gathered to the socket. Records made meanwhile, such as the answer to a key update, go into a block of
// their own: the one being sent must neither move nor grow.
void TlsStream::start_sending() {
  sending_ = std::move(output_);
  iovec const part{sending_.data(), std::exchange(output_size_, 0)};
  raw_.start_write(raw_write_, {&part, 1});
}

// Encrypts parts until enough is gathered or all are done. Small parts are put together into one record.
bool TlsStream::encrypt_some() {
  while (part_ < part_count_ && output_size_ < gather_bytes) {
    char const* data = static_cast<char const*>(parts_[part_].iov_base);
    std::size_t size = std::min(parts_[part_].iov_len, record_bytes);
    bool const gathered = size < record_bytes && part_ + 1 < part_count_;
    if (gathered) {
      size = 0;
      for (std::size_t i = part_; i < part_count_ && size < record_bytes; ++i) {
        auto const take = std::min(parts_[i].iov_len, record_bytes - size);
        std::memcpy(coalesced + size, parts_[i].iov_base, take);
        size += take;
      }
      data = coalesced;
    }
    ERR_clear_error();
    std::size_t accepted = 0;
    bool const good = size == 0 || SSL_write_ex(ssl_, data, size, &accepted) == 1;
    if (gathered) OPENSSL_cleanse(coalesced, size);
    if (!good) return false;
    written_ += accepted;
    while (part_ < part_count_ && accepted >= parts_[part_].iov_len) accepted -= parts_[part_++].iov_len;
    if (accepted > 0) {
      parts_[part_].iov_base = static_cast<char*>(parts_[part_].iov_base) + accepted;
      parts_[part_].iov_len -= accepted;
    }
  }
  return true;
}

void TlsStream::on_output(void* self) {
  auto& stream = *static_cast<TlsStream*>(self);
  stream.sending_.release();
  if (stream.raw_write_.status() != IoStatus::ok) stream.write_dead_ = true;
  if (stream.handshake_op_ != nullptr) return stream.drive_handshake();
  if (stream.write_op_ != nullptr) stream.drive_write();
}

void TlsStream::abort(bool hard) noexcept {
  SSL_set_quiet_shutdown(ssl_, 1);
  raw_.abort(hard);
}

void TlsStream::shutdown_write() noexcept {
  if (raw_.aborted() || std::exchange(shut_, true) || dead_ || write_dead_ || write_op_ != nullptr || handshake_op_ != nullptr || !SSL_is_init_finished(ssl_)) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  flush_quietly();
  raw_.shutdown_write();
}

bool TlsStream::probe_idle() noexcept { return SSL_has_pending(ssl_) == 0 && input_from_ == input_to_ && raw_.probe_idle(); }

}  // namespace gateway::net
