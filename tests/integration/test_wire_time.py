"""Callers that are slow, leave half-way, or do not read: deadlines, half-closed connections, back-pressure."""

import socket
import struct
import threading
import time
import unittest

from lib import hostile, wire
from lib.gateway import UNCHECKED, Gateway, RecordingVendor, Wait, answer, eventually

GET = wire.request("GET", "/v3/submission?submission_id=caller")
FORM = hostile.form("caller")
LIMITS = {"header_timeout": "600ms", "body_timeout": "600ms", "idle_timeout": "1200ms"}


def post_head(length=len(FORM)):
    return wire.request("POST", "/v3/submission/step1", [hostile.MULTIPART, ("Content-Length", str(length))])


class Slow(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = RecordingVendor(lambda request: answer(body=hostile.body_for(hostile.name_in(request))))
        cls.addClassCleanup(cls.vendor.close)
        cls.gateway = Gateway(cls.vendor, uploads=UNCHECKED, limits=LIMITS)
        cls.gateway.__enter__()
        cls.addClassCleanup(cls.gateway.__exit__, None, None, None)

    def complete(self):
        return sum(request.complete for request in self.vendor.requests())

    def refused(self, data, reason, drip=b""):
        before = self.complete()
        with self.gateway.connect() as connection:
            connection.send(data)
            stop = threading.Event()

            def dripping():
                for byte in drip:
                    if stop.wait(0.1):
                        return
                    try:
                        connection.send(bytes([byte]))
                    except OSError:
                        return
            thread = threading.Thread(target=dripping)
            thread.start()
            try:
                got = connection.read_answer(skip_interim=False)
                self.assertEqual((got.status, got.reason), (408, reason))
                self.assertTrue(connection.at_end())
            finally:
                stop.set()
                thread.join()
        self.assertEqual(self.complete(), before, "the vendor saw a whole request")

    def test_head_never_comes_to_an_end(self):
        for data in (b"G", b"GET", b"GET /v3/subm", GET[:-2], GET[:-1], GET[:40], b"POST /v3/submission/step1 HTTP/1.1\r\n"):
            with self.subTest(data[-20:]):
                self.refused(data, "header_timeout")

    def test_head_drips(self):
        """Single bytes do not move the deadline."""
        self.refused(b"GET /v3/submission HTTP/1.1\r\nX-A: ", "header_timeout", b"v" * 200)

    def test_second_head_never_comes_to_an_end(self):
        with self.gateway.connect() as connection:
            connection.send(GET + GET[:30])
            self.assertEqual(connection.read_answer().status, 200)
            self.assertEqual(connection.read_answer().reason, "header_timeout")
            self.assertTrue(connection.at_end())

    def test_body_stalls(self):
        chunked = wire.request("POST", "/v3/submission/step1", [hostile.MULTIPART, ("Transfer-Encoding", "chunked")])
        for data in (post_head(), post_head() + FORM[:-1], chunked, chunked + b"5", chunked + b"5\r\n--", chunked + b"2\r\n--\r\n",
                     chunked + b"2\r\n--\r\n0\r\n", chunked + b"2\r\n--\r\n0\r\nX-A: b"):
            with self.subTest(data[-20:]):
                self.refused(data, "body_timeout")

    def test_idle_connections_end_without_a_word(self):
        with self.gateway.connect() as connection:
            connection.send(GET)
            self.assertEqual(connection.read_answer().status, 200)
            self.assertTrue(connection.at_end())

    def test_silent_connections_end(self):
        with self.gateway.connect() as connection:
            while connection._more():
                pass
            self.assertIn(connection.buffer[:12], (b"", b"HTTP/1.1 408"))

    def test_slow_but_steady_upload_is_taken(self):
        """Every read is in time although the whole takes far longer than one deadline."""
        with self.gateway.connect() as connection:
            connection.send(post_head())
            for at in range(0, len(FORM), 8):
                connection.send(FORM[at:at + 8])
                time.sleep(0.15)
            self.assertEqual(connection.read_answer().body, hostile.body_for("caller"))


class Leaving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.release = threading.Event()
        cls.vendor = RecordingVendor(cls.respond)
        cls.addClassCleanup(cls.vendor.close)
        cls.addClassCleanup(cls.release.set)
        cls.gateway = Gateway(cls.vendor, uploads=UNCHECKED)
        cls.gateway.__enter__()
        cls.addClassCleanup(cls.gateway.__exit__, None, None, None)

    @classmethod
    def respond(cls, request):
        name = hostile.name_in(request)
        if name.startswith("held"):
            return [Wait(cls.release), answer(body=hostile.body_for(name))]
        return answer(body=hostile.body_for(name))

    def complete(self):
        return sum(request.complete for request in self.vendor.requests())

    def settled(self):
        eventually(lambda: self.gateway.metrics().value("requests_in_flight") == 0, "nothing is in flight")

    def test_half_closed_after_the_request(self):
        """`printf ... | nc`: the caller has nothing more to say but still listens."""
        for data in (GET, post_head() + FORM, GET + GET):
            with self.gateway.connect() as connection:
                connection.send(data)
                connection.half_close()
                for _ in range(data.count(b"HTTP/1.1\r\n")):
                    self.assertEqual(connection.read_answer().body, hostile.body_for("caller"))
                self.assertTrue(connection.at_end())

    def test_half_closed_while_the_vendor_thinks(self):
        self.release.clear()
        with self.gateway.connect() as connection:
            connection.send(wire.request("POST", "/v3/submission/step1", [hostile.MULTIPART], hostile.form("held")))
            connection.half_close()
            time.sleep(0.2)
            self.release.set()
            self.assertEqual(connection.read_answer().body, hostile.body_for("held"))

    def test_ends_inside_a_request(self):
        before = self.complete()
        chunked = wire.request("POST", "/v3/submission/step1", [hostile.MULTIPART, ("Transfer-Encoding", "chunked")])
        for data in (GET[:1], GET[:-1], GET[:-2], post_head(), post_head() + FORM[:-1], chunked, chunked + b"5\r\nabcde\r\n",
                     chunked + b"5\r\nabcde\r\n0\r\n"):
            for reset in (False, True):
                with self.subTest(data[-20:], reset=reset):
                    with self.gateway.connect() as connection:
                        connection.send(data)
                        time.sleep(0.02)
                        if reset:
                            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        else:
                            connection.half_close()
                            while connection._more():
                                pass
                            self.assertNotIn(b"HTTP/1.1 2", connection.buffer)
                    self.settled()
        self.assertEqual(self.complete(), before, "a cut request looked complete to the vendor")

    def test_caller_leaves_while_the_vendor_thinks(self):
        """499 in the log, and nothing of it reaches the next caller. A reset is known at once; an
        orderly end could be a half-closed caller that still listens, so it shows with the answer."""
        for reset in (True, False):
            self.release.clear()
            names = [f"held-{number}-{reset}" for number in range(5)]
            before = len(self.gone())
            for name in names:
                with self.gateway.connect() as connection:
                    connection.send(wire.request("GET", f"/v3/submission?submission_id={name}"))
                    eventually(lambda n=name: any(hostile.name_in(r) == n for r in self.vendor.requests()), "vendor has it")
                    if reset:
                        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if reset:
                eventually(lambda: len(self.gone()) == before + len(names), "client_gone lines")
            self.release.set()
            self.settled()
            for number in range(10):
                outcome = hostile.ask(self.gateway, name=f"next-{number}")
                self.assertEqual(outcome.body, hostile.body_for(f"next-{number}"))

    def gone(self):
        return [line for line in self.gateway.access_lines() if line["reason"] == "client_gone"]

    def test_pipelined_without_reading(self):
        """2,000 requests before the first answer is read: all answers, in order, in bounded memory."""
        count, before = 2000, self.gateway.rss_kib()
        requests = b"".join(wire.request("GET", f"/v3/submission?submission_id=p{number}") for number in range(count))
        with self.gateway.connect(timeout=60) as connection:
            sender = threading.Thread(target=connection.send, args=(requests,))
            sender.start()
            time.sleep(0.3)
            for number in range(count):
                self.assertEqual(connection.read_answer().body, hostile.body_for(f"p{number}"))
            sender.join()
        self.assertLess(self.gateway.rss_kib() - before, 2048)

    def test_answer_is_not_read(self):
        """A caller that stops reading a big document holds back the vendor, not memory."""
        document = b"D" * (32 << 20)
        self.vendor.responder = lambda request: answer(body=document, headers=[("Content-Type", "image/jpeg")])
        before = self.gateway.rss_kib()
        try:
            with self.gateway.connect(timeout=60) as connection:
                connection.send(wire.request("GET", "/v3/image?submission_id=x&type=idImage"))
                time.sleep(0.5)
                self.assertLess(self.gateway.rss_kib() - before, 2048)
                self.assertEqual(connection.read_answer().body, document)
        finally:
            self.vendor.responder = self.respond

    def test_refusal_survives_unread_bytes(self):
        """A refused caller that keeps sending still gets the answer: the connection is not torn under it."""
        for turn in range(30):
            with self.subTest(turn=turn), self.gateway.connect() as connection:
                connection.send(b"GET /v3/submission HTTP/1.1\r\n\r\n")       # no Host
                try:
                    connection.send(b"x" * 100000)
                except OSError:
                    pass
                time.sleep(0.02)
                self.assertEqual(connection.read_answer().reason, "bad_host")
                self.assertTrue(connection.at_end())


if __name__ == "__main__":
    unittest.main()
