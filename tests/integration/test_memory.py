"""What connections cost: uploads from slow callers, idle keep-alive connections plain and over TLS.

Sizes are differences of the gateway's own memory (proportional set size), measured after a warm-up
that has filled what every process needs once.
"""

import contextlib
import pathlib
import resource
import selectors
import socket
import ssl
import time
import unittest

from lib import hostile, wire
from lib.gateway import Gateway, eventually, make_certs
from lib.load import SinkVendor

UPLOADS, UPLOAD = 200, 3 << 20
STALLED, STALLED_UPLOAD = 40, 9 << 20     # more than the kernel's buffers on the way hold
PER_UPLOAD_KIB = 320
IDLE, PER_IDLE_KIB = 5000, 2
IDLE_TLS, PER_IDLE_TLS_KIB = 1000, 24
LONG = {"file_bytes": "10MiB", "idle_timeout": "600s", "body_timeout": "60s", "header_timeout": "60s"}
GET = wire.request("GET", "/v3/submission?submission_id=x")


def pss_kib(gateway):
    for line in pathlib.Path(f"/proc/{gateway.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise AssertionError("no Pss")


def settled_kib(gateway):
    """The size once it has stopped moving."""
    last = pss_kib(gateway)
    for _ in range(40):
        time.sleep(0.1)
        now = pss_kib(gateway)
        if abs(now - last) < 32:
            return now
        last = now
    return last


def warm_up(gateway, connections=64, rounds=4):
    """Requests on many connections at once, which then end."""
    for _ in range(rounds):
        with contextlib.ExitStack() as stack:
            links = [stack.enter_context(gateway.connect()) for _ in range(connections)]
            for link in links:
                link.send(GET)
            for link in links:
                link.read_answer()
    eventually(lambda: gateway.metrics().value("connections") == 0, "the callers are gone")


class Uploads(unittest.TestCase):
    def run_uploads(self, vendor, count, size, slice_size, stall=False, tls=None):
        """`count` uploads side by side, each `slice_size` bytes a turn. With `stall` the vendor takes
        nothing until nobody can send any more."""
        self.request = wire.request("POST", "/v3/submission/step1", [hostile.MULTIPART, ("X-Long", "x" * 2000)], hostile.form("slow", size))
        with Gateway(vendor, tls=tls, limits=LONG, log={"level": "warn"},
                     upstream={"total_timeout": "300s", "first_byte_timeout": "120s",
                               "idle_timeout": "3s"}) as gateway:    # pooled connections go soon
            warm_up(gateway)
            start, peak = settled_kib(gateway), 0
            if stall:
                vendor.stall()
            links = [gateway.connect(timeout=60) for _ in range(count)]
            sent = dict.fromkeys(links, 0)
            for link in links:
                link.sock.setblocking(False)
            with selectors.DefaultSelector() as selector:
                for link in links:
                    selector.register(link.sock, selectors.EVENT_WRITE, link)
                turns = stalled = 0
                while any(at < len(self.request) for at in sent.values()):
                    moved = self.turn(selector, sent, slice_size)
                    turns += 1
                    stalled = 0 if moved else stalled + 1
                    if turns % 10 == 0 or stalled:
                        peak = max(peak, pss_kib(gateway) - start)
                    if stall and stalled > 20:
                        vendor.resume()
                        stall = False
                    self.assertLess(stalled, 2000, "the uploads do not go on")
            for link in links:
                link.sock.settimeout(60)
                self.assertEqual(link.read_answer().status, 200)
                link.close()
            self.assertFalse(stall, "the stalled vendor held nobody back")
            limit = start * 1.2 + 8192
            eventually(lambda: pss_kib(gateway) <= limit, f"memory returns to {limit:.0f} KiB, peak {start}+{peak}", 20)
            print(f"\n  {count} uploads{' over TLS' if tls else ''}: start {start} KiB, peak +{peak} KiB ({peak / count:.0f} KiB each), "
                  f"end {pss_kib(gateway)} KiB")
            self.assertLessEqual(peak, count * PER_UPLOAD_KIB)
        self.assertEqual(vendor.completed, count + 256)

    def turn(self, selector, sent, slice_size):
        moved = 0
        for key, _ in selector.select(0.02):
            link = key.data
            with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                count = link.sock.send(self.request[sent[link]:sent[link] + slice_size])
                sent[link] += count
                moved += count
                if sent[link] == len(self.request):
                    selector.unregister(link.sock)
        return moved

    def test_slow_callers(self):
        with SinkVendor() as vendor:
            self.run_uploads(vendor, UPLOADS, UPLOAD, 16384)

    def test_slow_callers_tls(self):
        """The same with TLS on both sides."""
        certs = make_certs()
        with SinkVendor(certs) as vendor:
            self.run_uploads(vendor, UPLOADS, UPLOAD, 16384, tls=certs)

    def test_vendor_that_stops_reading(self):
        """The callers are fast, nobody takes their bytes: every buffer on the way is full."""
        with SinkVendor() as vendor:
            self.run_uploads(vendor, STALLED, STALLED_UPLOAD, 65536, stall=True)


class IdleConnections(unittest.TestCase):
    def measure(self, count, per_connection_kib, tls=None):
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.assertGreater(soft, count + 500, "raise the limit of open files (ulimit -n)")
        with SinkVendor() as vendor, Gateway(vendor, tls=tls, limits=LONG, log={"level": "warn"}) as gateway:
            warm_up(gateway)
            context = gateway.client_tls() if tls else None
            start, links = settled_kib(gateway), []
            try:
                for _ in range(count):
                    link = gateway.connect(tls=context)
                    links.append(link)
                    link.send(GET)
                    self.assertEqual(link.read_answer().status, 200)
                self.assertEqual(gateway.metrics().value("connections"), count)
                grown = settled_kib(gateway) - start
                print(f"\n  {count} idle connections{' over TLS' if tls else ''}: start {start} KiB, +{grown} KiB ({grown / count:.2f} KiB each)")
                self.assertLessEqual(grown, count * per_connection_kib)
                for link in links[::50]:                 # they still work
                    link.send(GET)
                    self.assertEqual(link.read_answer().status, 200)
            finally:
                for link in links:
                    link.close()
            eventually(lambda: gateway.metrics().value("connections") == 0, "the callers are gone")

    def test_plain(self):
        self.measure(IDLE, PER_IDLE_KIB)

    def test_tls(self):
        self.measure(IDLE_TLS, PER_IDLE_TLS_KIB, make_certs())

    def test_silent_connections(self):
        """Connections that never say a word cost no more than those that did."""
        with SinkVendor() as vendor, Gateway(vendor, limits=LONG, log={"level": "warn"}) as gateway:
            warm_up(gateway)
            start = settled_kib(gateway)
            links = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(IDLE)]
            try:
                eventually(lambda: gateway.metrics().value("connections") == IDLE, "all are accepted")
                self.assertLessEqual(settled_kib(gateway) - start, IDLE * PER_IDLE_KIB)
            finally:
                for link in links:
                    link.close()


if __name__ == "__main__":
    unittest.main()
