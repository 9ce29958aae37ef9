"""Start, reload, drain and stop, one connection at a time."""

import signal
import socket
import ssl
import threading
import unittest

from lib import hostile, wire
from lib.gateway import ALL_LOCAL, Gateway, RecordingVendor, Wait, answer, eventually, make_certs

GET = wire.request("GET", "/v3/submission?submission_id=x")
SECOND = {"name": "second", "cidr": ["127.0.0.2/32"], "operations": ["read_submission"]}


class Lifecycle(unittest.TestCase):
    def setUp(self):
        self.release = threading.Event()
        self.vendor = RecordingVendor(self.respond)
        self.addCleanup(self.vendor.close)
        self.addCleanup(self.release.set)

    def respond(self, request):
        name = hostile.name_in(request)
        reply = answer(body=hostile.body_for(name))
        return [Wait(self.release), reply] if name.startswith("held") else reply

    def gateway(self, **sections):
        gateway = Gateway(self.vendor, **sections)
        gateway.__enter__()
        self.addCleanup(gateway.__exit__)
        return gateway

    def held(self, gateway, name="held"):
        """A connection whose request the vendor has and does not answer yet."""
        connection = gateway.connect(timeout=30)
        self.addCleanup(connection.close)
        connection.send(wire.request("GET", f"/v3/submission?submission_id={name}"))
        eventually(lambda: any(hostile.name_in(r) == name for r in self.vendor.requests()), "the vendor has it")
        return connection

    def test_drain_of_an_idle_gateway(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            gateway = self.gateway()
            with gateway.connect() as connection:
                connection.send(GET)
                connection.read_answer()
                gateway.signal(number)
                self.assertEqual(gateway.wait(), 0)
                self.assertTrue(connection.at_end())

    def test_not_ready_but_serving_while_held(self):
        gateway = self.gateway(drain={"hold": "60s", "deadline": "60s"})
        kept = gateway.connect()
        self.addCleanup(kept.close)
        kept.send(GET)
        self.assertNotEqual(kept.read_answer().get("connection"), "close")
        gateway.drain()
        eventually(lambda: gateway.admin("/readyz").status == 503, "not ready")
        self.assertEqual(gateway.admin("/livez").status, 200)
        kept.send(GET)
        last = kept.read_answer()
        self.assertEqual((last.status, last.get("connection")), (200, "close"))
        self.assertTrue(kept.at_end())
        fresh = gateway.call("GET", "/v3/submission?submission_id=new")
        self.assertEqual((fresh.status, fresh.get("connection")), (200, "close"))
        gateway.drain()
        gateway.wait(20)

    def test_request_under_way_is_finished(self):
        gateway = self.gateway(drain={"hold": "0s", "deadline": "30s"})
        connection = self.held(gateway)
        gateway.drain()
        eventually(lambda: gateway.admin("/readyz").status == 503, "not ready")
        self.assertIsNone(gateway.process.poll())
        self.release.set()
        last = connection.read_answer()
        self.assertEqual((last.status, last.body), (200, hostile.body_for("held")))
        self.assertEqual(last.get("connection"), "close")
        self.assertTrue(connection.at_end())
        self.assertEqual(gateway.wait(), 0)

    def test_upload_under_way_is_finished(self):
        gateway = self.gateway(drain={"hold": "0s", "deadline": "30s"})
        body = hostile.form("upload", 3 << 20)
        with gateway.connect(timeout=30) as connection:
            connection.send(wire.request("POST", "/v3/submission/step1",
                                         [hostile.MULTIPART, ("Content-Length", str(len(body)))]) + body[:1 << 20])
            eventually(lambda: b"step1" in self.vendor.received(), "the vendor sees the upload")
            gateway.drain()
            eventually(lambda: gateway.admin("/readyz").status == 503, "not ready")
            for at in range(1 << 20, len(body), 1 << 18):
                connection.send(body[at:at + (1 << 18)])
            self.assertEqual(connection.read_answer().body, hostile.body_for("upload"))
        self.assertEqual(gateway.wait(), 0)
        self.assertEqual(self.vendor.requests()[-1].body, body)

    def test_deadline_ends_what_does_not_end(self):
        gateway = self.gateway(drain={"hold": "0s", "deadline": "500ms"})
        connection = self.held(gateway)
        gateway.drain()
        gateway.wait(20)
        self.assertNotEqual(hostile.read_outcome(connection).kind, "answer")

    def test_second_signal_stops_at_once(self):
        for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)):
            with self.subTest(first=first, second=second):
                gateway = self.gateway(drain={"hold": "60s", "deadline": "120s"})
                self.held(gateway, f"held-{first}-{second}")
                gateway.signal(first)
                eventually(lambda g=gateway: g.admin("/readyz").status == 503, "not ready")
                gateway.signal(second)
                gateway.wait(15)         # far from the 60 s of the drain

    def test_hangup_while_draining(self):
        gateway = self.gateway(drain={"hold": "0s", "deadline": "30s"})
        connection = self.held(gateway)
        gateway.drain()
        eventually(lambda: gateway.admin("/readyz").status == 503, "not ready")
        gateway.signal(signal.SIGHUP)
        self.release.set()
        self.assertEqual(connection.read_answer().status, 200)
        self.assertEqual(gateway.wait(), 0)

    def from_second(self, gateway):
        """Status of an upload that comes from 127.0.0.2."""
        with socket.create_connection(("127.0.0.1", gateway.port), 10, ("127.0.0.2", 0)) as sock:
            sock.sendall(wire.request("POST", "/v3/submission/step1", [hostile.MULTIPART], hostile.form("second", 2000)))
            return int(sock.recv(65536)[9:12])

    def test_reload_adds_and_removes_a_tenant(self):
        gateway = self.gateway()
        good = None
        for _ in range(2):
            self.assertEqual(self.from_second(gateway), 200)
            gateway.config["tenant"] = ALL_LOCAL + [SECOND]
            gateway.write_config()
            result = gateway.reload()
            self.assertEqual(self.from_second(gateway), 403)
            self.assertEqual(good or result, result)
            good = result
            gateway.config["tenant"] = ALL_LOCAL
            gateway.write_config()
            self.assertEqual(gateway.reload(), good)

    def test_bad_configuration_keeps_the_last_good_one(self):
        gateway = self.gateway(tenants=ALL_LOCAL + [SECOND])
        text = gateway.config_path.read_text()
        for bad in ("", "[server\n", text + "\n[nonsense]\nx = 1\n", text.replace('"127.0.0.2/32"', '"127.0.0.300/32"')):
            with self.subTest(bad[-40:]):
                gateway.config_path.write_text(bad)
                result = gateway.reload()
                self.assertEqual(self.from_second(gateway), 403)
                self.assertEqual(gateway.call("GET", "/v3/submission?submission_id=x").status, 200)
                gateway.config_path.write_text(text)
                self.assertNotEqual(gateway.reload(), result)

    def test_limits_change_by_reload(self):
        gateway = self.gateway()
        fields = [(f"X-{number}", "v") for number in range(20)]
        self.assertEqual(gateway.call("GET", "/v3/submission?submission_id=x", fields).status, 200)
        gateway.write_config(limits={"header_fields": 10})
        gateway.reload()
        self.assertEqual(gateway.call("GET", "/v3/submission?submission_id=x", fields).reason, "too_many_fields")

    def test_certificate_changes_by_reload(self):
        certs = make_certs()
        first, first_key = certs.leaf("rotated-1", "localhost", "subjectAltName=DNS:localhost", "serverAuth")
        second, second_key = certs.leaf("rotated-2", "localhost", "subjectAltName=DNS:localhost", "serverAuth")
        gateway = self.gateway(tls=certs, server={"tls": {"certificate": first, "private_key": first_key}})

        def served():
            with gateway.connect() as connection:
                return ssl.DER_cert_to_PEM_cert(connection.sock.getpeercert(True)).strip()

        def pem(path):
            with open(path, encoding="ascii") as file:
                return file.read()[-100:].strip()
        old = gateway.connect()
        self.addCleanup(old.close)
        old.send(GET)
        old.read_answer()
        self.assertTrue(served().endswith(pem(first)))
        gateway.write_config(server={"tls": {"certificate": second, "private_key": second_key}})
        gateway.reload()
        self.assertTrue(served().endswith(pem(second)))
        old.send(GET)
        self.assertEqual(old.read_answer().status, 200, "connections that were open go on")
        gateway.write_config(server={"tls": {"private_key": first_key}})      # does not fit
        gateway.reload()
        self.assertTrue(served().endswith(pem(second)))

    def test_two_processes_on_one_port(self):
        first = self.gateway()
        second = Gateway(self.vendor, port=first.port)
        second.__enter__()
        self.addCleanup(second.__exit__)
        for number in range(50):
            self.assertEqual(first.call("GET", f"/v3/submission?submission_id=n{number}").status, 200)
        self.assertEqual(first.stop(), 0)
        for number in range(50):
            self.assertEqual(second.call("GET", f"/v3/submission?submission_id=m{number}").status, 200)


if __name__ == "__main__":
    unittest.main()
