"""Callers that leave at any moment and vendors that say too much, all at once: whoever gets an answer
gets his own, and afterwards nothing is left behind."""

import collections
import os
import random
import socket
import struct
import threading
import unittest

from lib import badanswers, hostile, wire
from lib.gateway import UNCHECKED, Gateway, Pause, RecordingVendor, answer, eventually, make_certs

CALLERS, TURNS = 12, 60
SEED = 20240601
ALLOWED_PROBLEMS = {"upstream_reset", "upstream_pool_exhausted", "upstream_bad_response", "upstream_first_byte_timeout",
                    "upstream_total_timeout"}


class Chaos:
    certs = None

    def start(self, responder, **sections):
        vendor = RecordingVendor(responder, tls=self.certs and self.certs())
        self.addCleanup(vendor.close)
        gateway = Gateway(vendor, uploads=UNCHECKED, tls=self.certs and self.certs(), **sections)
        gateway.__enter__()
        self.addCleanup(gateway.__exit__)
        return vendor, gateway

    def run_callers(self, call):
        """call(random, name) -> None or the text of what was wrong, from many threads."""
        wrong, crashed = [], []

        def caller(number):
            source = random.Random(SEED + number)
            try:
                for turn in range(TURNS):
                    text = call(source, f"c{number}-{turn}")
                    if text:
                        wrong.append(text)
            except Exception as error:                         # a hang or an unreadable answer
                crashed.append(f"caller {number}: {error!r}")

        threads = [threading.Thread(target=caller, args=(number,)) for number in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertFalse(any(thread.is_alive() for thread in threads), "a caller hangs")
        self.assertEqual((wrong[:5], crashed[:5]), ([], []))

    def quiet(self, gateway):
        """Nothing is in flight any more, no descriptor stayed open but the pool's."""
        eventually(lambda: gateway.metrics().value("requests_in_flight") == 0, "nothing is in flight")
        eventually(lambda: gateway.metrics().value("connections") == 0, "no caller is connected")
        self.assertEqual(gateway.metrics().value("upstream_connections", state="busy"), 0)
        self.assertIsNone(gateway.process.poll())
        name = "the-last"
        self.assertEqual(hostile.ask(gateway, name=name).body, hostile.body_for(name))

    def test_callers_that_leave_anywhere(self):
        """Cut in the request, while waiting, or in the answer; by FIN or RST."""
        def respond(request):
            name = hostile.name_in(request)
            body = hostile.body_for(name)
            if name.endswith("3"):                             # long enough to be cut
                body += b" " * 200000
            return [Pause(0.003), answer(body=body)]

        _, gateway = self.start(respond)

        def call(source, name):
            upload = source.random() < 0.4
            request = (wire.request("POST", "/v3/submission/step1", [hostile.MULTIPART], hostile.form(name, 40000)) if upload
                       else wire.request("GET", f"/v3/submission?submission_id={name}"))
            with gateway.connect() as connection:
                kind = source.choice(["stay", "stay", "in-request", "waiting", "in-answer"])
                if source.random() < 0.5 and kind != "stay":
                    raw = socket.socket(fileno=os.dup(connection.sock.fileno()))
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    raw.close()
                if kind == "in-request":
                    connection.send(request[:source.randrange(1, len(request))])
                    return None
                connection.send(request)
                if kind == "waiting":
                    return None
                if kind == "in-answer":
                    connection.sock.recv(source.randrange(1, 300))
                    return None
                got = connection.read_answer().body.rstrip(b" ")
                return None if got == hostile.body_for(name) else f"{name}: {got[:80]!r}"

        self.run_callers(call)
        self.quiet(gateway)

    def test_surplus_under_contention(self):
        """Two vendor connections for twelve callers; a third of the answers bring a second one along."""
        poison = badanswers.OK + badanswers.length(badanswers.POISON) + b"\r\n" + badanswers.POISON

        def respond(request):
            name = hostile.name_in(request)
            good = answer(body=hostile.body_for(name))
            return good + poison if int(name.split("-")[1] if "-" in name and name[0] == "c" else 1) % 3 == 0 else good

        _, gateway = self.start(respond, upstream={"max_connections": 2})
        self.contend(gateway)

    def test_deaths_under_contention(self):
        """The same with answers that are cut."""
        def respond(request):
            name = hostile.name_in(request)
            whole = answer(body=hostile.body_for(name))
            number = int(name.split("-")[1]) if name[0] == "c" else 1
            return [whole[:number * 3], badanswers.Close()] if number % 4 == 0 else whole

        _, gateway = self.start(respond, upstream={"max_connections": 3})
        self.contend(gateway)

    def contend(self, gateway):
        counts = collections.Counter()

        def call(source, name):
            outcome = hostile.post(gateway, name) if source.random() < 0.3 else hostile.ask(gateway, name=name)
            counts[outcome.kind] += 1
            if outcome.kind == "answer":
                return None if outcome.body == hostile.body_for(name) else f"{name}: {outcome.body[:80]!r}"
            if outcome.kind == "problem":
                return None if outcome.reason in ALLOWED_PROBLEMS else f"{name}: {outcome}"
            return None

        self.run_callers(call)
        self.assertGreater(counts["answer"], CALLERS * TURNS // 2, counts)
        self.quiet(gateway)


class PlainChaos(Chaos, unittest.TestCase):
    """Plain on both sides."""


class TlsChaos(Chaos, unittest.TestCase):
    """TLS on both sides."""
    certs = staticmethod(make_certs)


if __name__ == "__main__":
    unittest.main()
