"""The admin listener: health, readiness, metrics that count what happened."""

import collections
import contextlib
import re
import subprocess
import threading
import unittest

from lib import wire
from lib.calls import CALLS, call
from lib.gateway import UNCHECKED, Gateway, RecordingVendor, Wait, answer, eventually
from lib.paths import gateway_binary

# Of section 6 of the contract, what this version has: name -> (type, label names).
METRICS = {
    "argos_gateway_requests_total": ("counter", {"tenant", "operation", "status", "reason"}),
    "argos_gateway_request_duration_seconds": ("histogram", {"operation", "cache"}),
    "argos_gateway_upstream_duration_seconds": ("histogram", {"operation"}),
    "argos_gateway_upstream_responses_total": ("counter", {"operation", "status"}),
    "argos_gateway_upstream_errors_total": ("counter", {"operation", "reason"}),
    "argos_gateway_upstream_connections": ("gauge", {"state"}),
    "argos_gateway_requests_in_flight": ("gauge", set()),
    "argos_gateway_connections": ("gauge", set()),
    "argos_gateway_client_api_key_ignored_total": ("counter", {"tenant"}),
    "argos_gateway_api_key_info": ("gauge", {"fingerprint"}),
    "argos_gateway_api_key_loaded_timestamp_seconds": ("gauge", None),
    "argos_gateway_config_reloads_total": ("counter", {"result"}),
    "argos_gateway_config_last_reload_timestamp_seconds": ("gauge", set()),
    "argos_gateway_api_key_refused_total": ("counter", set()),
    "argos_gateway_upload_bytes_total": ("counter", {"operation"}),
    "argos_gateway_access_log_dropped_total": ("counter", set()),
    "argos_gateway_build_info": ("gauge", None),
    "process_cpu_seconds_total": ("counter", set()),
    "process_resident_memory_bytes": ("gauge", set()),
    "process_start_time_seconds": ("gauge", set()),
    "process_open_fds": ("gauge", set()),
}


