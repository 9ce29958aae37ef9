"""What the tests with a hostile vendor share: one request, and what became of it."""

import re
import socket
import ssl

from . import wire

PROBLEM = "application/problem+json"


class Outcome:
    """kind: answer (complete, the vendor's) | problem (the gateway's own) | broken (visibly incomplete)."""

    def __init__(self, kind, answer=None, text=""):
        self.kind, self.answer, self.text = kind, answer, text

    @property
    def status(self):
        return self.answer.status if self.answer else None

    @property
    def reason(self):
        return self.answer.reason if self.answer else None

    @property
    def body(self):
        return self.answer.body if self.answer else None

    def __repr__(self):
        return f"<{self.kind} {self.status or ''} {self.reason or ''} {self.text}>"


def ask(gateway, method="GET", target=None, name="x", headers=(), body=b"", timeout=15):
    """One request on a connection of its own. A hang ends in TimeoutError, which fails the test."""
    target = target or f"/v3/submission?submission_id={name}"
    with gateway.connect(timeout=timeout) as connection:
        try:
            connection.send(wire.request(method, target, headers, body))
        except (BrokenPipeError, ConnectionResetError):
            pass                     # answered early: the answer is still to be read
        return read_outcome(connection)


def read_outcome(connection):
    try:
        answer = connection.read_answer()
    except wire.WireError as error:
        return Outcome("broken", text=str(error)[:120])
    if answer.reason:
        if answer.get("content-type") != PROBLEM or answer.json()["reason"] != answer.reason:
            raise AssertionError(f"a problem without its body: {answer.headers} {answer.body[:200]!r}")
        return Outcome("problem", answer)
    framed = answer.all("content-length") or answer.all("transfer-encoding")
    if not framed and answer.status not in (204, 304):
        raise AssertionError("an answer that ends with the connection can't be told from a cut one")
    return Outcome("answer", answer)


FIELDS = 'Content-Disposition: form-data; name="userid"'


# A JPEG up to where its entropy-coded data begins.
JPEG_START = (b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00"
              b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00")


def form(name, size=0):
    """A multipart body (boundary b) that holds `name`; when size > 0 a whole step 1 submission with a picture of about that size."""
    out = f"--b\r\n{FIELDS}\r\n\r\n{name}\r\n".encode()
    if size:
        for field, value in (("issuingCountry", "KOR"), ("email", "a@example.test"), ("idType", "passport")):
            out += f'--b\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        out += (b'--b\r\nContent-Disposition: form-data; name="idImage"; filename="i.jpg"\r\n'
                b"Content-Type: image/jpeg\r\n\r\n" + JPEG_START + b"J" * (size - len(JPEG_START) - 2) + b"\xff\xd9\r\n")
    return out + b"--b--\r\n"


MULTIPART = ("Content-Type", "multipart/form-data; boundary=b")


def post(gateway, name, size=0, path="/v3/submission/step1", timeout=15):
    return ask(gateway, "POST", path, headers=[MULTIPART], body=form(name, size), timeout=timeout)


def name_in(request):
    """The name of the request as the vendor sees it: query value or the userid part."""
    found = re.search(r"submission_id=([\w.-]+)", request.target)
    if found:
        return found[1]
    found = re.search(rb'name="userid"\r\n\r\n([\w.-]+)', request.body)
    return found[1].decode() if found else ""


def body_for(name):
    return b'{"Items":[],"echo":"%s"}' % name.encode()


class RawVendor:
    """Not even an HTTP server: calls act(socket) for every connection, in a thread of its own.

    For an https base_url, so that the gateway's handshake meets what act does."""

    api_key = "test-vendor-key-0123456789abcdef"

    def __init__(self, act, ca_file=None):
        import threading
        self.act, self.ca_file, self.accepted = act, ca_file, 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        scheme, host = ("https", "localhost") if ca_file else ("http", "127.0.0.1")
        self.base_url = f"{scheme}://{host}:{self.port}/v3"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        import threading
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock:
            sock.settimeout(10)
            try:
                self.act(sock)
            except (OSError, ssl.SSLError):
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
