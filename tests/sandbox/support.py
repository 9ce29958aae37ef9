"""Starts the built argos-sandbox and speaks to it."""

import http.client
import os
import pathlib
import re
import select
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import zlib

import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("ARGOS_SANDBOX", str(ROOT / "build/release/bin/argos-sandbox"))
KEY = "sandbox-key"
DEADLINE = 30  # seconds after which a test fails instead of hanging


def png(seed=0, size=0):
    """A real one-pixel PNG; `size` pads it with a text chunk to exactly so many bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    end = chunk(b"IDAT", zlib.compress(bytes([0, seed % 256, 0, 0]))) + chunk(b"IEND", b"")
    if size == 0:
        return start + end
    return start + chunk(b"tEXt", b"k\0" + b"x" * (size - len(start) - len(end) - 14)) + end


def jpeg(seed=0, size=64):
    """The frame of a JPEG file around a comment with every byte value in it."""
    filler = bytes((i * 7 + seed) % 256 for i in range(size))
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + filler + b"\xff\xd9"


class Sandbox:
    """One running argos-sandbox on a free port."""

    def __init__(self, *options, tls=None):
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", *options]
        if tls is not None:
            command += ["--tls", str(tls.certificate), str(tls.key)]
        self.tls = tls
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
        self.ready_line = self.process.stdout.readline() if ready else ""
        found = re.fullmatch(r"argos-sandbox listening on (https?://127\.0\.0\.1:(\d+)(\S*))\n", self.ready_line)
        if found is None:
            self.stop()
            raise AssertionError(f"no ready line but {self.ready_line!r}: {self.stderr()}")
        self.url = found.group(1)
        self.port = int(found.group(2))
        self.session = requests.Session()
        self.session.headers["x-api-key"] = KEY
        self.session.trust_env = False  # neither a proxy nor another certificate store
        if tls is not None:
            self.session.verify = str(tls.certificate)

    def stop(self):
        """Ends the process with SIGTERM; its exit status."""
        if hasattr(self, "session"):
            self.session.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stdout.close()

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read().decode()

    def close(self):
        status = self.stop()
        errors = self.stderr()
        self.errors.close()
        if status != 0:
            raise AssertionError(f"argos-sandbox ended with {status}: {errors}")

    # Calls, as a client of the vendor makes them.

    def call(self, method, path, **arguments):
        return self.session.request(method, self.url + path, timeout=DEADLINE, allow_redirects=False, **arguments)

    def get(self, path, **query):
        return self.call("GET", path, params=query)

    def read(self, **query):
        return self.get("/submission", **query)

    def item(self, submission):
        items = self.read(submission_id=submission).json()["Items"]
        assert len(items) == 1, items
        return items[0]

    def step1(self, email, files=None, without=(), headers=None, **fields):
        form = {"issuingCountry": "GHA", "email": email, "idType": "passport", **fields}
        parts = {name: (None, value) for name, value in form.items()}
        parts["idImage"] = ("id.png", png(), "image/png")
        parts.update(files or {})
        for name in without:
            del parts[name]
        return self.call("POST", "/submission/step1", files=parts, headers=headers)

    def step2(self, submission, files=None, without=(), headers=None, **fields):
        form = {"submissionId": submission, "name": "Mina Okafor", "date_of_birth": "1991-04-02",
                "gender": "female", "nationality": "GHA", **fields}
        parts = {name: (None, value) for name, value in form.items()}
        parts["faceImage"] = ("face.jpg", jpeg(), "image/jpeg")
        parts.update(files or {})
        for name in without:
            del parts[name]
        return self.call("POST", "/submission/step2", files=parts, headers=headers)

    def open_submission(self, email, **fields):
        answer = self.step1(email, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()["submissionId"]

    def approve(self, email, **fields):
        submission = self.open_submission(email)
        answer = self.step2(submission, **fields)
        assert answer.json()["kycStatus"] == "approved", answer.text
        return submission

    def delete(self, submission, **query):
        return self.call("DELETE", "/submission", params={"submission_id": submission, **query})

    def address(self, **arguments):
        return self.call("POST", "/address_code", **arguments)

    # Below HTTP libraries.

    def connect(self):
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)
        if self.tls is None:
            return raw
        return self.tls.client_context().wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)

    def connection(self):
        if self.tls is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=DEADLINE, context=self.tls.client_context())

    def exchange(self, data):
        """Sends bytes and reads until the server closes: what came, and whether the end was in order."""
        with self.connect() as stream:
            stream.sendall(data)
            received = b""
            try:
                while piece := stream.recv(65536):
                    received += piece
                return received, "closed"
            except (ConnectionResetError, ssl.SSLEOFError):  # how Python reports a reset under TLS
                return received, "reset"
            except ssl.SSLError as error:
                if error.reason != "UNEXPECTED_EOF_WHILE_READING":
                    raise
                return received, "truncated"

    def raw_get(self, path, close=True):
        end = "connection: close\r\n" if close else ""
        return f"GET /v3{path} HTTP/1.1\r\nhost: sandbox\r\nx-api-key: {KEY}\r\n{end}\r\n".encode()


class Certificate:
    """A self-signed certificate for localhost, made by openssl in a folder of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.certificate = pathlib.Path(self.folder.name, "server.pem")
        self.key = pathlib.Path(self.folder.name, "server.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", self.key, "-out", self.certificate],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def client_context(self):
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # an end without close_notify has to be seen
        return context

    def close(self):
        self.folder.cleanup()


def wait_until(condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("the condition did not come true in time")
        time.sleep(0.02)
