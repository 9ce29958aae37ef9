"""The wire cases against the built gateway: each whole, byte by byte and split at every offset.

The vendor judges every byte it gets; after each group its record is compared with what the cases
allow: a request that was accepted arrived exactly once, nothing of a refused one arrived at all.
"""

import concurrent.futures
import itertools
import multiprocessing
import unittest

from lib import wirecases
from lib.auditvendor import AuditVendor
from lib.gateway import UNCHECKED, Gateway, eventually

CASES = wirecases.load()
PROCESSES = 2
LEGAL_PER_CONNECTION = 40
SESSIONS_PER_JOB = 400


def setUpModule():
    global vendor, gateway, pool, runs
    vendor = AuditVendor()
    gateway = Gateway(vendor, uploads=UNCHECKED, limits={"header_bytes": "16KiB", "header_fields": 100, "body_bytes": "10MiB",
                                                        "file_bytes": "11MiB", "field_bytes": "1MiB"},
                      log={"level": "warn"})
    pool = concurrent.futures.ProcessPoolExecutor(
        PROCESSES, mp_context=multiprocessing.get_context("fork"))
    runs = itertools.count(1)
    try:
        gateway.start()
    except BaseException:
        tearDownModule()
        raise


def tearDownModule():
    pool.shutdown()
    gateway.__exit__(None, None, None)
    vendor.__exit__(None, None, None)


def sessions_of(group, mode):
    """[(index, [(run, cut), ...])]; several legal requests share a connection, one after the other."""
    for index, case in enumerate(CASES):
        if case.group != group or mode not in case.modes:
            continue
        cuts = {"whole": [wirecases.WHOLE], "bytes": [wirecases.BYTES]}.get(mode) or case.offsets()
        share = LEGAL_PER_CONNECTION if case.closed is False else 1
        for at in range(0, len(cuts), share):
            yield index, [(next(runs), cut) for cut in cuts[at:at + share]]


class WireCases(unittest.TestCase):
    # Of all groups: the vendor may learn of the end of a cut upload when the next group is under way.
    partial = set()

    def check(self, group, mode):
        before = vendor.findings()
        sessions = list(sessions_of(group, mode))
        self.assertTrue(sessions)
        jobs = [pool.submit(wirecases.play_sessions, gateway.port, sessions[at:at + SESSIONS_PER_JOB])
                for at in range(0, len(sessions), SESSIONS_PER_JOB)]
        faults = [fault for job in jobs for fault in job.result()]
        self.assertEqual(len(faults), 0, "\n" + "\n".join(faults[:15]))
        self.assertIsNone(gateway.process.poll(), "the gateway ended")
        expected = self.expected(sessions)
        # A cut upload is only known to be unfinished when its vendor connection ends.
        eventually(lambda: vendor.findings()[3] >= before[3] + expected, "all requests arrived")
        self.audit(sessions, before, expected)

    @staticmethod
    def expected(sessions):
        total = 0
        for index, cuts in sessions:
            total += CASES[index].forwarded * len(cuts) + (CASES[index].closed is False)
        return total

    def audit(self, sessions, before, expected):
        complete, unfinished, faults, requests = vendor.findings()
        self.assertEqual(faults, [], "the gateway sent the vendor something it may not send")
        self.assertEqual(requests - before[3], expected, "requests the vendor saw")
        allowed, whose = set(), {}
        for index, cuts in sessions:
            case = CASES[index]
            for run, cut in cuts:
                whose[b"%013d" % run] = f"{case.name} cut at {cut}"
                for number in range(1, case.forwarded + 1):
                    text = wirecases.marker(run, number)
                    allowed.add(text)
                    self.assertEqual(complete.get(text), 1, f"{case.name} cut at {cut}: request {number}")
                if case.partial:
                    self.partial.add(wirecases.marker(run, case.forwarded + 1))
            if case.closed is False:
                allowed.add(b"p%013d00" % cuts[-1][0])

        def named(markers):
            return sorted(f"{text.decode()} {whose.get(text[1:14], 'an earlier case')}" for text in markers)
        self.assertEqual(named(set(complete) - set(before[0]) - allowed), [], "refused or dropped bytes reached the vendor")
        self.assertEqual(named(unfinished - self.partial), [], "unfinished requests at the vendor")


def _add(group, mode):
    def test(self):
        self.check(group, mode)
    name = f"test_{group.replace('-', '_')}_{mode}"
    test.__name__, test.__doc__ = name, f"Group {group}, mode {mode}."
    setattr(WireCases, name, test)


for _group in dict.fromkeys(case.group for case in CASES):
    for _mode in wirecases.MODES:
        _add(_group, _mode)


class Table(unittest.TestCase):
    def test_covers_enough(self):
        refused = [case for case in CASES if case.forwarded < len(case.verdicts)]
        self.assertGreaterEqual(len(CASES), 500)
        self.assertGreaterEqual(len(refused), 400)

    def test_markers_match_the_counts(self):
        for case in CASES:
            numbers = {int(found) for found in wirecases.MARKER.findall(case.raw)}
            with self.subTest(case.name):
                self.assertTrue(set(range(1, case.forwarded + 1)) <= numbers)
                self.assertEqual(case.forwarded,
                                 sum("reason" not in verdict[0] for verdict in case.verdicts))


if __name__ == "__main__":
    unittest.main()
