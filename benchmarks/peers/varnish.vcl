# Varnish doing the gateway's work. @NAME@ is filled in by harness/contestants.py.
vcl 4.1;
import std;

backend vendor {
  .host = "@UPSTREAM_NAME@";
  .port = "@UPSTREAM_PORT@";
  .connect_timeout = 3s;
  .first_byte_timeout = 35s;
  .between_bytes_timeout = 30s;
  .max_connections = 256;
}

acl bench { "127.0.0.0"/8; }
acl onboarding { "10.12.0.0"/16; }

sub vcl_recv {
  if (client.ip ~ bench) {
    set req.http.x-tenant = "bench";
  } elsif (client.ip ~ onboarding) {
    set req.http.x-tenant = "onboarding";
  } else {
    return (synth(401, "unknown_caller"));
  }
  if (req.url ~ "^/v3/(?:submission(?:/applicant)?|report/aml|image)(?:\?|$)") {
    if (req.method != "GET" && (req.method != "DELETE" || req.url !~ "^/v3/submission(?:\?|$)")) {
      return (synth(405, "method_not_allowed"));
    }
  } elsif (req.url ~ "^/v3/(?:submission/step[12]|address_code)$") {
    if (req.method != "POST") {
      return (synth(405, "method_not_allowed"));
    }
    if (std.integer(req.http.content-length, 0) > 10485760) {
      return (synth(413, "body_too_large"));
    }
  } else {
    return (synth(404, "unknown_path"));
  }
  # Named fields, as with HAProxy: an allow-list would be a line a field that a caller may think of.
  unset req.http.authorization;
  unset req.http.cookie;
  unset req.http.user-agent;
  unset req.http.x-api-key;
  if (req.method == "GET" && req.url ~ "^/v3/submission") {
    return (hash);
  }
  return (pass);
}

sub vcl_hash {
  hash_data(req.http.x-tenant);
  hash_data(req.url);
  return (lookup);
}

sub vcl_backend_fetch {
  unset bereq.http.x-tenant;
  unset bereq.http.x-varnish;
  unset bereq.http.x-forwarded-for;
  unset bereq.http.via;
  set bereq.http.host = "@UPSTREAM_NAME@:@UPSTREAM_PORT@";
  set bereq.http.x-api-key = "@API_KEY@";
}

sub vcl_backend_response {
  unset beresp.http.x-amz-apigw-id;
  unset beresp.http.x-amzn-trace-id;
  unset beresp.http.set-cookie;
  if (beresp.status != 200) {
    set beresp.ttl = 0s;
    set beresp.uncacheable = true;
  }
  set beresp.grace = 0s;
}

sub vcl_deliver {
  set resp.http.x-request-id = req.xid;
  unset resp.http.x-varnish;
  unset resp.http.via;
}

sub vcl_synth {
  set resp.http.x-request-id = req.xid;
  set resp.http.x-gateway-reason = resp.reason;
  set resp.http.content-type = "application/problem+json";
  set resp.body = {"{"type":"https://argos-gateway.invalid/problems/"} + resp.reason + {"","status":"} + resp.status
    + {","reason":""} + resp.reason + {"","instance":""} + req.xid + {"""} + "}";
  return (deliver);
}
