"""Answers beyond their lifetime: while one refresh is under way, and when the vendor fails (RFC 5861)."""

import collections
import time
import unittest

from lib.cachecase import LONG, CacheCase, Gate, LookupVendor, cache_status, call_of, get, new_id, numbered, reply
from lib.crowd import Crowd
from lib.gateway import Close, Cut, Gateway, Pause, Reset, Wait, eventually


class WhileRevalidating(CacheCase):
    # What was decided and is decided otherwise: the first page is short-lived, the one that replaces it is not.
    cache = {**LONG, "ttl_approved": "300ms", "stale_while_revalidate": "1h", "stale_if_error": "0s"}

    def stale(self, refreshed, headers=()):
        """A stale entry; what the vendor says from now on is refreshed(request, number)."""
        target = self.target()
        self.vendor.headers(target.partition("=")[2], *headers)
        number = self.fill(target)
        self.expire(target)
        self.vendor.rule(target.partition("=")[2], refreshed)
        return target, number

    @staticmethod
    def rejected(request, number):
        return reply(numbered(request, number, "rejected"))

    def test_one_refresh_in_the_background(self):
        with Gate() as gate:
            target, number = self.stale(lambda request, number: [Wait(gate), self.rejected(request, number)])
            before = self.gateway.metrics().value("cache_requests_total", result="stale")
            for _ in range(20):                       # nobody waits: the vendor holds the new answer
                self.assert_hit(self.ask(target), number, stale=True)
            eventually(lambda: len(self.vendor.calls(target.partition("?")[2])) == 2, "the refresh")
            with Crowd(self.gateway.port, 100) as crowd:
                crowd.send(get(target))
                for got in crowd.answers():
                    self.assert_hit(got, number, stale=True)
            self.assert_calls(target, 2)
            eventually(lambda: self.gateway.metrics().value("cache_requests_total", result="stale") == before + 120, "120 stale answers")
            gate.set()
            got = eventually(lambda: self._other_than(target, number), "the refreshed answer")
            self.assert_hit(got)
            self.assert_calls(target, 2)

    def _other_than(self, target, number):
        got = self.ask(target)
        return got if call_of(got) != number else None

    def test_the_refresh_outlives_its_caller(self):
        with Gate() as gate:
            target, number = self.stale(lambda request, number: [Wait(gate), self.rejected(request, number)])
            with self.gateway.connect() as connection:
                connection.send(get(target))
                self.assert_hit(connection.read_answer(), number, stale=True)
                connection.reset()
            eventually(lambda: len(self.vendor.calls(target.partition("?")[2])) == 2, "the refresh")
            gate.set()
            self.assert_hit(eventually(lambda: self._other_than(target, number), "the refreshed answer"))
            self.assert_calls(target, 2)

    def test_a_refresh_that_fails_is_no_stampede(self):
        with Gate() as gate:
            target, number = self.stale(lambda request, number: [Wait(gate), reply(b"{}", status=503)])
            for _ in range(10):
                self.assert_hit(self.ask(target), number, stale=True)
            eventually(lambda: len(self.vendor.calls(target.partition("?")[2])) == 2, "the refresh")
            self.assert_calls(target, 2)
            gate.set()
            for _ in range(10):
                self.assert_hit(self.ask(target), number, stale=True)
            # Each of those ten may have begun another one, never more.
            self.assertLessEqual(len(self.vendor.calls(target.partition("?")[2])), 12)

    def test_a_refresh_with_validators(self):
        target = self.target()
        state = {"result": "approved"}

        def respond(request, number):
            if request.get("if-none-match") == '"v1"':
                return b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n'
            return reply(numbered(request, number, state["result"]), ("ETag", '"v1"'))
        self.vendor.rule(target.partition("=")[2], respond)
        number = self.fill(target)
        self.expire(target)
        self.assert_hit(self.ask(target), number, stale=True)
        eventually(lambda: len(self.vendor.calls(target.partition("?")[2])) == 2, "the refresh")
        self.assertEqual(self.vendor.calls(target.partition("?")[2])[1].get("if-none-match"), '"v1"')
        for _ in range(5):
            self.assert_hit_any(self.ask(target), number)

    def assert_hit_any(self, got, number):
        self.assertEqual((got.status, cache_status(got).get("hit"), call_of(got)), (200, True, number))

    def test_304_of_a_stale_answer(self):
        with Gate() as gate:
            target, number = self.stale(lambda request, number: [Wait(gate), self.rejected(request, number)])
            tag = self.ask(target).get("etag")
            self.assertEqual(self.ask(target, None, ("If-None-Match", tag)).status, 304)

    def test_not_what_must_be_revalidated(self):
        for said in ("must-revalidate", "proxy-revalidate"):
            with self.subTest(said):
                target, number = self.stale(self.rejected, [("Cache-Control", said)])
                got = self.ask(target)
                self.assert_forwarded(got, "stale")
                self.assertGreater(call_of(got), number)

    def test_not_for_who_wants_it_fresh(self):
        for said in ("max-age=3600", "min-fresh=0", "no-cache"):
            with self.subTest(said):
                target, number = self.stale(self.rejected)
                got = self.ask(target, said)
                self.assert_forwarded(got)
                self.assertGreater(call_of(got), number)


