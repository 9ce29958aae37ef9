"""Retries: a lookup once on a fresh connection, a submission or deletion never after a byte was sent."""

import collections
import threading
import time
import unittest

from lib import hostile
from lib.gateway import (UNCHECKED, Close, Gateway, RecordingVendor, Reset, answer,
                         eventually, make_certs)

CALLS = {
    "GET": lambda gateway, name: hostile.ask(gateway, name=name),
    "DELETE": lambda gateway, name: hostile.ask(gateway, "DELETE", name=name),
    "POST": lambda gateway, name: hostile.post(gateway, name),
    "step2": lambda gateway, name: hostile.post(gateway, name, path="/v3/submission/step2"),
    "address": lambda gateway, name: hostile.post(gateway, name, path="/v3/address_code"),
}
ONCE = [call for call in CALLS if call != "GET"]


class Retry:
    certs = None

    def start(self, responder, **sections):
        """One worker, so that the pool in use is known."""
        vendor = RecordingVendor(responder, tls=self.certs and self.certs())
        self.addCleanup(vendor.close)
        gateway = Gateway(vendor, uploads=UNCHECKED, server={"workers": 1}, **sections)
        gateway.__enter__()
        self.addCleanup(gateway.__exit__, None, None, None)
        return vendor, gateway

    @staticmethod
    def seen(vendor):
        return collections.Counter(hostile.name_in(request) for request in vendor.requests())

    def dying_when_reused(self, ending, last_words=b""):
        """Answers the first request of a connection; the second gets `last_words` and the end."""
        def respond(request):
            if len(request.connection.requests) > 1:
                return [last_words, ending] if last_words else [ending]
            return answer(body=hostile.body_for(hostile.name_in(request)))
        return self.start(respond)

    def test_lookup_is_repeated_when_a_reused_connection_dies(self):
        for ending in (Close(), Reset()):
            vendor, gateway = self.dying_when_reused(ending)
            for name in ("warm", "again", "once-more"):
                with self.subTest(name, ending=type(ending).__name__):
                    outcome = hostile.ask(gateway, name=name)
                    self.assertEqual((outcome.kind, outcome.body), ("answer", hostile.body_for(name)))
            # The pooled connection was used, then a fresh one.
            self.assertEqual(self.seen(vendor), {"warm": 1, "again": 2, "once-more": 2})

    def test_attempts_are_logged(self):
        _, gateway = self.dying_when_reused(Close())
        hostile.ask(gateway, name="warm")
        hostile.ask(gateway, name="again")
        lines = gateway.access_lines(2)
        self.assertEqual([line["attempts"] for line in lines], [1, 2])
        self.assertEqual([line["reason"] for line in lines], ["none", "none"])

    def test_submissions_are_never_sent_twice(self):
        for call in ONCE:
            for ending in (Close(), Reset()):
                with self.subTest(call, ending=type(ending).__name__):
                    vendor, gateway = self.dying_when_reused(ending)
                    for number in range(4):
                        hostile.ask(gateway, name=f"warm-{number}")
                        name = f"{call}-{number}"
                        outcome = CALLS[call](gateway, name)
                        self.assertIn(outcome.kind, ("answer", "problem"), outcome)
                        if outcome.kind == "answer":
                            self.assertEqual(outcome.body, hostile.body_for(name))
                        else:
                            self.assertEqual(outcome.reason, "upstream_reset")
                        self.assertEqual(self.seen(vendor)[name], 1)

    def test_submissions_are_never_sent_twice_on_fresh_connections(self):
        for call in ONCE:
            for steps in ([Close()], [Reset()], [b"HTTP/1.1 ", Close()], [b"HTTP/1.1 100 Continue\r\n\r\n", Close()]):
                with self.subTest(call, steps=str(steps)[:40]):
                    vendor, gateway = self.start(lambda request, s=steps: s)
                    outcome = CALLS[call](gateway, call)
                    self.assertEqual(outcome.kind, "problem", outcome)
                    self.assertIn(outcome.reason, {"upstream_reset", "upstream_bad_response"})
                    time.sleep(0.1)
                    self.assertEqual(self.seen(vendor)[call], 1)

    def test_lookup_is_not_repeated_after_the_first_byte(self):
        vendor, gateway = self.dying_when_reused(Close(), b"HTTP/1.1 200 OK\r\nContent-")
        hostile.ask(gateway, name="warm")
        outcome = hostile.ask(gateway, name="torn")
        self.assertEqual(outcome.kind, "problem", outcome)
        self.assertEqual(self.seen(vendor)["torn"], 1)

    def test_lookup_is_repeated_once_at_most(self):
        vendor, gateway = self.start(lambda request: [Close()])
        for number in range(10):
            outcome = hostile.ask(gateway, name=f"lost-{number}")
            self.assertEqual((outcome.kind, outcome.reason), ("problem", "upstream_reset"))
        self.assertLessEqual(max(self.seen(vendor).values()), 2)

    def test_repeats_are_bounded_by_the_budget(self):
        """A vendor that loses everything is not asked twice as often."""
        vendor, gateway = self.start(lambda request: [Close()])
        count = 300
        for number in range(count):
            hostile.ask(gateway, name=f"lost-{number}")
        self.assertLessEqual(len(vendor.requests()), count * 1.1 + 20)

    def test_vendor_errors_are_not_repeated(self):
        vendor, gateway = self.start(lambda request: answer(502, b"{}", phrase="Bad Gateway"))
        for call in CALLS:
            outcome = CALLS[call](gateway, call)
            self.assertEqual((outcome.kind, outcome.status), ("answer", 502))
            self.assertEqual(self.seen(vendor)[call], 1)

    def test_idle_connections_that_the_vendor_closed_hurt_nobody(self):
        """The vendor closes after each answer without saying so; a moment later it is known."""
        def respond(request):
            return [answer(body=hostile.body_for(hostile.name_in(request))), Close()]
        vendor, gateway = self.start(respond)
        for number in range(15):
            for call in CALLS:
                name = f"{call}-{number}"
                outcome = CALLS[call](gateway, name)
                self.assertEqual((outcome.kind, outcome.body), ("answer", hostile.body_for(name)), outcome)
                eventually(lambda: all(connection.ended for connection in vendor.connections), "the vendor has closed")
        self.assertEqual(max(self.seen(vendor).values()), 1)

    def test_concurrent_callers_keep_their_answers(self):
        """Connections die at random under load: whoever gets an answer gets his own."""
        def respond(request):
            name = hostile.name_in(request)
            if int(name.split("-")[2]) % 7 == 3:
                return [Reset()]
            return answer(body=hostile.body_for(name))
        vendor, gateway = self.start(respond)
        wrong, counts = [], collections.Counter()

        def caller(number):
            for turn in range(40):
                call = list(CALLS)[turn % len(CALLS)]
                name = f"{call}-{number}-{turn}"
                outcome = CALLS[call](gateway, name)
                counts[outcome.kind] += 1
                if outcome.kind == "broken" or (outcome.kind == "answer" and outcome.body != hostile.body_for(name)):
                    wrong.append((name, outcome))

        threads = [threading.Thread(target=caller, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(wrong, [])
        self.assertEqual(sum(counts.values()), 320)
        self.assertGreater(counts["answer"], 200)
        self.assertEqual({name: n for name, n in self.seen(vendor).items()
                          if n > 1 and not name.startswith("GET")}, {})


class PlainRetry(Retry, unittest.TestCase):
    """The vendor speaks plain HTTP."""


class TlsRetry(Retry, unittest.TestCase):
    """The same over TLS."""
    certs = staticmethod(make_certs)


if __name__ == "__main__":
    unittest.main()
