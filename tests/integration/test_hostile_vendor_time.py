"""A vendor that is slow, silent, or leaves in the middle: every request ends, with the right reason."""

import ssl
import struct
import time
import socket
import threading
import unittest

from lib import badanswers, hostile
from lib.gateway import (UNCHECKED, Close, Cut, Gateway, Pause, RecordingVendor,
                         Reset, Wait, answer, free_port, make_certs)

LATE = {"upstream_first_byte_timeout", "upstream_body_timeout", "upstream_total_timeout"}
GONE = {"upstream_reset", "upstream_bad_response"}
TIMES = {"connect_timeout": "700ms", "first_byte_timeout": "500ms", "total_timeout": "1500ms"}
DEADLINE = 10      # seconds: far beyond all deadlines above


def drip(data, seconds=0.1):
    """Byte by byte, so that each single wait is short."""
    steps = []
    for at in range(len(data)):
        steps += [data[at:at + 1], Pause(seconds)]
    return steps


class Slow:
    certs = None

    @classmethod
    def setUpClass(cls):
        cls.rows, cls.release = {}, threading.Event()
        cls.vendor = RecordingVendor(cls.respond, tls=cls.certs and cls.certs())
        cls.addClassCleanup(cls.vendor.close)
        cls.addClassCleanup(cls.release.set)
        cls.gateway = Gateway(cls.vendor, uploads=UNCHECKED, limits={"file_bytes": "10MiB"}, upstream=TIMES)
        cls.gateway.__enter__()
        cls.addClassCleanup(cls.gateway.__exit__, None, None, None)

    @classmethod
    def respond(cls, request):
        name = hostile.name_in(request)
        return cls.rows.get(name) or answer(body=hostile.body_for(name))

    def play(self, name, steps, method="GET"):
        type(self).rows = {name: steps}
        ask = hostile.post if method == "POST" else hostile.ask
        outcome = ask(self.gateway, name=name, timeout=DEADLINE)
        bystander = hostile.ask(self.gateway, name=f"after-{name}")
        self.assertEqual((bystander.kind, bystander.body), ("answer", hostile.body_for(f"after-{name}")))
        return outcome

    def assert_late(self, outcome, reasons=frozenset(LATE)):
        self.assertEqual((outcome.kind, outcome.status), ("problem", 504), outcome)
        self.assertIn(outcome.reason, reasons)

    def test_silent_after_the_request(self):
        for method in ("GET", "POST"):
            with self.subTest(method):
                outcome = self.play(f"silent-{method}", [Wait(self.release)], method)
                self.assert_late(outcome, {"upstream_first_byte_timeout"})

    def test_head_drips(self):
        whole = badanswers.OK + b"X-A: " + b"v" * 100 + b"\r\n" + badanswers.length(b"x") + b"\r\nx"
        for method in ("GET", "POST"):
            with self.subTest(method):
                self.assert_late(self.play(f"drip-{method}", drip(whole), method))

    def test_head_stalls(self):
        for at in (1, 8, 17, 40, len(badanswers.OK)):
            with self.subTest(at=at):
                steps = [badanswers.OK[:at], Wait(self.release)]
                self.assert_late(self.play(f"stall-{at}", steps))

    def test_interim_then_silence(self):
        steps = [b"HTTP/1.1 100 Continue\r\n\r\n", Wait(self.release)]
        self.assert_late(self.play("interim", steps))

    def test_interim_drips(self):
        steps = [b"HTTP/1.1 102 Processing\r\n\r\n", Pause(0.1)] * 60
        outcome = self.play("processing", steps)
        self.assertEqual(outcome.kind, "problem", outcome)
        self.assertIn(outcome.reason, LATE | GONE)

    def test_body_drips(self):
        for name, head in (("length", b"Content-Length: 200\r\n\r\n"), ("chunked", b"Transfer-Encoding: chunked\r\n\r\nc8\r\n"),
                           ("until-close", b"\r\n")):
            with self.subTest(name):
                outcome = self.play(f"drip-{name}", [badanswers.OK + head, *drip(b"b" * 60), Wait(self.release)])
                self.assertIn(outcome.kind, ("broken", "problem"), outcome)

    def test_body_stalls(self):
        for name, rest in (("length-empty", b"Content-Length: 9\r\n\r\n"), ("length", b"Content-Length: 9\r\n\r\nhalf"),
                           ("chunk-size", b"Transfer-Encoding: chunked\r\n\r\n5"), ("chunk", b"Transfer-Encoding: chunked\r\n\r\n5\r\nha"),
                           ("last-chunk", b"Transfer-Encoding: chunked\r\n\r\n2\r\nha\r\n0\r\n"), ("until-close", b"\r\nhalf")):
            with self.subTest(name):
                outcome = self.play(f"stall-{name}", [badanswers.OK + rest, Wait(self.release)])
                self.assertIn(outcome.kind, ("broken", "problem"), outcome)

    def test_leaves_after_the_request(self):
        for ending in (Close(), Cut(), Reset()):
            for method in ("GET", "POST"):
                name = f"leave-{type(ending).__name__}-{method}"
                with self.subTest(name):
                    outcome = self.play(name, [ending], method)
                    self.assertEqual((outcome.kind, outcome.reason), ("problem", "upstream_reset"), outcome)

    def test_leaves_in_the_head(self):
        for ending in (Close(), Cut(), Reset()):
            with self.subTest(type(ending).__name__):
                outcome = self.play(f"head-{type(ending).__name__}", [badanswers.OK, Pause(0.05), ending])
                self.assertEqual(outcome.kind, "problem", outcome)
                self.assertIn(outcome.reason, GONE)

    def test_leaves_in_the_body(self):
        for ending in (Close(), Cut(), Reset()):
            with self.subTest(type(ending).__name__):
                head = badanswers.OK + b"Content-Length: 90000\r\n\r\n"
                outcome = self.play(f"body-{type(ending).__name__}", [head + b"b" * 60000, Pause(0.05), ending])
                self.assertIn(outcome.kind, ("broken", "problem"), outcome)

    def test_leaves_in_the_upload(self):
        """The vendor goes while a big upload is running and says nothing."""
        for ending in (Close(), Reset()):
            name = f"upload-{type(ending).__name__}"
            with self.subTest(name):
                self.vendor.early = lambda request, e=ending: [Pause(0.05), e] if request.method == "POST" else None
                try:
                    outcome = hostile.post(self.gateway, name, size=3 << 20, timeout=DEADLINE)
                finally:
                    self.vendor.early = None
                self.assertEqual(outcome.kind, "problem", outcome)
                self.assertEqual(outcome.reason, "upstream_reset")


    def test_upload_that_nobody_reads(self):
        """The vendor takes the head and then nothing: neither an answer nor the rest of the body."""
        self.vendor.early = lambda request: [Wait(self.release)] if request.method == "POST" else None
        try:
            outcome = hostile.post(self.gateway, "unread", size=9 << 20, timeout=DEADLINE)
        finally:
            self.vendor.early = None
        self.assert_late(outcome)


