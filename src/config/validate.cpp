#include "validate.hpp"

#include <algorithm>
#include <set>

#include "gateway/base/ascii.hpp"
#include "gateway/base/redis_url.hpp"
#include "scalars.hpp"

namespace gateway::config {
namespace {

class Validator {
 public:
  Validator(Reader const& reader, Lines const& lines, Config& config)
      : reader_(reader), lines_(lines), config_(config), values_(config.values) {}

  void run() {
    end_points();
    server_tls();
    upstream();
    api_key();
    uploads();
    store();
    audit();
    tenants();
  }

 private:
  void problem(std::string const& key, std::string message, std::string remedy) {
    auto const found = lines_.keys.find(key);
    reader_.problem(found == lines_.keys.end() ? 0 : found->second, key, std::move(message), std::move(remedy));
  }

  void end_points() {
    for (auto const& text : values_.server_listen) {
      if (auto endpoint = Endpoint::parse(text)) config_.listen.push_back(std::move(*endpoint));
      else problem("server.listen", "'" + text + "' is no address", "use host:port, [v6]:port or unix:/absolute/path");
    }
    if (auto admin = Endpoint::parse(values_.admin_listen)) config_.admin = std::move(*admin);
    else problem("admin.listen", "'" + values_.admin_listen + "' is no address", "use host:port, [v6]:port or unix:/path");
    for (auto const& endpoint : config_.listen)
      if (endpoint.text() == config_.admin.text() && endpoint.port != 0)
        problem("admin.listen", "is the same as server.listen", "give the admin listener an address of its own");
    auto const& prefix = values_.server_path_prefix;
    bool const good = prefix.empty() || (prefix.front() == '/' && prefix.back() != '/' &&
                                         std::all_of(prefix.begin(), prefix.end(), [](char c) {
                                           return is_alnum(c) || c == '/' || c == '-' || c == '_' || c == '.';
                                         }));
    if (!good) problem("server.path_prefix", "is no path", "use \"\" or a path such as \"/v3\" without a slash at its end");
  }

  void server_tls() {
    bool const certificate = !values_.server_tls_certificate.empty();
    bool const key = !values_.server_tls_private_key.empty();
    if (certificate != key)
      problem("server.tls." + std::string(certificate ? "certificate" : "private_key"), "stands alone",
              "set both certificate and private_key");
    if (values_.server_tls_require_client_certificate && values_.server_tls_client_ca.empty())
      problem("server.tls.require_client_certificate", "needs client_ca", "name the CAs that sign client certificates");
    if (!certificate && !values_.server_tls_client_ca.empty())
      problem("server.tls.client_ca", "has no effect without a certificate", "set certificate and private_key");
  }

  void upstream() {
    auto url = UpstreamUrl::parse(values_.upstream_base_url);
    if (!url) return problem("upstream.base_url", "is no base URL", "use https://host[:port][/path]");
    bool const allowed = url->tls || values_.upstream_allow_plain_http_anywhere ||
                         (values_.upstream_allow_plain_http && url->is_loopback());
    if (!allowed)
      problem("upstream.base_url", "would send the key in plain text",
              "use https://, or for a loopback address set upstream.allow_plain_http = true");
    if (!url->tls && !values_.upstream_ca_file.empty())
      problem("upstream.ca_file", "has no effect with http://", "remove it or use https://");
    config_.upstream = std::move(*url);
    if (values_.upstream_total_timeout < values_.upstream_first_byte_timeout)
      problem("upstream.total_timeout", "is shorter than first_byte_timeout", "raise it");
  }

  void api_key() {
    bool const file = !values_.api_key_file.empty(), env = !values_.api_key_env.empty();
    if (file && env) problem("api_key.env", "stands beside api_key.file", "keep exactly one of them");
    if (!file && !env) problem("api_key.file", "is missing, and so is api_key.env", "set exactly one of them");
  }

  void uploads() {
    for (auto const& type : values_.uploads_content_types)
      if (type != "image/jpeg" && type != "image/png")
        problem("uploads.content_types", "'" + type + "' is no type whose files can be checked", "use image/jpeg and image/png");
  }

  void store() {
    if (values_.store_redis.empty()) return;
    // The value is not shown: it may hold a password.
    if (auto parsed = RedisUrl::parse(values_.store_redis); !parsed.url)
      problem("store.redis", std::move(parsed.problem), std::move(parsed.remedy));
  }

  void audit() {
    for (auto const& name : values_.audit_fail_closed)
      if (!policy::operation_by_name(name)) problem("audit.fail_closed", "'" + name + "' is no operation", operations_remedy(name));
  }

