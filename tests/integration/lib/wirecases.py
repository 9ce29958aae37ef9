"""The wire cases of tests/wire as objects, and how one is played against a gateway.

The format is described in tests/wire/README.md.
"""

import asyncio
import json
import re
import socket

from .paths import ROOT

FILES = ("cases.json", "bodies.json")
MODES = ("whole", "bytes", "splits")
MARKER = re.compile(rb"marker00000000(\d\d)")
DEADLINE = 20        # seconds for one connection; only reached when something hangs
PAUSE = 0.001        # between pieces, so that the gateway reads them apart
FINE_HEAD, FINE_TAIL, COARSE = 600, 100, 256   # bytes cut one by one at both ends; stride between


def _join(raw):
    pieces = [raw] if isinstance(raw, str) else raw
    return b"".join(piece.encode("latin-1") if isinstance(piece, str)
                    else piece["repeat"].encode("latin-1") * piece["times"] for piece in pieces)


class Case:
    """One row: name, group, raw (bytes), verdicts (list of lists of alternatives), closed, ..."""

    def __init__(self, row):
        self.name, self.group, self.raw = row["name"], row["group"], _join(row["raw"])
        self.verdicts = [entry if isinstance(entry, list) else [entry] for entry in row["expect"]]
        self.closed, self.forwarded = row["closed"], row["forwarded"]
        self.partial, self.interim = row.get("partial", False), row.get("interim", False)
        self.modes = row.get("modes", MODES)

    def bytes_for(self, run):
        """The bytes with markers of this run, which no other run has."""
        return MARKER.sub(lambda found: marker(run, int(found[1])), self.raw)

    def offsets(self):
        """Where the splits mode cuts: everywhere, coarser in the middle of big cases."""
        size = len(self.raw)
        if size <= 2 * FINE_HEAD:
            return list(range(1, size))
        middle = range(FINE_HEAD, size - FINE_TAIL, max(1, size // 50))
        return sorted({*range(1, FINE_HEAD), *middle, *range(size - FINE_TAIL, size)})

    def bytewise(self, data):
        size = len(data)
        if size <= 2 * FINE_HEAD:
            return [data[i:i + 1] for i in range(size)]
        tail = size - FINE_TAIL
        return ([data[i:i + 1] for i in range(FINE_HEAD)]
                + [data[i:min(i + COARSE, tail)] for i in range(FINE_HEAD, tail, COARSE)]
                + [data[i:i + 1] for i in range(tail, size)])


def marker(run, number):
    return b"m%013d%02d" % (run, number)


def load():
    rows = []
    for name in FILES:
        rows += json.loads((ROOT / "tests/wire" / name).read_text())
    cases = [Case(row) for row in rows]
    assert len({case.name for case in cases}) == len(cases), "names are unique"
    return cases


class Wrong(Exception):
    """The gateway did something else than the case says."""


class Link:
    """One connection to the gateway that can send while the other side is already gone."""

    def __init__(self, loop, sock):
        self.loop, self.sock, self.buffer = loop, sock, b""
        self.ended, self.reset = False, False

    @classmethod
    async def open(cls, port):
        loop = asyncio.get_running_loop()
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(sock, ("127.0.0.1", port))
        return cls(loop, sock)

    def close(self):
        self.sock.close()

    async def send(self, data):
        try:
            await self.loop.sock_sendall(self.sock, data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False             # refused before all of it was sent: the answer tells

    async def more(self):
        if self.ended:
            return False
        try:
            data = await self.loop.sock_recv(self.sock, 65536)
        except (ConnectionResetError, BrokenPipeError):
            data, self.reset = b"", True
        self.ended = not data
        self.buffer += data
        return bool(data)

    async def head(self):
        while b"\r\n\r\n" not in self.buffer:
            if not await self.more():
                raise Wrong(f"connection ended where an answer was due; have {self.buffer[:80]!r}")
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        if not re.fullmatch(r"HTTP/1\.1 [1-5]\d\d [ -~]*", lines[0]):
            raise Wrong(f"status line {lines[0]!r}")
        fields = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or name.lower() in fields:
                raise Wrong(f"field line {line!r}")
            fields[name.lower()] = value.strip()
        return int(lines[0][9:12]), fields

    async def answer(self, bodiless=False):
        """(status, fields, body) of the next answer, an interim one included."""
        status, fields = await self.head()
        if status < 200 or bodiless or status in (204, 304):
            return status, fields, b""
        if not fields.get("content-length", "").isdigit():
            raise Wrong(f"answer without a plain content-length: {fields}")
        size = int(fields["content-length"])
        while len(self.buffer) < size:
            if not await self.more():
                raise Wrong("answer cut in its body")
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        return status, fields, body


def _judge(got, alternatives):
    status, fields, body = got
    reason = fields.get("x-gateway-reason")
    for wanted in alternatives:
        if status == wanted["status"] and reason == wanted.get("reason"):
            break
    else:
        raise Wrong(f"answered {status} {reason}, not {alternatives}")
    if reason and not wanted.get("bodiless") and json.loads(body).get("reason") != reason:
        raise Wrong(f"problem body of another reason: {body[:200]!r}")
    if status == 405 and not fields.get("allow"):
        raise Wrong("405 without Allow")


async def _exchange(link, case, run, pieces):
    sender = asyncio.ensure_future(_send(link, pieces))
    try:
        seen = 0
        for alternatives in case.verdicts:
            while True:
                got = await link.answer(alternatives[0].get("bodiless", False))
                if got[0] >= 200:
                    break
                if got[0] != 100 or not case.interim:
                    raise Wrong(f"interim answer {got[0]}")
            _judge(got, alternatives)
            if "reason" not in alternatives[0]:
                seen += 1
                if marker(run, seen) not in got[2]:
                    raise Wrong(f"answer {seen} belongs to another request: {got[2][:80]!r}")
        if case.closed is not None:
            await asyncio.wait_for(sender, DEADLINE)
    finally:
        # Waited for, so that the event loop has let go of the socket before it is closed.
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
    if case.closed:
        while await link.more():
            pass
        if link.buffer:
            raise Wrong(f"bytes after the last answer: {link.buffer[:80]!r}")
    elif case.closed is False and link.buffer:
        raise Wrong(f"an answer nobody asked for: {link.buffer[:80]!r}")


async def _send(link, pieces):
    for number, piece in enumerate(pieces):
        if number:
            await asyncio.sleep(PAUSE)
        if not await link.send(piece):
            return


async def _probe(link, run):
    """The connection goes on: the next request gets its own answer."""
    text = b"p%013d00" % run
    await link.send(b"GET /v3/submission?submission_id=" + text + b" HTTP/1.1\r\nHost: gw.test\r\n\r\n")
    status, _, body = await link.answer()
    if status != 200 or text not in body:
        raise Wrong(f"the next request got {status} {body[:80]!r}")


async def play(port, case, runs):
    """Plays [(run, pieces)] one after the other; legal ones share a connection. None or the fault."""
    link, at = None, None
    try:
        for run, pieces in runs:
            at = [len(piece) for piece in pieces][:2]
            if link is None:
                link = await asyncio.wait_for(Link.open(port), DEADLINE)
            await asyncio.wait_for(_exchange(link, case, run, pieces), DEADLINE)
            if case.closed is not False:
                link.close()
                link = None
        if link is not None:
            await asyncio.wait_for(_probe(link, runs[-1][0]), DEADLINE)
    except asyncio.TimeoutError:
        return f"{case.name} (pieces {at}): no end within {DEADLINE} s"
    except (Wrong, OSError) as error:
        return f"{case.name} (pieces {at}): {error!r}"
    finally:
        if link is not None:
            link.close()
    return None


WHOLE, BYTES = 0, -1          # a "cut" besides an offset


def pieces_of(case, run, cut):
    data = case.bytes_for(run)
    if cut == WHOLE:
        return [data]
    return case.bytewise(data) if cut == BYTES else [data[:cut], data[cut:]]


async def _play_all(port, cases, sessions, at_once):
    gate = asyncio.Semaphore(at_once)

    async def one(index, cuts):
        async with gate:
            case = cases[index]
            return await play(port, case, [(run, pieces_of(case, run, cut)) for run, cut in cuts])

    faults = await asyncio.gather(*(one(*session) for session in sessions))
    return [fault for fault in faults if fault]


def play_sessions(port, sessions, at_once=64):
    """[(index of the case, [(run, cut), ...])] in this process; the list of faults."""
    return asyncio.run(_play_all(port, load(), sessions, at_once))
