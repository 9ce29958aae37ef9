"""What the vendor says about its answers (RFC 9111 sections 4 and 5, RFC 9213): it can shorten lifetimes, never lengthen them."""

import datetime
import unittest

from lib.cachecase import LONG, CacheCase, cache_status, call_of, new_id, numbered, reply
from lib.gateway import Gateway, RecordingVendor, answer, eventually
from lib.problem import check_problem


def http_date(seconds_from_now):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")


SLACK = 60      # seconds that a test may lie idle between two steps


class Storing(CacheCase):
    cache = LONG

    def assert_never_reused(self, target, *headers):
        for number in range(1, 4):
            got = self.ask(target, None, *headers)
            self.assert_forwarded(got)
            self.assert_calls(target, number)

    def test_5_2_2_what_must_not_be_kept(self):
        for headers in ([("Cache-Control", "no-store")], [("Cache-Control", "max-age=600, No-Store")], [("Cache-Control", "private")],
                        [("Cache-Control", 'private="x-a"')], [("Cache-Control", "public"), ("Cache-Control", "no-store")],
                        [("Set-Cookie", "session=1")], [("Vary", "*")], [("Vary", "accept-language, *")],
                        [("Argos-Gateway-Cache-Control", "no-store")]):
            with self.subTest(headers):
                target = self.target()
                self.vendor.headers(target.partition("=")[2], *headers)
                self.assert_forwarded(self.ask(target), "uri-miss", stored=False)
                self.assert_never_reused_after(target)

    def assert_never_reused_after(self, target):
        for number in (2, 3):
            self.assert_forwarded(self.ask(target), stored=False)
            self.assert_calls(target, number)
        self.assertEqual(self.ask(target, "only-if-cached, max-stale").status, 504)

    def test_4_2_what_is_stale_at_once(self):
        for headers in ([("Cache-Control", "no-cache")], [("Cache-Control", "max-age=0")], [("Cache-Control", "s-maxage=0, max-age=600")],
                        [("Expires", "0")], [("Expires", http_date(-3600))], [("Expires", "next Tuesday")],
                        [("Cache-Control", "max-age=60"), ("Age", "60")], [("Cache-Control", "max-age=abc")],
                        [("Cache-Control", "max-age=-1")], [("Cache-Control", "max-age=60"), ("Date", http_date(-3600))],
                        [("Cache-Control", 'no-cache="x-a"')]):
            with self.subTest(headers):
                target = self.target()
                self.vendor.headers(target.partition("=")[2], *headers)
                # Nothing stale while revalidating for who names an age.
                self.assert_never_reused(target, ("Cache-Control", "max-age=86400"))

    def test_4_2_lifetimes(self):
        rows = [([("Cache-Control", "max-age=300")], 300, 0),
                ([("Cache-Control", "Max-Age=300")], 300, 0),
                ([("Cache-Control", "max-age=600, s-maxage=200")], 200, 0),
                ([("Cache-Control", "s-maxage=600, max-age=0")], 600, 0),
                ([("Cache-Control", "max-age=99999999")], 3600, 0),                  # never longer than what the content allows
                ([("Cache-Control", "public, immutable")], 3600, 0),
                ([("Cache-Control", "max-age=900"), ("Age", "250")], 650, 250),
                ([("Age", "250")], 3350, 250),
                ([("Date", http_date(-250)), ("Cache-Control", "max-age=900")], 650, 250),
                ([("Date", http_date(-250)), ("Age", "400"), ("Cache-Control", "max-age=900")], 500, 400),
                ([("Date", http_date(0)), ("Expires", http_date(400))], 400, 0),
                ([("Date", http_date(-250)), ("Expires", http_date(400))], 400, 250),
                ([("Cache-Control", "max-age=500"), ("Expires", "0")], 500, 0),      # section 5.3
                ([("CDN-Cache-Control", "max-age=1"), ("Surrogate-Control", "max-age=1")], 3600, 0),   # RFC 9213: not ours
                ([("Argos-Gateway-Cache-Control", "max-age=150"), ("Cache-Control", "no-store"), ("Expires", "0")], 150, 0),
                ([("Cache-Control", "no-store, must-understand, max-age=700")], 700, 0),
                ([("Vary", "Origin, Accept-Encoding, Cookie")], 3600, 0)]           # of what the vendor never gets to see
        for headers, left, age in rows:
            with self.subTest(headers):
                target = self.target()
                self.vendor.headers(target.partition("=")[2], *headers)
                number = self.fill(target)
                got = self.ask(target)
                status = self.assert_hit(got, number)
                self.assertTrue(left - SLACK <= status["ttl"] <= left, (status, got.headers))
                self.assertTrue(age <= int(got.get("age")) <= age + SLACK, got.headers)

    def test_206_and_ranges_are_not_kept(self):
        target = self.target()
        self.vendor.headers(target.partition("=")[2], ("Content-Range", "bytes 0-10/20"))
        self.assert_forwarded(self.ask(target), stored=False)
        self.assert_forwarded(self.ask(target), stored=False)


