"""Every reason code: problem body, header, metric and log line say the same."""

import re
import subprocess
import threading
import unittest

from lib import wire
from lib.failures import BODY, SHORT, UPLOAD, FailureBench
from lib.gateway import Cut, Gateway, Pause, RecordingVendor, Wait, answer, eventually
from lib.paths import gateway_binary
from lib.problem import check_problem

# Codes that no answer carries, or that nothing from outside can cause.
NOT_IN_ANSWERS = {"client_gone", "internal_error", "upstream_body_timeout",
                  "upstream_total_timeout"}
CLOSES = {"bad_request_line", "bad_field", "bad_host", "bad_content_length",
          "bad_transfer_encoding", "conflicting_length", "bad_chunk", "bad_trailer", "bad_target",
          "target_too_long", "unsupported_version", "head_too_large", "too_many_fields",
          "header_timeout", "body_timeout", "unsupported_expectation", "unexpected_body",
          "length_required"}


def documented():
    """{code: status} of the generated reference page, which is the table in the code."""
    page = subprocess.run([gateway_binary(), "doc", "reasons"], check=True, capture_output=True,
                          text=True, timeout=10).stdout
    rows = re.findall(r"^\|\s*`?([a-z_]+)`?\s*\|\s*(\d{3})\s*\|(.*)$", page, re.M)
    return {code: (int(status), rest) for code, status, rest in rows}


class ReasonTableTest(unittest.TestCase):
    def test_every_reason_is_seen_in_answer_metric_and_log(self):
        table = documented()
        self.assertGreaterEqual(len(table), 44, table)
        seen = set()
        with FailureBench(key="reason-table-test-key") as bench:
            for name, reason, status, run in bench.cases():
                with self.subTest(name):
                    self._one(bench, run, reason, status, table)
                    seen.add(reason)
        self.assertEqual(set(table) - seen, NOT_IN_ANSWERS)

    def _one(self, bench, run, reason, status, table):
        before = {name: self._state(gateway, reason) for name, gateway in bench.gateways.items()}
        answer_ = run()
        problem = check_problem(self, answer_, reason, status)
        self.assertEqual(table[reason][0], status)
        self.assertIn(problem["title"], table[reason][1])
        if reason in CLOSES:
            self.assertEqual(answer_.get("connection"), "close")

        def changed():
            return [name for name, gateway in bench.gateways.items()
                    if self._state(gateway, reason)[0] == before.get(name, (0, 0))[0] + 1]
        (name,) = eventually(changed, f"requests_total counts {reason}")
        gateway = bench.gateways[name]
        line = gateway.access_line(problem["instance"])
        self.assertEqual((line["reason"], line["status"]), (reason, status), line)
        if reason.startswith("upstream_"):
            # A lookup whose connection failed is tried once more; each attempt is an error of its own.
            self.assertIn(line["attempts"], (1, 2))
            self.assertEqual(self._state(gateway, reason)[1],
                             before.get(name, (0, 0))[1] + line["attempts"])

    @staticmethod
    def _state(gateway, reason):
        metrics = gateway.metrics()
        return (metrics.value("requests_total", reason=reason),
                metrics.value("upstream_errors_total", reason=reason))


class ClosedConnectionTest(unittest.TestCase):
    def test_a_refused_head_ends_the_connection(self):
        with RecordingVendor() as vendor, Gateway(vendor) as gateway:
            with gateway.connect() as connection:
                connection.send(wire.request("GET", "/v3/../x")
                                + wire.request("GET", "/v3/submission"))
                check_problem(self, connection.read_answer(), "bad_target", 400)
                self.assertTrue(connection.at_end())
            self.assertEqual(vendor.received(), b"")

    def test_refusals_that_keep_the_connection(self):
        with RecordingVendor() as vendor, Gateway(vendor) as gateway, gateway.connect() as c:
            for target, reason, status in (("/v3/nothing", "unknown_path", 404),
                                           ("/v3/image/", "unknown_path", 404),
                                           ("/submission", "unknown_path", 404),
                                           ("/v3/submission/step1", "method_not_allowed", 405)):
                c.send(wire.request("GET", target))
                check_problem(self, c.read_answer(), reason, status)
            c.send(wire.request("GET", "/v3/submission"))
            self.assertEqual(c.read_answer().status, 200)
            self.assertEqual(len(vendor.requests()), 1)

    def test_an_unread_body_is_drained_and_the_connection_stays_usable(self):
        with RecordingVendor() as vendor, Gateway(vendor) as gateway, gateway.connect() as c:
            c.send(wire.request("POST", "/v3/nothing", UPLOAD, BODY))
            answer_ = c.read_answer()
            check_problem(self, answer_, "unknown_path", 404)
            if answer_.get("connection") == "close":
                self.assertTrue(c.at_end())
                return
            c.send(wire.request("GET", "/v3/submission"))
            self.assertEqual(c.read_answer().status, 200)
            self.assertEqual(len(vendor.requests()), 1)


class CutAnswerTest(unittest.TestCase):
    """Once the head of a 200 is out, a failure can only be shown by cutting the connection."""

    def _cut(self, steps, reason, **upstream):
        with RecordingVendor(lambda request: steps) as vendor, \
                Gateway(vendor, upstream={**SHORT, **upstream},
                        limits={"body_timeout": "700ms"}) as gateway:
            with gateway.connect() as connection:
                connection.send(wire.request("GET", "/v3/image?submission_id=a&type=idImage"))
                try:
                    answer_ = connection.read_answer()
                except wire.WireError:
                    answer_ = None
            if answer_ is not None:  # nothing was passed on yet: then it is a proper problem
                self.assertEqual((answer_.status >= 500, answer_.reason), (True, reason))
            (line,) = gateway.access_lines(1)
            self.assertEqual(line["reason"], reason, line)
            metrics = gateway.metrics()
            self.assertEqual(metrics.value("upstream_errors_total", reason=reason,
                                           operation="get_image"), 1)
            self.assertEqual(metrics.value("requests_total", reason=reason,
                                           operation="get_image"), 1)

    def test_a_vendor_that_stalls(self):
        whole = answer(200, b"x" * 100_000, [("Content-Type", "image/png")])
        self._cut([whole[:50_000], Pause(4), Cut()], "upstream_body_timeout", total_timeout="10s")

    def test_a_vendor_that_drips(self):
        whole = answer(200, b"x" * 100_000, [("Content-Type", "image/png")])
        drip = [step for _ in range(50) for step in (Pause(0.1), b"x")]
        self._cut([whole[:500], *drip, Cut()], "upstream_total_timeout")

    def test_a_vendor_that_is_cut_off(self):
        whole = answer(200, b"x" * 100_000, [("Content-Type", "image/png")])
        self._cut([whole[:50_000], Cut()], "upstream_reset")

    def test_a_caller_that_leaves(self):
        held = threading.Event()
        with RecordingVendor(lambda request: [Wait(held), answer()]) as vendor, \
                Gateway(vendor) as gateway:
            with gateway.connect() as connection:
                connection.send(wire.request("GET", "/v3/submission"))
                vendor.wait_requests(1)
                # An orderly end could be half-close, whose answer is still wanted; a reset is not.
                connection.reset()
            (line,) = gateway.access_lines(1)
            held.set()
            self.assertEqual((line["reason"], line["status"]), ("client_gone", 499), line)
            eventually(lambda: gateway.metrics().value("requests_total", reason="client_gone",
                                                       status=499) == 1, "client_gone is counted")


if __name__ == "__main__":
    unittest.main()
