"""A vendor for tests: records every byte it receives, answers what the test says.

It parses requests only far enough to know where one ends, and never shares code with the gateway.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time

from .paths import free_port


class Step:
    """What an answer may contain besides bytes."""


class Pause(Step):
    def __init__(self, seconds):
        self.seconds = seconds


class Wait(Step):
    """Waits for a threading.Event (at most `limit` seconds)."""

    def __init__(self, event, limit=20):
        self.event, self.limit = event, limit


class Close(Step):
    """Orderly close (with close_notify over TLS)."""


class HalfClose(Step):
    """No more bytes from the vendor, still reading."""


class Cut(Step):
    """Closes the TCP connection without close_notify."""


class Reset(Step):
    """RST."""


def answer(status=200, body=b'{"Items":[]}', headers=(("Content-Type", "application/json"),),
           phrase="OK", framing="length"):
    """Bytes of an answer. framing: length | chunked | close (use with [.., Close()])."""
    head = f"HTTP/1.1 {status} {phrase}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers)
    if framing == "length":
        return head.encode("latin-1") + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    if framing == "chunked":
        chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n" if body else b""
        return head.encode("latin-1") + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"
    return head.encode("latin-1") + b"Connection: close\r\n\r\n" + body


class VendorRequest:
    """method, target, version, headers (list of (name as sent, value)), body (decoded), raw (bytes)."""

    def __init__(self, connection, head):
        self.connection = connection
        lines = head[:-4].decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ")
        self.headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers.append((name, value.strip()))
        self.body, self.raw, self.head = b"", head, head

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def names(self):
        return [name.lower() for name, _ in self.headers]


class VendorConnection:
    """sock; received (every byte of this connection so far); requests; sni; ended."""

    def __init__(self, sock, number):
        self.sock, self.number = sock, number
        self.received, self.pending = bytearray(), b""
        self.requests, self.sni, self.ended, self.tls_error = [], None, False, None

    def more(self):
        """Reads once; False at the end of the stream."""
        try:
            data = self.sock.recv(65536)
        except (OSError, ssl.SSLError):
            data = b""
        self.received += data
        self.pending += data
        return bool(data)

    def read_head(self):
        """Bytes of the next head with the empty line, or None at the end of the stream."""
        while b"\r\n\r\n" not in self.pending:
            if not self.more():
                return None
        end = self.pending.index(b"\r\n\r\n") + 4
        head, self.pending = self.pending[:end], self.pending[end:]
        return head

    def _take(self, count):
        parts, have = [self.pending], len(self.pending)
        while have < count:
            self.pending = b""
            if not self.more():
                return None
            parts.append(self.pending)
            have += len(self.pending)
        whole = b"".join(parts)
        self.pending = whole[count:]
        return whole[:count]

    def _line(self):
        while b"\r\n" not in self.pending:
            if not self.more():
                return None
        line, self.pending = self.pending.split(b"\r\n", 1)
        return line

    def read_body(self, request):
        """Reads the body into request.body; False when the stream ended inside it."""
        if request.get("transfer-encoding", "").lower() == "chunked":
            body = bytearray()
            while True:
                line = self._line()
                if line is None:
                    return False
                size = int(line.split(b";")[0], 16)
                if size == 0:
                    while True:
                        trailer = self._line()
                        if trailer is None:
                            return False
                        if not trailer:
                            request.body = bytes(body)
                            return True
                piece = self._take(size)
                if piece is None or self._take(2) is None:
                    return False
                body += piece
        data = self._take(int(request.get("content-length", "0")))
        if data is None:
            return False
        request.body = data
        return True

    def play(self, steps):
        """Sends an answer (bytes or a list of bytes and Steps); False when the connection is over."""
        for step in [steps] if isinstance(steps, (bytes, bytearray, Step)) else steps:
            if isinstance(step, (bytes, bytearray)):
                self.sock.sendall(step)
            elif isinstance(step, Pause):
                time.sleep(step.seconds)
            elif isinstance(step, Wait):
                step.event.wait(step.limit)
            elif isinstance(step, HalfClose):
                self.sock.shutdown(socket.SHUT_WR)
            else:
                self._end(step)
                return False
        return True

    def _end(self, step):
        if isinstance(step, Close) and isinstance(self.sock, ssl.SSLSocket):
            with contextlib.suppress(OSError, ValueError):
                self.sock.settimeout(2)
                self.sock.unwrap()
        if isinstance(step, Reset):
            with contextlib.suppress(OSError):
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.close()


class RecordingVendor:
    """with RecordingVendor(responder) as vendor: Gateway(vendor) ...

    responder(request) -> bytes or list of bytes/Steps; default answer(). It may be replaced at any
        time (vendor.responder = ...). A list given to `script` is used up first, one entry a request.
    early(request): like responder but called when the head is in, before the body is read; a result
        other than None is played at once and the body is not read.
    handler(connection): takes the whole connection over instead (use connection.read_head(),
        read_body(), play(), sock); the connection is closed when it returns.
    tls: Certs (its server certificate is used) or a (cert, key) pair with ca=...; None = plain HTTP.

    connections: list of VendorConnection; requests(): all parsed requests in order of arrival.
    """

    def __init__(self, responder=None, early=None, handler=None, tls=None, ca=None,
                 host="127.0.0.1", port=None, path="/v3", tls_version=None):
        self.responder = responder or (lambda request: answer())
        self.early, self.handler, self.script = early, handler, []
        self.host, self.port, self.path = host, port or free_port(host), path
        self.connections, self._requests = [], []
        self._lock, self._stopping, self._threads = threading.Lock(), False, []
        self.context, self.ca_file = None, None
        if tls:
            cert, key = (tls.server_cert, tls.server_key) if hasattr(tls, "server_cert") else tls
            self.ca_file = ca or tls.ca
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            if tls_version:
                self.context.minimum_version = self.context.maximum_version = tls_version
            self.context.load_cert_chain(cert, key)
            self.context.sni_callback = self._on_sni
        self._listener = socket.socket(
            socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, self.port))
        self._listener.listen(512)
        self._accepter = threading.Thread(target=self._accept, daemon=True)
        self._accepter.start()

    @property
    def base_url(self):
        scheme = "https" if self.context else "http"
        name = "localhost" if self.context else self.host
        return f"{scheme}://{f'[{name}]' if ':' in name else name}:{self.port}{self.path}"

    @property
    def authority(self):
        return self.base_url.split("/")[2]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._stopping = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self.connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(5)

    def requests(self):
        with self._lock:
            return list(self._requests)

    def wait_requests(self, count, timeout=10):
        """The requests once there are at least `count`; fails otherwise."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            found = self.requests()
            if len(found) >= count:
                return found
            time.sleep(0.005)
        raise AssertionError(f"the vendor saw {len(self.requests())} requests, not {count}")

    def received(self):
        """Every byte received so far, all connections one after the other."""
        with self._lock:
            return b"".join(bytes(connection.received) for connection in self.connections)

    def clear(self):
        """Forgets what was recorded; open connections go on."""
        with self._lock:
            self._requests.clear()
            for connection in self.connections:
                connection.received.clear()
                connection.requests.clear()
            self.connections = [c for c in self.connections if not c.ended]

    def _on_sni(self, sock, name, _context):
        sock.argos_sni = name

    def _accept(self):
        while not self._stopping:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                connection = VendorConnection(sock, len(self.connections))
                self.connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        try:
            if self.context:
                connection.sock.settimeout(15)
                connection.sock = self.context.wrap_socket(
                    connection.sock, server_side=True, suppress_ragged_eofs=False)
                connection.sni = getattr(connection.sock, "argos_sni", None)
                connection.sock.settimeout(None)
            if self.handler:
                self.handler(connection)
            else:
                self._exchanges(connection)
        except ssl.SSLError as error:
            connection.tls_error = error
        except (OSError, ValueError):
            pass
        finally:
            connection.ended = True
            connection.close()

    def _exchanges(self, connection):
        while not self._stopping:
            head = connection.read_head()
            if head is None:
                return
            request = VendorRequest(connection, head)
            with self._lock:
                early = self.early
            steps = early(request) if early else None
            whole = steps is None and connection.read_body(request)
            request.complete = whole
            with self._lock:
                self._requests.append(request)
                connection.requests.append(request)
                if steps is None and self.script:
                    steps = self.script.pop(0)
            if steps is None:
                if not whole:
                    return
                steps = self.responder(request)
            elif callable(steps):
                steps = steps(request)
            if not connection.play(steps):
                return
