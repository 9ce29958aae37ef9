"""Which questions share an answer, and who may have it."""

import itertools
import unittest

from lib.cachecase import APPLICANT, LONG, SUBMISSION, CacheCase, Gate, LookupVendor, cache_status, call_of, new_id, numbered, page, item, reply
from lib.crowd import Crowd
from lib.cachecase import get
from lib.gateway import UNCHECKED, Gateway, Wait, eventually
from lib.problem import check_problem

# {} stands for something that no other row has.
SAME = [
    ("submission_id=a%62c{}", "submission_id=abc{}"), ("%73ubmission_id={}", "submission_id={}"),
    ("submission_id={}%7E", "submission_id={}~"), ("userid={}%2d1", "userid={}-1"), ("userid={}%2E", "userid={}."),
    ("userid={}%5f", "userid={}_"), ("userid={}%3a", "userid={}%3A"), ("userid={}%2f", "userid={}%2F"),
    ("userid={}%e4%b8%80", "userid={}%E4%B8%80"), ("userid={}%2b", "userid={}%2B"), ("email=a%40b.{}", "email=a@b.{}"),
    ("userid={}&count=1", "count=1&userid={}"), ("nextpage_id=a{}&nextpage_date=2&count=5", "count=5&nextpage_date=2&nextpage_id=a{}"),
    ("&userid={}", "userid={}"), ("userid={}&", "userid={}"), ("userid={}&&count=2", "userid={}&count=2"),
]
DIFFERENT = [
    ("userid={}", "userid={}a"), ("userid={}", "userid=a{}"), ("userid=a{}", "userid=A{}"), ("userid={}+", "userid={}%20"),
    ("userid={}+", "userid={}%2B"), ("userid={}", "userid={}&count=1"), ("userid={}&count=1", "userid={}&count=2"),
    ("userid={}", "email={}"), ("userid={}", "userid={}&userid={}"), ("userid=a{}&userid=b{}", "userid=b{}&userid=a{}"),
    ("userid={}%26count=1", "userid={}&count=1"), ("userid={}%3D1", "userid={}=1"), ("x{}", "x{}="), ("userid={}%25", "userid={}%2525"),
    ("userid={}%2525", "userid={}%252525"), ("userid={}/", "userid={}"), ("userid={}&", "userid={}%26"), ("userid={}%00", "userid={}"),
    ("userid={}%0a", "userid={}%0d"), ("userid={}%c3%a9", "userid={}e%cc%81"), ("userid={}&count=", "userid={}"),
    ("userid={}&count", "userid={}&count="), ("submission_id={}&count=1", "submission_id={}"),
    ("userid={}&Count=1", "userid={}&count=1"), ("nextpage_id={}&nextpage_date=1", "nextpage_id={}&nextpage_date=2"),
]


