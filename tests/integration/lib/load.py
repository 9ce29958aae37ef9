"""Steady load over keep-alive connections, and a vendor that bears it and looks at the keys."""

import asyncio
import collections
import re
import ssl
import threading

from . import hostile, wire

NAME = re.compile(rb"(?:submission_id=|name=\"userid\"\r\n\r\n)([\w.-]+)")


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, coroutine, timeout=60):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def end(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


class _VendorPeer(asyncio.Protocol):
    def __init__(self, vendor):
        self.vendor, self.buffer = vendor, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        if b"transfer-encoding: chunked" in head:
            if not self.buffer.endswith(b"0\r\n\r\n"):
                return
        else:
            found = re.search(rb"\r\ncontent-length: *(\d+)", head)
            if len(self.buffer) < end + 4 + int(found[1] if found else 0):
                return
        message, self.buffer = self.buffer, b""
        asyncio.get_running_loop().call_later(self.vendor.delay, self._answer, message)

    def _answer(self, message):
        key = re.search(rb"\r\nx-api-key: *([^\r]*)\r\n", message, re.IGNORECASE)
        key = key[1].decode() if key else None
        self.vendor.keys_seen[key] += 1
        found = NAME.search(message)
        if key in self.vendor.keys:
            line, body = b"200 OK", hostile.body_for(found[1].decode() if found else "none")
        else:
            line, body = b"403 Forbidden", b'{"message":"Forbidden"}'
        self.transport.write(b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                             % (line, len(body), body))


class LoadVendor:
    """keys: those it accepts now; keys_seen: Counter of keys of requests so far. Expects one request
    at a time on a connection, as a gateway sends them."""

    api_key = "load-key-0000"

    def __init__(self, delay=0.002):
        self.keys, self.keys_seen, self.delay = {self.api_key}, collections.Counter(), delay
        self._loop = _Loop()
        self._server = self._loop.call(self._listen())
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v3"

    async def _listen(self):
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: _VendorPeer(self), "127.0.0.1", 0, backlog=512)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._loop.loop.call_soon_threadsafe(self._server.close)
        self._loop.end()


class _SinkPeer(asyncio.Protocol):
    def __init__(self, vendor):
        self.vendor, self.head, self.left, self.tail = vendor, b"", None, b""

    def connection_made(self, transport):
        self.transport = transport
        self.vendor.peers.append(transport)
        if self.vendor.stalled:
            transport.pause_reading()

    def data_received(self, data):
        self.vendor.received += len(data)
        if self.left is None:
            self.head += data
            head, end, data = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            found = re.search(rb"\r\ncontent-length: *(\d+)", head.lower())
            self.chunked = found is None and b"\r\ntransfer-encoding:" in head.lower()
            self.left = int(found[1]) if found else 0
        self.tail = (self.tail + data)[-5:]
        self.left -= len(data)
        if self.tail == b"0\r\n\r\n" if self.chunked else self.left <= 0:
            self.vendor.completed += 1
            self.head, self.left, self.tail = b"", None, b""
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


class SinkVendor:
    """Counts what it receives and keeps none of it; may stop reading and go on."""

    api_key = "sink-key-0000"

    def __init__(self, tls=None):
        self.received, self.completed, self.peers, self.stalled = 0, 0, [], False
        self.ca_file, context = None, None
        if tls:
            self.ca_file, context = tls.ca, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.server_cert, tls.server_key)
        self._loop = _Loop()
        self._server = self._loop.call(self._listen(context))
        base = "https://localhost" if tls else "http://127.0.0.1"
        self.base_url = f"{base}:{self._server.sockets[0].getsockname()[1]}/v3"

    async def _listen(self, context):
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: _SinkPeer(self), "127.0.0.1", 0, backlog=512, ssl=context)

    def stall(self):
        self._loop.call(self._reading(False))

    def resume(self):
        self._loop.call(self._reading(True))

    async def _reading(self, on):
        self.stalled = not on
        self.peers = [peer for peer in self.peers if not peer.is_closing()]
        for peer in self.peers:
            if on:
                peer.resume_reading()
            else:
                peer.pause_reading()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._loop.loop.call_soon_threadsafe(self._server.close)
        self._loop.end()


class _Stale(Exception):
    """The connection ended before any byte of the answer."""


class Load:
    """with Load(port) as load: ...; load.finish() -> done. Counts afterwards (or at any time):

    answered: right answers; stale: lookups repeated because their kept-alive connection had been
    closed before any byte of the answer (what every real client does; submissions are not repeated);
    failures: texts of everything else."""

    def __init__(self, port, connections=64, upload_every=6):
        self.port, self.connections, self.upload_every = port, connections, upload_every
        self.answered, self.stale, self.failures, self.running = 0, 0, [], True
        self._loop = _Loop()
        self._done = asyncio.run_coroutine_threadsafe(self._all(), self._loop.loop)

    async def _all(self):
        await asyncio.gather(*(self._caller(number) for number in range(self.connections)))

    async def _caller(self, number):
        link, turn, fresh = None, 0, True
        while self.running:
            turn += 1
            name, upload = f"c{number}-{turn}", turn % self.upload_every == 0
            request = self._request(name, upload)
            for _ in range(5):
                try:
                    if link is None:
                        link, fresh = await asyncio.open_connection("127.0.0.1", self.port), True
                    keep = await asyncio.wait_for(self._exchange(link, request, name), 20)
                    self.answered += 1
                except _Stale as stale:
                    link[1].close()
                    link = None
                    if fresh or upload:
                        self.failures.append(f"{name} {'upload' if upload else 'lookup'} fresh={fresh}: {stale}")
                        break
                    self.stale += 1
                    continue
                except (OSError, ValueError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
                    self.failures.append(f"{name}: {error!r}")
                    keep = False
                fresh = False
                if not keep and link is not None:
                    link[1].close()
                    link = None
                break
            if len(self.failures) > 500:
                return
        if link is not None:
            link[1].close()

    @staticmethod
    def _request(name, upload):
        if upload:
            return wire.request("POST", "/v3/submission/step1", [hostile.MULTIPART], hostile.form(name, 2000))
        return wire.request("GET", f"/v3/submission?submission_id={name}")

    @staticmethod
    async def _exchange(link, request, name):
        reader, writer = link
        try:
            writer.write(request)
            first = await reader.read(1)
        except OSError as error:
            raise _Stale(repr(error)) from error
        if not first:
            raise _Stale("end of stream")
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = re.search(r"\r\ncontent-length: (\d+)\r\n", head)
        body = await reader.readexactly(int(length[1]))
        if not head.startswith("http/1.1 200 ") or body != hostile.body_for(name):
            raise ValueError(f"{head[:200]!r} {body[:300]!r}")
        return "\r\nconnection: close\r\n" not in head

    def finish(self):
        """Lets every request that is under way end."""
        self.running = False
        self._done.result(60)
        self._loop.end()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running:
            self.finish()
