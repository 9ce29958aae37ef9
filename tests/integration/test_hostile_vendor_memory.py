"""3,000 hostile answers leave no memory, descriptor or connection behind."""

import itertools
import os
import threading
import unittest

from lib import badanswers, hostile
from lib.gateway import (UNCHECKED, Close, Cut, Gateway, RecordingVendor, Reset,
                         answer, eventually, make_certs)

CALLERS = 6
WARM, COUNT = 1500, 3000
SLACK_KIB = 4096


class Flat:
    certs = None

    def test_memory_is_flat(self):
        rows = list(badanswers.all_rows("x"))
        endings = {"cut-head": [badanswers.OK, Cut()], "cut-body": [badanswers.OK + b"Content-Length: 90000\r\n\r\n" + b"b" * 60000, Reset()],
                   "nothing": [Close()], "reset": [Reset()]}
        kinds = rows + list(endings)

        def respond(request):
            name = hostile.name_in(request)
            kind = name.split(".")[0]
            if kind in endings:
                return endings[kind]
            return badanswers.all_rows(name)[kind] if kind in rows else answer(body=hostile.body_for(name))

        with RecordingVendor(respond, tls=self.certs and self.certs()) as vendor, \
                Gateway(vendor, uploads=UNCHECKED, server={"workers": 2}, upstream={"first_byte_timeout": "2s", "total_timeout": "3s"}) as gateway:
            numbers, wrong = itertools.count(), []
            self.drive(gateway, kinds, numbers, WARM, wrong)
            vendor.clear()
            before, descriptors = gateway.rss_kib(), self.descriptors(gateway)
            self.drive(gateway, kinds, numbers, COUNT, wrong)
            vendor.clear()
            self.assertEqual(wrong, [])
            self.assertLess(gateway.rss_kib() - before, SLACK_KIB)
            eventually(lambda: self.descriptors(gateway) <= descriptors + 8, "descriptors are closed")
            eventually(lambda: gateway.metrics().value("requests_in_flight") == 0, "nothing is in flight")

    @staticmethod
    def descriptors(gateway):
        return len(os.listdir(f"/proc/{gateway.pid}/fd"))

    @staticmethod
    def drive(gateway, kinds, numbers, count, wrong):
        end = next(numbers) + count

        def caller():
            while (number := next(numbers)) < end:
                kind = kinds[number % len(kinds)]
                name = f"{kind}.{number}"
                outcome = hostile.ask(gateway, name=name) if number % 3 else hostile.post(gateway, name)
                right = hostile.body_for(name)
                if outcome.kind == "answer" and outcome.body != right:
                    wrong.append((name, outcome))

        threads = [threading.Thread(target=caller) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        if any(thread.is_alive() for thread in threads):
            wrong.append("a caller hangs")


class PlainFlat(Flat, unittest.TestCase):
    """The vendor speaks plain HTTP."""


class TlsFlat(Flat, unittest.TestCase):
    """The same over TLS."""
    certs = staticmethod(make_certs)


if __name__ == "__main__":
    unittest.main()
