"""What the vendor sees and what the caller gets back, operation by operation."""

import os
import subprocess
import unittest

from lib import wire
from lib.calls import CALLS, HOSTILE, call
from lib.gateway import UNCHECKED, Close, Gateway, RecordingVendor, answer, eventually, make_certs
from lib.media import MIB, jpeg, multipart, sha256, step1_fields
from lib.problem import check_problem
from lib.scenario import UUID7

KEY = "the-only-vendor-key-0123456789"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
# All that may ever reach the vendor; each at most once.
TO_VENDOR = {"host", "x-api-key", "content-type", "content-length", "transfer-encoding", "accept",
             "accept-language", "accept-encoding", "user-agent", "traceparent", "x-request-id",
             "connection"}
# All that may ever come back from an answer of the vendor.
TO_CALLER = {"content-type", "content-length", "transfer-encoding", "content-disposition",
             "content-encoding", "content-language", "date", "retry-after", "x-amzn-requestid",
             "cache-control", "expires", "etag", "last-modified", "vary", "age", "x-request-id",
             "connection", "keep-alive", "x-content-type-options", "cache-status", "server"}


class VendorCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certs = make_certs()
        cls.vendor = RecordingVendor(tls=cls.certs)
        cls.addClassCleanup(cls.vendor.close)
        cls.gateway = Gateway(cls.vendor, uploads=UNCHECKED, key=KEY + "\n", also=("v6", "unix"))
        cls.addClassCleanup(cls.gateway.__exit__)
        cls.gateway.start()

    def setUp(self):
        self.vendor.clear()
        self.vendor.responder = lambda request: answer()
        self.vendor.script.clear()

    def call(self, row, headers=(), gateway=None, prefix="/v3"):
        return call(gateway or self.gateway, row, headers, prefix)

    def seen(self):
        requests = self.vendor.requests()
        self.assertEqual(len(requests), 1, [request.head for request in requests])
        return requests[0]


class ToTheVendorTest(VendorCase):
    def test_each_operation_arrives_as_it_was_meant(self):
        for row in CALLS:
            operation, method, path, query, content_type, body = row
            with self.subTest(operation):
                self.vendor.clear()
                self.assertEqual(self.call(row, HOSTILE).status, 200)
                request = self.seen()
                self.assertEqual((request.method, request.target, request.version),
                                 (method, "/v3" + path + query, "HTTP/1.1"))
                self.assertEqual(request.all("host"), [self.vendor.authority])
                self.assertEqual(request.all("x-api-key"), [KEY])
                self.assertEqual(request.all("content-type"),
                                 [content_type] if content_type else [])
                self.assertEqual(request.body, body)
                if not body:
                    self.assertEqual(request.all("transfer-encoding"), [])
                    self.assertIn(request.all("content-length"), ([], ["0"]))

    def test_nothing_else_of_the_caller_arrives(self):
        for row in CALLS:
            with self.subTest(row[0]):
                self.vendor.clear()
                self.assertEqual(self.call(row, HOSTILE).status, 200)
                request = self.seen()
                names = request.names()
                self.assertEqual(set(names) - TO_VENDOR, set())
                self.assertEqual(len(names), len(set(names)), names)
                head = request.head.decode("latin-1").lower()
                checked = 0
                for name, value in HOSTILE:
                    if value.lower() in ("keep-alive", "trailers") or name == "Connection":
                        continue
                    self.assertNotIn(value.lower(), head, name)
                    checked += 1
                self.assertGreaterEqual(checked, 20)
                self.assertNotIn("upgrade", request.get("connection", "").lower())

    def test_accept_fields_pass(self):
        self.call(CALLS[0], [("Accept", "application/json"), ("Accept-Language", "ko-KR, en;q=0.5")])
        request = self.seen()
        self.assertEqual(request.all("accept"), ["application/json"])
        self.assertEqual(request.all("accept-language"), ["ko-KR, en;q=0.5"])

    def test_a_chunked_body_arrives_whole_and_framed_once(self):
        body_type, body = multipart(step1_fields(jpeg(3 * MIB, seed=9)))
        for pieces in (70_000, 1 << 20, 8_191):
            with self.subTest(pieces=pieces):
                self.vendor.clear()
                with self.gateway.connect() as connection:
                    connection.send(wire.request("POST", "/v3/submission/step1",
                                                 [("Content-Type", body_type),
                                                  ("Transfer-Encoding", "chunked")],
                                                 wire.chunked(body, pieces)))
                    self.assertEqual(connection.read_answer().status, 200)
                request = self.seen()
                self.assertEqual(sha256(request.body), sha256(body))
                self.assertEqual((request.all("transfer-encoding"), request.all("content-length")),
                                 (["chunked"], []))

    def test_a_body_with_a_length_keeps_it(self):
        body_type, body = multipart(step1_fields(jpeg(3 * MIB, seed=10)))
        self.gateway.call("POST", "/v3/submission/step1", [("Content-Type", body_type)], body)
        request = self.seen()
        self.assertEqual((sha256(request.body), request.all("content-length")),
                         (sha256(body), [str(len(body))]))

    def test_the_vendor_is_called_by_name(self):
        self.call(CALLS[0])
        self.assertEqual({connection.sni for connection in self.vendor.connections}, {"localhost"})

    def test_prefix_and_base_path_are_independent(self):
        for prefix, base in (("", "/v3"), ("/kyc", "/v4/tenant"), ("/v3", "")):
            with self.subTest(prefix=prefix, base=base), RecordingVendor(path=base) as vendor, \
                    Gateway(vendor, uploads=UNCHECKED, server={"path_prefix": prefix}) as gateway:
                for row in CALLS:
                    self.assertEqual(self.call(row, gateway=gateway, prefix=prefix).status, 200)
                self.assertEqual([request.target for request in vendor.requests()],
                                 [base + row[2] + row[3] for row in CALLS])
                if prefix:
                    check_problem(self, gateway.call("GET", "/submission"), "unknown_path", 404)