class WhileRevalidatingEnds(CacheCase):
    cache = {**LONG, "ttl_approved": "200ms", "stale_while_revalidate": "300ms", "stale_if_error": "1h"}

    def test_beyond_its_end_the_vendor_is_asked_first(self):
        target = self.target()
        number = self.fill(target)
        time.sleep(0.6)
        got = self.ask(target)
        self.assert_forwarded(got, "stale")
        self.assertGreater(call_of(got), number)


FAILURES = {"500": lambda request, number: reply(b"{}", status=500), "502": lambda request, number: reply(b"{}", status=502),
            "503": lambda request, number: reply(b"{}", status=503), "504": lambda request, number: reply(b"{}", status=504),
            "cut": lambda request, number: [Cut()], "close": lambda request, number: [Close()], "reset": lambda request, number: [Reset()],
            "garbage": lambda request, number: b"no answer at all\r\n\r\n",
            "cut body": lambda request, number: [reply(numbered(request, number, filler="x" * 5000))[:3000], Cut()],
            "silence": lambda request, number: [Pause(1.5), Cut()],
            "stalled body": lambda request, number: [reply(numbered(request, number, filler="x" * 5000))[:3000], Pause(3), Cut()]}


class IfError(CacheCase):
    cache = {**LONG, "ttl_approved": "200ms", "stale_while_revalidate": "0s", "stale_if_error": "1h"}
    sections = {"upstream": {"first_byte_timeout": "700ms", "total_timeout": "1500ms"}}

    def stale(self, *headers):
        target = self.target()
        self.vendor.headers(target.partition("=")[2], *headers)
        number = self.fill(target)
        self.expire(target)
        return target, number

    def test_a_stale_answer_stands_in(self):
        for name, respond in FAILURES.items():
            with self.subTest(name):
                target, number = self.stale()
                self.vendor.rule(target.partition("=")[2], respond)
                calls = len(self.vendor.calls(target.partition("?")[2]))
                got = self.ask(target)
                self.assert_stood_in(got, number)
                made = len(self.vendor.calls(target.partition("?")[2])) - calls
                self.assertIn(made, (1, 2))       # the vendor was asked
                self.vendor.headers(target.partition("=")[2], result="rejected")
                self.assertGreater(call_of(self.ask(target)), number)     # and is asked again

    def test_it_is_logged_and_counted_as_stale(self):
        target, number = self.stale()
        self.vendor.status(target.partition("=")[2], 503)
        before = self.gateway.metrics().value("cache_requests_total", result="stale")
        got = self.ask(target, None, ("X-Request-Id", "stands-in"))
        self.assert_stood_in(got, number)
        self.assertEqual(self.gateway.access_line("stands-in")["cache"], "stale")
        eventually(lambda: self.gateway.metrics().value("cache_requests_total", result="stale") == before + 1, "it is counted")

    def test_a_crowd_with_a_stale_answer(self):
        for name, calls in (("503", 1), ("cut", 2), ("silence", 1)):
            with self.subTest(name), Gate() as gate, Crowd(self.gateway.port, 300) as crowd:
                target, number = self.stale()
                before = len(self.vendor.calls(target.partition("?")[2]))
                steps = FAILURES[name]

                def respond(request, number):
                    gate.wait(0.5 if name == "silence" else 10)
                    return steps(request, number)
                self.vendor.rule(target.partition("=")[2], respond)
                crowd.send(get(target))
                if name != "silence":
                    eventually(lambda: self.gateway.metrics().value("requests_in_flight") >= 300, "all wait")
                    gate.set()
                answers = crowd.answers()
                for got in answers:
                    self.assert_stood_in(got, number)
                made = len(self.vendor.calls(target.partition("?")[2])) - before
                if name == "silence":     # who came after the failure may have asked once more
                    self.assertLessEqual(made, 5)
                else:
                    self.assertTrue(1 <= made <= calls, made)

    def test_what_the_vendor_decides_is_no_error(self):
        for status in (400, 404):
            with self.subTest(status):
                target, _ = self.stale()
                self.vendor.status(target.partition("=")[2], status)
                self.assertEqual(self.ask(target).status, status)

    def test_not_what_must_be_revalidated(self):
        for said in ("must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=0"):
            with self.subTest(said):
                target, number = self.stale(("Cache-Control", said))
                self.vendor.status(target.partition("=")[2], 503)
                got = self.ask(target)
                self.assertEqual(got.status, 503)
                self.assertNotIn("hit", cache_status(got))

    def test_not_for_who_wants_the_vendors_word(self):
        for said in ("no-cache", "max-age=0", "max-age=3600", "min-fresh=0"):
            with self.subTest(said):
                target, number = self.stale()
                self.vendor.status(target.partition("=")[2], 503)
                self.assertEqual(self.ask(target, said).status, 503)

    def test_nothing_stored_nothing_given(self):
        target = self.target()
        self.vendor.status(target.partition("=")[2], 503)
        self.assertEqual(self.ask(target).status, 503)