class PlainSlow(Slow, unittest.TestCase):
    """The vendor speaks plain HTTP."""


class TlsSlow(Slow, unittest.TestCase):
    """The same over TLS."""
    certs = staticmethod(make_certs)


def hang(sock):
    while sock.recv(4096):
        pass


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def after_hello(then):
    def act(sock):
        sock.recv(4096)
        then(sock)
    return act


def half_server_hello(sock):
    sock.recv(4096)
    sock.sendall(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + b"\x55" * 40)


class Setup(unittest.TestCase):
    """Everything that can go wrong before a request is on its way."""

    def outcome(self, act, tls=True, method="GET"):
        with hostile.RawVendor(act, ca_file=make_certs().ca if tls else None) as vendor, \
                Gateway(vendor, uploads=UNCHECKED, upstream=TIMES) as gateway:
            ask = hostile.post if method == "POST" else hostile.ask
            began = time.monotonic()
            outcome = ask(gateway, name="x", timeout=DEADLINE)
            self.assertLess(time.monotonic() - began, DEADLINE)
            self.assertEqual(outcome.kind, "problem", outcome)
            return outcome

    def test_handshake_cut(self):
        rows = {"close-on-accept": lambda sock: None, "reset-on-accept": reset, "close-after-hello": after_hello(lambda sock: None),
                "reset-after-hello": after_hello(reset), "half-server-hello": half_server_hello,
                "not-tls": after_hello(lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
                "alert": after_hello(lambda sock: sock.sendall(b"\x15\x03\x03\x00\x02\x02\x28")),
                "garbage": after_hello(lambda sock: sock.sendall(b"\x00" * 4096)),
                "oversized-record": after_hello(lambda sock: sock.sendall(b"\x16\x03\x03\xff\xff" + b"\x01" * 66000))}
        for name, act in rows.items():
            for method in ("GET", "POST"):
                with self.subTest(name, method=method):
                    outcome = self.outcome(act, method=method)
                    self.assertIn((outcome.status, outcome.reason),
                                  {(502, "upstream_tls_failed"), (502, "upstream_connect_failed")})

    def test_handshake_hangs(self):
        for name, act in {"accept": hang, "half-server-hello": lambda sock: (half_server_hello(sock), hang(sock))}.items():
            with self.subTest(name):
                outcome = self.outcome(act)
                self.assertIn((outcome.status, outcome.reason),
                              {(504, "upstream_connect_timeout"), (502, "upstream_tls_failed")})

    def test_handshake_drips(self):
        """Each read succeeds, the handshake never does."""
        def act(sock):
            sock.recv(4096)
            for byte in b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + b"\x55" * 60:
                sock.sendall(bytes([byte]))
                time.sleep(0.1)
        outcome = self.outcome(act)
        self.assertEqual((outcome.status, outcome.reason), (504, "upstream_connect_timeout"))

    def test_plain_close_on_accept(self):
        for name, act in {"close": lambda sock: None, "reset": reset}.items():
            for method in ("GET", "POST"):
                with self.subTest(name, method=method):
                    outcome = self.outcome(act, tls=False, method=method)
                    self.assertIn(outcome.reason, {"upstream_reset", "upstream_connect_failed"})

    def test_nobody_listens(self):
        with Gateway(f"http://127.0.0.1:{free_port()}/v3", uploads=UNCHECKED, upstream=TIMES) as gateway:
            for method in ("GET", "POST"):
                ask = hostile.post if method == "POST" else hostile.ask
                outcome = ask(gateway, name="x", timeout=DEADLINE)
                self.assertEqual((outcome.status, outcome.reason), (502, "upstream_connect_failed"))

    def test_backlog_is_full(self):
        """Nobody accepts and the queue is full: the SYN is not answered."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
            port = listener.getsockname()[1]
            fillers = []
            try:
                for _ in range(4):
                    filler = socket.socket()
                    filler.setblocking(False)
                    filler.connect_ex(("127.0.0.1", port))
                    fillers.append(filler)
                time.sleep(0.2)
                with Gateway(f"http://127.0.0.1:{port}/v3", uploads=UNCHECKED, upstream=TIMES) as gateway:
                    outcome = hostile.ask(gateway, name="x", timeout=DEADLINE)
                    self.assertEqual((outcome.status, outcome.reason), (504, "upstream_connect_timeout"))
            finally:
                for filler in fillers:
                    filler.close()

    def test_handshake_is_not_retried_for_ever(self):
        """One request leads to a bounded number of connection attempts."""
        with hostile.RawVendor(lambda sock: None, ca_file=make_certs().ca) as vendor, \
                Gateway(vendor, uploads=UNCHECKED, upstream=TIMES) as gateway:
            time.sleep(0.3)
            before = vendor.accepted
            hostile.ask(gateway, name="x", timeout=DEADLINE)
            self.assertLessEqual(vendor.accepted - before, 4)
            self.assertGreaterEqual(vendor.accepted - before, 1)


class VendorTlsVersions(unittest.TestCase):
    def test_old_tls_is_refused(self):
        """A vendor that only speaks TLS 1.1 gets no request."""
        certs = make_certs()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certs.server_cert, certs.server_key)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1

        def act(sock):
            with context.wrap_socket(sock, server_side=True) as tls:
                tls.sendall(answer(body=badanswers.POISON))

        with hostile.RawVendor(act, ca_file=certs.ca) as vendor, Gateway(vendor, uploads=UNCHECKED, upstream=TIMES) as gateway:
            outcome = hostile.ask(gateway, name="x", timeout=DEADLINE)
            self.assertEqual((outcome.status, outcome.reason), (502, "upstream_tls_failed"))


if __name__ == "__main__":
    unittest.main()