class HealthTest(unittest.TestCase):
    def _json(self, reply):
        self.assertEqual(reply.get("content-type").split(";")[0], "application/json", reply.headers)
        return reply.json()

    def test_live_and_ready(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED) as gateway:
            self.assertEqual(gateway.admin("/livez").status, 200)
            ready = gateway.admin("/readyz")
            self.assertEqual(ready.status, 200)
            self._json(ready)
            self.assertEqual(vendor.connections, [])  # readiness asks nothing of the vendor

    def test_not_ready_without_a_key(self):
        with RecordingVendor() as vendor, \
                Gateway(vendor, uploads=UNCHECKED, key=b"", ready="live") as gateway:
            self.assertEqual(gateway.admin("/livez").status, 200)
            reply = gateway.admin("/readyz")
            self.assertEqual(reply.status, 503)
            self.assertRegex(self._json(reply)["reason"], "key")

    def test_not_ready_while_draining(self):
        held = threading.Event()
        with RecordingVendor(lambda request: [Wait(held), answer()]) as vendor, \
                Gateway(vendor, uploads=UNCHECKED, drain={"hold": "0s", "deadline": "20s"}) as gateway, \
                gateway.connect() as connection:
            connection.send(wire.request("GET", "/v3/submission"))
            vendor.wait_requests(1)
            gateway.drain()
            reply = eventually(lambda: self._unready(gateway), "/readyz says 503")
            self.assertRegex(self._json(reply)["reason"], "drain")
            self.assertEqual(gateway.admin("/livez").status, 200)
            held.set()
            reply = connection.read_answer()
            self.assertEqual((reply.status, reply.get("connection")), (200, "close"))
            self.assertTrue(connection.at_end())
            self.assertEqual(gateway.wait(), 0)

    @staticmethod
    def _unready(gateway):
        reply = gateway.admin("/readyz")
        return reply if reply.status == 503 else None

    def test_unknown_pages_and_methods(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED) as gateway:
            for path in ("/", "/metric", "/metrics/", "/metrics/x", "/livez2", "/v3/submission",
                         "/debug/pprof", "/%6detrics"):
                with self.subTest(path):
                    self.assertEqual(gateway.admin(path).status, 404)
            for path in ("/livez", "/readyz", "/metrics"):
                for method in ("POST", "DELETE", "PUT"):
                    with self.subTest(path, method=method):
                        self.assertEqual(gateway.admin(path, method).status, 405)
            self.assertEqual(vendor.received(), b"")

    def test_a_broken_request_does_not_end_the_listener(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED) as gateway:
            for data in (b"\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"GET /metrics\r\n\r\n",
                         b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"):
                with wire.Connection(gateway.admin_port) as connection:
                    with contextlib.suppress(OSError):  # it may close before all is sent
                        connection.send(data)
                        connection.half_close()
                    while connection._more():
                        pass
                    self.assertNotIn(b" 200 ", connection.buffer)
                self.assertEqual(gateway.admin("/livez").status, 200)

    def test_admin_answers_on_one_connection(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED) as gateway, \
                wire.Connection(gateway.admin_port) as connection:
            answered = 0
            for path in ("/livez", "/readyz", "/metrics", "/none") * 2:
                connection.send(wire.request("GET", path))
                reply = connection.read_answer()
                self.assertEqual(reply.status, 404 if path == "/none" else 200)
                answered += 1
                if reply.get("connection") == "close":
                    break
            self.assertGreaterEqual(answered, 1)


class MetricsTest(unittest.TestCase):
    def test_the_page_has_every_metric_with_its_type_and_labels(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED) as gateway:
            for row in CALLS:
                self.assertEqual(call(gateway, row, [("X-Api-Key", "mine")]).status, 200)
            vendor.responder = lambda request: answer(403, b'{"message":"Forbidden"}')
            self.assertEqual(call(gateway, CALLS[0]).status, 502)
            gateway.reload()
            eventually(lambda: gateway.metrics().value("requests_total") == 9, "nine requests")
            reply = gateway.admin("/metrics")
            self.assertRegex(reply.get("content-type"), r"^text/plain")
            metrics = gateway.metrics()
        for name, (kind, labels) in METRICS.items():
            with self.subTest(name):
                self.assertEqual(metrics.types.get(name), kind)
                self.assertIn(name, metrics.helps)
                series = "_count" if kind == "histogram" else ""
                found = metrics.find(name + series)
                self.assertGreaterEqual(len(found), 1)
                if labels is not None:
                    for own, _ in found:
                        self.assertEqual(set(own), labels)
        for name in metrics.types:
            self.assertRegex(name, "^(argos_gateway_|process_)")

    def test_counters_equal_what_was_sent(self):
        sent = collections.Counter()
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED) as gateway:
            for number, row in enumerate(CALLS, 1):
                for status in (200, 404, 500):
                    vendor.responder = lambda request, s=status: answer(s)
                    for _ in range(number):
                        self.assertEqual(call(gateway, row).status, status)
                        sent[("local", row[0], status, "none")] += 1
            for _ in range(3):
                gateway.call("GET", "/v3/none")
                gateway.call("PUT", "/v3/image")
                gateway.call("GET", "/v3/../none")
            refused = [line for line in gateway.access_lines(3 * 36 + 9) if line["reason"] != "none"]
            for line in refused:
                sent[(line["tenant"], line["operation"], line["status"], line["reason"])] += 1
            self.assertEqual(collections.Counter(line["reason"] for line in refused),
                             {"unknown_path": 3, "method_not_allowed": 3, "bad_target": 3})
            for line in refused:
                self.assertEqual(line["operation"], "none")

            def counted():
                return {(own["tenant"], own["operation"], int(own["status"]), own["reason"]): value
                        for own, value in gateway.metrics().find("requests_total") if value}
            eventually(lambda: counted() == sent, f"requests_total is {sent}")
            metrics = gateway.metrics()
            self.assertEqual(sum(sent.values()), 3 * 36 + 9)
            for number, row in enumerate(CALLS, 1):
                for status in (200, 404, 500):
                    self.assertEqual(metrics.value("upstream_responses_total", operation=row[0],
                                                   status=status), number)
                self.assertEqual(metrics.value("upstream_duration_seconds_count",
                                               operation=row[0]), 3 * number)
                self.assertEqual(metrics.value("request_duration_seconds_count",
                                               operation=row[0]), 3 * number)
            self.assertEqual(len(vendor.requests()), 3 * 36)
            self.assertEqual(metrics.value("upstream_errors_total"), 0)
            self.assertEqual(metrics.value("access_log_dropped_total"), 0)

    def test_histograms_are_consistent(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED) as gateway:
            for _ in range(20):
                call(gateway, CALLS[0])
            eventually(lambda: gateway.metrics().value("request_duration_seconds_count") == 20,
                       "twenty requests")
            metrics = gateway.metrics()
        for name in ("request_duration_seconds", "upstream_duration_seconds"):
            # Pass-through: the durations by what the cache did are those of `none`.
            labels = {"operation": "read_submission", **({"cache": "none"} if name.startswith("request") else {})}
            buckets = sorted((float(own["le"]), value) for own, value in metrics.find(name + "_bucket", **labels))
            self.assertGreaterEqual(len(buckets), 5)
            values = [value for _, value in buckets]
            self.assertEqual(values, sorted(values))
            self.assertEqual((buckets[-1][0], values[-1]), (float("inf"), 20))
            self.assertEqual(metrics.value(name + "_count", operation="read_submission"), 20)
            self.assertGreater(metrics.value(name + "_sum", operation="read_submission"), 0)

    def test_gauges_follow_what_is_going_on(self):
        held = threading.Event()
        with RecordingVendor(lambda request: [Wait(held), answer()]) as vendor, \
                Gateway(vendor, uploads=UNCHECKED) as gateway:
            metrics = gateway.metrics()
            self.assertEqual((metrics.value("requests_in_flight"), metrics.value("connections")),
                             (0, 0))
            connections = [gateway.connect() for _ in range(3)]
            for connection in connections:
                connection.send(wire.request("GET", "/v3/submission"))
            vendor.wait_requests(3)
            eventually(lambda: self._gauges(gateway) == (3, 3, 3), "three of each")
            held.set()
            for connection in connections:
                self.assertEqual(connection.read_answer().status, 200)
            eventually(lambda: self._gauges(gateway) == (0, 3, 0), "nothing in flight")
            eventually(lambda: gateway.metrics().value("upstream_connections", state="idle")
                       in (1, 2, 3), "idle connections to the vendor")
            for connection in connections:
                connection.close()
            eventually(lambda: self._gauges(gateway) == (0, 0, 0), "nobody connected")

    @staticmethod
    def _gauges(gateway):
        metrics = gateway.metrics()
        return (metrics.value("requests_in_flight"), metrics.value("connections"),
                metrics.value("upstream_connections", state="busy"))

    def test_labels_are_bounded(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED) as gateway:
            call(gateway, CALLS[0])
            gateway.call("GET", "/v3/nothing")
            gateway.call("HEAD", "/v3/image")
            eventually(lambda: gateway.metrics().value("requests_total") == 3, "three requests")
            before = len(gateway.metrics().samples)
            for number in range(50):
                gateway.call("GET", f"/v3/nothing{number}", [("X-Tenant", f"t{number}")])
                gateway.call("HEAD", f"/v3/image?x={number}")
                gateway.call("GET", f"/v3/submission?submission_id={number}")
            eventually(lambda: gateway.metrics().value("requests_total") == 153, "153 requests")
            self.assertEqual(len(gateway.metrics().samples), before)

    def test_build_info_says_what_version_says(self):
        version = subprocess.run([gateway_binary(), "version"], capture_output=True, text=True,
                                 check=True, timeout=10).stdout
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED) as gateway:
            ((labels, value),) = gateway.metrics().find("build_info")
        self.assertEqual(value, 1)
        self.assertIn(labels["version"], version)
        self.assertTrue(re.search(r"\d+\.\d+", labels["version"]))


