"""While a caller waits for an answer, its connection is watched: its own question must stay what it was.

Each of these callers needs its question again after it has waited: the answer that came is not for it.
"""

import unittest

from lib.cachecase import LONG, CacheCase, Gate, cache_status, get, numbered, reply
from lib.crowd import Crowd
from lib.gateway import Wait, eventually

CALLERS = 40
LONG_FIELD = ("X-Long", "l" * 6000)        # a head that does not fit where most do


class Waiting(CacheCase):
    cache = LONG

    def in_flight(self, count):
        eventually(lambda: self.gateway.metrics().value("requests_in_flight") == count, f"{count} requests in flight")

    def held(self, target, gate, *headers):
        """The first answer waits for the gate, the later ones do not; each tells the language that was asked for."""
        def respond(request, number):
            body = reply(numbered(request, number, said=request.get("accept-language", "none")), *headers)
            return [Wait(gate), body]
        self.vendor.rule(target.partition("=")[2], respond)

    def each(self):
        for headers in ([("Cache-Control", "private")], [("Cache-Control", "no-store")], [("Vary", "Accept-Language")], [("Vary", "*")]):
            for more in ((), (LONG_FIELD,)):
                yield headers, more

    def check(self, got, target, language):
        self.assertEqual(got.status, 200, (cache_status(got), got.body[:300]))
        self.assertIn(f'"{target.partition("=")[2]}"'.encode(), got.body)
        self.assertIn(f'"said": "{language}"'.encode(), got.body)

    def check_vendor(self, target, languages):
        for request in self.vendor.calls(target.partition("=")[2]):
            self.assertEqual(request.target, target)
            self.assertIn(request.get("accept-language"), languages)

    def test_the_answer_is_for_somebody_else(self):
        languages = [f"en-x{number}" for number in range(CALLERS)]
        for headers, more in self.each():
            with self.subTest(headers, more=bool(more)), Gate() as gate, Crowd(self.gateway.port, CALLERS) as crowd:
                target = self.target()
                self.held(target, gate, *headers)
                crowd.send([get(target, ("Accept-Language", language), *more) for language in languages])
                self.in_flight(CALLERS)
                gate.set()
                for language, got in zip(languages, crowd.answers()):
                    self.check(got, target, language)
                self.check_vendor(target, languages)

    def test_the_next_question_arrives_meanwhile(self):
        """On the same connection, while the first one is waited for."""
        for headers, more in self.each():
            with self.subTest(headers, more=bool(more)), Gate() as gate, self.gateway.connect() as first:
                target, following = self.target(), self.target()
                self.held(target, gate, *headers)
                self.vendor.rule(following.partition("=")[2], lambda request, number: reply(
                    numbered(request, number, said=request.get("accept-language"))))
                first.send(get(target, ("Accept-Language", "first"), *more))
                eventually(lambda: self.vendor.calls(target.partition("=")[2]), "the vendor is asked")
                links = [self.gateway.connect() for _ in range(10)]
                try:
                    for number, link in enumerate(links):
                        link.send(get(target, ("Accept-Language", f"wait-{number}"), *more))
                    self.in_flight(11)
                    for number, link in enumerate([first, *links]):
                        link.send(get(following, ("Accept-Language", f"next-{number}"), *more))
                    self.assertEqual(self.ask(self.target()).status, 200)      # what was sent has been read by now
                    gate.set()
                    self.check(first.read_answer(), target, "first")
                    for number, link in enumerate(links):
                        self.check(link.read_answer(), target, f"wait-{number}")
                    for link in [first, *links]:
                        got = link.read_answer()
                        self.assertIn(f'"{following.partition("=")[2]}"'.encode(), got.body)
                finally:
                    for link in links:
                        link.close()

    def test_conditions(self):
        for more in ((), (LONG_FIELD,)):
            with self.subTest(more=bool(more)):
                target = self.target()
                self.vendor.rule(target.partition("=")[2], lambda request, number: reply(b'{"Items":[]}'))
                tag = self.ask(target).get("etag")
                self.gateway.admin("/cache/purge?all=true", "POST")
                with Gate() as gate, Crowd(self.gateway.port, CALLERS) as crowd:
                    self.vendor.rule(target.partition("=")[2], lambda request, number, held=gate: [Wait(held), reply(b'{"Items":[]}')])
                    crowd.send([get(target, ("If-None-Match", tag if index % 2 else '"other"'), *more) for index in range(CALLERS)])
                    self.in_flight(CALLERS)
                    gate.set()
                    self.assertEqual([got.status for got in crowd.answers()], [200, 304] * (CALLERS // 2))

    def test_the_request_id(self):
        for more in ((), (LONG_FIELD,)):
            with self.subTest(more=bool(more)), Gate() as gate, Crowd(self.gateway.port, CALLERS) as crowd:
                target = self.target()
                self.held(target, gate)
                names = [f"caller-with-a-long-name-{len(more)}-{index:03d}" for index in range(CALLERS)]
                crowd.send([get(target, ("X-Request-Id", name), ("X-Api-Key", "mine"), *more) for name in names])
                self.in_flight(CALLERS)
                gate.set()
                answers = crowd.answers()
                self.assertEqual([got.get("x-request-id") for got in answers], names)
                self.assertEqual({got.get("x-gateway-warning") for got in answers}, {"client-api-key-ignored"})
                for name in names[:3]:
                    self.assertEqual(self.gateway.access_line(name)["request_id"], name)

    def test_the_vendor_fails(self):
        for more in ((), (LONG_FIELD,)):
            with self.subTest(more=bool(more)), Gate() as gate, Crowd(self.gateway.port, CALLERS) as crowd:
                target = self.target()
                self.vendor.rule(target.partition("=")[2], lambda request, number, held=gate: [Wait(held), b"nothing\r\n\r\n"])
                names = [f"caller-{index:03d}" for index in range(CALLERS)]
                crowd.send([get(target, ("X-Request-Id", name), *more) for name in names])
                self.in_flight(CALLERS)
                gate.set()
                for name, got in zip(names, crowd.answers()):
                    self.assertEqual((got.status, got.reason, got.json()["instance"]), (502, "upstream_bad_response", name))


if __name__ == "__main__":
    unittest.main()
