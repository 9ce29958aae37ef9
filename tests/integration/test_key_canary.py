"""The vendor key: it reaches the vendor and nothing else, and it can be changed while the gateway runs."""

import base64
import contextlib
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import unittest

from lib import wire
from lib.calls import CALLS, HOSTILE, call
from lib.canary import Canary
from lib.failures import FailureBench
from lib.gateway import UNCHECKED, Gateway, RecordingVendor, answer, eventually, make_certs
from lib.paths import gateway_binary
from lib.problem import check_problem

ADMIN_PATHS = ["/livez", "/readyz", "/metrics", "/status", "/", "/config", "/version", "/debug",
               "/environ", "/metrics?key=1", "/../metrics"]
BAD_KEYS = {"empty": b"", "blank": b" \r\n\t\n", "two lines": b"one-key-000\nand-another-000\n",
            "control": b"key-with-\x01-control", "not ASCII": "schlüssel-0123456".encode(),
            "NUL": b"key-with-\x00-nul-000", "inner blank": b"key with blanks 000",
            "far too long": b"k" * 100_000}


def sent_keys(vendor):
    return [request.all("x-api-key") for request in vendor.requests()]


class Tap:
    """Collects every byte that the test's own connections receive."""

    def __enter__(self):
        self.data = bytearray()
        wire.Connection.tap = self.data.extend
        return self

    def __exit__(self, *_):
        wire.Connection.tap = None


