"""The memory of the cache is bounded, and what it held is wiped."""

import os
import re
import secrets
import unittest

from lib.cachecase import APPLICANT, LONG, SUBMISSION, Gate, LookupVendor, cache_status, call_of, get, item, new_id, numbered, page, parameters, reply
from lib.crowd import Crowd
from lib.gateway import UNCHECKED, Gateway, Wait, eventually
from lib.statevendor import send_change

MIB = 1 << 20


class Bound(unittest.TestCase):
    def bytes_now(self, gateway, limit):
        value = gateway.metrics().value("cache_bytes")
        self.assertLessEqual(value, limit)
        return value

    def test_thousands_of_lookups_in_one_mebibyte(self):
        with LookupVendor() as vendor, Gateway(vendor, cache={**LONG, "memory": "1MiB"}, log={"level": "warn"}) as gateway:
            vendor.rule("submission_id", lambda request, number: reply(numbered(request, number, filler="x" * (number * 37 % 4000))))
            with gateway.connect() as connection:
                for number in range(3000):
                    target = f"{SUBMISSION}?submission_id=m{number:05d}"
                    connection.send(get(target))
                    got = connection.read_answer()
                    self.assertIn(f"m{number:05d}".encode(), got.body)
                    if number % 50 == 0:
                        self.bytes_now(gateway, MIB)
                connection.send(get(target))
                self.assertIn("hit", cache_status(connection.read_answer()))
            metrics = gateway.metrics()
            entries, evicted = metrics.value("cache_entries"), metrics.value("cache_evictions_total")
            self.assertGreater(self.bytes_now(gateway, MIB), MIB // 4)       # it is used, too
            self.assertGreater(entries, 100)
            self.assertGreater(evicted, 1000)
            self.assertLessEqual(entries + evicted, 3000)

    def test_by_many_callers_at_once(self):
        with LookupVendor() as vendor, Gateway(vendor, cache={**LONG, "memory": "1MiB"}, log={"level": "warn"}) as gateway, \
                Crowd(gateway.port, 100) as crowd:
            vendor.rule("submission_id", lambda request, number: reply(numbered(request, number, filler="x" * (number * 997 % 60_000))))
            for turn in range(15):
                crowd.send([get(f"{SUBMISSION}?submission_id=c{turn}-{index}") for index in range(100)])
                for index, got in enumerate(crowd.answers()):
                    self.assertEqual(got.status, 200)
                    self.assertIn(f"c{turn}-{index}".encode(), got.body)
                self.bytes_now(gateway, MIB)

    def test_what_is_asked_for_stays(self):
        """A scan of questions that are asked once does not drive out what is in use."""
        with LookupVendor() as vendor, Gateway(vendor, cache={**LONG, "memory": "4MiB"}, log={"level": "warn"}) as gateway, \
                gateway.connect() as connection:
            vendor.rule("submission_id", lambda request, number: reply(numbered(request, number, filler="x" * 2000)))

            def ask(name):
                connection.send(get(f"{SUBMISSION}?submission_id={name}"))
                return cache_status(connection.read_answer())
            for _ in range(4):
                for number in range(50):
                    ask(f"used{number}")
            for number in range(3000):
                ask(f"scan{number}")
                if number % 20 == 0:
                    ask(f"used{number // 20 % 50}")
            self.assertGreater(gateway.metrics().value("cache_evictions_total"), 500)
            hits = sum("hit" in ask(f"used{number}") for number in range(50))
            self.assertGreaterEqual(hits, 45)

    def test_a_body_that_is_too_large_for_the_memory(self):
        with LookupVendor() as vendor, Gateway(vendor, cache={**LONG, "memory": "1MiB"}) as gateway:
            vendor.rule("userid", lambda request, number: reply(page(call=number, filler="x" * (2 * MIB))))
            calls = set()
            for _ in range(3):
                got = gateway.call("GET", f"{SUBMISSION}?userid=a")
                self.assertEqual((got.status, len(got.body) > 2 * MIB), (200, True))
                self.assertNotIn("stored", cache_status(got))
                calls.add(call_of(got))
            self.assertEqual(len(calls), 3)
            self.bytes_now(gateway, MIB)

    def test_answers_on_their_way_count(self):
        """While slow callers still read what was dropped, the memory is taken."""
        with LookupVendor() as vendor, Gateway(vendor, cache={**LONG, "memory": "8MiB"}, log={"level": "warn"}) as gateway:
            vendor.rule("userid", lambda request, number: reply(page(call=number, filler="x" * 900_000)))
            links = []
            try:
                for number in range(24):
                    link = gateway.connect(timeout=30)
                    links.append(link)
                    link.send(get(f"{SUBMISSION}?userid=slow{number}"))
                    eventually(lambda n=number: len(vendor.requests()) > n, "asked")
                    self.bytes_now(gateway, 8 * MIB)
                for link in links:
                    got = link.read_answer()
                    self.assertEqual((got.status, len(got.body) > 900_000), (200, True))
                    self.bytes_now(gateway, 8 * MIB)
            finally:
                for link in links:
                    link.close()


def in_memory(pid, marker):
    """Whether the bytes are in the memory of a process, with the mapping they are in."""
    places = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) (r\S+) \S+ \S+ \S+ *(.*)", line)
            if not found or found[4] in ("[vvar]", "[vvar_vclock]", "[vsyscall]"):
                continue
            begin, end = int(found[1], 16), int(found[2], 16)
            tail = b""
            while begin < end:
                try:
                    data = os.pread(memory.fileno(), min(end - begin, 4 * MIB), begin)
                except OSError:
                    break
                if not data:
                    break
                if marker in tail + data:
                    places.append(found[4] or "anonymous")
                    break
                tail, begin = data[-len(marker):], begin + len(data)
    return places


