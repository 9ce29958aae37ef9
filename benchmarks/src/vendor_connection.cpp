#include "vendor_connection.hpp"

#include "message.hpp"

#include <ctime>
#include <optional>

namespace gateway::bench {

namespace {

constexpr std::string_view lookup_start = "GET /v3/submission?submission_id=bench";
constexpr std::size_t largest_head = std::size_t{16} * 1024;

struct RequestFacts {
  std::size_t keys = 0;
  bool right_key = false;
  bool caller_secret = false;
  bool vendor_host = false;
  bool chunked = false;
  std::size_t length = 0;
};

RequestFacts read_facts(std::string_view head, std::string_view api_key) {
  RequestFacts facts;
  for_each_field(head, [&](std::string_view name, std::string_view value) {
    if (same_ignoring_case(name, "x-api-key")) {
      ++facts.keys;
      facts.right_key = value == api_key;
    } else if (same_ignoring_case(name, "authorization") || same_ignoring_case(name, "cookie")) {
      facts.caller_secret = true;
    } else if (same_ignoring_case(name, "host")) {
      facts.vendor_host = value.starts_with("127.0.0.1") || value.starts_with("localhost");
    } else if (same_ignoring_case(name, "transfer-encoding")) {
      facts.chunked = true;
    } else if (same_ignoring_case(name, "content-length")) {
      facts.length = parse_length(value).value_or(0);
    }
  });
  return facts;
}

/// Now: an old date would make every answer stale on arrival.
std::string_view date() {
  static std::time_t shown = 0;
  static char text[64];
  const std::time_t now = std::time(nullptr);
  if (now != shown) {
    shown = now;
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  }
  return text;
}

}  // namespace

bool VendorConnection::resume(std::span<char> scratch) {
  if (!flush()) return false;
  while (true) {
    const Moved got = stream_.read(scratch);
    if (got.state == Transfer::would_block) return !broken_;
    if (got.state != Transfer::moved) return false;
    count_handshake();
    if (!take({scratch.data(), got.bytes})) return false;
    // A plain socket that gave less than the buffer holds is empty; asking again would only cost a call.
    if (stream_.ssl() == nullptr && got.bytes < scratch.size()) return true;
  }
}

void VendorConnection::count_handshake() {
  if (handshake_counted_ || stream_.ssl() == nullptr) return;
  handshake_counted_ = true;
  ++(SSL_session_reused(stream_.ssl()) == 1 ? counters_->tls_resumed : counters_->tls_full);
}

bool VendorConnection::take(std::string_view bytes) {
  while (!bytes.empty() && !broken_) {
    if (in_body_) {
      const std::string_view part = bytes.substr(0, body_left_);
      bytes.remove_prefix(part.size());
      take_body(part);
    } else {
      bytes.remove_prefix(take_head(bytes));
    }
  }
  return flush() && !broken_;
}

/// Returns how many of the bytes belong to the head.
std::size_t VendorConnection::take_head(std::string_view bytes) {
  if (partial_head_.empty()) {
    if (const auto size = head_size(bytes)) {
      begin_request(bytes.substr(0, *size));
      return *size;
    }
  }
  const std::size_t before = partial_head_.size();
  partial_head_.append(bytes);
  const auto size = head_size(partial_head_);
  if (!size) {
    broken_ = partial_head_.size() > largest_head;
    return bytes.size();
  }
  const std::string head = partial_head_.substr(0, *size);
  partial_head_.clear();
  begin_request(head);
  return *size - before;
}

void VendorConnection::begin_request(std::string_view head) {
  const RequestFacts facts = read_facts(head, options_->api_key);
  const std::string_view line = start_line(head);
  if (facts.chunked) return refuse(411, "chunked body");
  if (facts.keys != 1 || !facts.right_key) return refuse(401, "x-api-key missing, wrong or repeated");
  if (facts.caller_secret) return refuse(401, "the caller's authorization or cookie arrived");
  if (!facts.vendor_host) return refuse(401, "host is not the vendor's");
  if (line.starts_with(lookup_start)) return answer_lookup(line);
  bool const upload = line.starts_with("POST /v3/submission/step1 ") || line.starts_with("POST /v3/address_code ");
  if (upload && facts.length > 0) {
    in_body_ = true;
    body_left_ = facts.length;
    body_differs_ = facts.length != options_->upload_body.size();
    return;
  }
  refuse(404, line);
}

void VendorConnection::take_body(std::string_view bytes) {
  if (!body_differs_) {
    const std::size_t at = options_->upload_body.size() - body_left_;
    body_differs_ = bytes != std::string_view(options_->upload_body).substr(at, bytes.size());
  }
  body_left_ -= bytes.size();
  if (body_left_ > 0) return;
  in_body_ = false;
  if (body_differs_) return refuse(400, "the upload is not what the caller sent");
  ++counters_->uploads;
  answer(200, "application/json", R"({"submissionId":"bench0000000000","file_upload":"true"})");
}

/// The submission that was asked for, and no other: an answer from a cache shows whose it is.
void VendorConnection::answer_lookup(std::string_view line) {
  ++counters_->lookups;
  const std::string_view rest = line.substr(lookup_start.size());
  const std::string_view number = rest.substr(0, rest.find(' '));
  std::string body = options_->lookup_body;
  const std::size_t at = body.find(counter_mark);
  if (at == std::string::npos || number.size() != counter_mark.size()) return refuse(404, "no such submission");
  answer(200, "application/json", body.replace(at, number.size(), number));
}

void VendorConnection::refuse(int status, std::string_view why) {
  ++counters_->refused;
  counters_->last_refusal = why.substr(0, why.find_first_of("\"\\"));
  // A body may follow the refused head; without its framing the only honest continuation is the end.
  broken_ = true;
  answer(status, "application/json", R"({"message":")" + std::string(why.substr(0, 200)) + "\"}");
  flush();
}

void VendorConnection::answer(int status, std::string_view type, std::string_view body) {
  // The fields an AWS gateway adds are there because each proxy has to pass or drop them.
  unsent_.append("HTTP/1.1 ").append(std::to_string(status)).append(status == 200 ? " OK" : " Refused");
  unsent_.append("\r\nDate: ").append(date()).append("\r\nContent-Type: ").append(type);
  // Longer than a run, and said, because HAProxy keeps nothing without it.
  if (status == 200) unsent_.append("\r\nCache-Control: max-age=3600");
  unsent_.append("\r\nContent-Length: ").append(std::to_string(body.size()));
  unsent_.append("\r\nConnection: ").append(broken_ ? "close" : "keep-alive");
  unsent_.append("\r\nx-amzn-RequestId: 6f6a2f0e-3c51-4a8f-9d0e-5b1c2d3e4f50\r\nx-amz-apigw-id: bEnChMaRk0Fj0Hg="
                 "\r\nX-Amzn-Trace-Id: Root=1-66388a19-0123456789abcdef01234567\r\n\r\n");
  unsent_.append(body);
}

bool VendorConnection::flush() {
  std::size_t sent = 0;
  while (sent < unsent_.size()) {
    const Moved put = stream_.write(std::span<const char>(unsent_).subspan(sent));
    if (put.state == Transfer::would_block) break;
    if (put.state != Transfer::moved) return false;
    sent += put.bytes;
  }
  unsent_.erase(0, sent);
  return true;
}

}  // namespace gateway::bench