class CanaryTest(unittest.TestCase):
    def assert_absent(self, canary, data, where):
        self.assertGreater(len(data), 0, where)
        self.assertEqual(canary.found_in(bytes(data)), [], where)

    def test_the_search_finds_what_it_looks_for(self):
        canary = Canary()
        raw = canary.key.encode()
        for text in (raw, b"x" + base64.b64encode(b"ab" + raw + b"cd"), raw.hex().encode(),
                     raw[::-1], b"." + raw[:20], base64.b64encode(b"x-api-key: " + raw)):
            self.assertTrue(canary.found_in(text), text)
        self.assertEqual(canary.found_in(b"nothing of it"), [])

    def test_no_failure_and_no_page_shows_the_key(self):
        canary, cases = Canary(), 0
        with Tap() as tap, FailureBench(key=canary.key, log={"level": "debug"}) as bench:
            for name, _, status, run in bench.cases():
                with self.subTest(name):
                    mark = len(tap.data)
                    self.assertEqual(run().status, status)
                    self.assert_absent(canary, tap.data[mark:], name)
                    cases += 1
            for name, gateway in bench.gateways.items():
                for path in ADMIN_PATHS:
                    with self.subTest(gateway=name, path=path):
                        self.assert_absent(canary, self._admin(gateway, path, tap), path)
            self.assertGreaterEqual(cases, 40)
            self.assertIn(canary.key.encode(), bench.vendor.received())
            for name, gateway in bench.gateways.items():
                gateway.stop()
                self.assert_absent(canary, gateway.stderr_bytes(), f"log of {name}")
        self.assert_absent(canary, tap.data, "all answers together")

    def test_no_operation_shows_the_key(self):
        canary = Canary()
        with Tap() as tap, RecordingVendor(tls=make_certs()) as vendor, \
                Gateway(vendor, uploads=UNCHECKED, key=canary.key, log={"level": "debug"}) as gateway:
            # A vendor that tells the key back in a header field: no field of that name is passed on.
            vendor.responder = lambda request: answer(
                200, b"{}", [("X-Api-Key", request.get("x-api-key")),
                             ("X-Echo", request.get("x-api-key")),
                             ("Set-Cookie", f"key={request.get('x-api-key')}"),
                             ("Content-Type", "application/json")])
            for row in CALLS:
                self.assertEqual(call(gateway, row, HOSTILE).status, 200)
            self.assertEqual(sent_keys(vendor), [[canary.key]] * 8)
            for path in ADMIN_PATHS:
                self.assert_absent(canary, self._admin(gateway, path, tap), path)
            gateway.reload()
            gateway.stop()
            self.assert_absent(canary, gateway.stderr_bytes(), "log")
        self.assert_absent(canary, tap.data, "answers")

    @staticmethod
    def _admin(gateway, path, tap):
        mark = len(tap.data)
        with contextlib.suppress(wire.WireError):
            gateway.admin(path)
        return bytes(tap.data[mark:])

    def test_broken_key_files_are_not_shown_either(self):
        first, second = Canary("good"), Canary("evil")
        raw = second.key.encode()
        broken = [raw + b"\n" + raw, b"\x01" + raw, raw + b" " + raw, raw * 3000]
        with Tap() as tap, RecordingVendor() as vendor, \
                Gateway(vendor, uploads=UNCHECKED, key=first.key, log={"level": "debug"}) as gateway:
            for number, content in enumerate(broken):
                gateway.write_key(content)
                gateway.reload()
                self.assertEqual(gateway.call("GET", "/v3/submission").status, 200)
                self.assertEqual(len(sent_keys(vendor)), number + 1)
            gateway.metrics()
            check = subprocess.run([gateway_binary(), "check", "--config", str(gateway.config_path)],
                                   capture_output=True, timeout=20)
            self.assertEqual(check.returncode, 1)
            self.assertEqual(sent_keys(vendor), [[first.key]] * len(broken))
            gateway.stop()
            for canary in (first, second):
                self.assert_absent(canary, gateway.stderr_bytes(), "log")
                self.assert_absent(canary, tap.data, "answers")
                self.assert_absent(canary, check.stdout + check.stderr, "check")

    def test_the_key_of_a_file_is_not_in_proc(self):
        canary = Canary()
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED, key=canary.key) as gateway:
            gateway.call("GET", "/v3/submission")
            proc = pathlib.Path(f"/proc/{gateway.pid}")
            self.assert_absent(canary, (proc / "cmdline").read_bytes(), "cmdline")
            if os.getuid() == 0:
                self.assert_absent(canary, (proc / "environ").read_bytes(), "environ")
            else:
                with self.assertRaises(PermissionError):
                    (proc / "environ").read_bytes()

    def test_no_core_is_written(self):
        def large_core():
            hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
            resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        with RecordingVendor() as vendor, \
                Gateway(vendor, uploads=UNCHECKED, key=Canary().key, preexec=large_core) as gateway:
            limits = pathlib.Path(f"/proc/{gateway.pid}/limits").read_text()
            self.assertRegex(limits, r"(?m)^Max core file size +0 +0 ")
            gateway.signal(signal.SIGABRT)
            _, status = os.waitpid(gateway.pid, 0)
            self.assertTrue(os.WIFSIGNALED(status))
            self.assertFalse(os.WCOREDUMP(status))
            self.assertEqual([path.name for path in gateway.dir.glob("*core*")], [])
            gateway.process.returncode, gateway.ended_by_test = -os.WTERMSIG(status), True

    @unittest.skipUnless(os.getuid() == 0, "only root can start a process of another user")
    def test_the_process_is_not_dumpable(self):
        # /proc files of a process that is not dumpable belong to root, whoever runs it.
        def become_nobody():
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        with RecordingVendor() as vendor, tempfile.TemporaryDirectory() as folder:
            gateway = Gateway(vendor, uploads=UNCHECKED, directory=folder, preexec=become_nobody)
            os.chmod(folder, 0o777)
            gateway.key_path.chmod(0o644)
            self._reachable_for_nobody()
            with gateway:
                self.assertEqual(gateway.call("GET", "/v3/submission").status, 200)
                status = pathlib.Path(f"/proc/{gateway.pid}/status").read_text()
                self.assertRegex(status, r"(?m)^Uid:\s+65534\s")
                self.assertEqual(os.stat(f"/proc/{gateway.pid}/environ").st_uid, 0)

    def _reachable_for_nobody(self):
        for parent in pathlib.Path(gateway_binary()).resolve().parents:
            if not parent.stat().st_mode & 0o001:
                self.skipTest("the user nobody cannot reach the program")


