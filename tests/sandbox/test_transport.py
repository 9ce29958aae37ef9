"""The HTTP side of argos-sandbox, its command line, and its start and end."""

import http.client
import os
import pathlib
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import unittest

from support import BINARY, DEADLINE, KEY, Certificate, Sandbox, jpeg, png, wait_until
from test_sandbox import WithSandbox


def form(fields, boundary="b0undary"):
    body = b""
    for name, value in fields.items():
        file = b'; filename="x"' if isinstance(value, bytes) else b""
        value = value if isinstance(value, bytes) else value.encode()
        body += b'--%s\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (
            boundary.encode(), name.encode(), file, value)
    return body + b"--" + boundary.encode() + b"--\r\n", "multipart/form-data; boundary=" + boundary


STEP1, STEP1_TYPE = form({"issuingCountry": "GHA", "email": "wire@example.test", "idType": "passport", "idImage": png()})


def post_head(*fields, target="/v3/submission/step1"):
    lines = [f"POST {target} HTTP/1.1", "host: sandbox", f"x-api-key: {KEY}", f"content-type: {STEP1_TYPE}", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Http(WithSandbox):
    tls = None

    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox("--log", tls=cls.tls)

    def read_answer(self, stream, method="GET"):
        answer = http.client.HTTPResponse(stream, method=method)
        answer.begin()
        return answer.status, answer.read()

    def test_keep_alive(self):
        connection = self.sandbox.connection()
        self.addCleanup(connection.close)
        connection.connect()
        first = connection.sock
        for number in range(5):
            body = STEP1 if number % 2 else None
            path = "/v3/submission/step1" if number % 2 else "/v3/submission"
            connection.request("POST" if body else "GET", path, body, {"x-api-key": KEY, "content-type": STEP1_TYPE})
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200, answer.read())
            answer.read()
            self.assertIs(connection.sock, first)

    def test_chunked_body(self):
        for size in (1, 7, 4096):
            connection = self.sandbox.connection()
            pieces = (STEP1[start:start + size] for start in range(0, len(STEP1), size))
            connection.request("POST", "/v3/submission/step1", pieces, {"x-api-key": KEY, "content-type": STEP1_TYPE},
                               encode_chunked=True)
            answer = connection.getresponse()
            self.assertEqual((answer.status, b"submissionId" in answer.read()), (200, True))
            connection.close()

    def test_expect_continue(self):
        with self.sandbox.connect() as stream:
            stream.sendall(post_head(f"content-length: {len(STEP1)}", "expect: 100-Continue"))
            self.assertEqual(stream.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
            stream.sendall(STEP1)
            self.assertEqual(self.read_answer(stream)[0], 200)

    def test_expectation_of_a_refused_request(self):
        head = post_head("content-length: 100", "expect: 100-continue").replace(KEY.encode(), b"wrong-key")
        with self.sandbox.connect() as stream:
            stream.sendall(head)
            self.assertEqual(self.read_answer(stream), (403, b'{"message":"Forbidden"}'))
        with self.sandbox.connect() as stream:
            stream.sendall(post_head("content-length: 100", "expect: a-miracle"))
            self.assertEqual(self.read_answer(stream)[0], 417)

    def test_refusal_does_not_wait_for_the_body(self):
        for length, stays in ((1000, True), (5 << 20, False), (11 << 20, False)):
            key = KEY if length > 10 << 20 else "wrong-key"
            head = post_head(f"content-length: {length}").replace(KEY.encode(), key.encode())
            with self.sandbox.connect() as stream:
                stream.sendall(head)
                self.assertEqual(self.read_answer(stream)[0], 413 if key == KEY else 403)
                stream.sendall(b"x" * length)
                if stays:
                    stream.sendall(self.sandbox.raw_get("/submission"))
                    self.assertEqual(self.read_answer(stream)[0], 200)

    def test_body_limit(self):
        def post(length, chunked):
            body, kind = form({"address": "1 Example-ro, Seoul", "pad": "x"})
            body, kind = form({"address": "1 Example-ro, Seoul", "pad": "x" * (length - len(body) + 1)})
            self.assertEqual(len(body), length)
            connection = self.sandbox.connection()
            try:
                connection.request("POST", "/v3/address_code", iter([body]) if chunked else body,
                                   {"x-api-key": KEY, "content-type": kind}, encode_chunked=chunked)
                answer = connection.getresponse()
                return answer.status, answer.read()
            finally:
                connection.close()

        for chunked in (False, True):
            with self.subTest(chunked=chunked):
                self.assertEqual(post(10 << 20, chunked)[0], 200)
                self.assertEqual(post((10 << 20) + 1, chunked), (413, b'{"message":"Request Entity Too Large"}'))

    def test_http_1_0_and_close(self):
        data, end = self.sandbox.exchange(f"GET /v3/submission?count=1 HTTP/1.0\r\nx-api-key: {KEY}\r\n\r\n".encode())
        self.assertIn(b"\r\nconnection: close\r\n", data)
        self.assertEqual((data[:15], end), (b"HTTP/1.1 200 OK", "closed"))
        data, end = self.sandbox.exchange(self.sandbox.raw_get("/submission?count=1"))
        self.assertEqual((data[:15], end), (b"HTTP/1.1 200 OK", "closed"))

    def test_pipelined_requests(self):
        data, _ = self.sandbox.exchange(self.sandbox.raw_get("/nothing", close=False) * 3 + self.sandbox.raw_get("/submission"))
        self.assertEqual(re.findall(rb"HTTP/1.1 (\d+) ", data), [b"403", b"403", b"403", b"200"])

    def test_head_has_no_body(self):
        data, end = self.sandbox.exchange(self.sandbox.raw_get("/submission").replace(b"GET", b"HEAD"))
        self.assertTrue(data.startswith(b"HTTP/1.1 403 "))
        self.assertTrue(data.endswith(b"\r\n\r\n"))
        self.assertEqual((data.count(b"\r\n\r\n"), end), (1, "closed"))

    def test_bad_heads(self):
        for head, status in ((b"nonsense\r\n\r\n", b"400"), (b"GET /v3/submission HTTP/1.1\r\nbad field\r\n\r\n", b"400"),
                             (b"GET / HTTP/1.1\r\nx: " + b"y" * 20000 + b"\r\n\r\n", b"431")):
            with self.sandbox.connect() as stream:
                stream.sendall(head)
                self.assertEqual(stream.recv(12), b"HTTP/1.1 " + status)

    def test_half_a_request_does_no_work(self):
        with self.sandbox.connect() as stream:
            stream.sendall(post_head(f"content-length: {len(STEP1)}") + STEP1.replace(b"wire@", b"half@")[:-1])
        self.assertEqual(self.sandbox.read(email="half@example.test").json(), {"Items": []})

    def test_many_connections_at_once(self):
        failures = []

        def client(number):
            try:
                connection = self.sandbox.connection()
                for _ in range(10):
                    body, kind = form({"issuingCountry": "GHA", "email": f"c{number}@example.test", "idType": "passport",
                                       "idImage": jpeg(number, 50000)})
                    connection.request("POST", "/v3/submission/step1", body, {"x-api-key": KEY, "content-type": kind})
                    answer = connection.getresponse()
                    if answer.status != 200 or b"submissionId" not in answer.read():
                        failures.append(answer.status)
                connection.close()
            except Exception as error:  # reported by the main thread
                failures.append(error)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        self.assertEqual(failures, [])
        for number in range(32):
            self.assertEqual(len(self.sandbox.read(email=f"c{number}@example.test").json()["Items"]), 10)

    def test_log_has_no_personal_data(self):
        self.sandbox.read(email="private@example.test")
        self.sandbox.step1("private@example.test")
        wait_until(lambda: "POST /v3/submission/step1 200" in self.sandbox.stderr())
        self.assertIn("GET /v3/submission 200", self.sandbox.stderr())
        self.assertNotIn("private", self.sandbox.stderr())


class HttpOverTls(Http):
    @classmethod
    def setUpClass(cls):
        cls.tls = Certificate()
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.tls.close()

    def test_ready_line_and_protocols(self):
        self.assertEqual(self.sandbox.ready_line, f"argos-sandbox listening on https://127.0.0.1:{self.sandbox.port}/v3\n")
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            context = self.tls.client_context()
            context.minimum_version = context.maximum_version = version
            context.set_alpn_protocols(["h2", "http/1.1"])
            with socket.create_connection(("127.0.0.1", self.sandbox.port), DEADLINE) as raw, \
                    context.wrap_socket(raw, server_hostname="localhost") as stream:
                self.assertEqual((stream.version(), stream.selected_alpn_protocol()), (name, "http/1.1"))

    def test_session_is_resumed(self):
        context = self.tls.client_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        session = None
        for resumed in (False, True):
            with socket.create_connection(("127.0.0.1", self.sandbox.port), DEADLINE) as raw, \
                    context.wrap_socket(raw, server_hostname="localhost", session=session) as stream:
                stream.sendall(self.sandbox.raw_get("/submission"))
                self.assertEqual(self.read_answer(stream)[0], 200)
                self.assertEqual(stream.session_reused, resumed)
                session = stream.session

    def test_plain_http_fails(self):
        with socket.create_connection(("127.0.0.1", self.sandbox.port), DEADLINE) as raw:
            raw.sendall(self.sandbox.raw_get("/submission"))
            self.assertNotIn(b"HTTP/1.1", raw.recv(1000))


class Process(unittest.TestCase):
    def run_once(self, *arguments):
        done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=DEADLINE)
        return done.returncode, done.stdout, done.stderr

    def start(self, *options):
        sandbox = Sandbox(*options)
        self.addCleanup(sandbox.errors.close)
        self.addCleanup(sandbox.stop)
        return sandbox

    def test_signals_end_it_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            sandbox = self.start()
            idle = sandbox.connect()
            self.addCleanup(idle.close)
            slow = sandbox.connect()
            self.addCleanup(slow.close)
            slow.sendall(sandbox.raw_get("/submission?submission_id=trigger-slow300"))
            self.assertEqual(sandbox.read().status_code, 200)
            sandbox.process.send_signal(number)
            self.assertEqual(sandbox.process.wait(DEADLINE), 0)
            self.assertEqual(sandbox.stderr(), "")

    def test_busy_port(self):
        sandbox = self.start()
        address = f"127.0.0.1:{sandbox.port}"
        status, output, errors = self.run_once("serve", "--listen", address)
        self.assertEqual((status, output), (1, ""))
        self.assertEqual(errors, f"argos-sandbox: cannot listen on {address} because the port is in use; "
                                 "choose another with --listen\n")

    def test_start_errors(self):
        for options in (("--listen", "127.0.0.1"), ("--listen", "127.0.0.1:99999"), ("--listen", "host.invalid:0"),
                        ("--listen", "192.0.2.1:0"), ("--allow", "10.0.0.0/33"), ("--allow", "everybody"),
                        ("--tls", "/nonexistent.pem", "/nonexistent.key")):
            with self.subTest(options=options):
                status, output, errors = self.run_once("serve", "--listen", "127.0.0.1:0", *options) \
                    if options[0] != "--listen" else self.run_once("serve", *options)
                self.assertEqual((status, output), (1, ""))
                self.assertRegex(errors, r"^argos-sandbox: [^\n]+\n$")

    def test_key_of_another_certificate(self):
        one, two = Certificate(), Certificate()
        self.addCleanup(one.close)
        self.addCleanup(two.close)
        status, _, errors = self.run_once("serve", "--listen", "127.0.0.1:0", "--tls", one.certificate, two.key)
        self.assertEqual(status, 1)
        self.assertRegex(errors, r"^argos-sandbox: cannot use the private key [^\n]+\n$")

    def test_usage_errors(self):
        for arguments in ((), ("run",), ("serve", "--nonsense"), ("serve", "--retry-rule", "v4"), ("serve", "--tls", "only-one"),
                          ("serve", "--latency", "high"), ("serve", "--default-count", "2001"), ("serve", "--base-path", "v3"),
                          ("serve", "--base-path", "/v3/"), ("serve", "--api-key", ","), ("serve", "--max-connections", "0")):
            with self.subTest(arguments=arguments):
                status, output, errors = self.run_once(*arguments)
                self.assertEqual((status, output), (2, ""))
                self.assertTrue(errors.startswith("argos-sandbox: "), errors)

    def test_base_path(self):
        for path in ("", "/v2", "/a/b"):
            sandbox = self.start("--base-path", path)
            self.assertTrue(sandbox.ready_line.endswith(f":{sandbox.port}{path}\n"))
            self.assertEqual(sandbox.read().json(), {"Items": []})

    def test_ipv6(self):
        if not socket.has_ipv6 or not pathlib.Path("/proc/net/if_inet6").exists():
            self.skipTest("this machine has no IPv6")
        process = subprocess.Popen([BINARY, "serve", "--listen", "[::1]:0", "--allow", "::1"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, DEADLINE)
        self.addCleanup(process.terminate)
        port = int(re.fullmatch(r"argos-sandbox listening on http://\[::1\]:(\d+)/v3\n", process.stdout.readline()).group(1))
        connection = http.client.HTTPConnection("::1", port, timeout=DEADLINE)
        self.addCleanup(connection.close)
        connection.request("GET", "/v3/submission", headers={"x-api-key": KEY})
        self.assertEqual(connection.getresponse().status, 200)

    def test_connections_beyond_the_limit_wait(self):
        sandbox = self.start("--max-connections", "2")
        first, second, third = (sandbox.connect() for _ in range(3))
        for stream in (first, second, third):
            self.addCleanup(stream.close)
            stream.sendall(sandbox.raw_get("/submission", close=False))
        self.assertTrue(first.recv(1) and second.recv(1))
        third.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            third.recv(1)
        first.close()
        third.settimeout(DEADLINE)
        self.assertEqual(third.recv(8), b"HTTP/1.1")

    def test_idle_connections_are_closed_but_slow_answers_are_not(self):
        sandbox = self.start("--idle-timeout", "1")
        idle = sandbox.connect()
        self.addCleanup(idle.close)
        self.assertEqual(sandbox.read(submission_id="trigger-slow4").status_code, 200)
        self.assertEqual(idle.recv(1), b"")

    def test_two_keys_and_realistic_latency(self):
        sandbox = self.start("--api-key", "old,new", "--latency", "realistic")
        for key in ("old", "new"):
            answer = sandbox.call("GET", "/submission", headers={"x-api-key": key})
            self.assertEqual(answer.status_code, 200)

    def test_peer_that_resets_does_no_harm(self):
        sandbox = self.start()
        tasks = pathlib.Path(f"/proc/{sandbox.process.pid}/task")
        before = len(os.listdir(tasks))
        for _ in range(20):
            stream = sandbox.connect()
            stream.sendall(post_head("content-length: 1000000") + b"x" * 1000)
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.close()
        self.assertEqual(sandbox.read().json(), {"Items": []})
        sandbox.session.close()
        wait_until(lambda: len(os.listdir(tasks)) <= before)


if __name__ == "__main__":
    unittest.main()
