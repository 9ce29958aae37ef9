"""curl through every operation, over every kind of listener."""

import subprocess
import unittest

from lib.clientcase import ClientCase
from lib.clients import Curl
from lib.media import MIB, jpeg, multipart, step1_fields

WITHOUT_EXPECT = ["-H", "Expect:"]


class CurlTest(ClientCase):
    def test_http_1_1_over_tcp(self):
        self.walk("tcp", lambda target: Curl(target, ["--http1.1", *WITHOUT_EXPECT]),
                  ("form", "raw"))

    def test_http_1_0(self):
        self.walk("tcp", lambda target: Curl(target, ["--http1.0"]), ("form", "raw"))

    def test_chunked_upload_from_standard_input(self):
        self.walk("tcp", lambda target: Curl(target), ("stream",))

    def test_chunked_upload_asked_for_by_header(self):
        self.walk("tcp", lambda target: Curl(target, WITHOUT_EXPECT, chunk_with="header"),
                  ("stream",))

    def test_over_ipv6(self):
        self.walk("v6", lambda target: Curl(target))

    def test_over_a_unix_socket(self):
        self.walk("unix", lambda target: Curl(target), ("form", "stream"))

    def test_over_tls_1_2(self):
        self.walk("tls", lambda target: Curl(target, ["--tlsv1.2", "--tls-max", "1.2"]))

    def test_over_tls_1_3(self):
        self.walk("tls", lambda target: Curl(target, ["--tlsv1.3"]), ("form", "stream"))

    def test_with_an_optional_client_certificate(self):
        self.walk("tls-cert", lambda target: Curl(target))

    def test_with_a_required_client_certificate(self):
        self.walk("mtls", lambda target: Curl(target))

    def test_http_1_0_over_tls(self):
        self.walk("tls", lambda target: Curl(target, ["--http1.0"]))

    def test_expect_100_is_answered_before_the_body(self):
        # curl waits a minute for the interim answer here, longer than the test may take: without it the call fails.
        for transport in ("tcp", "tls", "unix"):
            with self.subTest(transport=transport):
                _, target = self.target(transport)
                client = Curl(target, ["--expect100-timeout", "60", "-H", "Expect: 100-continue",
                                       "--max-time", "30"])
                self.addCleanup(client.close)
                reply = client.call("POST", "/v3/submission/step1",
                                    raw=multipart(step1_fields(jpeg(2 * MIB))))
                self.assertEqual((reply.interim, reply.status), ([100], 200))

    def test_expect_100_is_not_answered_when_the_request_is_refused(self):
        for transport in ("tcp", "tls", "unix"):
            with self.subTest(transport=transport):
                _, target = self.target(transport)
                client = Curl(target, ["--expect100-timeout", "60", "-H", "Expect: 100-continue",
                                       "--max-time", "30"])
                self.addCleanup(client.close)
                reply = client.call("POST", "/v3/submission/step3",
                                    raw=multipart(step1_fields(jpeg(2 * MIB))))
                self.assertEqual((reply.interim, reply.status), ([], 404))
                self.assertEqual(reply.headers["x-gateway-reason"], "unknown_path")

    def test_an_answer_to_http_1_0_is_not_chunked(self):
        _, target = self.target("tcp")
        client = Curl(target, ["--http1.0"])
        self.addCleanup(client.close)
        reply = client.call("GET", "/v3/submission?count=1")
        self.assertEqual(reply.status, 200)
        self.assertNotIn("transfer-encoding", reply.headers)
        self.assertNotEqual(reply.headers.get("connection", "close").lower(), "keep-alive")

    def test_urls_on_one_command_line_share_a_connection(self):
        for transport in ("tcp", "tls"):
            with self.subTest(transport=transport):
                _, target = self.target(transport)
                url = f"{target.base}/v3/submission?count=1"
                command = ["curl", "-q", "-sS", "--max-time", "30", "--noproxy", "*"]
                command += ["--cacert", target.ca] if target.ca else []
                for _ in range(5):
                    command += ["-o", "/dev/null", url]
                done = subprocess.run([*command, "-w", "%{http_code}/%{num_connects} "],
                                      capture_output=True, text=True, timeout=60, check=True)
                self.assertEqual(done.stdout.split(), ["200/1"] + ["200/0"] * 4)


if __name__ == "__main__":
    unittest.main()
