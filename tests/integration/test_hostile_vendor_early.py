"""The answer comes while the upload is still running: every caller reads it, nobody waits for ever."""

import random
import subprocess
import tempfile
import threading
import time
import unittest

import requests

from lib import hostile, wire
from lib.gateway import (UNCHECKED, Close, Gateway, HalfClose, Pause, RecordingVendor,
                         Reset, Wait, answer, make_certs)

SIZE = 3 << 20
TOO_LARGE = answer(413, b'{"message":"Request Entity Too Large"}', phrase="Request Entity Too Large")
BAD = answer(400, b'{"message":"Invalid"}', phrase="Bad Request")


class Early:
    """The vendor answers when it has seen the head. `keep`: reads on; else stops reading."""
    certs = None

    @classmethod
    def setUpClass(cls):
        cls.vendor = RecordingVendor(tls=cls.certs and cls.certs())
        cls.addClassCleanup(cls.vendor.close)
        cls.gateway = Gateway(cls.vendor, uploads=UNCHECKED, limits={"file_bytes": "10MiB"}, upstream={"first_byte_timeout": "6s", "total_timeout": "8s"})
        cls.gateway.__enter__()
        cls.addClassCleanup(cls.gateway.__exit__, None, None, None)
        cls.image = tempfile.NamedTemporaryFile(suffix=".jpg")
        cls.addClassCleanup(cls.image.close)
        cls.image.write(b"\xff\xd8\xff\xe0" + b"J" * (SIZE - 4))
        cls.image.flush()
        cls.release = threading.Event()
        cls.addClassCleanup(cls.release.set)

    def answering(self, reply, then):
        """Vendor behaviour for uploads; lookups are answered as usual."""
        steps = {"stops-reading": [reply, Wait(self.release, 3), Close()],
                 "closes": [reply, HalfClose(), Pause(0.2), Close()]}.get(then)

        def early(request):
            if request.method != "POST":
                return None
            if steps is None:
                request.connection.play(reply)
                # When the rest of the upload comes, the connection is good for another request.
                return [] if request.connection.read_body(request) else [Close()]
            return steps
        self.vendor.early = early
        self.vendor.responder = lambda request: answer(body=hostile.body_for(hostile.name_in(request)))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.gateway.port}/v3/submission/step1"

    def check(self, call):
        for then in ("reads-on", "stops-reading", "closes"):
            for reply, status in ((TOO_LARGE, 413), (BAD, 400)):
                with self.subTest(then, status=status):
                    self.answering(reply, then)
                    got, body = call()
                    self.assertEqual((got, body), (status, reply.split(b"\r\n\r\n")[1]))
                    self.vendor.early = None
                    outcome = hostile.ask(self.gateway, name="after")
                    self.assertEqual((outcome.kind, outcome.body), ("answer", hostile.body_for("after")))

    def test_requests(self):
        def call():
            with open(self.image.name, "rb") as image:
                reply = requests.post(self.url, files={"idImage": ("i.jpg", image, "image/jpeg")}, timeout=20)
            return reply.status_code, reply.content
        self.check(call)

    def curl(self, *extra):
        done = subprocess.run(["curl", "-sS", "-m", "20", "-F", f"idImage=@{self.image.name};type=image/jpeg", *extra,
                               "-w", "\n%{http_code}", self.url], capture_output=True, check=False)
        self.assertIn(done.returncode, (0,), done.stderr)
        body, _, status = done.stdout.rpartition(b"\n")
        return int(status), body

    def test_curl(self):
        self.check(lambda: self.curl("-H", "Expect:"))

    def test_curl_expect(self):
        self.check(self.curl)

    def test_curl_chunked(self):
        self.check(lambda: self.curl("-H", "Transfer-Encoding: chunked", "-H", "Expect:"))

    def test_raw_caller_that_sends_everything_first(self):
        def call():
            outcome = hostile.post(self.gateway, "raw", size=SIZE, timeout=20)
            self.assertEqual(outcome.kind, "answer", outcome)
            return outcome.status, outcome.body
        self.check(call)

    def test_raw_caller_that_waits(self):
        """Stops in the middle of its upload until it has an answer."""
        def call():
            body = hostile.form("raw", SIZE)
            with self.gateway.connect(timeout=20) as connection:
                head = wire.request("POST", "/v3/submission/step1", [hostile.MULTIPART, ("Content-Length", str(len(body)))])
                connection.send(head + body[:SIZE // 2])
                outcome = hostile.read_outcome(connection)
                self.assertEqual(outcome.kind, "answer", outcome)
                return outcome.status, outcome.body
        self.check(call)

    def test_vendor_that_tears_its_own_answer(self):
        """It answers and closes at once with the upload unread, so that a reset follows the answer."""
        for ending in (Close(), Reset()):
            for number in range(10):
                with self.subTest(type(ending).__name__, number=number):
                    self.vendor.early = lambda request, e=ending: [TOO_LARGE, e] if request.method == "POST" else None
                    outcome = hostile.post(self.gateway, "torn", size=SIZE, timeout=20)
                    self.vendor.early = None
                    self.assertIn((outcome.kind, outcome.status, outcome.reason),
                                  {("answer", 413, None), ("problem", 502, "upstream_reset")}, outcome)

    def test_unfinished_upload_is_never_complete_at_the_vendor(self):
        """The vendor has answered; what it still gets must not look like a whole request."""
        got, ended = bytearray(), threading.Event()

        def early(request):
            if request.method != "POST":
                return None
            request.connection.play(TOO_LARGE)
            while request.connection.more():
                pass
            got.extend(request.connection.received)
            ended.set()
            return [Close()]

        self.vendor.early = early
        with self.gateway.connect(timeout=20) as connection:
            body = hostile.form("cut", SIZE)
            connection.send(wire.request("POST", "/v3/submission/step1",
                                         [hostile.MULTIPART, ("Transfer-Encoding", "chunked")])
                            + wire.chunked(body[:SIZE // 2])[:-5])
            self.assertEqual(hostile.read_outcome(connection).status, 413)
        self.assertTrue(ended.wait(20), "the vendor's connection was left open")
        self.vendor.early = None
        self.assertIn(b"Transfer-Encoding: chunked", got.title().replace(b"Chunked", b"chunked"))
        self.assertFalse(got.endswith(b"0\r\n\r\n"), "the cut upload was ended like a whole one")


    def test_vendor_that_reads_on_while_it_answers(self):
        """The upload is blocked when the answer begins; the vendor takes more of it while it answers
        slowly. Whatever it receives is the beginning of what the caller sent."""
        content = bytes(source.getrandbits(8) for source in [random.Random(7)] for _ in range(65536)) * 150
        body = (b'--b\r\nContent-Disposition: form-data; name="idImage"; filename="i"\r\nContent-Type: image/jpeg\r\n\r\n'
                + content.replace(b"--", b"-+") + b"\r\n--b--\r\n")
        reply = b"x" * 4000
        head = b"HTTP/1.1 413 Too Large\r\nContent-Length: %d\r\n\r\n" % len(reply)

        def early(request):
            if request.method != "POST":
                return None
            connection = request.connection
            time.sleep(0.2)                    # until nothing moves any more
            connection.play(head)
            for at in range(0, len(reply), 200):
                connection.play(reply[at:at + 200])
                connection.more()
            while connection.more():
                pass
            ended.set()
            return [Close()]

        self.vendor.early = early
        for framing in ("length", "chunked"):
            with self.subTest(framing):
                ended, fields = threading.Event(), [hostile.MULTIPART]
                sent = wire.chunked(body, 3000) if framing == "chunked" else body
                if framing == "chunked":
                    fields.append(("Transfer-Encoding", "chunked"))
                self.vendor.clear()
                outcome = hostile.ask(self.gateway, "POST", "/v3/submission/step1", headers=fields, body=sent, timeout=20)
                self.assertEqual((outcome.status, outcome.body), (413, reply))
                self.assertTrue(ended.wait(20), "the vendor's connection was left open")
                got = self.vendor.received().partition(b"\r\n\r\n")[2]
                self.assertGreater(len(got), 100000)
                if framing == "chunked":
                    got = unchunk(got)
                self.assertTrue(body.startswith(got), "the vendor got bytes that the caller did not send")
        self.vendor.early = None


def unchunk(data):
    """The data of a chunked body as far as it goes."""
    out, at = bytearray(), 0
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end], 16)
        out += data[end + 2:end + 2 + size]
        at = end + 2 + size + 2
        if at <= len(data) and data[at - 2:at] != b"\r\n":
            raise AssertionError("a chunk that does not end")
    return bytes(out)


class PlainEarly(Early, unittest.TestCase):
    """The vendor speaks plain HTTP."""


class TlsEarly(Early, unittest.TestCase):
    """The same over TLS (where HalfClose ends the whole stream)."""
    certs = staticmethod(make_certs)

    def answering(self, reply, then):
        super().answering(reply, then)
        if then == "closes":
            # Over TLS a half-close would end the vendor's own reading.
            self.vendor.early = lambda request: [reply, Pause(0.2), Close()] if request.method == "POST" else None


class OwnRefusals(unittest.TestCase):
    """The gateway itself refuses before the upload is read: the answer still arrives."""

    @classmethod
    def setUpClass(cls):
        cls.vendor = RecordingVendor()
        cls.addClassCleanup(cls.vendor.close)
        cls.gateway = Gateway(cls.vendor, uploads=UNCHECKED, limits={"file_bytes": "10MiB"})
        cls.gateway.__enter__()
        cls.addClassCleanup(cls.gateway.__exit__, None, None, None)

    def refused(self, path, headers, body):
        return requests.post(f"http://127.0.0.1:{self.gateway.port}{path}", headers=headers, data=body, timeout=20)

    def test_every_refusal_of_a_big_upload(self):
        body = hostile.form("own", SIZE)
        rows = [("/v3/nothing", {"Content-Type": hostile.MULTIPART[1]}, 404, "unknown_path"),
                ("/v3/submission", {"Content-Type": hostile.MULTIPART[1]}, 405, "method_not_allowed"),
                ("/v3/submission/step1", {"Content-Type": "text/plain"}, 415, "unsupported_content_type"),
                ("/v3/submission/step1", {"Content-Type": hostile.MULTIPART[1], "Content-Encoding": "gzip"}, 415, "unsupported_content_encoding")]
        for path, headers, status, reason in rows:
            for streamed in (False, True):
                with self.subTest(reason, streamed=streamed):
                    pieces = (body[at:at + 65536] for at in range(0, len(body), 65536))
                    reply = self.refused(path, headers, pieces if streamed else body)
                    self.assertEqual((reply.status_code, reply.headers["x-gateway-reason"]), (status, reason))
        self.assertEqual(self.vendor.requests(), [])

    def test_body_over_the_limit(self):
        with self.gateway.connect() as connection:
            connection.send(wire.request("POST", "/v3/submission/step1", [hostile.MULTIPART, ("Content-Length", str(11 << 20))]))
            self.assertEqual(hostile.read_outcome(connection).reason, "body_too_large")
        self.assertEqual(self.vendor.requests(), [])

    def test_caller_reads_the_refusal_after_sending_too_much(self):
        """12 MiB are sent before the caller looks: the answer must have survived."""
        outcome = hostile.ask(self.gateway, "POST", "/v3/submission/step1", headers=[hostile.MULTIPART], body=hostile.form("big", 12 << 20), timeout=20)
        self.assertEqual((outcome.kind, outcome.reason), ("problem", "body_too_large"), outcome)


if __name__ == "__main__":
    unittest.main()
