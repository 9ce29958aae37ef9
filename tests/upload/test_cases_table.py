"""The table of uploads is the one that its generator writes, and says enough."""

import collections
import json
import pathlib
import subprocess
import sys
import unittest

CASES = pathlib.Path(__file__).parent / "cases"


class Table(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.table = json.loads((CASES / "table.json").read_text())

    def test_it_is_what_the_generator_writes(self):
        done = subprocess.run([sys.executable, "-B", str(CASES / "make.py"), "--check"], capture_output=True, text=True,
                              timeout=120)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_good_and_bad_are_many(self):
        count = collections.Counter(row["reason"] is None for row in self.table["cases"])
        self.assertGreaterEqual(count[True], 100)
        self.assertGreaterEqual(count[False], 300)

    def test_the_clients_are_all_there(self):
        clients = {row["client"].split()[0] for row in json.loads((CASES / "captured.json").read_text())}
        self.assertLessEqual({"curl", "node", "requests", "httpx"}, clients)
        names = {row["name"] for row in self.table["cases"]}
        for row in json.loads((CASES / "captured.json").read_text()):
            self.assertIn(f"client-{row['name']}", names)

    def test_every_refusal_of_a_part_names_it(self):
        for row in self.table["cases"]:
            if (row["reason"] or "").startswith(("part_", "file_", "image_", "field_")):
                with self.subTest(row["name"]):
                    self.assertTrue(row.get("part") or row["reason"] == "part_disposition_missing")


if __name__ == "__main__":
    unittest.main()
