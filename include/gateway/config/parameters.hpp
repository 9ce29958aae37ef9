#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

// Every configuration key, once: the loader, its checks, `argos-gateway doc config` and the struct come from these rows.
//
//   kind, section, section identifier, key, default, minimum, maximum, reload, sentence
//
// Kinds: text, path (relative to the folder of the file), list (of strings), choice (the maximum column names them),
// size (bytes), duration (milliseconds), count, flag. `reload` says whether a running gateway takes a new value.
#define GW_PARAMETERS(P)                                                                                               \
  P(list, "server", server, listen, "0.0.0.0:8080", 1, 64, no,                                                         \
    "Where callers connect: host:port, [v6]:port, or unix:/path.")                                                     \
  P(count, "server", server, workers, 0, 0, 256, no, "Worker threads; 0 means one per CPU.")                           \
  P(text, "server", server, path_prefix, "/v3", 0, 64, yes, "What callers put before /submission; may be empty.")      \
  P(path, "server.tls", server_tls, certificate, "", 0, 4096, yes, "Certificate chain (PEM); makes listeners TLS.")    \
  P(path, "server.tls", server_tls, private_key, "", 0, 4096, yes, "Private key of the certificate (PEM).")            \
  P(path, "server.tls", server_tls, client_ca, "", 0, 4096, yes, "CAs for client certificates; when set they are verified.") \
  P(flag, "server.tls", server_tls, require_client_certificate, false, 0, 1, yes, "Refuse callers without a certificate.") \
  P(text, "admin", admin, listen, "127.0.0.1:9901", 0, 256, no, "Where /livez, /readyz and /metrics are served.")      \
  P(text, "upstream", upstream, base_url, "https://rest-api.argosidentity.com/v3", 8, 1024, no,                        \
    "The vendor's base URL; its path is put before the operation's path.")                                             \
  P(path, "upstream", upstream, ca_file, "", 0, 4096, yes, "CAs that the vendor's certificate must chain to; empty means the system's.") \
  P(duration, "upstream", upstream, connect_timeout, "3s", 10, 60000, yes, "TCP and TLS connection set-up, all addresses together.") \
  P(duration, "upstream", upstream, first_byte_timeout, "35s", 10, 600000, yes, "From the end of the request to the first byte of the answer.") \
  P(duration, "upstream", upstream, total_timeout, "60s", 10, 3600000, yes, "The whole exchange with the vendor.")     \
  P(duration, "upstream", upstream, idle_timeout, "50s", 10, 3600000, yes, "Pooled connections idle this long are closed; keep it below the vendor's own.") \
  P(count, "upstream", upstream, max_connections, 256, 1, 65535, no, "Connections to the vendor per process, shared out evenly among the workers, at least one each.")         \
  P(flag, "upstream", upstream, allow_plain_http, false, 0, 1, no, "Allow an http:// base_url to a loopback address.") \
  P(flag, "upstream", upstream, allow_plain_http_anywhere, false, 0, 1, no, "Allow an http:// base_url to any address; the key travels unprotected.") \
  P(path, "api_key", api_key, file, "", 0, 4096, no, "File that holds the vendor key; watched and picked up when it changes.") \
  P(text, "api_key", api_key, env, "", 0, 256, no, "Environment variable that holds the vendor key, instead of a file.") \
  P(size, "limits", limits, header_bytes, "16KiB", 1024, 61440, yes, "Request line and header fields together.")       \
  P(count, "limits", limits, header_fields, 100, 8, 200, yes, "Header fields of a request.")                           \
  P(size, "limits", limits, body_bytes, "10MiB", 1024, 1073741824, yes,                                                \
    "Whole request body. JSON and urlencoded bodies, which are read whole, are at most 64 KiB unless uploads.validation is off.") \
  P(size, "limits", limits, file_bytes, "3MiB", 1024, 1073741824, yes, "Each file part of an upload.")                 \
  P(size, "limits", limits, field_bytes, "16KiB", 16, 1048576, yes, "Each text part of an upload.")                    \
  P(count, "limits", limits, parts, 64, 1, 1024, yes, "Parts of an upload.")                                           \
  P(count, "limits", limits, connections, 10000, 1, 1000000, yes, "Callers' connections per process.")                 \
  P(duration, "limits", limits, header_timeout, "10s", 100, 600000, yes, "From the first byte of a request to the end of its header.") \
  P(duration, "limits", limits, body_timeout, "30s", 100, 600000, yes, "Between two reads of a body, and for a peer to take the next piece of one.")         \
  P(duration, "limits", limits, idle_timeout, "75s", 100, 3600000, yes, "Keep-alive connections idle this long are closed.") \
  P(list, "uploads", uploads, content_types, "image/jpeg, image/png", 1, 16, yes, "Media types that a file part may have.") \
  P(count, "uploads", uploads, max_pixels, 50000000, 1, 1000000000, yes, "Width times height of an image.")            \
  P(choice, "uploads", uploads, validation, "enforce", 0, "enforce|report|off", yes, "Field rules of the operations.") \
  P(flag, "uploads", uploads, sha256, true, 0, 1, yes, "Hash each file for the access line and the audit trail.")       \
  P(flag, "cache", cache, enabled, true, 0, 1, yes, "Cache lookups of submissions.")                                   \
  P(size, "cache", cache, memory, "256MiB", 1048576, 1099511627776, no, "Memory of the cache, overhead included.")     \
  P(choice, "cache", cache, scope, "credential", 0, "credential|tenant", yes, "Who shares entries.")                   \
  P(duration, "cache", cache, ttl_approved, "10m", 0, 86400000, yes, "Lifetime of an approved submission.")            \
  P(duration, "cache", cache, ttl_rejected, "10m", 0, 86400000, yes, "Lifetime of a rejected submission.")             \
  P(duration, "cache", cache, ttl_pending, "2s", 0, 86400000, yes, "Lifetime of a pending submission.")                \
  P(duration, "cache", cache, ttl_incomplete, "2s", 0, 86400000, yes, "Lifetime of an incomplete submission.")         \
  P(duration, "cache", cache, ttl_list, "1s", 0, 86400000, yes, "Lifetime of a list of submissions.")                  \
  P(duration, "cache", cache, ttl_not_found, "1s", 0, 86400000, yes, "Lifetime of an answer without items.")           \
  P(duration, "cache", cache, ttl_other, "5s", 0, 86400000, yes, "Lifetime of unreadable bodies and other lookups.")   \
  P(duration, "cache", cache, stale_if_error, "5m", 0, 86400000, yes, "How long past its lifetime an answer may stand in for a failing vendor.") \
  P(duration, "cache", cache, stale_while_revalidate, "10s", 0, 86400000, yes, "How long past its lifetime an answer may be served while it is refreshed.") \
  P(text, "store", store, redis, "", 0, 1024, no, "Shared state of several gateways: redis:// or rediss://; empty means this process alone.") \
  P(path, "audit", audit, directory, "/var/lib/argos-gateway/audit", 1, 4096, no, "Where the audit trail is written.") \
  P(path, "audit", audit, pseudonym_key_file, "", 0, 4096, no, "HMAC key for identifiers; empty means generated beside the log.") \
  P(path, "audit", audit, signing_key_file, "", 0, 4096, no, "Ed25519 key for checkpoints; empty means generated beside the log.") \
  P(list, "audit", audit, fail_closed, "submit_step1, submit_step2, delete_submission, get_image, get_aml_report", 0, 16, yes, "Operations that are refused while they cannot be audited.") \
  P(size, "audit", audit, rotate_bytes, "256MiB", 1048576, 1099511627776, yes, "Size at which an audit file is closed.") \
  P(choice, "audit", audit, fsync, "group", 0, "group|each|never", yes, "When audit records are made durable.")        \
  P(count, "quota", quota, per_day, 500000, 0, 1000000000, yes, "Calls to the vendor per UTC day, all tenants; 0 means unlimited.") \
  P(duration, "drain", drain, hold, "5s", 0, 600000, yes, "How long a draining gateway still accepts connections.")    \
  P(duration, "drain", drain, deadline, "70s", 0, 3600000, yes, "When a drain ends whatever is still in flight.")      \
  P(choice, "log", log, level, "info", 0, "debug|info|warn|error", yes, "Least severe lines that are written.")        \
  P(choice, "log", log, format, "json", 0, "json|text", no, "Form of the log lines.")

