"""Many callers at once, each on a connection of its own, on one event loop."""

import asyncio
import socket
import struct
import threading

from .wire import Answer


async def _read(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    version, status, phrase = head[0].split(" ", 2)
    headers = []
    for line in head[1:-2]:
        name, _, value = line.partition(":")
        headers.append((name.lower(), value.strip()))
    got = Answer(int(status), phrase, version, headers, b"", head[0].encode())
    lengths = got.all("content-length")
    if got.status != 304:
        if len(lengths) != 1:
            raise ValueError(f"an answer without one content-length: {headers}")
        got.body = await reader.readexactly(int(lengths[0]))
    return got


class Crowd:
    """with Crowd(port, 1000) as crowd: crowd.send(request); crowd.leave(0); crowd.answers()

    answers(): wire.Answer of each caller that has not left, in order; anything else is raised."""

    def __init__(self, port, count, source=None):
        self.port, self.count, self.source = port, count, source
        self.links, self._tasks = [], []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def _call(self, coroutine, timeout=60):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout)

    async def _open(self):
        local = (self.source, 0) if self.source else None
        gate = asyncio.Semaphore(200)     # below any backlog

        async def one():
            async with gate:
                return await asyncio.open_connection("127.0.0.1", self.port, local_addr=local, limit=1 << 20)
        self.links = await asyncio.gather(*(one() for _ in range(self.count)))
        self._tasks = [None] * self.count

    async def _send(self, requests):
        for index, request in requests:
            reader, writer = self.links[index]
            writer.write(request)
            self._tasks[index] = asyncio.ensure_future(_read(reader))

    async def _leave(self, index):
        _, writer = self.links[index]
        self._tasks[index].cancel()
        self._tasks[index] = None
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _answers(self):
        return await asyncio.gather(*(task for task in self._tasks if task is not None))

    async def _close(self):
        for task in self._tasks:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in self._tasks if task is not None), return_exceptions=True)
        for _, writer in self.links:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in self.links), return_exceptions=True)

    def send(self, request, first=0, last=None):
        """The same bytes from all callers first..last, or requests[i] from each when it is a list."""
        which = range(first, self.count if last is None else last)
        requests = [(index, request[index] if isinstance(request, list) else request) for index in which]
        self._call(self._send(requests))

    def leave(self, index):
        """This caller ends its connection with a reset and has no answer."""
        self._call(self._leave(index))

    def answers(self, timeout=60):
        return self._call(self._answers(), timeout)

    def __enter__(self):
        self._thread.start()
        try:
            self._call(self._open())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