class Varying(CacheCase):
    cache = LONG

    def setUp(self):
        self.wanted = self.target()
        self.vendor.rule(self.wanted.partition("=")[2], self.respond)

    @staticmethod
    def respond(request, number):
        return reply(numbered(request, number, said=request.get("accept-language", "none")), ("Vary", "Accept-Language"))

    def speak(self, language):
        got = self.ask(self.wanted, None, *([("Accept-Language", language)] if language else []))
        self.assertIn(f'"said": "{language or "none"}"'.lower().encode(), got.body.lower())
        return got

    def test_4_1_vary(self):
        self.assert_forwarded(self.speak("en"), "uri-miss", stored=True)
        self.assert_hit(self.speak("en"))
        self.assert_hit(self.speak("EN"))
        self.assert_forwarded(self.speak("de"), "vary-miss", stored=True)
        self.assert_hit(self.speak("de"))
        self.speak("en")
        self.assert_forwarded(self.speak(None), "vary-miss", stored=True)
        self.assert_hit(self.speak(None))
        for language in ("en", "de", None, "en, de", "de, en", "en;q=0.5", None, "de"):
            self.speak(language)

    def test_4_1_only_if_cached_in_another_language(self):
        self.speak("en")
        got = self.ask(self.wanted, "only-if-cached", ("Accept-Language", "de"))
        check_problem(self, got, "not_in_cache", 504)

    def test_4_1_no_vary_no_difference(self):
        target = self.target()
        number = call_of(self.ask(target, None, ("Accept-Language", "en")))
        self.assert_hit(self.ask(target, None, ("Accept-Language", "de")), number)

    def test_4_1_vary_of_what_the_vendor_does_not_get(self):
        target = self.target()
        self.vendor.headers(target.partition("=")[2], ("Vary", "Cookie, User-Agent, X-Forwarded-For"))
        number = call_of(self.ask(target, None, ("Cookie", "a"), ("User-Agent", "one")))
        self.assert_hit(self.ask(target, None, ("Cookie", "b"), ("User-Agent", "two")), number)


