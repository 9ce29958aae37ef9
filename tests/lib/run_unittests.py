"""Runs one Python test file and counts its cases: run_unittests.py FILE UNIT RESULTS_FILE

Every test method is a case. A case that fails, errs, is skipped or is expected to fail is a failed one; so is a file that
cannot be imported or that holds no case.
"""

import importlib.util
import os
import signal
import sys
import time
import traceback
import unittest

from results import Results


class Counter(unittest.TestResult):
    def __init__(self, results):
        super().__init__()
        self.results, self.started, self.bad = results, 0.0, []

    def startTest(self, test):
        super().startTest(test)
        self.started, self.bad = time.monotonic(), []
        print(f"  {self._name(test)} ...", end=" ", flush=True)

    def stopTest(self, test):
        super().stopTest(test)
        seconds = time.monotonic() - self.started
        if self.bad:
            self.results.fail(self._name(test), "\n".join(self.bad))
        print(f"{'FAILED' if self.bad else 'done'} ({seconds:.2f} s)", flush=True)

    def addSuccess(self, test):
        if not self.bad:
            self.results.ok()

    def addFailure(self, test, error):
        self._bad(test, self._text(error))

    def addError(self, test, error):
        self._bad(test, self._text(error))

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.bad.append(f"{subtest._subDescription()}\n{self._text(error)}")

    def addSkip(self, test, reason):
        self.results.skip(self._name(test), reason)

    def addExpectedFailure(self, test, error):
        self._bad(test, "it is marked as an expected failure")

    def addUnexpectedSuccess(self, test):
        self._bad(test, "it is marked as an expected failure, but it passes")

    def _bad(self, test, text):
        # setUpClass and setUpModule fail outside of any test method.
        if isinstance(test, unittest.TestCase):
            self.bad.append(text)
        else:
            self.results.fail(str(test), text)

    @staticmethod
    def _text(error):
        return "".join(traceback.format_exception(*error))

    @staticmethod
    def _name(test):
        return ".".join(test.id().split(".")[-2:])


def load(path):
    folder = os.path.dirname(os.path.abspath(path))
    sys.path.insert(0, folder)
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return unittest.TestLoader().loadTestsFromModule(module)


def main():
    path, unit, results_file = sys.argv[1:4]
    results, begin = Results(unit), time.monotonic()
    counter = Counter(results)

    def ended(*_):
        # The running test fails with its cleanups done, so that no gateway stays behind; the others are not begun.
        signal.signal(signal.SIGTERM, lambda *_: None)  # `timeout` signals the process and then its group
        counter.stop()
        raise SystemExit("ended by a signal: it took too long, or the whole run was interrupted")

    signal.signal(signal.SIGTERM, ended)
    try:
        suite = load(path)
    except BaseException:  # a SystemExit at import must not look like success
        results.fail(unit, "the file cannot be loaded:\n" + traceback.format_exc())
    else:
        suite.run(counter)
    sys.exit(results.close(results_file, time.monotonic() - begin))


if __name__ == "__main__":
    main()
