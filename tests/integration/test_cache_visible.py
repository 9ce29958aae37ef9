"""What a caller sees of the cache: cache-status (RFC 9211), age, entity tags and 304, and where there is none of it."""

import datetime
import threading
import unittest

from lib import wire
from lib.cachecase import (APPLICANT, CacheCase, Gate, LookupVendor, cache_status, call_of, get, new_id, numbered, pipeline, reply)
from lib.calls import CALLS, call
from lib.gateway import UNCHECKED, Gateway, RecordingVendor, Wait, answer, eventually, free_port
from lib.problem import check_problem


def http_date(seconds_from_now):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")


class Hits(CacheCase):
    def test_the_second_identical_lookup_is_a_hit(self):
        for target in (self.target(), f"{APPLICANT}?applicant_id={new_id()}"):
            with self.subTest(target):
                first = self.ask(target)
                self.assert_forwarded(first, "uri-miss", stored=True)
                again = self.ask(target)
                status = self.assert_hit(again, call_of(first))
                self.assertLessEqual(set(status), {"hit", "ttl", "detail"})
                self.assertEqual((again.body, again.get("content-type")), (first.body, first.get("content-type")))
                self.assert_calls(target, 1)

    def test_the_lifetime_that_is_left_is_told(self):
        target = self.target()
        self.fill(target)
        status = self.assert_hit(self.ask(target))
        self.assertTrue(500 < status["ttl"] <= 600, status)

    def test_each_caller_has_its_own_request_id(self):
        target = self.target()
        self.fill(target)
        for name in ("caller-1", "caller-2"):
            got = self.ask(target, None, ("X-Request-Id", name))
            self.assert_hit(got)
            self.assertEqual(got.all("x-request-id"), [name])
        made = [self.ask(target).get("x-request-id") for _ in range(5)]
        self.assertEqual(len(set(made)), 5)

    def test_warnings_are_for_the_caller_that_earned_them(self):
        target = self.target()
        got = self.ask(target, None, ("X-Api-Key", "mine"))
        self.assertEqual(got.get("x-gateway-warning"), "client-api-key-ignored")
        got = self.ask(target)
        self.assert_hit(got)
        self.assertIsNone(got.get("x-gateway-warning"))
        got = self.ask(target, None, ("X-Api-Key", "mine"))
        self.assert_hit(got)
        self.assertEqual(got.get("x-gateway-warning"), "client-api-key-ignored")

    def test_fields_of_the_vendor_are_on_hits_as_on_misses(self):
        target, date = self.target(), http_date(0)
        self.vendor.headers(target.partition("=")[2], ("Date", date), ("Content-Language", "en"), ("Server", "vendor"),
                            ("X-Vendor-Internal", "secret"), ("Connection", "X-Hop"), ("X-Hop", "1"))
        first, again = self.ask(target), self.ask(target)
        self.assert_hit(again)
        for got in (first, again):
            self.assertEqual((got.get("date"), got.get("content-language")), (date, "en"))
            for name in ("server", "x-vendor-internal", "x-hop", "x-api-key"):
                self.assertEqual(got.all(name), [])
            for name in {name for name, _ in got.headers}:
                self.assertEqual(len(got.all(name)), 1, name)

    def test_failures_of_the_vendor_are_passed_on_and_not_kept(self):
        for status in (400, 404, 413, 429, 500, 502, 503, 504):
            with self.subTest(status):
                target = self.target()
                self.vendor.status(target.partition("=")[2], status)
                for _ in range(2):
                    got = self.ask(target)
                    self.assert_forwarded(got, "uri-miss", stored=False, status=status)
                    self.assertEqual(got.body, b'{"message":"as told"}')
                self.assert_calls(target, 2)

    def test_other_successes_are_not_kept(self):
        for status in (201, 202, 203, 206):
            with self.subTest(status):
                target = self.target()
                self.vendor.rule(target.partition("=")[2], lambda request, number, s=status: reply(numbered(request, number), status=s))
                for _ in range(2):
                    self.assert_forwarded(self.ask(target), "uri-miss", stored=False, status=status)
                self.assert_calls(target, 2)

    def test_problems_of_the_gateway_say_it_too(self):
        target = self.target()
        self.vendor.status(target.partition("=")[2], 403, b'{"message":"Forbidden"}')
        for _ in range(2):
            got = self.ask(target)
            check_problem(self, got, "upstream_key_rejected", 502)
            self.assert_forwarded(got, "uri-miss", stored=False, status=502)
        self.assert_calls(target, 2)
        with Gateway(f"http://127.0.0.1:{free_port()}/v3", cache={}) as gateway:
            got = self.ask(target, gateway=gateway)
            check_problem(self, got, "upstream_connect_failed", 502)
            self.assert_forwarded(got, "uri-miss", stored=False, status=502)

    def test_refusals_before_the_cache_is_looked_at(self):
        target = self.target()
        self.fill(target)
        denied = {"name": "denied", "cidr": ["127.0.0.2/32"], "operations": ["read_applicant"]}
        allowed = {"name": "allowed", "cidr": ["127.0.0.1/32"], "operations": ["*"]}
        with Gateway(self.vendor, cache={}, tenants=[denied, allowed]) as gateway:
            self.assertEqual(self.ask(target, gateway=gateway).status, 200)
            self.assert_hit(self.ask(target, gateway=gateway))
            self.assertEqual(self.ask(target, gateway=gateway, source="127.0.0.9").status, 401)
            for asked, source, reason, status in ((target, "127.0.0.2", "operation_denied", 403),
                                                  (f"{target}&count=x", "127.0.0.1", "query_invalid", 400)):
                with self.subTest(reason):
                    got = self.ask(asked, gateway=gateway, source=source)
                    check_problem(self, got, reason, status)
                    self.assertFalse({"hit", "stored", "fwd"} & set(cache_status(got)), got.headers)

    def test_nothing_of_the_question_is_in_the_status(self):
        target = f"/v3/submission?email=mina-{new_id()}%40example.test"
        for _ in range(2):
            self.assertNotIn("mina", " ".join(self.ask(target).all("cache-status")))


