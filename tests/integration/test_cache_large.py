"""Long lists, slow readers, and callers that leave in the middle of a hit."""

import hashlib
import socket
import threading
import time
import unittest

from lib import wire
from lib.cachecase import LONG, SUBMISSION, CacheCase, cache_status, call_of, get, item, new_id, page, reply
from lib.gateway import UNCHECKED, Close, Gateway, eventually

MIB = 1 << 20


def long_list(size, number):
    """A page of items that is about `size` bytes long."""
    items = [item(f"sbx{index:07d}", "approved", data={"name": "n" * 1900}) for index in range(size // 2000)]
    return page(*items, call=number)


class Large(CacheCase):
    cache = LONG

    def listed(self, size, **named):
        target = f"{SUBMISSION}?userid={new_id()}"
        self.vendor.rule(target.partition("?")[2], lambda request, number: reply(long_list(size, number), **named))
        return target

    def narrow(self):
        """A connection whose reader takes next to nothing by itself."""
        connection = self.gateway.connect(timeout=60)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        return connection

    def test_four_megabytes(self):
        for framing in ("length", "chunked"):
            with self.subTest(framing):
                target = self.listed(4 * MIB, framing=framing)
                first = self.ask(target)
                self.assert_forwarded(first, "uri-miss", stored=True)
                self.assertGreater(len(first.body), 4_000_000)
                for _ in range(3):
                    got = self.ask(target)
                    self.assert_hit(got, call_of(first))
                    self.assertEqual(hashlib.sha256(got.body).digest(), hashlib.sha256(first.body).digest())
                    self.assertEqual(got.get("content-length"), str(len(first.body)))
                self.assert_calls(target, 1)

    def test_beyond_eight_mebibytes_it_streams_through(self):
        for framing in ("length", "chunked"):
            with self.subTest(framing):
                target = self.listed(10 * MIB, framing=framing)
                for _ in range(4):
                    got = self.ask(target)
                    self.assert_forwarded(got, stored=False)
                    self.assertEqual(got.body, long_list(10 * MIB, call_of(got)))
                # The first time it may be noticed only when it is too late, and asked for again.
                self.assertLessEqual(len(self.vendor.calls(target.partition("?")[2])), 5)

    def test_an_answer_that_ends_with_the_connection(self):
        target = f"{SUBMISSION}?userid={new_id()}"
        self.vendor.rule(target.partition("?")[2], lambda request, number: [reply(page(item("sbx-a"), call=number), framing="close"), Close()])
        for _ in range(2):          # nobody can tell whether it is whole: it need not be kept, but it must be right
            got = self.ask(target)
            self.assertEqual((got.status, b'"sbx-a"' in got.body), (200, True))

    def test_a_slow_reader_holds_nobody_back(self):
        target, small = self.listed(6 * MIB), self.target()
        number, whole = self.fill(target), self.ask(target).body
        self.fill(small)
        slow = [self.narrow() for _ in range(8)]
        try:
            for connection in slow:
                connection.send(get(target))
            for _ in range(50):
                self.assert_hit(self.ask(small))
            self.assert_hit(self.ask(target), number)
            self.gateway.admin("/cache/purge?all=true", "POST")          # what they read goes on as it was
            self.assert_forwarded(self.ask(target), "uri-miss")
            for connection in slow:
                got = connection.read_answer()
                self.assert_hit(got, number)
                self.assertEqual(got.body, whole)
        finally:
            for connection in slow:
                connection.close()

    def test_a_slow_but_steady_reader_gets_all(self):
        """limits.body_timeout is between two steps, not for the whole."""
        with Gateway(self.vendor, cache=LONG, uploads=UNCHECKED, limits={"body_timeout": "2s"}) as gateway:
            target = self.listed(6 * MIB)
            for expected in ("fwd", "hit"):
                connection = gateway.connect()
                connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                with connection:
                    connection.send(get(target))
                    for _ in range(80):                # four seconds, a twentieth of one at a time
                        time.sleep(0.05)
                        connection._more()
                    got = connection.read_answer()
                self.assertIn(expected, cache_status(got))
                self.assertEqual(got.body, long_list(6 * MIB, call_of(got)))

    def test_a_slow_reader_of_a_miss_holds_nobody_back(self):
        target = self.listed(6 * MIB)
        with self.narrow() as slow:
            slow.send(get(target))
            eventually(lambda: len(self.vendor.calls(target.partition("?")[2])) == 1, "the vendor is asked")
            whole = []
            other = threading.Thread(target=lambda: whole.append(self.ask(target)))
            other.start()
            other.join(20)
            self.assertTrue(whole, "a caller waits for the slow one")
            self.assertEqual(whole[0].status, 200)
            self.assertEqual(slow.read_answer().body, whole[0].body)
        self.assert_calls(target, 1)

    def test_callers_that_leave_in_the_middle_of_a_hit(self):
        target = self.listed(6 * MIB)
        number, whole = self.fill(target), self.ask(target).body
        for turn in range(20):
            with self.narrow() as connection:
                connection.send(get(target, ("X-Request-Id", f"leaves-{turn}")))
                self.assertTrue(connection._more())
                connection.reset()
        eventually(lambda: self.gateway.metrics().value("connections") == 0, "they are gone")
        got = self.ask(target)
        self.assert_hit(got, number)
        self.assertEqual(got.body, whole)
        line = self.gateway.access_line("leaves-0")
        self.assertEqual(line["reason"], "client_gone", line)
        self.assert_calls(target, 1)

    def test_pipelined_behind_a_long_hit(self):
        target, small = self.listed(4 * MIB), self.target()
        self.fill(target), self.fill(small)
        with self.narrow() as connection:
            connection.send(get(target) + get(small) + get(target) + get("/v3/none") + get(small))
            got = [connection.read_answer() for _ in range(5)]
        self.assertEqual([one.status for one in got], [200, 200, 200, 404, 200])
        self.assertEqual(got[0].body, got[2].body)
        self.assertEqual(got[1].body, got[4].body)

    def test_304_of_a_long_list(self):
        target = self.listed(4 * MIB)
        tag = self.ask(target).get("etag")
        with self.gateway.connect() as connection:
            connection.send(wire.request("GET", target, [("If-None-Match", tag)]) * 3)
            self.assertEqual([connection.read_answer().status for _ in range(3)], [304] * 3)


if __name__ == "__main__":
    unittest.main()