  static std::string operations_remedy(std::string const& word) {
    std::vector<std::string_view> names;
    for (auto const& row : policy::operations) names.push_back(row.name);
    if (auto const near = nearest(word, names); !near.empty()) return "did you mean '" + near + "'?";
    std::string all;
    for (auto name : names) all += (all.empty() ? "" : ", ") + std::string(name);
    return "use one of: " + all;
  }

  void tenants() {
    std::set<std::string> names;
    std::vector<Cidr> blocks;
    std::set<std::int64_t> uids;
    std::vector<policy::Tenant> tenants;
    for (std::size_t i = 0; i < config_.tenant_values.size(); ++i) {
      auto const& values = config_.tenant_values[i];
      auto const bad = [&](std::string const& key, std::string message, std::string remedy) {
        reader_.problem(lines_.tenants[i], "tenant." + key, std::move(message), std::move(remedy));
      };
      policy::Tenant tenant;
      tenant.name = values.name;
      name(values, names, bad);
      proofs(values, blocks, uids, tenant, bad);
      operations(values, tenant, bad);
      if (!values.rate.empty() && !is_rate(values.rate)) bad("rate", "'" + values.rate + "' is no rate", "write for instance \"50/s\"");
      tenants.push_back(std::move(tenant));
    }
    if (tenants.empty())
      reader_.problem(0, "tenant", "is missing", "add at least one [[tenant]], or nobody may call");
    config_.tenants = policy::TenantTable(std::move(tenants));
  }

  template <class Bad>
  void name(TenantValues const& values, std::set<std::string>& names, Bad const& bad) {
    bool const good = !values.name.empty() && values.name != "unknown" &&
                      std::all_of(values.name.begin(), values.name.end(), [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
    if (!good) return bad("name", "'" + values.name + "' is no name", "use letters, digits, '-', '_' and '.'; \"unknown\" is reserved");
    if (!names.insert(values.name).second) bad("name", "'" + values.name + "' is used twice", "give each tenant a name of its own");
  }

  template <class Bad>
  void proofs(TenantValues const& values, std::vector<Cidr>& blocks, std::set<std::int64_t>& uids,
              policy::Tenant& tenant, Bad const& bad) {
    for (auto const& text : values.cidr) {
      auto const cidr = Cidr::parse(text);
      if (!cidr) bad("cidr", "'" + text + "' is no block of addresses", "write for instance \"10.12.0.0/16\", host bits zero");
      else if (std::find(blocks.begin(), blocks.end(), *cidr) != blocks.end())
        bad("cidr", "'" + text + "' is used twice", "a block belongs to one tenant");
      else {
        blocks.push_back(*cidr);
        tenant.cidr.push_back(*cidr);
      }
    }
    for (auto uid : values.unix_uid) {
      if (!uids.insert(uid).second) bad("unix_uid", std::to_string(uid) + " is used twice", "a user belongs to one tenant");
      tenant.unix_uid.push_back(static_cast<std::uint32_t>(uid));
    }
    for (auto const& token : values.tokens) {
      auto const hex = std::string_view(token).substr(std::min<std::size_t>(7, token.size()));
      bool const good = token.starts_with("sha256:") && hex.size() == 64 &&
                        std::all_of(hex.begin(), hex.end(), [](char c) { return hex_value(c) >= 0; });
      // The text itself is not shown: somebody may have pasted the token instead of its hash.
      if (!good) bad("tokens", "holds something that is no hash", "paste the line that `argos-gateway token new` prints");
    }
    for (auto const& id : values.spiffe)
      if (!id.starts_with("spiffe://")) bad("spiffe", "'" + id + "' is no SPIFFE id", "write spiffe://trust-domain/path");
    if (values.cidr.empty() && values.unix_uid.empty() && values.tokens.empty() && values.spiffe.empty() && values.dns_san.empty())
      bad("name", "tenant '" + values.name + "' has no proof, so nobody can be it", "add cidr, unix_uid, tokens, spiffe or dns_san");
  }

  template <class Bad>
  void operations(TenantValues const& values, policy::Tenant& tenant, Bad const& bad) {
    for (auto const& text : values.operations) {
      if (text == "*") {
        tenant.operations.set();
      } else if (auto const id = policy::operation_by_name(text)) {
        tenant.operations.set(static_cast<std::size_t>(*id));
      } else {
        bad("operations", "'" + text + "' is no operation", operations_remedy(text));
      }
    }
  }

  Reader const& reader_;
  Lines const& lines_;
  Config& config_;
  Values& values_;
};

}  // namespace

void validate(Reader const& reader, Lines const& lines, Config& config) { Validator(reader, lines, config).run(); }

}  // namespace gateway::config