class EntityTags(CacheCase):
    def test_a_tag_is_made_of_the_body(self):
        target, other = self.target(), self.target()
        first, again, third = self.ask(target), self.ask(target), self.ask(other)
        self.assert_hit(again)
        for got in (first, again, third):
            self.assertEqual(len(got.all("etag")), 1, got.headers)
            self.assertRegex(got.get("etag"), r'^"[!#-~]{16,}"$')
        self.assertEqual(first.get("etag"), again.get("etag"))
        self.assertNotEqual(first.get("etag"), third.get("etag"))

    def test_the_tag_of_the_vendor_is_kept(self):
        for tag in ('"v-1"', 'W/"v-2"'):
            with self.subTest(tag):
                target = self.target()
                self.vendor.headers(target.partition("=")[2], ("ETag", tag))
                self.assertEqual(self.ask(target).all("etag"), [tag])
                got = self.ask(target)
                self.assert_hit(got)
                self.assertEqual(got.all("etag"), [tag])

    def test_304_when_the_caller_has_it_already(self):
        target = self.target()
        whole = self.ask(target)
        tag = whole.get("etag")
        holds = [[tag], ["W/" + tag], [f'"other", {tag}'], [f'"a","b" ,W/{tag},'], ["*"], ['"other"', tag]]
        fails = [['"other"'], [tag.strip('"')], [f'"other" {tag}'], [tag + "x"], [""], ['"*"']]
        with self.gateway.connect() as connection:      # the framing of each answer is proven by the next one
            for lines, status in [(lines, 304) for lines in holds] + [(lines, 200) for lines in fails]:
                with self.subTest(lines):
                    connection.send(get(target, *(("If-None-Match", line) for line in lines), ("X-Request-Id", "c-1")))
                    got = connection.read_answer()
                    self.assertEqual(got.status, status)
                    self.assertEqual(got.all("etag"), [tag])
                    self.assertEqual(got.all("x-request-id"), ["c-1"])
                    told = cache_status(got)
                    self.assertEqual((told.get("hit"), "fwd" in told), (True, False), told)
                    self.assertEqual(got.body, b"" if status == 304 else whole.body)
                    if status == 304:
                        self.assertIn(got.get("content-length"), (None, str(len(whole.body))))
        self.assert_calls(target, 1)

    def test_304_by_date(self):
        target, modified = self.target(), http_date(-5000)
        self.vendor.headers(target.partition("=")[2], ("Last-Modified", modified), ("Date", http_date(0)))
        self.assertEqual(self.ask(target).get("last-modified"), modified)
        for value, status in ((modified, 304), (http_date(-100), 304), (http_date(-9000), 200), ("yesterday", 200)):
            with self.subTest(value):
                self.assertEqual(self.ask(target, None, ("If-Modified-Since", value)).status, status)
        # RFC 9110 section 13.1.3: the date does not count beside a tag.
        got = self.ask(target, None, ("If-Modified-Since", modified), ("If-None-Match", '"other"'))
        self.assertEqual(got.status, 200)
        self.assert_calls(target, 1)

    def test_conditions_of_callers_stay_with_the_gateway(self):
        target = self.target()
        got = self.ask(target, None, ("If-None-Match", '"callers-own"'), ("If-Modified-Since", http_date(0)))
        self.assert_forwarded(got, "uri-miss", stored=True)
        (request,) = self.vendor.calls(target.partition("?")[2])
        for name in ("if-none-match", "if-modified-since"):
            self.assertEqual(request.all(name), [])

    def test_a_condition_with_a_fresh_answer(self):
        """The tag a caller has is that of the answer which the vendor gives now: 304 or the whole, and nothing else."""
        target, number = self.target(), new_id()
        self.vendor.rule(number, lambda request, _: reply(b'{"Items":[]}'))
        tag = self.ask(f"/v3/submission?userid={number}").get("etag")
        self.vendor.rule(target.partition("=")[2], lambda request, _: reply(b'{"Items":[]}'))
        got = self.ask(target, None, ("If-None-Match", tag))
        self.assertIn("fwd", cache_status(got))
        self.assertIn((got.status, got.body), [(304, b""), (200, b'{"Items":[]}')])
        self.assertEqual(got.get("etag"), tag)

    def test_a_changed_answer_is_sent_whole(self):
        target = self.target()
        tag = self.ask(target).get("etag")
        got = self.ask(target, "no-cache", ("If-None-Match", tag))
        self.assertEqual((got.status, call_of(got) is not None), (200, True))
        self.assertNotEqual(got.get("etag"), tag)


