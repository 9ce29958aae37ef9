"""The TLS listener: versions, client certificates, reload, and HTTP over it."""

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import unittest

from lib import wire
from lib.gateway import Certs, Gateway, RecordingVendor, make_certs
from lib.media import MIB, jpeg, multipart, sha256, step1_fields
from lib.problem import check_problem

GET = wire.request("GET", "/v3/submission?count=1")


class TlsCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certs = make_certs()
        cls.vendor = RecordingVendor()
        cls.addClassCleanup(cls.vendor.close)
        cls.gateways = {name: cls._start(**options) for name, options in {
            "plain": {}, "optional": {"client_ca": True},
            "required": {"require_client": True}}.items()}

    @classmethod
    def _start(cls, **options):
        gateway = Gateway(cls.vendor, tls=cls.certs, **options)
        cls.addClassCleanup(gateway.__exit__)
        return gateway.start()

    def setUp(self):
        self.vendor.clear()
        self.gateway = self.gateways["plain"]

    def get(self, name, **context):
        """Status of one GET, or the name of the TLS failure."""
        gateway = self.gateways[name]
        try:
            with gateway.connect(tls=gateway.client_tls(**context)) as connection:
                connection.send(GET)
                return connection.read_answer().status
        except ssl.SSLError as error:
            return error.reason or type(error).__name__
        except (wire.WireError, OSError) as error:
            # With TLS 1.3 a client learns of a refused certificate after its own handshake.
            return type(error).__name__


class VersionsTest(TlsCase):
    def test_1_2_and_1_3_are_spoken(self):
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
                              (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            with self.subTest(name), self.gateway.connect(
                    tls=self.gateway.client_tls(version=version)) as connection:
                self.assertEqual(connection.sock.version(), name)
                connection.send(GET)
                self.assertEqual(connection.read_answer().status, 200)
        self.assertEqual(len(self.vendor.requests()), 2)

    def test_older_versions_are_refused(self):
        for version in ("-tls1", "-tls1_1"):
            with self.subTest(version):
                done = subprocess.run(
                    ["openssl", "s_client", "-connect", f"127.0.0.1:{self.gateway.port}", version,
                     "-cipher", "DEFAULT@SECLEVEL=0"], input=b"", capture_output=True, timeout=20)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(b"alert protocol version", done.stderr)

    def test_only_forward_secret_ciphers(self):
        context = self.gateway.client_tls(version=ssl.TLSVersion.TLSv1_2)
        context.set_ciphers("AES128-SHA:AES256-SHA:AES128-SHA256:@SECLEVEL=0")
        with self.assertRaises(ssl.SSLError):
            self.gateway.connect(tls=context).close()

    def test_http_2_is_not_promised(self):
        for offered in (["h2", "http/1.1"], ["http/1.1"]):
            context = self.gateway.client_tls()
            context.set_alpn_protocols(offered)
            with self.gateway.connect(tls=context) as connection:
                self.assertIn(connection.sock.selected_alpn_protocol(), (None, "http/1.1"))
                connection.send(GET)
                self.assertEqual(connection.read_answer().status, 200)

    def test_plain_http_gets_no_service(self):
        with wire.Connection(self.gateway.port) as connection:
            connection.send(GET)
            data = b""
            while connection._more():
                data = connection.buffer
        self.assertNotIn(b" 200 ", data)
        self.assertEqual(self.vendor.received(), b"")

    def test_a_unix_listener_stays_plain(self):
        with Gateway(self.vendor, tls=self.certs, also=("unix", "v6")) as gateway:
            self.assertEqual(gateway.call("GET", "/v3/submission", unix=True).status, 200)
            with wire.Connection(gateway.v6_port, host="::1", tls=gateway.client_tls()) as v6:
                v6.send(GET)
                self.assertEqual(v6.read_answer().status, 200)

    def test_sessions_are_resumed(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version.name):
                context = self.gateway.client_tls(version=version)
                with self.gateway.connect(tls=context) as connection:
                    connection.send(GET)
                    connection.read_answer()  # with TLS 1.3 the ticket comes with the first data
                    session = connection.sock.session
                raw = socket.create_connection(("127.0.0.1", self.gateway.port), timeout=10)
                with context.wrap_socket(raw, server_hostname="localhost", session=session) as sock:
                    self.assertTrue(sock.session_reused)
                    sock.sendall(GET)
                    self.assertIn(b" 200 ", sock.recv(1000))


class ClientCertificateTest(TlsCase):
    REFUSED = {"TLSV1_ALERT_UNKNOWN_CA", "TLSV13_ALERT_CERTIFICATE_REQUIRED",
               "SSLV3_ALERT_HANDSHAKE_FAILURE", "SSLV3_ALERT_BAD_CERTIFICATE",
               "TLSV1_ALERT_DECRYPT_ERROR", "SSLV3_ALERT_CERTIFICATE_EXPIRED",
               "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", "WireError", "ConnectionResetError",
               "BrokenPipeError", "SSLEOFError"}
    VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)

    def test_good_certificates_are_accepted(self):
        count = 0
        for name in ("plain", "optional", "required"):
            for version in self.VERSIONS:
                with self.subTest(name, version=version.name):
                    self.assertEqual(self.get(name, version=version, cert=self.certs.client_cert,
                                              key=self.certs.client_key), 200)
                    count += 1
        self.assertEqual(len(self.vendor.requests()), count)

    def test_without_a_certificate(self):
        for version in self.VERSIONS:
            with self.subTest(version.name):
                self.assertEqual(self.get("plain", version=version), 200)
                self.assertEqual(self.get("optional", version=version), 200)
                self.assertIn(self.get("required", version=version), self.REFUSED)
        self.assertEqual(len(self.vendor.requests()), 4)

    def test_certificates_that_do_not_verify_are_refused(self):
        expired = self.certs.leaf("expired-client", "old", "subjectAltName=DNS:old.test",
                                  "clientAuth", days="-1")
        wrong_use = (self.certs.server_cert, self.certs.server_key)
        stranger = (self.certs.stranger_cert, self.certs.stranger_key)
        for what, (cert, key) in {"stranger": stranger, "expired": expired,
                                  "not for clients": wrong_use}.items():
            for name in ("optional", "required"):
                for version in self.VERSIONS:
                    with self.subTest(what, gateway=name, version=version.name):
                        self.assertIn(self.get(name, version=version, cert=cert, key=key),
                                      self.REFUSED)
        self.assertEqual(self.vendor.received(), b"")

    def test_a_refused_handshake_harms_nobody_else(self):
        gateway = self.gateways["required"]
        good = gateway.client_tls(self.certs.client_cert, self.certs.client_key)
        with gateway.connect(tls=good) as connection:
            for _ in range(5):
                self.assertIn(self.get("required"), self.REFUSED)
                connection.send(GET)
                self.assertEqual(connection.read_answer().status, 200)