class Keys(CacheCase):
    cache = LONG

    def pair(self, rows):
        for row in rows:
            unique = new_id()
            yield row, [f"{SUBMISSION}?" + text.replace("{}", unique) for text in row]

    def test_equal_questions_meet(self):
        for row, (first, second) in self.pair(SAME):
            for one, other in ((first, second), (second, first)):
                with self.subTest(row, order=one):
                    self.gateway.admin("/cache/purge?all=true", "POST")
                    number = self.fill(one)
                    self.assert_hit(self.ask(other), number)
                    self.assert_hit(self.ask(one), number)

    def test_unequal_questions_never_meet(self):
        for row, (first, second) in self.pair(DIFFERENT):
            with self.subTest(row):
                number = self.fill(first)
                got = self.ask(second)
                self.assert_forwarded(got, "uri-miss")
                self.assertGreater(call_of(got), number)
                self.assert_hit(self.ask(first), number)

    def test_what_readers_may_take_apart_otherwise(self):
        """Some end a pair at a semicolon, too. It need not be cached, but never meets what it is not."""
        unique = new_id()
        calls = [call_of(self.ask(f"{SUBMISSION}?userid={unique}{text}")) for text in (";count=1", "&count=1", "%3Bcount=1", "", ";")]
        self.assertEqual(len(set(calls)), 5)

    def test_operations_never_meet(self):
        query = f"?applicant_id={new_id()}"
        number = self.fill(SUBMISSION + query)
        got = self.ask(APPLICANT + query)
        self.assert_forwarded(got, "uri-miss")
        self.assertGreater(call_of(got), number)
        self.assertTrue(got.body.startswith(b"["))

    def test_the_question_goes_to_the_vendor_as_it_was_asked(self):
        unique = new_id()
        self.fill(f"{SUBMISSION}?z=1&a=%62&userid={unique}%7e&&")
        (request,) = self.vendor.calls(unique)
        self.assertEqual(request.target.partition("?")[2], f"z=1&a=%62&userid={unique}%7e&&")

    def test_what_else_a_caller_sends_makes_no_difference(self):
        target = self.target()
        number = self.fill(target)
        for headers in ([("User-Agent", "x")], [("Cookie", "a=b")], [("Authorization", "Bearer abc")], [("Accept", "text/html")],
                        [("Host", "other.test")], [("X-Api-Key", "abc")], [("Accept-Encoding", "gzip, br")], [("Origin", "https://a.test")]):
            with self.subTest(headers):
                with self.gateway.connect() as connection:
                    host = dict(headers).get("Host", "gateway.test")
                    connection.send(get(target, *(row for row in headers if row[0] != "Host"), host=host))
                    self.assert_hit(connection.read_answer(), number)


TENANTS = [{"name": "one", "cidr": ["127.0.0.2/32"], "operations": ["*"]}, {"name": "two", "cidr": ["127.0.0.3/32"], "operations": ["*"]},
           {"name": "narrow", "cidr": ["127.0.0.4/32"], "operations": ["read_applicant"]}]
ONE, TWO, NARROW = "127.0.0.2", "127.0.0.3", "127.0.0.4"


class OfTenants(CacheCase):
    cache, sections = {**LONG, "scope": "tenant"}, {"tenants": TENANTS}

    def test_tenants_never_share(self):
        for target in (self.target(), f"{SUBMISSION}?userid={new_id()}", f"{APPLICANT}?applicant_id={new_id()}"):
            with self.subTest(target):
                own = {}
                for source in (ONE, TWO):
                    got = self.ask(target, source=source)
                    self.assert_forwarded(got, "uri-miss", stored=True)
                    own[source] = call_of(got)
                self.assertNotEqual(own[ONE], own[TWO])
                for source in (ONE, TWO, TWO, ONE):
                    self.assert_hit(self.ask(target, source=source), own[source])
                self.assert_calls(target, 2)

    def test_nobody_waits_for_anothers_question(self):
        target = self.target()
        with Gate() as gate, Crowd(self.gateway.port, 10, ONE) as first, Crowd(self.gateway.port, 10, TWO) as second:
            self.vendor.rule(target.partition("=")[2], lambda request, number: [Wait(gate), reply(numbered(request, number))])
            for crowd in (first, second):
                crowd.send(get(target))
            eventually(lambda: len(self.vendor.calls(target.partition("?")[2])) >= 2, "two calls")
            eventually(lambda: self.gateway.metrics().value("requests_in_flight") >= 20, "all wait")
            gate.set()
            numbers = [{call_of(got) for got in crowd.answers()} for crowd in (first, second)]
            self.assertEqual([len(found) for found in numbers], [1, 1])
            self.assertNotEqual(*numbers)
            self.assert_calls(target, 2)

    def test_no_stand_in_from_another_tenant(self):
        target = self.target()
        number = call_of(self.ask(target, source=ONE))
        self.vendor.status(target.partition("=")[2], 503)
        for fields in (None, "max-stale"):
            self.assertEqual(self.ask(target, fields, source=TWO).status, 503)
        self.assertEqual(self.ask(target, "only-if-cached, max-stale", source=TWO).status, 504)
        self.assert_hit(self.ask(target, source=ONE), number)

    def test_no_304_for_anothers_tag(self):
        target = self.target()
        tag = self.ask(target, source=ONE).get("etag")
        got = self.ask(target, None, ("If-None-Match", tag), source=TWO)
        self.assertEqual(got.status, 200)

    def test_a_change_by_one_is_seen_by_all(self):
        submission_id = new_id()
        targets = [self.target(submission_id), f"{SUBMISSION}?userid={submission_id}", f"{APPLICANT}?applicant_id={submission_id}"]
        before = {(target, source): call_of(self.ask(target, source=source)) for target in targets for source in (ONE, TWO)}
        got = self.gateway.call("DELETE", f"{SUBMISSION}?submission_id={submission_id}", source=ONE)
        self.assertEqual(got.status, 200)
        for target, source in before:
            with self.subTest(target, source=source):
                got = self.ask(target, source=source)
                self.assert_forwarded(got)
                self.assertNotIn(call_of(got), before.values())