// Keys of a [[tenant]] table, in the same form.
#define GW_TENANT_PARAMETERS(P)                                                                                        \
  P(text, "tenant", tenant, name, "", 1, 64, yes, "Name of the tenant in metrics, logs and the audit trail.")          \
  P(list, "tenant", tenant, tokens, "", 0, 64, yes, "SHA-256 hashes of bearer tokens, \"sha256:<64 hex digits>\".")    \
  P(list, "tenant", tenant, spiffe, "", 0, 64, yes, "SPIFFE ids of client certificates; * stands for one path segment.") \
  P(list, "tenant", tenant, dns_san, "", 0, 64, yes, "DNS names of client certificates.")                              \
  P(list, "tenant", tenant, cidr, "", 0, 256, yes, "Blocks of source addresses; the longest match wins.")              \
  P(numbers, "tenant", tenant, unix_uid, "", 0, 64, yes, "User ids of unix-socket peers.")                             \
  P(list, "tenant", tenant, operations, "read_submission, read_applicant", 0, 16, yes, "What the tenant may do; [\"*\"] means everything.") \
  P(text, "tenant", tenant, rate, "", 0, 32, yes, "Requests per time, such as \"50/s\"; empty means unlimited.")       \
  P(count, "tenant", tenant, burst, 0, 0, 1000000, yes, "Requests above the rate that are let through at once.")       \
  P(count, "tenant", tenant, concurrency, 0, 0, 1000000, yes, "Requests in flight; 0 means unlimited.")                \
  P(count, "tenant", tenant, daily_quota, 0, 0, 1000000000, yes, "Guaranteed share of quota.per_day; 0 means only the common pool.") \
  P(path, "tenant", tenant, api_key_file, "", 0, 4096, yes, "A vendor key of this tenant's own.")

namespace gateway::config {

namespace kind {
using text = std::string;
using path = std::string;
using list = std::vector<std::string>;
using numbers = std::vector<std::int64_t>;
using choice = std::string;
using size = std::uint64_t;
using duration = std::chrono::milliseconds;
using count = std::int64_t;
using flag = bool;
}  // namespace kind

// All keys of the sections, named section_key.
struct Values {
#define GW_ROW(kind_, section, id, key, default_, min, max, reload, doc) kind::kind_ id##_##key{};
  GW_PARAMETERS(GW_ROW)
#undef GW_ROW
};

// The keys of one [[tenant]].
struct TenantValues {
#define GW_ROW(kind_, section, id, key, default_, min, max, reload, doc) kind::kind_ key{};
  GW_TENANT_PARAMETERS(GW_ROW)
#undef GW_ROW
};

// One row of the tables above, for documentation and checks.
struct ParameterRow {
  std::string_view kind, section, key, default_text, min_text, max_text;
  bool reloadable;
  std::string_view doc;
};
std::vector<ParameterRow> const& parameter_rows();
std::vector<ParameterRow> const& tenant_parameter_rows();

}  // namespace gateway::config
