"""Runs one GoogleTest program and counts its cases: run_gtest.py PROGRAM UNIT RESULTS_FILE LOG_FILE [SECONDS]

A program that dies, hangs or says nothing is a failed case; so are cases that are skipped or disabled.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

from results import Results


def run(program, log_path, report, seconds):
    """Exit status, or a sentence when it had to be ended."""
    command = [program, f"--gtest_output=xml:{report}", "--gtest_color=no"]
    with open(log_path, "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return f"it did not end within {seconds} s"


def count_report(results, report):
    for case in xml.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        failures = case.findall("failure")
        if failures:
            results.fail(name, "\n".join(failure.text or failure.get("message", "") for failure in failures))
        elif case.find("skipped") is not None or case.get("result") == "skipped":
            skipped = case.find("skipped")
            results.skip(name, skipped.get("message", "") if skipped is not None else "")
        elif case.get("status") != "run":
            results.skip(name, "disabled")
        else:
            results.ok()


def count_log(results, log):
    """What a program had done before it died: there is no report then."""
    for _ in re.finditer(r"^\[       OK \] ", log, re.MULTILINE):
        results.ok()
    for match in re.finditer(r"^\[  FAILED  \] (\S+) \(", log, re.MULTILINE):
        results.fail(match.group(1), "see the log")


def main():
    program, unit, results_file, log_path = sys.argv[1:5]
    seconds = int(sys.argv[5]) if len(sys.argv) > 5 else 900
    results, begin = Results(unit), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="argos-test-") as folder:
        report = os.path.join(folder, "report.xml")
        status = run(program, log_path, report, seconds)
        with open(log_path, encoding="utf-8", errors="replace") as file:
            log = file.read()
        reported = True
        try:
            count_report(results, report)
        except (OSError, xml.ParseError):
            reported = False
            count_log(results, log)
        if not reported or (status != 0 and not results.failures):
            ending = status if isinstance(status, str) else f"it ended with status {status}"
            running = re.findall(r"^\[ RUN      \] (\S+)", log, re.MULTILINE)
            results.fail(running[-1] if running else unit, f"{ending}\n" + "\n".join(log.splitlines()[-50:]))
    sys.exit(results.close(results_file, time.monotonic() - begin))


if __name__ == "__main__":
    main()