class Validating(CacheCase):
    cache = {**LONG, "ttl_approved": "200ms", "stale_while_revalidate": "0s"}

    def with_validator(self, *headers):
        """A vendor that answers 304 to whoever has its present version."""
        target = self.target()
        state = {"fields": list(headers), "extra": [], "result": "approved"}

        def respond(request, number):
            fields = dict(state["fields"])
            have = request.get("if-none-match"), request.get("if-modified-since")
            if any(have) and all(given in (None, fields.get(name)) for given, name in zip(have, ("ETag", "Last-Modified"))):
                fields = [*state["fields"], *state["extra"]]
                head = "".join(f"{name}: {value}\r\n" for name, value in fields)
                return f"HTTP/1.1 304 Not Modified\r\n{head}\r\n".encode()
            return reply(numbered(request, number, state["result"]), *state["fields"], *state["extra"])
        self.vendor.rule(target.partition("=")[2], respond)
        return target, state

    def test_4_3_1_the_vendors_validators_are_sent(self):
        modified = http_date(-5000)
        for headers in ([("ETag", '"v1"')], [("ETag", 'W/"v1"')], [("Last-Modified", modified), ("Date", http_date(0))],
                        [("ETag", '"v1"'), ("Last-Modified", modified), ("Date", http_date(0))]):
            with self.subTest(headers):
                target, state = self.with_validator(*headers)
                first = self.ask(target)
                self.assert_forwarded(first, "uri-miss", stored=True)
                self.expire(target)
                got = self.ask(target)
                told = self.assert_forwarded(got, "stale", call=call_of(first))
                self.assertEqual(told.get("fwd-status"), 304, told)
                self.assertEqual((got.body, got.get("content-type")), (first.body, first.get("content-type")))
                self.assertEqual(got.get("content-length"), str(len(first.body)))
                self.assert_calls(target, 2)
                asked = self.vendor.calls(target.partition("?")[2])[1]
                if "ETag" in dict(headers):
                    self.assertEqual(asked.all("if-none-match"), [dict(headers)["ETag"]])
                else:
                    self.assertEqual(asked.all("if-modified-since"), [modified])

    def test_4_3_4_a_304_makes_it_fresh_again(self):
        target, state = self.with_validator(("ETag", '"v1"'))
        number = self.fill(target)
        self.expire(target)
        calls = 1
        for _ in range(4):
            calls += 1
            self.assert_forwarded(self.ask(target), "stale", call=number)
            self.assert_calls(target, calls)
            # Within 200 ms it is fresh: seen before long, unless each time the test was held up for longer.
            found = eventually(lambda: self._fresh_after_asking(target, number), "a hit after a revalidation")
            calls = len(self.vendor.calls(target.partition("?")[2]))
            self.assertTrue(found)
            self.expire(target)

    def _fresh_after_asking(self, target, number):
        self.assertEqual(call_of(self.ask(target)), number)
        got = self.ask(target, "only-if-cached")
        return got.status == 200 and "hit" in cache_status(got)

    def test_4_3_3_a_new_answer_replaces_the_old(self):
        target, state = self.with_validator(("ETag", '"v1"'))
        number = self.fill(target)
        self.expire(target)
        state.update(fields=[("ETag", '"v2"')], result="rejected")     # which lives for an hour
        got = self.ask(target)
        self.assert_forwarded(got, "stale", stored=True)
        self.assertGreater(call_of(got), number)
        self.assertEqual(got.get("etag"), '"v2"')
        self.assert_hit(self.ask(target), call_of(got))

    def test_a_304_that_forbids_to_keep(self):
        target, state = self.with_validator(("ETag", '"v1"'))
        number = self.fill(target)
        self.expire(target)
        state["extra"] = [("Cache-Control", "no-store")]
        self.assertEqual(call_of(self.ask(target)), number)
        self.assertEqual(self.ask(target, "only-if-cached, max-stale").status, 504)

    def test_the_callers_tag_after_a_revalidation(self):
        target, state = self.with_validator(("ETag", '"v1"'))
        self.fill(target)
        for tag, status in (('"v1"', 304), ('"v0"', 200)):
            self.expire(target)
            got = self.ask(target, None, ("If-None-Match", tag))
            self.assertEqual(got.status, status)
            self.assertEqual(self.vendor.calls(target.partition("?")[2])[-1].all("if-none-match"), ['"v1"'])
            self.assertEqual(got.get("etag"), '"v1"')

    def test_a_tag_that_the_gateway_made_stays_here(self):
        target = self.target()
        self.assertTrue(self.ask(target).get("etag"))
        self.expire(target)
        self.assert_forwarded(self.ask(target), "stale")
        self.assertEqual(self.vendor.calls(target.partition("?")[2])[1].all("if-none-match"), [])

    def test_no_cache_of_the_caller_revalidates(self):
        target, state = self.with_validator(("ETag", '"v1"'))
        number = self.fill(target)
        got = self.ask(target, "no-cache")
        self.assertEqual((got.status, call_of(got)), (200, number))
        self.assert_calls(target, 2)


class Unasked(unittest.TestCase):
    def test_a_304_nobody_asked_for(self):
        with RecordingVendor(lambda request: b'HTTP/1.1 304 Not Modified\r\nETag: "v"\r\n\r\n') as vendor, Gateway(vendor, cache={}) as gateway:
            for headers in ([], [("If-None-Match", '"v"')]):
                got = gateway.call("GET", f"/v3/submission?submission_id={new_id()}", headers)
                check_problem(self, got, "upstream_bad_response", 502)
                self.assertNotIn("stored", cache_status(got))

    def test_a_304_to_a_change(self):
        with RecordingVendor(lambda request: answer(304, b"", [])) as vendor, Gateway(vendor, cache={}) as gateway:
            check_problem(self, gateway.call("DELETE", "/v3/submission?submission_id=a"), "upstream_bad_response", 502)


if __name__ == "__main__":
    unittest.main()
