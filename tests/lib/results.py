"""What one test program came to: a table on the screen and one line in the file that tests/run.sh adds up."""

import os
import sys

ALLOW_SKIPS = os.environ.get("ARGOS_ALLOW_SKIPS") == "1"


class Results:
    """Counts cases one by one. A skipped case is a failed one unless ARGOS_ALLOW_SKIPS=1: nobody should believe that
    something was tested when it was not."""

    def __init__(self, unit):
        self.unit, self.passed, self.failures, self.skipped = unit, 0, [], 0

    def ok(self):
        self.passed += 1

    def fail(self, case, reason):
        self.failures.append((case, reason.strip()))

    def skip(self, case, reason):
        self.skipped += 1
        if not ALLOW_SKIPS:
            self.fail(case, f"skipped, which counts as failed (ARGOS_ALLOW_SKIPS=1 lets it be): {reason}")

    def close(self, results_file, seconds):
        """Prints the failures and the totals, adds the line `unit passed failed seconds`; returns the exit status."""
        if not self.passed and not self.failures and not self.skipped:
            self.fail(self.unit, "it holds no test case")
        for case, reason in self.failures:
            print(f"  FAILED {case}")
            for line in reason.splitlines()[-60:]:
                print(f"         {line}")
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"  {self.passed} passed, {len(self.failures)} failed{skipped} in {seconds:.1f} s")
        with open(results_file, "a", encoding="utf-8") as file:
            file.write(f"{self.unit}\t{self.passed}\t{len(self.failures)}\t{seconds:.1f}\n")
        sys.stdout.flush()
        return 1 if self.failures else 0
