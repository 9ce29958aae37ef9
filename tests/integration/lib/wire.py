"""A plain HTTP/1.1 client on a socket: sends exactly the bytes it is given, reads answers strictly."""

import socket
import ssl
import struct


class WireError(Exception):
    """The answer is not valid HTTP/1.1, or it is cut off."""


class Answer:
    """status (int), reason_phrase, version, headers (list of (lower-case name, value)), body."""

    def __init__(self, status, phrase, version, headers, body, raw):
        self.status, self.phrase, self.version = status, phrase, version
        self.headers, self.body, self.raw = headers, body, raw

    def all(self, name):
        return [value for key, value in self.headers if key == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def json(self):
        import json
        return json.loads(self.body)

    @property
    def reason(self):
        """The gateway's reason code, None on a vendor answer."""
        return self.get("x-gateway-reason")

    def __repr__(self):
        return f"<Answer {self.status} {self.reason or ''} {len(self.body)} bytes>"


class Connection:
    """with Connection(port) as c: c.send(b"GET ..."); answer = c.read_answer()

    `tls`: an ssl.SSLContext. `path`: a unix socket instead of host and port. `source`: own address.
    Connection.tap, when set, is called with every piece of bytes that any connection receives."""

    tap = None

    def __init__(self, port=None, host="127.0.0.1", path=None, tls=None, server_name="localhost",
                 timeout=15, source=None):
        if path:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(timeout)
            self.sock.connect(path)
        else:
            self.sock = socket.create_connection((host, port), timeout=timeout,
                                                 source_address=(source, 0) if source else None)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.sock.settimeout(timeout)
            self.sock = tls.wrap_socket(self.sock, server_hostname=server_name)
        self.sock.settimeout(timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Ends the connection with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _more(self):
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, ssl.SSLError, BrokenPipeError):
            data = b""
        if Connection.tap:
            Connection.tap(data)
        self.buffer += data
        return bool(data)

    def _line(self):
        while b"\r\n" not in self.buffer:
            if not self._more():
                raise WireError(f"connection ended in a head: {self.buffer[:200]!r}")
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _exactly(self, count):
        parts, have = [self.buffer], len(self.buffer)
        while have < count:
            self.buffer = b""
            if not self._more():
                raise WireError(f"body cut: {have} of {count} bytes")
            parts.append(self.buffer)
            have += len(self.buffer)
        whole = b"".join(parts)
        self.buffer = whole[count:]
        return whole[:count]

    def read_answer(self, head_request=False, skip_interim=True):
        """The next answer. 1xx answers are skipped unless skip_interim is False."""
        while True:
            answer = self._read_one(head_request)
            if answer.status >= 200 or not skip_interim:
                return answer

    def _read_one(self, head_request):
        status_line = self._line()
        parts = status_line.decode("latin-1").split(" ", 2)
        if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
            raise WireError(f"bad status line {status_line!r}")
        headers = []
        while True:
            line = self._line()
            if not line:
                break
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or name != name.strip() or not name:
                raise WireError(f"bad field line {line!r}")
            headers.append((name.lower(), value.strip()))
        raw = status_line
        answer = Answer(int(parts[1]), parts[2] if len(parts) > 2 else "", parts[0], headers, b"",
                        raw)
        if answer.status < 200 or answer.status in (204, 304) or head_request:
            return answer
        answer.body = self._body(answer)
        return answer

    def _body(self, answer):
        lengths, codings = answer.all("content-length"), answer.all("transfer-encoding")
        if codings:
            if codings != ["chunked"] or lengths:
                raise WireError(f"bad framing: {codings} {lengths}")
            body = bytearray()
            while True:
                size = int(self._line().split(b";")[0], 16)
                if size == 0:
                    while self._line():
                        pass
                    return bytes(body)
                body += self._exactly(size)
                if self._exactly(2) != b"\r\n":
                    raise WireError("chunk without line end")
        if lengths:
            if len(lengths) != 1 or not lengths[0].isdigit():
                raise WireError(f"bad content-length {lengths}")
            return self._exactly(int(lengths[0]))
        while self._more():
            pass
        body, self.buffer = self.buffer, b""
        return body

    def at_end(self):
        """True when the far end closed without another byte (waits for it)."""
        if self.buffer:
            return False
        return not self._more()


def request(method, target, headers=(), body=b"", host="gateway.test", version="HTTP/1.1"):
    """Bytes of one request. Adds Host, and Content-Length when there is a body."""
    fields = [("Host", host), *headers]
    names = {name.lower() for name, _ in fields}
    if body and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    head = f"{method} {target} {version}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields)
    return head.encode("latin-1") + b"\r\n" + body


def chunked(body, size=4096):
    out = bytearray()
    for at in range(0, len(body), size):
        piece = body[at:at + size]
        out += f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    return bytes(out) + b"0\r\n\r\n"