class AccessLineTest(unittest.TestCase):
    MEMBERS = {"time", "level", "event", "request_id", "trace_id", "tenant", "operation", "method",
               "status", "reason", "upstream_status", "bytes_in", "bytes_out", "duration_us",
               "upstream_us", "attempts", "peer"}

    def test_one_line_a_request_with_every_member(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED) as gateway:
            for row in CALLS:
                with self.subTest(row[0]):
                    reply = call(gateway, row)
                    line = gateway.access_line(reply.get("x-request-id"))
                    self.assertEqual(self.MEMBERS - set(line), set())
                    self.assertEqual((line["operation"], line["method"], line["status"],
                                      line["upstream_status"], line["attempts"], line["level"]),
                                     (row[0], row[1], 200, 200, 1, "info"))
                    self.assertGreaterEqual(line["bytes_in"], len(row[5]))
                    self.assertGreaterEqual(line["bytes_out"], len(reply.body))
                    self.assertGreater(line["duration_us"], 0)
                    self.assertLessEqual(line["upstream_us"], line["duration_us"])
                    self.assertRegex(line["trace_id"], "^[0-9a-f]{32}$")
                    self.assertRegex(line["time"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$")
            self.assertEqual(len(gateway.access_lines()), len(CALLS))

    def test_no_personal_data_is_logged(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED, log={"level": "debug"}) as gateway:
            gateway.call("GET", "/v3/submission?email=mina%40example.test&submission_id=sbxPRIVATE")
            gateway.call("GET", "/v3/sbxPRIVATE/mina@example.test")
            call(gateway, CALLS[2])
            gateway.access_lines(3)
            gateway.stop()
            log = gateway.stderr_bytes()
        for private in (b"mina", b"sbxPRIVATE", b"issuingCountry", b"/v3/submission?"):
            self.assertNotIn(private, log)

    def test_the_text_format(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED, log={"format": "text"}) as gateway:
            reply = gateway.call("GET", "/v3/submission")
            line = eventually(lambda: [line for line in gateway.stderr_lines()
                                       if reply.get("x-request-id") in line], "a line")[0]
            self.assertFalse(line.startswith("{"))
            for word in ("read_submission", "200", "local"):
                self.assertIn(word, line)


if __name__ == "__main__":
    unittest.main()
