"""One question at a time: whoever asks what is being asked waits for that answer; the vendor is asked once."""

import collections
import unittest

from lib.cachecase import (LONG, SUBMISSION, CacheCase, Gate, LookupVendor, cache_status, call_of, get, new_id, numbered, page, reply)
from lib.crowd import Crowd
from lib.gateway import Cut, Gateway, Reset, Wait, eventually

MANY = 1000


class OneQuestion(CacheCase):
    cache = LONG
    sections = {"upstream": {"first_byte_timeout": "20s"}, "log": {"level": "info"}}

    def held(self, target, gate, steps=None):
        def respond(request, number):
            played = steps(request, number) if steps else reply(numbered(request, number))
            return [Wait(gate), *(played if isinstance(played, list) else [played])]
        self.vendor.rule(target.partition("?")[2], respond)

    def wait_in_flight(self, count):
        eventually(lambda: self.gateway.metrics().value("requests_in_flight") == count, f"{count} requests in flight", 30)

    def gather(self, target, crowd, gate, count=None):
        """All ask while the vendor holds its answer."""
        crowd.send(get(target))
        self.wait_in_flight(count or crowd.count)
        gate.set()
        return crowd.answers()

    def test_a_thousand_identical_misses_are_one_call(self):
        target = self.target()
        before = self.gateway.metrics()
        with Gate() as gate, Crowd(self.gateway.port, MANY) as crowd:
            self.held(target, gate)
            answers = self.gather(target, crowd, gate)
        self.assert_calls(target, 1)
        self.assertEqual(collections.Counter(got.status for got in answers), {200: MANY})
        self.assertEqual(len({got.body for got in answers}), 1)
        self.assertEqual(len({got.get("x-request-id") for got in answers}), MANY)
        told = [cache_status(got) for got in answers]
        # The one that asked; all others waited or, coming last, found the answer there.
        self.assertEqual(sum("fwd" in one and "collapsed" not in one for one in told), 1)
        self.assertEqual({one["fwd"] for one in told if "fwd" in one}, {"uri-miss"})
        hits = sum("hit" in one for one in told)

        def counted():
            metrics = self.gateway.metrics()
            return [metrics.value("cache_requests_total", result=name) - before.value("cache_requests_total", result=name)
                    for name in ("miss", "coalesced", "hit", "stale", "bypass")]
        eventually(lambda: counted() == [1, MANY - 1 - hits, hits, 0, 0], f"the callers are counted: {counted()}")
        self.assert_hit(self.ask(target))

    def test_the_first_caller_is_killed(self):
        target = self.target()
        with Gate() as gate, Crowd(self.gateway.port, MANY) as crowd:
            self.held(target, gate)
            crowd.send(get(target), 0, 1)
            eventually(lambda: self.vendor.calls(target.partition("?")[2]), "the vendor is asked")
            crowd.send(get(target), 1)
            self.wait_in_flight(MANY)
            crowd.leave(0)
            gate.set()
            answers = crowd.answers()
        self.assertEqual(collections.Counter((got.status, call_of(got) is not None) for got in answers), {(200, True): MANY - 1})
        self.assertEqual(len({got.body for got in answers}), 1)
        self.assert_calls(target, 1)
        self.assert_hit(self.ask(target), call_of(answers[0]))

    def test_half_of_the_callers_are_killed(self):
        target = self.target()
        with Gate() as gate, Crowd(self.gateway.port, 200) as crowd:
            self.held(target, gate)
            crowd.send(get(target))
            self.wait_in_flight(200)
            for index in range(0, 200, 2):
                crowd.leave(index)
            gate.set()
            answers = crowd.answers()
        self.assertEqual([got.status for got in answers], [200] * 100)
        self.assert_calls(target, 1)

    def test_all_callers_are_killed(self):
        target = self.target()
        with Gate() as gate, Crowd(self.gateway.port, 50) as crowd:
            self.held(target, gate)
            crowd.send(get(target))
            self.wait_in_flight(50)
            for index in range(50):
                crowd.leave(index)
            gate.set()
        self.wait_in_flight(0)
        got = self.ask(target)
        self.assertEqual((got.status, call_of(got) is not None), (200, True))
        self.assertLessEqual(len(self.vendor.calls(target.partition("?")[2])), 2)

    def test_who_leaves_is_noticed_while_the_others_wait(self):
        target = self.target()
        with Gate() as gate, Crowd(self.gateway.port, 20) as crowd:
            self.held(target, gate)
            crowd.send([get(target, ("X-Request-Id", f"leaver-{index}")) for index in range(20)])
            self.wait_in_flight(20)
            for index in range(5):
                crowd.leave(index)
            self.wait_in_flight(15)
            gate.set()
            self.assertEqual([got.status for got in crowd.answers()], [200] * 15)
        for index in range(5):
            self.assertEqual(self.gateway.access_line(f"leaver-{index}")["reason"], "client_gone")
        self.assert_calls(target, 1)

    def test_the_failure_is_everybodys(self):
        failures = [("status", lambda request, number: reply(b'{"message":"down","call":%d}' % number, status=503), 503, None, 1),
                    ("not-found", lambda request, number: reply(b'{"message":"none","call":%d}' % number, status=400), 400, None, 1),
                    ("garbage", lambda request, number: b"no answer at all\r\n\r\n", 502, "upstream_bad_response", 2),
                    ("cut", lambda request, number: [Cut()], 502, "upstream_reset", 2),
                    ("reset", lambda request, number: [Reset()], 502, "upstream_reset", 2),
                    ("rejected", lambda request, number: reply(b'{"message":"Forbidden"}', status=403), 502, "upstream_key_rejected", 1)]
        for name, steps, status, reason, calls in failures:
            with self.subTest(name):
                target = self.target()
                with Gate() as gate, Crowd(self.gateway.port, 200) as crowd:
                    self.held(target, gate, steps)
                    answers = self.gather(target, crowd, gate)
                self.assertEqual(collections.Counter((got.status, got.reason) for got in answers), {(status, reason): 200})
                made = len(self.vendor.calls(target.partition("?")[2]))
                self.assertTrue(1 <= made <= calls, made)      # a connection that dies before the answer: once more
                if reason:
                    self.assertEqual({got.json()["instance"] == got.get("x-request-id") for got in answers}, {True})
                    self.assertEqual(len({got.get("x-request-id") for got in answers}), 200)
                else:
                    self.assertEqual(len({got.body for got in answers}), 1)
                for got in answers:
                    self.assertFalse({"hit", "stored"} & set(cache_status(got)))
                self.vendor.rule(target.partition("?")[2], lambda request, number: reply(numbered(request, number)))
                self.assertEqual(self.ask(target).status, 200)     # nothing of the failure is left

    def test_the_time_out_is_everybodys(self):
        with LookupVendor() as vendor, Gate() as gate, \
                Gateway(vendor, cache=LONG, upstream={"first_byte_timeout": "2s"}) as gateway, Crowd(gateway.port, 100) as crowd:
            vendor.rule("submission_id", lambda request, number: [Wait(gate), reply(numbered(request, number))])
            crowd.send(get(self.target("sbx-late")))
            answers = crowd.answers()
            self.assertEqual(collections.Counter((got.status, got.reason) for got in answers), {(504, "upstream_first_byte_timeout"): 100})
            self.assertEqual(len(vendor.requests()), 1)

    def test_an_answer_that_breaks_off(self):
        """No caller gets a part of it as a whole; either all get a problem or see a broken connection."""
        target = self.target()
        with Gate() as gate, Crowd(self.gateway.port, 50) as crowd:
            def steps(request, number):
                whole = reply(numbered(request, number, filler="x" * 20_000))
                return [whole[:10_000], Cut()]
            self.held(target, gate, steps)
            answers = self.gather(target, crowd, gate)
        self.assertEqual({(got.status, got.reason) for got in answers}, {(502, "upstream_reset")})
        self.assertEqual(self.ask(target, "only-if-cached, max-stale").status, 504)

    def test_what_is_private_is_shared_with_nobody(self):
        for said in ("private", "no-store"):
            with self.subTest(said):
                target = self.target()
                with Gate() as gate, Crowd(self.gateway.port, 30) as crowd:
                    self.held(target, gate, lambda request, number, s=said: reply(numbered(request, number), ("Cache-Control", s)))
                    answers = self.gather(target, crowd, gate)
                self.assertEqual({got.status for got in answers}, {200})
                numbers = [call_of(got) for got in answers]
                self.assertEqual(len(set(numbers)), 30, sorted(numbers))

    def test_each_language_gets_its_own(self):
        """What the waiting callers said can matter for the answer, which is not known before it is there."""
        target = self.target()
        languages = ["en", "de", "ko"] * 10
        with Gate() as gate, Crowd(self.gateway.port, 30) as crowd:
            self.held(target, gate, lambda request, number: reply(
                numbered(request, number, said=request.get("accept-language")), ("Vary", "Accept-Language")))
            crowd.send([get(target, ("Accept-Language", language)) for language in languages])
            self.wait_in_flight(30)
            gate.set()
            for language, got in zip(languages, crowd.answers()):
                self.assertIn(f'"said": "{language}"'.encode(), got.body)

    def test_different_questions_do_not_wait_for_each_other(self):
        targets = [self.target() for _ in range(20)]
        with Gate() as gate, Crowd(self.gateway.port, 200) as crowd:
            for target in targets:
                self.held(target, gate)
            crowd.send([get(targets[index % 20]) for index in range(200)])
            self.wait_in_flight(200)
            other = self.target()
            self.assertEqual(self.ask(other).status, 200)     # while all those wait
            self.assert_hit(self.ask(other))
            gate.set()
            answers = crowd.answers()
        for index, got in enumerate(answers):
            self.assertIn(targets[index % 20].partition("=")[2].encode(), got.body)
        for target in targets:
            self.assert_calls(target, 1)

    def test_a_list_too_long_to_keep_reaches_all(self):
        target = f"{SUBMISSION}?userid={new_id()}"
        with Gate() as gate, Crowd(self.gateway.port, 5) as crowd:
            self.held(target, gate, lambda request, number: reply(page(call=number, filler="x" * (9 << 20))))
            answers = self.gather(target, crowd, gate)
        for got in answers:
            self.assertEqual((got.status, len(got.body) > 9 << 20), (200, True))
            self.assertNotIn("stored", cache_status(got))

    def test_conditions_of_those_who_wait(self):
        target = self.target()
        self.vendor.rule(target.partition("?")[2], lambda request, number: reply(b'{"Items":[]}'))
        tag = self.ask(target).get("etag")
        self.gateway.admin("/cache/purge?all=true", "POST")
        with Gate() as gate, Crowd(self.gateway.port, 20) as crowd:
            self.held(target, gate, lambda request, number: reply(b'{"Items":[]}'))
            crowd.send([get(target, *([("If-None-Match", tag)] if index % 2 else [])) for index in range(20)])
            self.wait_in_flight(20)
            gate.set()
            for index, got in enumerate(crowd.answers()):
                self.assertIn((got.status, got.body), [(200, b'{"Items":[]}')] + ([(304, b"")] if index % 2 else []))


if __name__ == "__main__":
    unittest.main()
