"""Brings about every reason code that a caller or a vendor can cause, one at a time.

The vendor's deviations are chosen by the submission_id of the request, so that one gateway serves most cases.
"""

import contextlib
import socket
import threading

from . import uploadcases, wire
from .gateway import (Close, Cut, Gateway, Pause, RecordingVendor, Reset, Wait, answer,
                      eventually, free_port)
from .media import multipart, step1_fields

FORBIDDEN = b'{"message":"Forbidden"}'
DENIED = b"User is not authorized to access this resource with an explicit deny"
SHORT = {"first_byte_timeout": "700ms", "total_timeout": "2s", "connect_timeout": "700ms"}
BODY_TYPE, BODY = multipart(step1_fields())
UPLOAD = [("Content-Type", BODY_TYPE)]


PATHS = {"submit_step1": "/submission/step1", "submit_step2": "/submission/step2", "address_code": "/address_code"}


def _upload_status(reason):
    if reason in ("too_many_parts", "field_too_large", "file_too_large"):
        return 413
    if reason in ("file_type_not_allowed", "file_type_mismatch", "file_name_mismatch"):
        return 415
    return 422 if reason.startswith("image_") else 400


def _vendor_answers(held):
    big = b"x" * 100_000
    return {
        "forbidden": answer(403, FORBIDDEN),
        "denied-lower": answer(403, b'{"message":"' + DENIED + b'"}'),
        "denied-upper": answer(403, b'{"Message":"' + DENIED + b'"}'),
        "forbidden-other": answer(403, b'{"message":"Missing Authentication Token"}'),
        "redirect": answer(302, b"", [("Location", "https://elsewhere.invalid/")]),
        "first-byte": [Wait(held), Close()],
        "stall": [answer(200, big)[:50_000], Wait(held), Cut()],
        "drip": [answer(200, big)[:500]] + [step for _ in range(40)
                                            for step in (Pause(0.1), b"x")] + [Cut()],
        "reset": [Reset()],
        "closed": [Close()],
        "half-head": [b"HTTP/1.1 200 OK\r\nContent-Le", Cut()],
        "not-http": [b"SSH-2.0-x\r\n\r\n", Close()],
        "two-lengths": [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"],
        "big-head": [b"HTTP/1.1 200 OK\r\nX-Pad: " + b"p" * 200_000
                     + b"\r\nContent-Length: 0\r\n\r\n"],
    }


class FailureBench:
    """with FailureBench(key=...) as bench: for name, reason, status, run in bench.cases(): run() -> Answer

    gateways: every gateway of the bench, for its logs and metrics. run.gateway is the one a case goes to."""

    def __init__(self, key, **options):
        self.key, self.options, self.held = key, options, threading.Event()
        self._stack, self.gateways = contextlib.ExitStack(), {}

    def __enter__(self):
        answers = _vendor_answers(self.held)

        def respond(request):
            for name, steps in answers.items():
                if f"submission_id={name}" in request.target.split("&"):
                    return steps
                if request.target.endswith(f"submission_id={name}"):
                    return steps
            return answer()
        try:
            self.vendor = self._stack.enter_context(RecordingVendor(respond))
            self.plain = self._stack.enter_context(RecordingVendor(
                handler=lambda connection: connection.more() and connection.play(answer())))
            self._start_gateways()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_):
        self.held.set()
        self._stack.close()

    def gateway(self, name, vendor, **config):
        if name not in self.gateways:
            options = {"key": self.key, **self.options, **config}
            self.gateways[name] = self._stack.enter_context(Gateway(vendor, **options))
        return self.gateways[name]

    def _start_gateways(self):
        self.main = self.gateway(
            "main", self.vendor, upstream=dict(SHORT),
            limits={"header_timeout": "700ms", "body_timeout": "700ms", "body_bytes": "64KiB"})
        self.few = self.gateway("few", self.vendor, limits={"connections": 2},
                                server={"workers": 1},
                                upstream={"max_connections": 1, **SHORT,
                                          "first_byte_timeout": "20s", "total_timeout": "30s"})
        self.strangers = self.gateway("strangers", self.vendor, tenants=[
            {"name": "elsewhere", "cidr": ["10.0.0.0/8"], "operations": ["*"]}])
        self.caching = self.gateway("caching", self.vendor, cache={})
        self.readers = self.gateway("readers", self.vendor, tenants=[
            {"name": "reader", "cidr": ["127.0.0.0/8"]}])

    # -- callers --------------------------------------------------------------------------------

    def get(self, case, gateway=None):
        return (gateway or self.main).call("GET", f"/v3/submission?submission_id={case}")

    def send(self, *parts, gateway=None, half_close=False):
        with (gateway or self.main).connect() as connection:
            for part in parts:
                connection.send(part)
            if half_close:
                connection.half_close()
            return connection.read_answer()

    def post(self, headers, body=b"", target="/v3/submission/step1"):
        return self.send(wire.request("POST", target, headers, body))

    def cases(self):
        """(name, reason, status, run): run() returns the wire.Answer."""
        yield from self._refused_heads()
        yield from self._refused_requests()
        yield from self._refused_uploads()
        yield from self._vendor_failures()
        yield from self._unreachable_vendors()
        yield from self._exhaustion()

    def _refused_uploads(self):
        yield "unknown query parameter", "query_invalid", 400, lambda: self.main.call("GET", "/v3/submission?nonsense=1")
        seen = set()
        for case in uploadcases.load():
            if case.reason is None or case.reason in seen or not case.body:
                continue
            seen.add(case.reason)
            uploads = {name: case.rule[name] for name in ("validation", "content_types", "max_pixels") if name in case.rule}
            limits = {name: case.rule[name] for name in ("file_bytes", "field_bytes", "parts") if name in case.rule}
            gateway = self.gateway("uploads-" + case.rules, self.vendor, uploads=uploads, limits=limits)
            yield case.name, case.reason, _upload_status(case.reason), lambda gateway=gateway, case=case: gateway.call(
                "POST", "/v3" + PATHS[case.operation], [("Content-Type", case.content_type.decode("latin-1"))], case.body)

    def _refused_heads(self):
        def head(name, reason, status, data):
            return name, reason, status, lambda: self.send(data)
        get = wire.request
        yield head("request line", "bad_request_line", 400, b"GET  /v3/submission\r\n\r\n")
        yield head("folded field", "bad_field", 400,
                   get("GET", "/v3/submission", [("X-A", "1\r\n 2")]))
        yield head("no host", "bad_host", 400, b"GET /v3/submission HTTP/1.1\r\n\r\n")
        yield head("length", "bad_content_length", 400,
                   get("POST", "/v3/submission/step1", [("Content-Length", "1x"), *UPLOAD]))
        yield head("coding", "bad_transfer_encoding", 400,
                   get("POST", "/v3/submission/step1", [("Transfer-Encoding", "gzip"), *UPLOAD]))
        yield head("both lengths", "conflicting_length", 400,
                   get("POST", "/v3/submission/step1", [("Transfer-Encoding", "chunked"),
                                                        ("Content-Length", "5"), *UPLOAD]))
        yield head("dot segments", "bad_target", 400, get("GET", "/v3/../submission"))
        yield head("long target", "target_too_long", 414,
                   get("GET", "/v3/submission?submission_id=" + "a" * 12_000))
        yield head("version", "unsupported_version", 505,
                   b"GET /v3/submission HTTP/2.0\r\nHost: a\r\n\r\n")
        yield head("big head", "head_too_large", 431,
                   get("GET", "/v3/submission", [(f"X-{i}", "v" * 2000) for i in range(20)]))
        yield head("many fields", "too_many_fields", 431,
                   get("GET", "/v3/submission", [(f"X-{i}", "v") for i in range(150)]))
        yield head("slow head", "header_timeout", 408, b"GET /v3/submission HTTP/1.1\r\nHost:")
        yield head("expectation", "unsupported_expectation", 417,
                   get("POST", "/v3/submission/step1", [("Expect", "200-ok"), *UPLOAD], BODY))

    def _refused_requests(self):
        chunked = [("Transfer-Encoding", "chunked"), *UPLOAD]
        yield "path", "unknown_path", 404, lambda: self.main.call("GET", "/v3/nothing")
        yield "method", "method_not_allowed", 405, lambda: self.main.call("PUT", "/v3/submission")
        yield ("only a stored answer", "not_in_cache", 504,
               lambda: self.caching.call("GET", "/v3/submission?submission_id=any", [("Cache-Control", "only-if-cached")]))
        yield "caller", "unknown_caller", 401, lambda: self.get("any", self.strangers)
        yield ("operation", "operation_denied", 403,
               lambda: self.readers.call("DELETE", "/v3/submission?submission_id=any"))
        yield ("body on GET", "unexpected_body", 400,
               lambda: self.main.call("GET", "/v3/submission", body=b"x"))
        yield "no length", "length_required", 411, lambda: self.post(UPLOAD)
        yield ("content type", "unsupported_content_type", 415,
               lambda: self.post([("Content-Type", "text/plain")], BODY))
        yield ("content coding", "unsupported_content_encoding", 415,
               lambda: self.post([("Content-Encoding", "gzip"), *UPLOAD], BODY))
        yield ("large body", "body_too_large", 413,
               lambda: self.post(UPLOAD, b"x" * 65_537))
        yield ("large chunked body", "body_too_large", 413,
               lambda: self.post([("Transfer-Encoding", "chunked"), ("Content-Type", "application/json")],
                                 wire.chunked(b" " * 65_537), "/v3/address_code"))
        yield "chunk", "bad_chunk", 400, lambda: self.post(chunked, b"zz\r\n")
        yield ("trailer", "bad_trailer", 400,
               lambda: self.post(chunked, b"1\r\nx\r\n0\r\nContent-Length: 3\r\n\r\n"))
        yield ("slow body", "body_timeout", 408,
               lambda: self.post([("Content-Length", "100"), *UPLOAD], BODY[:10]))

    def _vendor_failures(self):
        for case, reason, status in (
                ("forbidden", "upstream_key_rejected", 502),
                ("denied-lower", "upstream_address_denied", 502),
                ("denied-upper", "upstream_address_denied", 502),
                ("forbidden-other", "upstream_forbidden", 502),
                ("redirect", "upstream_redirect", 502),
                ("first-byte", "upstream_first_byte_timeout", 504),
                ("reset", "upstream_reset", 502), ("closed", "upstream_reset", 502),
                ("half-head", "upstream_reset", 502),
                ("not-http", "upstream_bad_response", 502),
                ("two-lengths", "upstream_bad_response", 502),
                ("big-head", "upstream_head_too_large", 502)):
            yield "vendor " + case, reason, status, lambda case=case: self.get(case)

    def _unreachable_vendors(self):
        def get(name, base, **config):
            return lambda: self.get("any", self.gateway(name, base, **config))
        yield ("name", "upstream_unresolved", 502,
               get("unresolved", "https://argos.invalid/v3", upstream=dict(SHORT)))
        yield ("closed port", "upstream_connect_failed", 502,
               get("closed", f"http://127.0.0.1:{free_port()}/v3", upstream=dict(SHORT)))
        yield "silent port", "upstream_connect_timeout", 504, self._silent_port
        yield ("plain vendor", "upstream_tls_failed", 502,
               get("tls", f"https://127.0.0.1:{self.plain.port}/v3", upstream=dict(SHORT)))
        yield ("no key", "api_key_missing", 503,
               get("no-key", self.vendor, key=b"", ready="live"))

    def _silent_port(self):
        """A listener whose queue of one is full: further SYNs get no answer."""
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            address = listener.getsockname()
            for _ in range(4):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    filler.connect(address)
            gateway = self.gateway("silent", f"http://127.0.0.1:{address[1]}/v3",
                                   upstream=dict(SHORT))
            return self.get("any", gateway)

    def _exhaustion(self):
        yield "pool", "upstream_pool_exhausted", 503, self._exhaust_pool
        yield "connections", "overloaded", 503, self._exhaust_connections

    def _exhaust_pool(self):
        seen = len(self.vendor.requests())
        with self.few.connect() as holder:
            holder.send(wire.request("GET", "/v3/submission?submission_id=first-byte"))
            self.vendor.wait_requests(seen + 1)
            refused = self.get("any", self.few)
            holder.reset()  # an orderly end would leave the exchange going on
            return refused

    def _exhaust_connections(self):
        with contextlib.ExitStack() as stack:
            for _ in range(2):
                holder = stack.enter_context(self.few.connect())
                holder.send(wire.request("GET", "/v3/nothing"))
                holder.read_answer()
            eventually(lambda: self.few.metrics().value("connections") >= 2, "two connections")
            return self.get("any", self.few)


__all__ = ["FailureBench"]
