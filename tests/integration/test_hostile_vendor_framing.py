"""A vendor whose answers deviate from HTTP: the caller gets the right answer or a visible failure,
and the next caller's request gets its own answer. Over plain TCP and over TLS."""

import threading
import time
import unittest

from lib import badanswers, hostile
from lib.gateway import UNCHECKED, Close, Gateway, Pause, RecordingVendor, answer, make_certs

BROKEN_HEAD = {"upstream_bad_response"}
TOO_BIG = {"upstream_head_too_large", "upstream_bad_response"}


class Framing:
    certs = None

    @classmethod
    def setUpClass(cls):
        cls.vendor = RecordingVendor(cls.respond, tls=cls.certs and cls.certs())
        cls.gateway = Gateway(cls.vendor, uploads=UNCHECKED, server={"workers": 1},
                              upstream={"first_byte_timeout": "2s", "total_timeout": "6s"})
        cls.rows = {}
        cls.addClassCleanup(cls.vendor.close)
        cls.gateway.__enter__()
        cls.addClassCleanup(cls.gateway.__exit__, None, None, None)

    @classmethod
    def respond(cls, request):
        name = hostile.name_in(request)
        return cls.rows.get(name) or answer(body=hostile.body_for(name))

    def each(self, rows, check):
        """Plays every row as GET and as POST; after each, a bystander gets its own answer."""
        type(self).rows = rows
        for name in rows:
            for method in ("GET", "POST"):
                with self.subTest(name, method=method):
                    ask = hostile.post if method == "POST" else hostile.ask
                    outcome = ask(self.gateway, name=name)
                    check(name, outcome)
                    self.bystander(f"after-{name}")

    def bystander(self, name):
        outcome = hostile.ask(self.gateway, name=name)
        self.assertEqual((outcome.kind, outcome.body), ("answer", hostile.body_for(name)), outcome)

    def test_broken_heads(self):
        def check(_, outcome):
            self.assertEqual((outcome.kind, outcome.status), ("problem", 502), outcome)
            self.assertIn(outcome.reason, BROKEN_HEAD)
        self.each(self.with_bodies(badanswers.head_rows), check)

    def test_big_heads(self):
        def check(_, outcome):
            self.assertEqual((outcome.kind, outcome.status), ("problem", 502), outcome)
            self.assertIn(outcome.reason, TOO_BIG)
        self.each(self.with_bodies(badanswers.big_rows), check)

    def test_broken_chunks(self):
        def check(_, outcome):
            self.assertIn(outcome.kind, ("problem", "broken"), outcome)
            if outcome.kind == "problem":
                self.assertIn(outcome.reason, BROKEN_HEAD)
        self.each(self.with_bodies(badanswers.body_rows), check)

    def test_unusual_but_legal(self):
        def check(name, outcome):
            self.assertEqual((outcome.kind, outcome.status, outcome.body),
                             ("answer", 200, hostile.body_for(name)), outcome)
        self.each(self.with_bodies(badanswers.fine_rows), check)

    def test_more_than_the_answer(self):
        def check(name, outcome):
            self.assertEqual((outcome.kind, outcome.body), ("answer", hostile.body_for(name)), outcome)
        before = len(self.vendor.connections)
        rows = self.with_bodies(badanswers.surplus_rows)
        self.each(rows, check)
        self.assertGreaterEqual(len(self.vendor.connections) - before, 2 * len(rows) - 1,
                                "connections with unread bytes were reused")

    @staticmethod
    def with_bodies(make):
        return {name: make(hostile.body_for(name))[name] for name in make(b"12345678")}

    def test_surplus_arrives_later(self):
        """A second answer on a connection that is already idle is thrown away with it."""
        poison = answer(body=badanswers.POISON)
        for number in range(5):
            name = f"late-{number}"
            type(self).rows = {name: [answer(body=hostile.body_for(name)), Pause(0.05), poison]}
            self.bystander(name)
            threading.Event().wait(0.15)
            self.bystander(f"{name}-next")

    def test_answer_before_the_request(self):
        """Nobody can tell whose it is on a new connection; it may not shift the answers behind it."""
        poison = answer(body=badanswers.POISON)

        def talk_first(connection):
            connection.play(poison)
            while True:
                head = connection.read_head()
                if head is None:
                    return
                name = head.split(b"submission_id=")[1].split(b" ")[0].decode()
                connection.play(answer(body=hostile.body_for(name)))

        with RecordingVendor(handler=talk_first, tls=self.certs and self.certs()) as vendor, \
                Gateway(vendor, uploads=UNCHECKED, server={"workers": 1}) as gateway:
            for number in range(20):
                outcome = hostile.ask(gateway, name=f"first-{number}")
                own = outcome.body in (hostile.body_for(f"first-{number}"), badanswers.POISON)
                self.assertTrue(outcome.kind == "problem" or own, outcome)
                time.sleep(0.05)       # the vendor's next words are there before the next request

    def test_interim_flood_is_bounded(self):
        """Endless 1xx answers end in a problem, not in a request that never returns."""
        flood = [b"HTTP/1.1 100 Continue\r\n\r\n" * 200, Pause(0.01)] * 400
        type(self).rows = {"flood": flood}
        outcome = hostile.ask(self.gateway, name="flood")
        self.assertEqual(outcome.kind, "problem", outcome)
        self.assertIn(outcome.reason, {"upstream_bad_response", "upstream_total_timeout", "upstream_first_byte_timeout"})
        self.bystander("after-flood")

    def test_no_content_with_content(self):
        """Bytes behind a 204 are no body, and never the head of the next answer."""
        type(self).rows = {
            "length": b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
            "plain": b"HTTP/1.1 204 No Content\r\n\r\nhello",
            "answer": b"HTTP/1.1 204 No Content\r\n\r\n" + answer(body=badanswers.POISON),
            "chunked": b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        }
        for name in self.rows:
            with self.subTest(name):
                outcome = hostile.ask(self.gateway, name=name)
                if outcome.kind == "problem":
                    self.assertIn(outcome.reason, BROKEN_HEAD)
                else:
                    self.assertEqual((outcome.kind, outcome.status, outcome.body), ("answer", 204, b""))
                self.bystander(f"after-{name}")

    def test_length_beyond_the_body(self):
        """The vendor ends before its own Content-Length."""
        body = hostile.body_for("short")
        head = badanswers.OK + b"Content-Length: %d\r\n\r\n" % (len(body) + 1)
        type(self).rows = {"short": [head + body, Close()]}
        outcome = hostile.ask(self.gateway, name="short")
        self.assertIn(outcome.kind, ("problem", "broken"), outcome)
        if outcome.kind == "problem":
            self.assertEqual(outcome.reason, "upstream_reset")
        self.bystander("after-short")

    def test_length_short_of_the_body(self):
        """What is beyond the Content-Length belongs to nobody."""
        body = hostile.body_for("long")
        type(self).rows = {"long": badanswers.OK + b"Content-Length: 5\r\n\r\n" + body}
        outcome = hostile.ask(self.gateway, name="long")
        self.assertEqual((outcome.kind, outcome.body), ("answer", body[:5]), outcome)
        self.bystander("after-long")


class PlainFraming(Framing, unittest.TestCase):
    """The vendor speaks plain HTTP."""


class TlsFraming(Framing, unittest.TestCase):
    """The same over TLS."""
    certs = staticmethod(make_certs)


if __name__ == "__main__":
    unittest.main()
