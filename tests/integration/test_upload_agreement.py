"""What the gateway takes is read the same by parsers that know nothing of each other: busboy and formidable (npm) and
Werkzeug (Debian) must find the same parts in it, in the same order; Node's own (from Node 20 on) must find them or refuse
the body. What other readers make of names is held by their rules.

ARGOS_TEST_SEED repeats a run; ARGOS_TEST_MUTANTS sets the number of mutants.
"""

import collections
import html
import os
import random
import time
import unittest

from lib import formparsers, uploadcases

MUTANTS = int(os.environ.get("ARGOS_TEST_MUTANTS", "100000"))
BATCH = 500
REQUIRED = ("busboy", "formidable", "werkzeug")


class Agreement(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = formparsers.Node()
        cls.addClassCleanup(cls.node.close)
        cls.cases = [case for case in uploadcases.load() if case.content_type.startswith(b"multipart/form-data")]

    def gateway(self, validation):
        gateway = formparsers.Gateway(validation)
        self.addCleanup(gateway.close)
        return gateway

    def compare(self, gateway, pairs, tally):
        """Judges the pairs; what is taken goes to every parser. Fails at the first difference."""
        judged = gateway.read(pairs)
        tally.update("taken" if isinstance(ours, list) else ours for ours in judged)
        taken = [(pair, ours) for pair, ours in zip(pairs, judged) if isinstance(ours, list)]
        for ((content_type, body), ours), theirs in zip(taken, self.node.read([pair for pair, _ in taken])):
            theirs["werkzeug"] = formparsers.werkzeug(content_type, body)
            self.as_the_laxest_compare(ours)
            self.assertLessEqual(set(REQUIRED), set(theirs))
            for parser, parts in theirs.items():
                if isinstance(parts, formparsers.Refused) and parser not in REQUIRED:
                    tally[f"({parser} refuses)"] += 1
                    continue
                self.assertEqual(ours, parts, f"{parser} reads something else in\n{content_type!r}\n{body!r}")
        return taken

    def as_the_laxest_compare(self, parts):
        """Django decodes HTML in file names. PHP and ASP.NET know names by `_` for `.`, and without case."""
        for _, _, file_name, _, _ in parts:
            self.assertEqual(html.unescape(file_name or ""), file_name or "")
        folded = [name.lower().replace(".", "_") for _, name, _, _, _ in parts]
        self.assertEqual(len(set(folded)), len(folded), parts)

    def test_good_bodies(self):
        tally = collections.Counter()
        for case in self.cases:
            if case.reason is None:
                taken = self.compare(self.gateway("off"), [(case.content_type, case.body)], tally)
                self.assertEqual(len(taken), 1, case.name)
                self.assertTrue(taken[0][1], case.name)
        self.assertGreater(tally["taken"], 150)

    def test_the_comparison_finds_differences(self):
        """Bodies that the gateway refuses because parsers differ on them: some parser does differ."""
        differ = collections.Counter()
        refused = [case for case in self.cases if case.reason and case.rules == "off"]
        for case, theirs in zip(refused, self.node.read([(case.content_type, case.body) for case in refused])):
            theirs["werkzeug"] = formparsers.werkzeug(case.content_type, case.body)
            seen = {repr(parts) if isinstance(parts, list) else "refused" for parts in theirs.values()}
            differ[case.reason] += len(seen) > 1
        for reason in ("part_filename_invalid", "part_name_invalid", "part_type_missing", "part_type_unexpected",
                       "multipart_bare_newline", "multipart_boundary_in_part",
                       "part_header_repeated", "part_parameter_repeated", "part_filename_extended",
                       "part_transfer_encoding", "boundary_repeated", "multipart_epilogue"):
            self.assertGreater(differ[reason], 0, reason)

    def mutate(self, validation, pairs, count):
        seed = int(os.environ.get("ARGOS_TEST_SEED") or random.SystemRandom().getrandbits(32))
        print(f"\nARGOS_TEST_SEED={seed}: {count} mutants of {len(pairs)} bodies, validation {validation}", flush=True)
        mutator, gateway, tally, begin = uploadcases.Mutator(random.Random(seed),
                                                             pairs), self.gateway(validation), collections.Counter(), time.monotonic()
        distinct = set()
        for _ in range(count // BATCH):
            taken = self.compare(gateway, [mutator.next() for _ in range(BATCH)], tally)
            distinct.update(hash(pair) for pair, _ in taken)
        print(f"{tally['taken']} were taken ({len(distinct)} different ones) and read alike; {time.monotonic() - begin:.0f} s\n", dict(tally.most_common()), flush=True)
        distinct -= {hash(pair) for pair in pairs}
        return tally, distinct

    def test_mutants(self):
        pairs = [(case.content_type, case.body) for case in self.cases if case.reason is None and len(case.body) < 3000]
        tally, distinct = self.mutate("off", pairs, MUTANTS)
        self.assertGreater(len(distinct), MUTANTS // 20)
        self.assertGreater(len(tally), 25, "the mutants do not reach the reader's rules")

    def test_mutants_with_pictures_judged(self):
        pairs = [(case.content_type,
                  case.body) for case in self.cases if case.reason is None and case.rules == "enforce" and case.operation == "submit_step1"]
        tally, distinct = self.mutate("enforce", pairs, MUTANTS // 5)
        self.assertGreater(len(distinct), MUTANTS // 200)
        self.assertGreater(tally["image_malformed"], 0)


if __name__ == "__main__":
    unittest.main()