class HttpOverTlsTest(TlsCase):
    def test_keep_alive_and_pipelining(self):
        with self.gateway.connect() as connection:
            for number in range(3):
                connection.send(wire.request("GET", f"/v3/submission?submission_id=k{number}"))
                self.assertEqual(connection.read_answer().status, 200)
            connection.send(b"".join(
                wire.request("GET", f"/v3/submission?submission_id=p{number}")
                for number in range(5)))
            for _ in range(5):
                self.assertEqual(connection.read_answer().status, 200)
        self.assertEqual([request.target[-2:] for request in self.vendor.requests()],
                         ["k0", "k1", "k2", "p0", "p1", "p2", "p3", "p4"])

    def test_one_byte_a_record(self):
        with self.gateway.connect() as connection:
            for at in range(len(GET)):
                connection.send(GET[at:at + 1])
            self.assertEqual(connection.read_answer().status, 200)

    def test_large_bodies_both_ways(self):
        body_type, body = multipart(step1_fields(jpeg(3 * MIB, seed=21)))
        self.vendor.script.append(
            lambda request: b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Length: %d\r\n\r\n" % len(request.body) + request.body)
        reply = self.gateway.call("POST", "/v3/submission/step1", [("Content-Type", body_type)],
                                  body)
        self.assertEqual((reply.status, sha256(reply.body)), (200, sha256(body)))

    def test_a_closing_answer_ends_with_close_notify(self):
        with self.gateway.connect() as connection:
            connection.send(wire.request("GET", "/v3/submission", [("Connection", "close")]))
            self.assertEqual(connection.read_answer().status, 200)
            # Without close_notify Python reports an unexpected end instead of an empty read.
            connection.sock.suppress_ragged_eofs = False
            self.assertEqual(connection.sock.recv(1), b"")

    def test_refusals_over_tls(self):
        check_problem(self, self.gateway.call("GET", "/v3/none"), "unknown_path", 404)
        check_problem(self, self.gateway.call("GET", "/v3/../none"), "bad_target", 400)

    def test_a_cut_connection_is_no_request(self):
        with self.gateway.connect() as connection:
            connection.send(GET[:-2])
            raw = connection.sock.detach()
        os.close(raw)
        self.assertEqual(self.gateway.call("GET", "/v3/submission?count=1").status, 200)
        self.assertEqual(len(self.vendor.requests()), 1)


class CertificateReloadTest(unittest.TestCase):
    def _serial(self, gateway, trusted):
        context = ssl.create_default_context(cafile=trusted)
        with gateway.connect(tls=context) as connection:
            connection.send(GET)
            self.assertEqual(connection.read_answer().status, 200)
            return connection.sock.getpeercert()["serialNumber"]

    def test_sighup_takes_the_new_certificate_and_keeps_open_connections(self):
        with tempfile.TemporaryDirectory() as folder, RecordingVendor() as vendor:
            certs = Certs(folder)
            with Gateway(vendor, tls=certs) as gateway, gateway.connect() as open_one:
                open_one.send(GET)
                self.assertEqual(open_one.read_answer().status, 200)
                first = self._serial(gateway, certs.ca)
                certs.leaf("server", "localhost", "subjectAltName=DNS:localhost", "serverAuth")
                self.assertEqual(gateway.reload(), "success")
                second = self._serial(gateway, certs.ca)
                self.assertNotEqual(first, second)
                open_one.send(GET)
                self.assertEqual(open_one.read_answer().status, 200)

                shutil.copy(certs.stranger_key, certs.server_key)
                self.assertEqual(gateway.reload(), "failure")
                self.assertEqual(self._serial(gateway, certs.ca), second)


if __name__ == "__main__":
    unittest.main()