class Elsewhere(unittest.TestCase):
    def test_documents_are_not_cached(self):
        headers = [("Content-Type", "image/jpeg"), ("Cache-Control", "public, max-age=3600"), ("ETag", '"d-1"'),
                   ("Expires", http_date(3600)), ("Age", "1")]
        with RecordingVendor(lambda request: answer(200, b"picture", headers)) as vendor, Gateway(vendor, cache={}) as gateway:
            for row in CALLS:
                if row[0] not in ("get_image", "get_aml_report"):
                    continue
                with self.subTest(row[0]):
                    vendor.clear()
                    for fields in ((), [("If-None-Match", '"d-1"')], [("Cache-Control", "only-if-cached")]):
                        got = call(gateway, row, fields)
                        self.assertEqual((got.status, got.body), (200, b"picture"))
                        self.assertEqual(got.all("cache-control"), ["no-store"])
                        self.assertEqual(got.all("x-content-type-options"), ["nosniff"])
                        for name in ("cache-status", "age", "etag", "expires"):
                            self.assertEqual(got.all(name), [], name)
                    self.assertEqual(len(vendor.requests()), 3)
            self.assertEqual(gateway.metrics().value("cache_requests_total"), 0)
            self.assertEqual(gateway.metrics().value("cache_entries"), 0)

    def test_changes_have_no_cache_status(self):
        with LookupVendor() as vendor, Gateway(vendor, cache={}, uploads=UNCHECKED) as gateway:
            for row in CALLS:
                if row[0] in ("submit_step1", "submit_step2", "address_code", "delete_submission"):
                    with self.subTest(row[0]):
                        for _ in range(2):
                            got = call(gateway, row)
                            self.assertEqual((got.status, got.all("cache-status"), got.all("age")), (200, [], []))
            self.assertEqual(len(vendor.requests()), 8)

    def test_switched_off(self):
        with LookupVendor() as vendor, Gateway(vendor, cache={"enabled": False}) as gateway:
            target = f"/v3/submission?submission_id={new_id()}"
            for number in range(1, 4):
                got = gateway.call("GET", target)
                self.assertEqual((got.status, call_of(got)), (200, number))
                told = cache_status(got)
                self.assertEqual(told.get("fwd"), "bypass")
                self.assertFalse({"hit", "stored", "collapsed", "ttl"} & set(told), told)
            self.assertEqual({line["cache"] for line in gateway.access_lines(3)}, {"bypass"})
            eventually(lambda: gateway.metrics().value("cache_requests_total", result="bypass") == 3, "they are counted")
            metrics = gateway.metrics()
            self.assertEqual(metrics.value("cache_requests_total"), 3)
            self.assertEqual(metrics.value("cache_entries"), 0)

    def test_switched_off_nobody_waits_for_another(self):
        with LookupVendor() as vendor, Gateway(vendor, cache={"enabled": False}) as gateway, Gate() as gate:
            vendor.responder = lambda request: [Wait(gate), reply(b'{"Items":[]}')]
            asked = [threading.Thread(target=gateway.call, args=("GET", "/v3/submission?userid=u")) for _ in range(5)]
            for thread in asked:
                thread.start()
            vendor.wait_requests(5)
            gate.set()
            for thread in asked:
                thread.join(20)
            self.assertEqual(len(vendor.requests()), 5)

    def test_switched_off_by_a_reload(self):
        with LookupVendor() as vendor, Gateway(vendor, cache={}) as gateway:
            target = f"/v3/submission?submission_id={new_id()}"
            for expected in ("fwd", "hit"):
                self.assertIn(expected, cache_status(gateway.call("GET", target)))
            gateway.write_config(cache={"enabled": False})
            gateway.reload()
            got = eventually(lambda: self._bypassed(gateway, target), "the cache is off")
            self.assertIn(call_of(got), (2, 3, 4))

    @staticmethod
    def _bypassed(gateway, target):
        got = gateway.call("GET", target)
        return got if cache_status(got).get("fwd") == "bypass" else None

    def test_too_many_parameters_bypass(self):
        query = "&".join(f"p{n}=1" for n in range(65))
        with LookupVendor() as vendor, Gateway(vendor, cache={}, uploads=UNCHECKED) as gateway:
            for _ in range(2):
                got = gateway.call("GET", f"/v3/submission?{query}")
                self.assertEqual((got.status, cache_status(got).get("fwd")), (200, "bypass"))
            self.assertEqual(len(vendor.requests()), 2)