class WithoutAllowance(CacheCase):
    cache = {**LONG, "ttl_approved": "200ms", "stale_while_revalidate": "0s", "stale_if_error": "0s"}
    sections = {"upstream": {"first_byte_timeout": "700ms", "total_timeout": "1500ms"}}

    def test_a_failure_is_a_failure(self):
        for name, statuses in (("500", {500}), ("cut", {502}), ("silence", {504})):
            with self.subTest(name):
                target = self.target()
                self.fill(target)
                self.expire(target)
                self.vendor.rule(target.partition("=")[2], FAILURES[name])
                self.assertIn(self.ask(target).status, statuses)


class Draining(unittest.TestCase):
    """Questions that nobody waits for any more are no reason to stay, and none to crash."""

    def test_a_refresh_under_way(self):
        settings = {**LONG, "ttl_approved": "200ms", "stale_while_revalidate": "1h"}
        with LookupVendor() as vendor, Gateway(vendor, cache=settings, drain={"hold": "0s", "deadline": "3s"}) as gateway, Gate() as gate:
            target = f"/v3/submission?submission_id={new_id()}"
            self.assertEqual(gateway.call("GET", target).status, 200)
            time.sleep(0.3)
            vendor.rule("submission_id", lambda request, number: [Wait(gate), reply(numbered(request, number))])
            self.assertIn("hit", cache_status(gateway.call("GET", target)))
            vendor.wait_requests(2)
            gateway.drain()
            self.assertEqual(gateway.wait(20), 0)

    def test_a_question_whose_caller_has_left(self):
        with LookupVendor() as vendor, Gateway(vendor, cache={}, drain={"hold": "0s", "deadline": "3s"}) as gateway, Gate() as gate:
            vendor.rule("submission_id", lambda request, number: [Wait(gate), reply(numbered(request, number))])
            with gateway.connect() as connection:
                connection.send(get(f"/v3/submission?submission_id={new_id()}"))
                vendor.wait_requests(1)
                connection.reset()
            gateway.drain()
            self.assertEqual(gateway.wait(20), 0)

    def test_those_who_wait_get_their_answer(self):
        with LookupVendor() as vendor, Gateway(vendor, cache={}, drain={"hold": "0s", "deadline": "20s"}) as gateway, Gate() as gate, \
                Crowd(gateway.port, 50) as crowd:
            vendor.rule("submission_id", lambda request, number: [Wait(gate), reply(numbered(request, number))])
            crowd.send(get(f"/v3/submission?submission_id={new_id()}"))
            eventually(lambda: gateway.metrics().value("requests_in_flight") == 50, "all wait")
            gateway.drain()
            eventually(lambda: gateway.admin("/readyz").status == 503, "it drains")
            gate.set()
            answers = crowd.answers()
            self.assertEqual({(got.status, got.get("connection")) for got in answers}, {(200, "close")})
            self.assertEqual(gateway.wait(20), 0)
            self.assertEqual(len(vendor.requests()), 1)


class Unreachable(unittest.TestCase):
    def test_a_vendor_that_is_gone(self):
        settings = {**LONG, "ttl_approved": "200ms", "stale_while_revalidate": "0s", "stale_if_error": "1h"}
        with LookupVendor() as vendor, Gateway(vendor, cache=settings) as gateway:
            targets = [f"/v3/submission?submission_id={new_id()}" for _ in range(5)]
            bodies = {target: gateway.call("GET", target).body for target in targets}
            for target in targets:
                eventually(lambda t=target: gateway.call("GET", t, [("Cache-Control", "only-if-cached, max-age=3600")]).status == 504, "stale")
            vendor.close()
            statuses = collections.Counter()
            for target in targets * 4:
                got = gateway.call("GET", target)
                statuses[got.status] += 1
                self.assertEqual(got.body, bodies[target])
                self.assertLess(cache_status(got)["ttl"], 0)
            self.assertEqual(statuses, {200: 20})
            got = gateway.call("GET", f"/v3/submission?submission_id={new_id()}")
            self.assertEqual((got.status, got.reason), (502, "upstream_connect_failed"))


if __name__ == "__main__":
    unittest.main()