class OfCredential(CacheCase):
    cache, sections = {**LONG, "scope": "credential"}, {"tenants": TENANTS}

    def test_tenants_of_one_key_share(self):
        for target in (self.target(), f"{SUBMISSION}?userid={new_id()}"):
            with self.subTest(target):
                number = call_of(self.ask(target, source=ONE))
                self.assert_hit(self.ask(target, source=TWO), number)
                self.assert_calls(target, 1)

    def test_who_may_not_ask_has_no_hit(self):
        target = self.target()
        self.assertEqual(self.ask(target, source=ONE).status, 200)
        for fields in (None, "only-if-cached", "max-stale"):
            check_problem(self, self.ask(target, fields, source=NARROW), "operation_denied", 403)
            check_problem(self, self.ask(target, fields, source="127.0.0.7"), "unknown_caller", 401)
        self.assert_calls(target, 1)

    def test_each_tenant_is_counted(self):
        target = self.target()
        before = self.gateway.metrics()
        for source, times in ((ONE, 3), (TWO, 2)):
            for _ in range(times):
                self.assertEqual(self.ask(target, source=source).status, 200)

        def counted():
            now = self.gateway.metrics()
            return [now.value("requests_total", tenant=name, reason="none", status=200)
                    - before.value("requests_total", tenant=name, reason="none", status=200) for name in ("one", "two")]
        eventually(lambda: counted() == [3, 2], f"hits are counted for their tenants: {counted()}")


class OfKeys(unittest.TestCase):
    def test_another_vendor_key_has_answers_of_its_own(self):
        keys = itertools.cycle(["second-vendor-key-0123456789", "third-vendor-key-0123456789"])
        with LookupVendor() as vendor, Gateway(vendor, cache={**LONG, "scope": "credential"}, uploads=UNCHECKED) as gateway:
            submission_id = new_id()
            target = f"{SUBMISSION}?submission_id={submission_id}"
            vendor.rule(submission_id, lambda request, number: reply(page(item(submission_id), call=number)))
            for number in (1, 2, 3):
                self.assertEqual(call_of(gateway.call("GET", target)), number)
                got = gateway.call("GET", target)
                self.assertEqual((call_of(got), cache_status(got).get("hit")), (number, True))
                before = self.fingerprint(gateway)
                gateway.write_key(next(keys))
                eventually(lambda: self.fingerprint(gateway) != before, "the new key is in use")
            used = [request.get("x-api-key") for request in vendor.calls(submission_id)]
            self.assertEqual(len(set(used)), 3, used)

    @staticmethod
    def fingerprint(gateway):
        return sorted(labels["fingerprint"] for labels, value in gateway.metrics().find("api_key_info") if value == 1)


if __name__ == "__main__":
    unittest.main()