class Connections(CacheCase):
    def test_pipelined(self):
        first, second = self.target(), self.target()
        self.fill(first)
        with self.gateway.connect() as connection:
            got = pipeline(connection, *[get(target) for target in (first, second, first, second, first)])
            self.assertEqual([call_of(one) for one in got][0::2], [call_of(got[0])] * 3)
            self.assertEqual(call_of(got[1]), call_of(got[3]))
            for one in (got[0], got[2], got[3], got[4]):
                self.assert_hit(one)
            self.assert_forwarded(got[1], "uri-miss", stored=True)

    def test_two_hundred_pipelined_hits(self):
        target = self.target()
        number = self.fill(target)
        with self.gateway.connect() as connection:
            got = pipeline(connection, *[get(target, ("X-Request-Id", f"p-{n}")) for n in range(200)])
            self.assertEqual([one.get("x-request-id") for one in got], [f"p-{n}" for n in range(200)])
            for one in got:
                self.assert_hit(one, number)
        self.assert_calls(target, 1)

    def test_http_1_0(self):
        target = self.target()
        for number in range(2):
            with self.gateway.connect() as connection:
                connection.send(get(target, version="HTTP/1.0"))
                got = connection.read_answer()
                self.assertEqual((got.status, got.all("transfer-encoding")), (200, []))
                self.assertEqual(got.get("content-length"), str(len(got.body)))
                self.assertTrue(connection.at_end())
                if number:
                    self.assert_hit(got)

    def test_connection_close_on_a_hit(self):
        target = self.target()
        self.fill(target)
        with self.gateway.connect() as connection:
            connection.send(get(target, ("Connection", "close")) + get(target))
            got = connection.read_answer()
            self.assert_hit(got)
            self.assertEqual(got.get("connection"), "close")
            self.assertTrue(connection.at_end())

    def test_a_hit_between_other_operations_of_a_connection(self):
        target = self.target()
        number = self.fill(target)
        image = "/v3/image?submission_id=a&type=idImage"
        with self.gateway.connect() as connection:
            got = pipeline(connection, get(target), get(image), get(target), get("/v3/none"), get(target))
            self.assertEqual([one.status for one in got], [200, 200, 200, 404, 200])
            for one in got[::2]:
                self.assert_hit(one, number)

    def test_head_is_refused_as_ever(self):
        target = self.target()
        self.fill(target)
        got = self.gateway.call("HEAD", target)
        self.assertEqual((got.status, got.reason), (405, "method_not_allowed"))

    def test_a_body_on_a_lookup_is_refused_as_ever(self):
        target = self.target()
        self.fill(target)
        with self.gateway.connect() as connection:
            connection.send(wire.request("GET", target, body=b"x"))
            check_problem(self, connection.read_answer(), "unexpected_body", 400)
            self.assertTrue(connection.at_end())


if __name__ == "__main__":
    unittest.main()
