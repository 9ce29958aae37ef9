"""Changes whose outcome is not known: the vendor may make them at any time later, and that is seen within half a second.

A lookup that begins later than that after the change and shows the state before it was answered from what is too old,
however slow the machine is: the vendor would have given the new state.
"""

import contextlib
import json
import threading
import time
import unittest

from lib.cachecase import LONG, CacheCase, Gate, cache_status, new_id
from lib.gateway import Cut, Pause, Reset, eventually
from lib.statevendor import StateVendor, change_request, lookups_of, send_change, versions
from lib import wire

BOUND = 0.5
WATCHED = 1.0        # seconds of polling behind the bound


class Unknown(CacheCase):
    cache = {**LONG, "stale_while_revalidate": "1h", "stale_if_error": "1h"}
    sections = {"uploads": {"validation": "enforce"}, "upstream": {"first_byte_timeout": "1s", "total_timeout": "10s"}}
    vendor_type = StateVendor

    def setUp(self):
        self.addCleanup(setattr, self.vendor, "on_change", lambda request, apply: apply())

    def watch(self, submission_id, owner, end):
        """Polls each lookup until the time that end() gives; [(lookup, begun, version, status)]."""
        rows = []
        with self.gateway.connect() as connection:
            while time.monotonic() < end():
                for name, target in lookups_of(submission_id, owner).items():
                    begun = time.monotonic()
                    connection.send(wire.request("GET", target))
                    got = connection.read_answer()
                    self.assertEqual(got.status, 200, got.body[:300])
                    rows.append((name, begun, versions(got).get(submission_id), got.get("cache-status")))
                time.sleep(0.01)
        return rows

    def send(self, kind, submission_id):
        with contextlib.suppress(wire.WireError):      # an answer that breaks off
            send_change(self.gateway, kind, submission_id)

    def play(self, kind, steps, later=1.2, leave=False):
        """The vendor receives the whole request, does steps, and makes the change `later` seconds after that."""
        owner = new_id()
        submission_id = self.vendor.add(owner=owner)
        for target in lookups_of(submission_id, owner).values():
            self.assertEqual(self.ask(target).status, 200)
        received, made = threading.Event(), []

        def change(request, apply):
            def do():
                time.sleep(later)
                apply()
                made.append(time.monotonic())
            threading.Thread(target=do, daemon=True).start()
            received.set()
            return steps
        self.vendor.on_change = change
        if leave:
            method, target, content_type, body = change_request(kind, submission_id)
            with self.gateway.connect() as connection:
                connection.send(wire.request(method, target, [("Content-Type", content_type)] if content_type else [], body))
                self.assertTrue(received.wait(10))
                connection.reset()
        else:
            changing = threading.Thread(target=self.send, args=(kind, submission_id))
            changing.start()
            self.addCleanup(changing.join, 20)
            self.assertTrue(received.wait(10))
        rows = self.watch(submission_id, owner, lambda: (made[0] if made else time.monotonic()) + BOUND + WATCHED)
        now = self.vendor.submissions.get(submission_id)
        expected = now and now["version"]
        late = [row for row in rows if row[1] > made[0] + BOUND + 0.05]
        self.assertGreaterEqual(len(late), 10, "too slow to have seen anything")
        self.assertTrue([row for row in rows if row[1] < made[0] and row[2] == 1], "nobody looked before the change")
        wrong = [(name, round(begun - made[0], 3), version, told) for name, begun, version, told in late if version != expected]
        self.assertEqual(wrong[:5], [], f"{len(wrong)} of {len(late)} answers")

    def each(self, steps, **named):
        for kind in ("step1", "step2", "delete"):
            with self.subTest(kind):
                self.play(kind, steps, **named)

    def test_the_connection_is_cut(self):
        self.each([Cut()])

    def test_the_connection_is_reset(self):
        self.each([Reset()])

    def test_no_answer_in_time(self):
        self.each([Pause(1.5), Cut()], later=1.8)

    def test_the_caller_leaves(self):
        self.each([Pause(3), Cut()], leave=True)

    def test_an_answer_that_is_none(self):
        self.each([b"no answer at all\r\n\r\n"])

    def test_an_answer_that_breaks_off(self):
        self.each([b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", Cut()])

    def test_the_vendors_own_time_out(self):
        body = b'{"message":"Endpoint request timed out"}'
        self.each([b"HTTP/1.1 504 Gateway Timeout\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)])

    def test_long_after(self):
        self.play("delete", [Cut()], later=6)


class AtOnce(CacheCase):
    """A change that has been made although its answer is lost is seen by the next lookup."""

    cache = {**LONG, "stale_while_revalidate": "1h", "stale_if_error": "1h"}
    sections = {"uploads": {"validation": "enforce"}, "upstream": {"first_byte_timeout": "1s", "total_timeout": "10s"}}
    vendor_type = StateVendor

    def test_the_answer_is_lost(self):
        for kind in ("step1", "step2", "delete"):
            for name, lost in (("cut", [Cut()]), ("silence", [Pause(1.5), Cut()])):
                with self.subTest(kind, lost=name):
                    owner = new_id()
                    submission_id = self.vendor.add(owner=owner)
                    for target in lookups_of(submission_id, owner).values():
                        self.assertEqual(self.ask(target).status, 200)

                    def change(request, apply, steps=lost):
                        apply()
                        return steps
                    self.vendor.on_change = change
                    self.assertGreaterEqual(send_change(self.gateway, kind, submission_id).status, 502)
                    now = self.vendor.submissions.get(submission_id)
                    for lookup, target in lookups_of(submission_id, owner).items():
                        with self.subTest(kind, lost=name, lookup=lookup):
                            got = self.ask(target)
                            self.assertEqual(versions(got).get(submission_id), now and now["version"], cache_status(got))

    def test_afterwards_it_is_cached_as_ever(self):
        """When total_timeout has passed nothing can be under way any more."""
        owner = new_id()
        submission_id = self.vendor.add(owner=owner)
        self.vendor.on_change = lambda request, apply: [Cut()]
        self.assertEqual(send_change(self.gateway, "step2", submission_id).status, 502)
        target = self.target(submission_id)

        def lasting():
            got = self.ask(target)
            return cache_status(got).get("ttl", 0) > 1000
        eventually(lasting, "an answer with its usual lifetime", 30)
        self.assert_hit(self.ask(target))


class Pollers(CacheCase):
    """Many who poll while others change: nobody sees a state older than the last change that was answered before they asked."""

    cache = {**LONG, "ttl_list": "50ms", "ttl_pending": "20ms", "stale_while_revalidate": "1h", "stale_if_error": "1h"}
    sections = {"uploads": {"validation": "enforce"}}
    vendor_type = StateVendor

    def test_polling_clients(self):
        owner = new_id()
        ids = [self.vendor.add(owner=owner) for _ in range(4)]
        answered, wrong, seen, running = {one: 1 for one in ids}, [], [], Gate()
        self.vendor.on_lookup = lambda request, data: [Pause((len(self.vendor.connections) * 7 + len(seen) * 13) % 30 / 1000), data]
        self.vendor.on_change = lambda request, apply: [Pause(len(seen) % 10 / 1000), apply(), ]

        def poll(number):
            with self.gateway.connect() as connection:
                turn = number
                while not running.is_set():
                    turn += 1
                    submission_id = ids[turn % len(ids)]
                    target = list(lookups_of(submission_id, owner).values())[turn // len(ids) % 5]
                    floor = answered[submission_id]
                    connection.send(wire.request("GET", target))
                    got = connection.read_answer()
                    try:
                        version = versions(got)[submission_id]
                    except (KeyError, TypeError, json.JSONDecodeError):
                        wrong.append((target, got.status, got.body[:200]))
                        return
                    seen.append("hit" in cache_status(got))
                    if version < floor:
                        wrong.append((target, version, floor, got.get("cache-status")))

        pollers = [threading.Thread(target=poll, args=(number,)) for number in range(12)]
        with running:
            for thread in pollers:
                thread.start()
            for turn in range(200):
                submission_id = ids[turn % len(ids)]
                got = send_change(self.gateway, "step2" if turn % 3 else "step1", submission_id)
                self.assertEqual(got.status, 200, got.body)
                answered[submission_id] += 1
                time.sleep(0.02)       # something gets stored in between
        for thread in pollers:
            thread.join(20)
        self.assertEqual(wrong, [])
        for one in ids:
            self.assertEqual(self.vendor.submissions[one]["version"], answered[one])
        self.assertGreater(sum(seen), 50, "hardly anything came from the cache")
        self.assertGreater(len(seen) - sum(seen), 50)


if __name__ == "__main__":
    unittest.main()
