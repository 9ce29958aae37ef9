"""The counting of tests/run.sh: what is not a pass must never look like one."""

import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent

GTEST_REPORT = """<?xml version="1.0"?><testsuites><testsuite name="A">
<testcase name="good" classname="A" status="run" result="completed"/>
<testcase name="bad" classname="A" status="run" result="completed"><failure message="m">text</failure></testcase>
<testcase name="skipped" classname="A" status="run" result="skipped"><skipped message="no time"/></testcase>
<testcase name="DISABLED_off" classname="A" status="notrun" result="suppressed"/>
</testsuite></testsuites>"""


class Counting(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="argos-counting-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def count(self, runner, program, *more, **environment):
        """(exit status, passed, failed) of one run."""
        results = self.folder / "results.tsv"
        results.unlink(missing_ok=True)
        inherited = {name: value for name, value in os.environ.items() if name != "ARGOS_ALLOW_SKIPS"}
        done = subprocess.run([sys.executable, str(HERE / runner), str(program), "unit", str(results), *more],
                              env={**inherited, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                              check=False)
        lines = results.read_text().splitlines()
        self.assertEqual(len(lines), 1, done.stdout)
        unit, passed, failed, _ = lines[0].split("\t")
        self.assertEqual(unit, "unit")
        return done.returncode, int(passed), int(failed)

    def python(self, text, **environment):
        file = self.folder / "test_sample.py"
        file.write_text(text)
        return self.count("run_unittests.py", file, **environment)

    def cases(self, body, before=""):
        return f"import unittest\nclass Sample(unittest.TestCase):\n{before}{body}\n"

    def gtest(self, script, seconds="20", **environment):
        program = self.folder / "sample_test"
        program.write_text(f"#!{sys.executable}\nimport os, sys, time\n"
                           f"path = [word.split('xml:')[1] for word in sys.argv if 'xml:' in word][0]\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return self.count("run_gtest.py", program, str(self.folder / "log"), seconds, **environment)

    # Python test files

    def test_passing_methods_are_counted_one_by_one(self):
        text = self.cases("    def test_a(self): pass\n    def test_b(self): pass\n")
        self.assertEqual(self.python(text), (0, 2, 0))

    def test_failures_and_errors_are_failed(self):
        text = self.cases("    def test_a(self): self.fail('x')\n    def test_b(self): raise ValueError\n    def test_c(self): pass\n")
        self.assertEqual(self.python(text), (1, 1, 2))

    def test_a_failed_subtest_fails_its_method_once(self):
        text = self.cases("    def test_a(self):\n        for i in range(5):\n            with self.subTest(i=i): self.assertLess(i, 2)\n")
        self.assertEqual(self.python(text), (1, 0, 1))

    def test_a_skip_is_a_failure(self):
        text = self.cases("    @unittest.skip('why')\n    def test_a(self): pass\n    def test_b(self): pass\n")
        self.assertEqual(self.python(text), (1, 1, 1))

    def test_a_skip_may_be_allowed(self):
        text = self.cases("    @unittest.skip('why')\n    def test_a(self): pass\n    def test_b(self): pass\n")
        self.assertEqual(self.python(text, ARGOS_ALLOW_SKIPS="1"), (0, 1, 0))

    def test_an_expected_failure_is_a_failure(self):
        text = self.cases("    @unittest.expectedFailure\n    def test_a(self): self.fail()\n")
        self.assertEqual(self.python(text), (1, 0, 1))

    def test_an_unexpected_success_is_a_failure(self):
        text = self.cases("    @unittest.expectedFailure\n    def test_a(self): pass\n")
        self.assertEqual(self.python(text), (1, 0, 1))

    def test_a_class_that_cannot_be_set_up_is_a_failure(self):
        text = self.cases("    def test_a(self): pass\n", "    @classmethod\n    def setUpClass(cls): raise OSError\n")
        self.assertEqual(self.python(text), (1, 0, 1))

    def test_a_tear_down_that_fails_is_a_failure(self):
        text = self.cases("    def test_a(self): pass\n    def tearDown(self): raise OSError\n")
        self.assertEqual(self.python(text), (1, 0, 1))

    def test_a_file_that_ends_at_import_is_a_failure(self):
        self.assertEqual(self.python("raise SystemExit(0)\n"), (1, 0, 1))

    def test_a_file_without_cases_is_a_failure(self):
        self.assertEqual(self.python("x = 1\n"), (1, 0, 1))

    # GoogleTest programs

    def test_a_report_is_counted(self):
        self.assertEqual(self.gtest(f"open(path, 'w').write({GTEST_REPORT!r}); sys.exit(1)"), (1, 1, 3))

    def test_allowed_skips_of_a_report(self):
        script = f"open(path, 'w').write({GTEST_REPORT!r}); sys.exit(1)"
        self.assertEqual(self.gtest(script, ARGOS_ALLOW_SKIPS="1"), (1, 1, 1))

    def test_a_program_that_dies_is_a_failure_beside_what_passed(self):
        script = "print('[ RUN      ] A.a\\n[       OK ] A.a (0 ms)\\n[ RUN      ] A.b', flush=True); os.abort()"
        self.assertEqual(self.gtest(script), (1, 1, 1))

    def test_a_program_that_dies_after_a_failure_counts_both(self):
        script = "print('[ RUN      ] A.a\\n[  FAILED  ] A.a (0 ms)\\n[ RUN      ] A.b', flush=True); os.abort()"
        self.assertEqual(self.gtest(script), (1, 0, 2))

    def test_a_program_that_hangs_is_a_failure(self):
        self.assertEqual(self.gtest("time.sleep(100)", seconds="1"), (1, 0, 1))

    def test_a_bad_status_after_a_good_report_is_a_failure(self):
        report = GTEST_REPORT.split("<testcase name=\"bad\"")[0] + "</testsuite></testsuites>"
        self.assertEqual(self.gtest(f"open(path, 'w').write({report!r}); sys.exit(97)"), (1, 1, 1))

    def test_a_program_that_says_nothing_is_a_failure(self):
        self.assertEqual(self.gtest("pass"), (1, 0, 1))


if __name__ == "__main__":
    unittest.main()
