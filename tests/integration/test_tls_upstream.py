"""The TLS side to the vendor: name and chain are always verified, the key leaves only after that."""

import ssl
import unittest

from lib.gateway import Close, Gateway, RecordingVendor, answer, make_certs
from lib.problem import check_problem


class VerificationTest(unittest.TestCase):
    def _refused(self, pair, base_url=None, **options):
        """A vendor with this certificate gets no byte of a request."""
        certs = make_certs()
        with RecordingVendor(tls=pair, ca=certs.ca, **options) as vendor, \
                Gateway(vendor, upstream={"base_url": base_url(vendor)} if base_url else {}) as gateway:
            for _ in range(3):
                check_problem(self, gateway.call("GET", "/v3/submission"), "upstream_tls_failed", 502)
            self.assertGreaterEqual(len(vendor.connections), 3)
            self.assertEqual(vendor.received(), b"")
            self.assertEqual(vendor.requests(), [])
            self.assertEqual(gateway.metrics().value("upstream_errors_total",
                                                     reason="upstream_tls_failed"), 3)

    def test_a_wrong_name(self):
        certs = make_certs()
        self._refused((certs.wrong_name_cert, certs.wrong_name_key))

    def test_an_unknown_authority(self):
        certs = make_certs()
        self._refused((certs.stranger_cert, certs.stranger_key))

    def test_an_expired_certificate(self):
        certs = make_certs()
        self._refused((certs.expired_cert, certs.expired_key))

    def test_a_certificate_for_clients(self):
        certs = make_certs()
        self._refused(certs.leaf("not-a-server", "localhost", "subjectAltName=DNS:localhost",
                                 "clientAuth"))

    def test_an_address_that_the_certificate_lacks(self):
        certs = make_certs()
        pair = certs.leaf("name-only", "localhost", "subjectAltName=DNS:localhost", "serverAuth")
        self._refused(pair, lambda vendor: f"https://127.0.0.1:{vendor.port}/v3")

    def test_the_common_name_does_not_count(self):
        certs = make_certs()
        self._refused(certs.leaf("cn-only", "localhost", "subjectAltName=DNS:other.test",
                                 "serverAuth"))

    def test_a_plain_vendor(self):
        certs = make_certs()
        with RecordingVendor(handler=lambda c: c.more() and c.play(answer())) as vendor, \
                Gateway(f"https://localhost:{vendor.port}/v3",
                        upstream={"ca_file": certs.ca}) as gateway:
            check_problem(self, gateway.call("GET", "/v3/submission"), "upstream_tls_failed", 502)
            self.assertNotIn(b"GET ", vendor.received())
            self.assertNotIn(gateway.key.encode(), vendor.received())


class GoodVendorTest(unittest.TestCase):
    def test_both_versions_with_name_and_address(self):
        certs = make_certs()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for host, sni in (("localhost", "localhost"), ("127.0.0.1", None)):
                with self.subTest(version=version.name, host=host), \
                        RecordingVendor(tls=certs, tls_version=version) as vendor:
                    base = f"https://{host}:{vendor.port}/v3"
                    with Gateway(vendor, upstream={"base_url": base}) as gateway:
                        self.assertEqual(gateway.call("GET", "/v3/submission").status, 200)
                    (request,) = vendor.requests()
                    self.assertEqual(request.get("host"), f"{host}:{vendor.port}")
                    self.assertEqual(request.connection.sni, sni)

    def test_sessions_are_resumed(self):
        certs = make_certs()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version.name), RecordingVendor(
                    tls=certs, tls_version=version,
                    responder=lambda request: [answer(headers=[("Connection", "close")]), Close()]) \
                    as vendor, Gateway(vendor, server={"workers": 1}) as gateway:
                reused = []
                whole = vendor.responder

                def note(request):
                    reused.append(request.connection.sock.session_reused)
                    return whole(request)
                vendor.responder = note
                for _ in range(4):
                    self.assertEqual(gateway.call("GET", "/v3/submission").status, 200)
                self.assertEqual(reused, [False, True, True, True])

    def test_connections_are_kept(self):
        with RecordingVendor(tls=make_certs()) as vendor, \
                Gateway(vendor, server={"workers": 1}) as gateway:
            for _ in range(10):
                self.assertEqual(gateway.call("GET", "/v3/submission").status, 200)
            self.assertEqual((len(vendor.requests()), len(vendor.connections)), (10, 1))


if __name__ == "__main__":
    unittest.main()