class IdentifiersTest(VendorCase):
    def _round(self, headers):
        reply = self.call(CALLS[0], headers)
        request = self.vendor.requests()[-1]
        return reply, request, self.gateway.access_line(reply.get("x-request-id"))

    def test_a_good_request_id_is_kept(self):
        for given in ("a", "A.b_c-9", "x" * 128):
            with self.subTest(given):
                reply, request, line = self._round([("X-Request-Id", given)])
                self.assertEqual((reply.all("x-request-id"), request.all("x-request-id"),
                                  line["request_id"]), ([given], [given], given))

    def test_a_bad_request_id_is_replaced(self):
        made = set()
        for given in ("", "x" * 129, "a b", "a/b", "ä", '"q"', "a,b"):
            with self.subTest(given):
                reply, request, _ = self._round([("X-Request-Id", given)])
                self.assertRegex(reply.get("x-request-id"), UUID7)
                self.assertEqual(request.all("x-request-id"), [reply.get("x-request-id")])
                made.add(reply.get("x-request-id"))
        self.assertEqual(len(made), 7)

    def test_a_refusal_carries_the_callers_id(self):
        reply = self.gateway.call("GET", "/v3/nothing", [("X-Request-Id", "my-id.1")])
        check_problem(self, reply, "unknown_path", 404, "my-id.1")

    def test_made_ids_are_in_order_of_time(self):
        made = [self.call(CALLS[0]).get("x-request-id") for _ in range(3)]
        milliseconds = [int(text.replace("-", "")[:12], 16) for text in made]
        self.assertEqual(milliseconds, sorted(milliseconds))
        self.assertEqual(len(set(made)), 3)

    def test_a_trace_is_continued(self):
        _, request, line = self._round([("Traceparent", TRACE)])
        version, trace, parent, flags = request.get("traceparent").split("-")
        self.assertEqual((version, trace, flags), ("00", TRACE.split("-")[1], "01"))
        self.assertRegex(parent, "^[0-9a-f]{16}$")
        self.assertNotIn(parent, (TRACE.split("-")[2], "0" * 16))
        self.assertEqual(line["trace_id"], trace)

    def test_a_bad_trace_is_replaced(self):
        bad = ["", "00-zz", TRACE.upper(), TRACE[:-1], TRACE + "-x", "ff" + TRACE[2:],
               "00-" + "0" * 32 + TRACE[35:], TRACE[:36] + "0" * 16 + "-01"]
        traces = set()
        for given in bad:
            with self.subTest(given):
                _, request, line = self._round([("traceparent", given)])
                self.assertRegex(request.get("traceparent"),
                                 "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
                trace = request.get("traceparent").split("-")[1]
                self.assertNotEqual(trace, TRACE.split("-")[1])
                self.assertEqual(line["trace_id"], trace)
                traces.add(trace)
        self.assertEqual(len(traces), len(bad))


class CallersKeyTest(VendorCase):
    def _count(self):
        return self.gateway.metrics().value("client_api_key_ignored_total", tenant="local")

    def test_a_callers_key_is_ignored_and_counted(self):
        before = self._count()
        for row in CALLS:
            with self.subTest(row[0]):
                reply = self.call(row, [("X-API-Key", "from-the-caller")])
                self.assertEqual((reply.status, reply.all("x-gateway-warning")),
                                 (200, ["client-api-key-ignored"]))
        self.assertEqual(self._count() - before, len(CALLS))
        self.assertEqual([request.all("x-api-key") for request in self.vendor.requests()],
                         [[KEY]] * len(CALLS))
        self.assertNotIn(b"from-the-caller", self.vendor.received())

    def test_without_a_key_there_is_no_warning(self):
        before = self._count()
        self.assertEqual(self.call(CALLS[0]).all("x-gateway-warning"), [])
        self.assertEqual(self._count(), before)

    def test_the_callers_key_is_not_logged(self):
        reply = self.call(CALLS[0], [("X-API-Key", "secret-of-the-caller")])
        self.gateway.access_line(reply.get("x-request-id"))
        self.assertNotIn(b"secret-of-the-caller", self.gateway.stderr_bytes())


class ToTheCallerTest(VendorCase):
    def test_only_listed_headers_pass(self):
        dropped = [("Server", "vendor/1"), ("Set-Cookie", "a=b"), ("X-Powered-By", "vendor-x"),
                   ("X-Api-Key", KEY), ("Location", "https://vendor.invalid"),
                   ("WWW-Authenticate", "vendor-auth"), ("Alt-Svc", 'h3=":443"'), ("Via", "1.1 v"),
                   ("Strict-Transport-Security", "max-age=9"), ("Keep-Alive", "timeout=77"),
                   ("Access-Control-Allow-Origin", "*"), ("X-Gateway-Reason", "forged"),
                   ("X-Gateway-Warning", "forged"), ("X-Named", "vendor-named"),
                   ("X-Request-Id", "vendors-id"), ("Upgrade", "h2c"),
                   ("Connection", "keep-alive, X-Named")]
        kept = [("Content-Type", "application/json; charset=utf-8"),
                ("Date", "Mon, 06 May 2024 07:08:09 GMT"), ("Content-Language", "ko"),
                ("Retry-After", "7")]
        self.vendor.responder = lambda request: answer(200, b"{}", dropped + kept)
        for row in CALLS:
            with self.subTest(row[0]):
                reply = self.call(row)
                self.assertEqual(reply.status, 200)
                names = [name for name, _ in reply.headers]
                self.assertEqual(set(names) - TO_CALLER, set())
                self.assertEqual(len(names), len(set(names)), names)
                for name, value in kept:
                    self.assertEqual(reply.all(name), [value])
                for name, value in dropped:
                    if name != "Connection":
                        self.assertNotIn(value, reply.all(name), name)
                self.assertRegex(reply.get("x-request-id"), UUID7)

    def test_status_and_body_pass_byte_for_byte(self):
        body = bytes(range(256)) * 3
        statuses = [200, 201, 202, 400, 401, 402, 404, 409, 413, 415, 422, 429, 451, 500, 501, 502,
                    503, 504, 599]
        for status in statuses:
            for framing in ("length", "chunked"):
                with self.subTest(status=status, framing=framing):
                    self.vendor.responder = lambda request, s=status, f=framing: answer(
                        s, body, [("Content-Type", "application/octet-stream")], framing=f)
                    reply = self.call(CALLS[0])
                    self.assertEqual((reply.status, reply.body, reply.reason), (status, body, None))
        metrics = self.gateway.metrics()
        for status in statuses:
            self.assertEqual(metrics.value("upstream_responses_total", status=status,
                                           operation="read_submission") >= 2, True, status)

    def test_answers_without_a_body(self):
        self.vendor.responder = lambda request: b"HTTP/1.1 204 No Content\r\n\r\n"
        with self.gateway.connect() as connection:
            for _ in range(3):
                connection.send(wire.request("DELETE", "/v3/submission?submission_id=a"))
                reply = connection.read_answer()
                self.assertEqual((reply.status, reply.body), (204, b""))
                self.assertEqual(reply.all("transfer-encoding") + reply.all("content-length"), [])
        self.vendor.responder = lambda request: answer(200, b"")
        self.assertEqual(self.call(CALLS[0]).body, b"")

    def test_an_answer_that_ends_with_the_connection(self):
        body = os.urandom(300_000)
        self.vendor.responder = lambda request: [
            answer(200, body, [("Content-Type", "application/json")], framing="close"), Close()]
        reply = self.call(CALLS[0])
        self.assertEqual((reply.status, sha256(reply.body)), (200, sha256(body)))

    def test_documents_are_not_stored_and_not_sniffed(self):
        pdf = b"%PDF-1.7\n" + os.urandom(3 * MIB) + b"\n%%EOF\n"
        photo = jpeg(3 * MIB, seed=11)
        for operation, content_type, body in (("get_aml_report", "application/pdf", pdf),
                                              ("get_image", "image/jpeg", photo)):
            row = [row for row in CALLS if row[0] == operation][0]
            for framing in ("length", "chunked"):
                with self.subTest(operation=operation, framing=framing):
                    self.vendor.responder = lambda request: answer(
                        200, body, [("Content-Type", content_type),
                                    ("Content-Disposition", 'attachment; filename="report.pdf"'),
                                    ("Cache-Control", "public, max-age=600"), ("ETag", '"x"'),
                                    ("X-Content-Type-Options", "other")], framing=framing)
                    reply = self.call(row)
                    self.assertEqual((reply.status, sha256(reply.body)), (200, sha256(body)))
                    self.assertEqual(reply.all("content-type"), [content_type])
                    self.assertEqual(reply.all("cache-control"), ["no-store"])
                    self.assertEqual(reply.all("x-content-type-options"), ["nosniff"])
                    self.assertEqual(reply.all("content-disposition"),
                                     ['attachment; filename="report.pdf"'])

    def test_an_http_1_0_caller_gets_an_unchunked_answer(self):
        body = os.urandom(100_000)
        self.vendor.responder = lambda request: answer(200, body, framing="chunked")
        with self.gateway.connect() as connection:
            connection.send(b"GET /v3/submission HTTP/1.0\r\n\r\n")
            reply = connection.read_answer()
            self.assertEqual((reply.status, reply.all("transfer-encoding"), reply.body),
                             (200, [], body))
            self.assertTrue(connection.at_end())

    def test_redirects_are_not_passed(self):
        for status in (300, 301, 302, 303, 307, 308):
            with self.subTest(status):
                self.vendor.responder = lambda request, s=status: answer(
                    s, b"moved", [("Location", "https://elsewhere.invalid/secret")])
                reply = self.call(CALLS[7])
                check_problem(self, reply, "upstream_redirect", 502)
                self.assertEqual(reply.all("location"), [])
                self.assertNotIn(b"elsewhere", reply.body)

    def test_the_vendors_403_never_passes(self):
        deny = "User is not authorized to access this resource with an explicit deny"
        cases = [('{"message":"Forbidden"}', "upstream_key_rejected"),
                 ('{"Message":"Forbidden"}', "upstream_key_rejected"),
                 (f'{{"message":"{deny}"}}', "upstream_address_denied"),
                 (f'{{"Message":"{deny}"}}', "upstream_address_denied"),
                 (f'{{"Message" : "{deny} in an identity-based policy"}}',
                  "upstream_address_denied")]
        for row in CALLS:
            for body, reason in cases:
                for framing in ("length", "chunked"):
                    with self.subTest(row[0], body=body, framing=framing):
                        self.vendor.responder = lambda request: answer(
                            403, body.encode(), framing=framing)
                        problem = check_problem(self, self.call(row), reason, 502)
                        line = self.gateway.access_line(problem["instance"])
                        self.assertEqual((line["upstream_status"], line["reason"]), (403, reason))
        for body in (b"", b"<html>denied</html>", b"x" * 100_000):
            self.vendor.responder = lambda request: answer(403, body)
            self.assertEqual(self.call(CALLS[0]).status, 502)


class MethodsTest(VendorCase):
    ALLOWED = {"/submission": {"GET", "DELETE"}, "/submission/applicant": {"GET"},
               "/submission/step1": {"POST"}, "/submission/step2": {"POST"},
               "/address_code": {"POST"}, "/report/aml": {"GET"}, "/image": {"GET"}}

    def test_other_methods_are_refused_with_allow(self):
        count = 0
        for path, allowed in self.ALLOWED.items():
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE",
                           "CONNECT", "get", "PROPFIND"):
                if method in allowed:
                    continue
                with self.subTest(method=method, path=path):
                    reply = self.gateway.call(method, "/v3" + path)
                    self.assertEqual({name.strip() for name in reply.get("allow").split(",")},
                                     allowed)
                    if method == "HEAD":
                        self.assertEqual((reply.status, reply.reason, reply.body),
                                         (405, "method_not_allowed", b""))
                    else:
                        check_problem(self, reply, "method_not_allowed", 405)
                    count += 1
        self.assertEqual(count, 7 * 11 - 8)
        self.assertEqual(self.vendor.received(), b"")

    def test_an_answer_to_head_has_no_body(self):
        with self.gateway.connect() as connection:
            connection.send(wire.request("HEAD", "/v3/submission")
                            + wire.request("GET", "/v3/submission?count=1"))
            self.assertEqual(connection.read_answer(head_request=True).status, 405)
            self.assertEqual(connection.read_answer().status, 200)

    def test_paths_outside_the_table(self):
        for path in ("/", "/v3", "/v3/", "/v3/Submission", "/v3/submission/", "/v3/submission/x",
                     "/v3/submission/step3", "/v2/submission", "/v3/projects/settings",
                     "/v3/submission/tokens", "/v3submission", "/metrics", "/readyz", "/v3/v3/image",
                     "/v3/submissio%6e"):
            with self.subTest(path):
                reply = self.gateway.call("GET", path)
                check_problem(self, reply, "unknown_path", 404)
                self.assertEqual(reply.all("allow"), [])
        self.assertEqual(self.vendor.received(), b"")


