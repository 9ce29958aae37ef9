"""A vendor in a process of its own that judges every byte the gateway sends it.

It answers 200 and says in the body which marker the request carried. It keeps no bodies, only which
markers it saw in complete requests, which in unfinished ones, and every deviation from the one form
of request the gateway may send.
"""

import asyncio
import multiprocessing
import re

MARKER = re.compile(rb"[mp]\d{15}")
LINE = re.compile(rb"(GET|POST|DELETE) /v3/[!-~]+ HTTP/1\.1")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~\x80-\xff]*)")
CHUNK = re.compile(rb"[0-9a-fA-F]{1,8}")
ALLOWED = {b"host", b"x-api-key", b"content-type", b"content-length", b"transfer-encoding", b"accept",
           b"accept-language", b"accept-encoding", b"x-request-id", b"traceparent", b"tracestate",
           b"user-agent", b"connection", b"via"}


class Findings:
    """complete: {marker: count}; unfinished: set of markers; faults: list of texts (bounded)."""

    def __init__(self):
        self.complete, self.unfinished, self.faults, self.requests = {}, set(), [], 0

    def fault(self, text):
        if len(self.faults) < 50:
            self.faults.append(text)


class _Peer(asyncio.Protocol):
    def __init__(self, findings, key):
        self.findings, self.key = findings, key
        self.buffer, self.body_at, self.scan, self.decoded = bytearray(), None, 0, bytearray()

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, _):
        if self.body_at is None or not self.chunked:
            seen = bytes(self.buffer)
        else:
            tail = self.buffer[self.scan:].partition(b"\r\n")[2]
            seen = bytes(self.buffer[:self.body_at] + self.decoded + tail)
        self.findings.unfinished.update(MARKER.findall(seen))

    def data_received(self, data):
        self.buffer += data
        while self.buffer:
            try:
                size = self._whole()
            except ValueError as error:
                self.findings.fault(f"{error}: {bytes(self.buffer[:300])!r}")
                self.transport.abort()
                return
            if not size:
                return
            # Markers are looked for in the decoded body: the gateway may cut chunks as it likes.
            end = self.body_at if self.chunked else size
            self._answer(bytes(self.buffer[:end] + self.decoded))
            del self.buffer[:size]
            self.body_at, self.scan, self.decoded = None, 0, bytearray()

    def _answer(self, message):
        markers = MARKER.findall(message)
        self.findings.requests += 1
        for text in markers:
            self.findings.complete[text] = self.findings.complete.get(text, 0) + 1
        body = b'{"Items":[],"echo":"%s"}' % (markers[0] if markers else b"")
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                             b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def _whole(self):
        """Size of the request at the front of the buffer once it is complete, else 0."""
        if self.body_at is None:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return 0
            self._head(bytes(self.buffer[:end]).split(b"\r\n"))
            self.body_at = self.scan = end + 4
        if self.chunked:
            return self._chunks()
        size = self.body_at + self.length
        return size if len(self.buffer) >= size else 0

    def _head(self, lines):
        if not LINE.fullmatch(lines[0]):
            raise ValueError("request line")
        fields = {}
        for line in lines[1:]:
            found = FIELD.fullmatch(line)
            if not found or found[1].lower() in fields:
                raise ValueError(f"field {line!r}")
            fields[found[1].lower()] = found[2]
        if set(fields) - ALLOWED:
            raise ValueError(f"fields {set(fields) - ALLOWED}")
        if b"host" not in fields or fields.get(b"x-api-key") != self.key:
            raise ValueError("host or key missing")
        self.chunked = b"transfer-encoding" in fields
        if self.chunked and (b"content-length" in fields or fields[b"transfer-encoding"] != b"chunked"):
            raise ValueError("framing")
        length = fields.get(b"content-length", b"0")
        if not length.isdigit():
            raise ValueError("content-length")
        self.length = int(length)

    def _chunks(self):
        while True:
            end = self.buffer.find(b"\r\n", self.scan)
            if end < 0:
                return 0
            text = bytes(self.buffer[self.scan:end])
            if not CHUNK.fullmatch(text):
                raise ValueError(f"chunk size {text!r}")
            size = int(text, 16)
            after = end + 2 + size + 2
            if len(self.buffer) < after:
                return 0
            if self.buffer[after - 2:after] != b"\r\n":
                raise ValueError("chunk end or trailer")
            if size == 0:
                return after
            self.decoded += self.buffer[end + 2:after - 2]
            self.scan = after


def _run(pipe, key):
    findings = Findings()

    async def main():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Peer(findings, key), "127.0.0.1", 0, backlog=512)
        pipe.send(server.sockets[0].getsockname()[1])
        while True:
            command = await loop.run_in_executor(None, pipe.recv)
            if command == "stop":
                server.close()
                return
            pipe.send((findings.complete, findings.unfinished, findings.faults, findings.requests))

    asyncio.run(main())


class AuditVendor:
    """with AuditVendor() as vendor: Gateway(vendor) ...; vendor.findings()"""

    def __init__(self, key="test-vendor-key-0123456789abcdef"):
        self.api_key = key
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs, key.encode()), daemon=True)
        self._process.start()
        theirs.close()
        self.port = self._pipe.recv()
        self.base_url = f"http://127.0.0.1:{self.port}/v3"

    def findings(self):
        """(complete, unfinished, faults, requests) so far."""
        self._pipe.send("report")
        return self._pipe.recv()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._pipe.send("stop")
        self._process.join(5)
        if self._process.is_alive():
            self._process.terminate()