class Wiped(unittest.TestCase):
    """Reads the memory of the gateway, which only root may."""

    def setUp(self):
        self.marker = secrets.token_hex(24).encode()

    def body(self, request, number):
        submission_id = parameters(request.target).get("submission_id", "sbx-listed")
        # Pieces of it are no trace: what is looked for is put together here.
        return page(item(submission_id, data={"name": self.marker.decode()}), call=number)

    def gateway(self, vendor, **cache):
        return Gateway(vendor, cache={**LONG, "memory": "16MiB", **cache}, uploads=UNCHECKED, log={"level": "warn"})

    def assert_wiped(self, gateway, what):
        eventually(lambda: not in_memory(gateway.pid, self.marker), f"{what}: {in_memory(gateway.pid, self.marker)}", 60)

    def fill(self, vendor, gateway, targets):
        vendor.rule("/submission", lambda request, number: reply(self.body(request, number)))
        for target in targets:
            for expected in ("fwd", "hit"):
                got = gateway.call("GET", target)
                self.assertIn(self.marker, got.body)
                self.assertIn(expected, cache_status(got))
        self.assertTrue(in_memory(gateway.pid, self.marker), "it is not there to begin with")
        vendor.rules.clear()

    def test_after_a_delete(self):
        submission_id = new_id()
        with LookupVendor() as vendor, self.gateway(vendor) as gateway:
            self.fill(vendor, gateway, [f"{SUBMISSION}?submission_id={submission_id}"])
            self.assertEqual(send_change(gateway, "delete", submission_id).status, 200)
            self.assert_wiped(gateway, "after DELETE")

    def test_after_a_purge_of_many(self):
        with LookupVendor() as vendor, self.gateway(vendor) as gateway:
            self.fill(vendor, gateway, [f"{SUBMISSION}?submission_id={new_id()}" for _ in range(200)])
            gateway.admin("/cache/purge?all=true", "POST")
            self.assert_wiped(gateway, "after a purge")
            self.assertEqual(gateway.metrics().value("cache_entries"), 0)

    def test_after_the_lifetime(self):
        with LookupVendor() as vendor, self.gateway(vendor, ttl_approved="1s", stale_while_revalidate="0s", stale_if_error="0s") as gateway:
            self.fill(vendor, gateway, [f"{SUBMISSION}?submission_id={new_id()}"])
            self.assert_wiped(gateway, "after its lifetime")

    def test_after_a_new_answer(self):
        target = f"{SUBMISSION}?submission_id={new_id()}"
        with LookupVendor() as vendor, self.gateway(vendor) as gateway:
            self.fill(vendor, gateway, [target])
            got = gateway.call("GET", target, [("Cache-Control", "no-cache")])
            self.assertNotIn(self.marker, got.body)
            self.assert_wiped(gateway, "after a new answer")

    def test_what_was_never_stored(self):
        with LookupVendor() as vendor, self.gateway(vendor) as gateway, Gate() as gate:
            def respond(request, number):
                return [reply(self.body(request, number), ("Cache-Control", "no-store"))[:-5], Wait(gate),
                        reply(self.body(request, number))[-5:]]
            vendor.rule("/submission", respond)
            with gateway.connect() as connection:
                connection.send(get(f"{SUBMISSION}?submission_id={new_id()}"))
                eventually(lambda: in_memory(gateway.pid, self.marker), "it passes through")
                gate.set()
                self.assertIn(self.marker, connection.read_answer().body)
            self.assert_wiped(gateway, "after it has passed")

    def test_a_question_names_a_person(self):
        """The key of an entry holds the query."""
        person = f"{SUBMISSION}?email={self.marker.decode()}%40example.test"
        with LookupVendor() as vendor, self.gateway(vendor) as gateway:
            for expected in ("fwd", "hit"):
                self.assertIn(expected, cache_status(gateway.call("GET", person)))
            self.assertTrue(in_memory(gateway.pid, self.marker))
            gateway.admin("/cache/purge?all=true", "POST")

            def wiped():
                # What a function has left on the stack of its thread goes with the next question.
                for _ in range(20):
                    gateway.call("GET", f"{SUBMISSION}?email=somebody-else-altogether-{new_id()}-{new_id()}-{new_id()}-{new_id()}%40example.test")
                return not in_memory(gateway.pid, self.marker)
            eventually(wiped, "the question is gone", 60)

    def test_applicants(self):
        with LookupVendor() as vendor, self.gateway(vendor) as gateway:
            body = b'[{"submission_id":"sbx1","email":"%s@example.test"}]' % self.marker
            vendor.rule("/applicant", lambda request, number: reply(body))
            for expected in ("fwd", "hit"):
                self.assertIn(expected, cache_status(gateway.call("GET", f"{APPLICANT}?applicant_id=a")))
            self.assertTrue(in_memory(gateway.pid, self.marker))
            vendor.rules.clear()
            self.assertEqual(send_change(gateway, "delete", "sbx1").status, 200)
            self.assert_wiped(gateway, "an applicant")


if __name__ == "__main__":
    unittest.main()