class TenantsTest(unittest.TestCase):
    def test_each_tenant_may_do_what_its_list_says(self):
        tenants = [{"name": f"only-{row[0]}", "cidr": [f"127.0.0.{20 + number}"],
                    "operations": [row[0]]} for number, row in enumerate(CALLS)]
        tenants.append({"name": "default", "cidr": ["127.0.0.40"]})
        tenants.append({"name": "all", "cidr": ["127.0.0.41"], "operations": ["*"]})
        may = [{row[0]} for row in CALLS]
        may += [{"read_submission", "read_applicant"}, {row[0] for row in CALLS}]
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED, tenants=tenants) as gateway:
            allowed = 0
            for tenant, operations in zip(tenants, may):
                for row in CALLS:
                    with self.subTest(tenant=tenant["name"], operation=row[0]):
                        reply = call(gateway, row, source=tenant["cidr"][0])
                        if row[0] in operations:
                            self.assertEqual(reply.status, 200)
                            allowed += 1
                        else:
                            check_problem(self, reply, "operation_denied", 403)
            self.assertEqual((allowed, len(vendor.requests())), (18, 18))
            eventually(lambda: gateway.metrics().value("requests_total") == 80, "80 requests")
            metrics = gateway.metrics()
            self.assertEqual(metrics.value("requests_total", reason="operation_denied"), 80 - 18)
            self.assertEqual(metrics.value("requests_total", tenant="default", reason="none"), 2)

    def test_the_longest_prefix_names_the_tenant(self):
        tenants = [{"name": "wide", "cidr": ["127.0.0.0/8"], "operations": ["*"]},
                   {"name": "narrow", "cidr": ["127.0.5.0/24"]},
                   {"name": "one", "cidr": ["127.0.5.7/32"], "operations": ["get_image"]}]
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED, tenants=tenants) as gateway:
            for source, status, name in (("127.0.5.7", 200, "one"), ("127.0.5.8", 403, "narrow"),
                                         ("127.0.6.1", 200, "wide")):
                reply = call(gateway, CALLS[7], source=source)
                self.assertEqual(reply.status, status)
                line = gateway.access_line(reply.get("x-request-id"))
                self.assertEqual((line["tenant"], line["peer"]), (name, source))

    @unittest.skipUnless(os.getuid() == 0, "only root can start a client of another user")
    def test_the_user_at_the_other_end_of_a_unix_socket_names_the_tenant(self):
        tenants = [{"name": "root", "unix_uid": [0], "operations": ["*"]},
                   {"name": "daemon", "unix_uid": [1], "operations": ["get_image"]}]
        with RecordingVendor() as vendor, \
                Gateway(vendor, uploads=UNCHECKED, tenants=tenants, also=("unix",)) as gateway:
            gateway.dir.chmod(0o755)
            for uid, status, tenant in ((0, "200", "root"), (1, "403", "daemon"),
                                        (2, "401", "unknown")):
                done = subprocess.run(
                    ["curl", "-q", "-sS", "--max-time", "20", "-o", "/dev/null", "-w",
                     "%{http_code} %header{x-request-id}", "--unix-socket", gateway.unix,
                     "http://localhost/v3/submission"], user=uid, group=uid, extra_groups=[],
                    cwd="/", capture_output=True, text=True, timeout=30)
                self.assertEqual(done.stdout.split()[0], status, done.stderr)
                line = gateway.access_line(done.stdout.split()[1])
                self.assertEqual((line["tenant"], line["peer"]), (tenant, f"unix:{uid}"))
            self.assertEqual(len(vendor.requests()), 1)

    def test_strangers_are_refused(self):
        tenants = [{"name": "far", "cidr": ["10.0.0.0/8", "2001:db8::/32"],
                    "unix_uid": [os.getuid() + 1], "operations": ["*"]}]
        with RecordingVendor() as vendor, \
                Gateway(vendor, uploads=UNCHECKED, tenants=tenants, also=("unix", "v6")) as gateway:
            for connect in ({}, {"unix": True}):
                for row in CALLS:
                    with self.subTest(row[0], **connect):
                        check_problem(self, call(gateway, row, **connect), "unknown_caller",
                                      401)
            # What a caller writes into its own head proves nothing.
            reply = gateway.call("GET", "/v3/submission", [("X-Forwarded-For", "10.0.0.1"),
                                                           ("Forwarded", "for=10.0.0.1")])
            check_problem(self, reply, "unknown_caller", 401)
            self.assertEqual(vendor.received(), b"")
            eventually(lambda: gateway.metrics().value("requests_total") == 17, "17 requests")
            self.assertEqual(gateway.metrics().value("requests_total", tenant="unknown",
                                                     reason="unknown_caller", status=401), 17)


if __name__ == "__main__":
    unittest.main()