class RotationTest(unittest.TestCase):
    def _key_now(self, gateway, vendor):
        self.assertEqual(gateway.call("GET", "/v3/submission").status, 200)
        return vendor.requests()[-1].all("x-api-key")[0]

    def _becomes(self, gateway, vendor, key):
        eventually(lambda: self._key_now(gateway, vendor) == key, f"the vendor sees {key}")

    @staticmethod
    def _fingerprint(gateway):
        current = [labels["fingerprint"]
                   for labels, value in gateway.metrics().find("api_key_info") if value == 1]
        return current[0] if len(current) == 1 else current

    def test_trailing_line_ends_do_not_count(self):
        for content in (b"plain-key-0123456789", b"plain-key-0123456789\n",
                        b"plain-key-0123456789\r\n", b"  plain-key-0123456789  \n\n"):
            with self.subTest(content), RecordingVendor() as vendor, \
                    Gateway(vendor, uploads=UNCHECKED, key=content) as gateway:
                self.assertEqual(self._key_now(gateway, vendor), "plain-key-0123456789")

    def test_atomic_rename_is_picked_up_without_a_signal(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED, key="first-key-000000") as gateway:
            prints = {self._fingerprint(gateway)}
            loaded = gateway.metrics().value("api_key_loaded_timestamp_seconds")
            self.assertGreater(loaded, 1.7e9)
            for number in range(5):
                gateway.write_key(f"rotated-key-{number:06}\n")
                self._becomes(gateway, vendor, f"rotated-key-{number:06}")
                prints.add(self._fingerprint(gateway))
            self.assertEqual(len(prints), 6)
            for fingerprint in prints:
                self.assertRegex(fingerprint, "^[0-9a-f]{8}$")
            self.assertGreaterEqual(gateway.metrics().value("api_key_loaded_timestamp_seconds"),
                                    loaded)

    def test_the_same_key_has_the_same_fingerprint(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED, key="first-key-000000") as gateway:
            before = self._fingerprint(gateway)
            gateway.write_key("second-key-00000")
            self._becomes(gateway, vendor, "second-key-00000")
            gateway.write_key("first-key-000000")
            self._becomes(gateway, vendor, "first-key-000000")
            self.assertEqual(self._fingerprint(gateway), before)

    def test_the_symlink_swap_of_kubernetes_is_picked_up(self):
        with tempfile.TemporaryDirectory() as folder, RecordingVendor() as vendor:
            volume = pathlib.Path(folder)

            def publish(number):
                version = volume / f"..2024_{number}"
                version.mkdir()
                (version / "key").write_text(f"mounted-key-{number:06}")
                (volume / "..data_tmp").symlink_to(version.name)
                old = (volume / "..data").resolve() if (volume / "..data").exists() else None
                os.rename(volume / "..data_tmp", volume / "..data")
                if old:
                    shutil.rmtree(old)
            publish(0)
            (volume / "key").symlink_to("..data/key")
            with Gateway(vendor, uploads=UNCHECKED, api_key={"file": str(volume / "key")}) as gateway:
                for number in range(4):
                    if number:
                        publish(number)
                    self._becomes(gateway, vendor, f"mounted-key-{number:06}")

    def test_sighup_reads_the_key_again(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED, key="first-key-000000") as gateway:
            gateway.write_key("second-key-00000")
            gateway.reload()
            self.assertEqual(self._key_now(gateway, vendor), "second-key-00000")

    def test_a_bad_key_keeps_the_old_one_and_says_so(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED, key="good-key-0000000") as gateway:
            good = self._fingerprint(gateway)
            for name, content in BAD_KEYS.items():
                with self.subTest(name):
                    logged = len(gateway.log_objects())
                    refused = gateway.metrics().value("api_key_refused_total")
                    gateway.write_key(content)
                    gateway.reload()
                    self.assertEqual(self._key_now(gateway, vendor), "good-key-0000000")
                    self.assertEqual(self._fingerprint(gateway), good)
                    self.assertGreater(gateway.metrics().value("api_key_refused_total"), refused)
                    eventually(lambda: self._complaints(gateway, logged), "a line about the key")
            self.assertEqual(gateway.admin("/readyz").status, 200)
            gateway.write_key("next-key-0000000")
            self._becomes(gateway, vendor, "next-key-0000000")

    @staticmethod
    def _complaints(gateway, since):
        return [line for line in gateway.log_objects()[since:]
                if line["level"] in ("warn", "warning", "error") and re.search("key", str(line))]

    def test_a_bad_key_without_a_signal(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED, key="good-key-0000000") as gateway:
            logged = len(gateway.log_objects())
            gateway.write_key(b"")
            eventually(lambda: self._complaints(gateway, logged), "a line about the key")
            self.assertEqual(self._key_now(gateway, vendor), "good-key-0000000")
            logged = len(gateway.log_objects())
            gateway.key_path.unlink()
            eventually(lambda: self._complaints(gateway, logged), "a line about the key")
            self.assertEqual(self._key_now(gateway, vendor), "good-key-0000000")

    def test_each_bad_key_is_complained_about(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED, key="good-key-0000000") as gateway:
            for number in range(3):
                logged = len(gateway.log_objects())
                refused = gateway.metrics().value("api_key_refused_total")
                gateway.write_key(b"")
                eventually(lambda: self._complaints(gateway, logged), "a line about the key")
                self.assertGreater(gateway.metrics().value("api_key_refused_total"), refused)
                gateway.write_key(f"good-key-{number:07}x")
                self._becomes(gateway, vendor, f"good-key-{number:07}x")

    def test_without_a_key_the_gateway_waits_for_one(self):
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED, key=b"", ready="live") as gateway:
            self.assertEqual(gateway.admin("/readyz").status, 503)
            check_problem(self, gateway.call("GET", "/v3/submission"), "api_key_missing", 503)
            self.assertEqual(vendor.received(), b"")
            gateway.write_key("late-key-0000000")
            eventually(lambda: gateway.admin("/readyz").status == 200, "ready")
            self.assertEqual(self._key_now(gateway, vendor), "late-key-0000000")

    def test_the_key_may_come_from_the_environment(self):
        with RecordingVendor() as vendor, \
                Gateway(vendor, uploads=UNCHECKED, api_key={"env": "ARGOS_TEST_KEY"},
                        env={"ARGOS_TEST_KEY": "environment-key-1"}) as gateway:
            self.assertEqual(self._key_now(gateway, vendor), "environment-key-1")
            gateway.reload()
            self.assertEqual(self._key_now(gateway, vendor), "environment-key-1")

    def test_a_request_in_flight_keeps_its_key(self):
        body_type, body = "application/json", b'{"address":"x"}' + b" " * 200_000
        with RecordingVendor() as vendor, Gateway(vendor, uploads=UNCHECKED, key="first-key-000000") as gateway, \
                gateway.connect() as connection:
            whole = wire.request("POST", "/v3/address_code", [("Content-Type", body_type)], body)
            connection.send(whole[:100_000])
            eventually(lambda: b"first-key-000000" in vendor.received(), "the head is out")
            gateway.write_key("second-key-00000")
            gateway.reload()
            connection.send(whole[100_000:])
            self.assertEqual(connection.read_answer().status, 200)
            self.assertEqual(sent_keys(vendor), [["first-key-000000"]])
            self.assertEqual(self._key_now(gateway, vendor), "second-key-00000")


if __name__ == "__main__":
    unittest.main()
