"""What a caller can ask of the cache with Cache-Control (RFC 9111 section 5.2.1; the names of the tests begin with the section)."""

import unittest

from lib.cachecase import LONG, CacheCase, cache_status, call_of, get, pipeline
from lib.problem import check_problem


class Fresh(CacheCase):
    cache = {**LONG, "stale_while_revalidate": "0s", "stale_if_error": "1h"}

    def aged(self, *headers):
        """A target whose answer is 100 s old and good for 900 s more, whatever the clock does meanwhile."""
        target = self.target()
        self.vendor.headers(target.partition("=")[2], ("Cache-Control", "max-age=1000"), ("Age", "100"), *headers)
        self.fill(target)
        return target

    def test_5_2_1_4_no_cache(self):
        for cache_control in ("no-cache", "No-Cache", "max-stale, no-cache"):
            with self.subTest(cache_control):
                target = self.target()
                first = self.fill(target)
                got = self.ask(target, cache_control)
                self.assert_forwarded(got, "request", stored=True)
                self.assertGreater(call_of(got), first)
                self.assert_hit(self.ask(target), call_of(got))    # what was brought replaces what was stored
                self.assert_calls(target, 2)

    def test_5_4_pragma(self):
        target = self.target()
        self.fill(target)
        self.assert_forwarded(self.ask(target, None, ("Pragma", "no-cache")), "request")
        self.assert_hit(self.ask(target, "max-stale=5", ("Pragma", "no-cache")))  # it does not count beside Cache-Control
        self.assert_calls(target, 2)

    def test_5_2_1_5_no_store(self):
        target = self.target()
        for _ in range(2):
            got = self.ask(target, "no-store")
            self.assert_forwarded(got, stored=False)
        self.assert_calls(target, 2)
        self.assert_forwarded(self.ask(target), "uri-miss", stored=True)
        self.assert_hit(self.ask(target))

    def test_5_2_1_5_no_store_leaves_what_is_stored(self):
        target = self.target()
        number = self.fill(target)
        self.assertEqual(self.ask(target, "no-store").status, 200)
        self.assert_hit(self.ask(target), number)

    def test_5_2_1_1_max_age(self):
        target = self.aged()
        calls = 1
        for cache_control, hit in (("max-age=900", True), ("MAX-AGE=900", True), ('max-age="900"', True), ("max-age=50", False),
                                   ("max-age=0", False), ("max-age=99999999999999999999", True)):
            with self.subTest(cache_control):
                got = self.ask(target, cache_control)
                calls += not hit
                if hit:
                    self.assertGreaterEqual(self.assert_hit(got)["ttl"], 0)
                    self.assertGreaterEqual(int(got.get("age")), 100)
                else:
                    self.assert_forwarded(got, "request")
                self.assert_calls(target, calls)

    def test_5_2_1_1_max_age_0_right_after_the_fill(self):
        target = self.target()
        self.fill(target)
        self.assert_forwarded(self.ask(target, "max-age=0"), "request")
        self.assert_calls(target, 2)

    def test_5_2_1_3_min_fresh(self):
        target = self.aged()
        self.assert_hit(self.ask(target, "min-fresh=300"))
        self.assert_calls(target, 1)
        self.assert_forwarded(self.ask(target, "min-fresh=950"), "request")
        self.assert_calls(target, 2)

    def test_several_conditions_all_count(self):
        target = self.aged()
        self.assert_hit(self.ask(target, "max-age=900, min-fresh=300"))
        self.assert_calls(target, 1)
        self.assert_forwarded(self.ask(target, "max-age=900, min-fresh=950"), "request")
        got = self.ask(target, None, ("Cache-Control", "max-age=900"), ("Cache-Control", "min-fresh=950"))
        self.assert_forwarded(got, "request")
        self.assert_calls(target, 3)

    def test_unknown_directives_are_ignored(self):
        target = self.target()
        number = self.fill(target)
        self.assert_hit(self.ask(target, 'x-unknown, y="a, no-cache", stale-if-error=5'), number)
        self.assert_calls(target, 1)

    def test_5_2_1_7_only_if_cached(self):
        target = self.target()
        for _ in range(2):
            got = self.ask(target, "only-if-cached")
            check_problem(self, got, "not_in_cache", 504)
            self.assertFalse({"hit", "fwd", "stored"} & set(cache_status(got)), got.headers)
        self.assert_calls(target, 0)
        number = self.fill(target)
        self.assert_hit(self.ask(target, "only-if-cached"), number)
        self.assert_hit(self.ask(target, "only-if-cached, max-age=3000"), number)
        self.assert_calls(target, 1)

    def test_5_2_1_7_only_if_cached_with_more(self):
        target = self.aged()
        for more in ("no-cache", "max-age=50", "min-fresh=950"):
            with self.subTest(more):
                check_problem(self, self.ask(target, f"only-if-cached, {more}"), "not_in_cache", 504)
        self.assert_calls(target, 1)

    def test_only_if_cached_keeps_the_connection_and_is_logged(self):
        target, other = self.target(), self.target()
        self.fill(target)
        with self.gateway.connect() as connection:
            refused, hit = pipeline(connection, get(other, ("Cache-Control", "only-if-cached"), ("X-Request-Id", "oic-1")), get(target))
        check_problem(self, refused, "not_in_cache", 504, "oic-1")
        self.assert_hit(hit)
        line = self.gateway.access_line("oic-1")
        self.assertEqual((line["status"], line["reason"], line["operation"]), (504, "not_in_cache", "read_submission"), line)
        self.assertFalse(line.get("attempts"), line)

    def test_the_answer_to_no_cache_fails(self):
        """Who wants the vendor's own word gets no stored one instead of it."""
        target = self.target()
        number = self.fill(target)
        self.vendor.status(target.partition("=")[2], 503)
        got = self.ask(target, "no-cache")
        self.assertEqual(got.status, 503)
        self.assert_hit(self.ask(target), number)      # what was stored is still good for the others


class Stale(CacheCase):
    cache = {**LONG, "ttl_approved": "200ms", "stale_while_revalidate": "0s", "stale_if_error": "1h"}

    def stale(self, *headers):
        target = self.target()
        if headers:
            self.vendor.headers(target.partition("=")[2], *headers)
        number = self.fill(target)
        self.expire(target)
        self.assert_calls(target, 1)
        return target, number

    def test_without_a_word_the_vendor_is_asked(self):
        target, number = self.stale()
        got = self.ask(target)
        self.assert_forwarded(got, "stale", stored=True)
        self.assertGreater(call_of(got), number)

    def test_5_2_1_2_max_stale(self):
        for cache_control in ("max-stale", "max-stale=3600", "MAX-STALE=3600", "max-stale, max-age=3600", "only-if-cached, max-stale"):
            with self.subTest(cache_control):
                target, number = self.stale()
                self.assert_hit(self.ask(target, cache_control), number, stale=True)
                self.assert_calls(target, 1)

    def test_5_2_1_2_max_stale_has_an_end(self):
        target = self.target()
        # 50 s past its lifetime when it is stored.
        self.vendor.headers(target.partition("=")[2], ("Cache-Control", "max-age=10"), ("Age", "60"))
        number = self.fill(target)
        got = self.ask(target, "max-stale=3600")
        if "hit" in cache_status(got):                # it need not have been stored at all
            self.assert_hit(got, number, stale=True)
        got = self.ask(target, "max-stale=20")
        self.assert_forwarded(got, "stale")
        self.assertGreater(call_of(got), number)

    def test_5_2_1_2_max_stale_does_not_count_against_the_vendor(self):
        for said in ("must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=0"):
            with self.subTest(said):
                target = self.target()
                self.vendor.headers(target.partition("=")[2], ("Cache-Control", said))
                number = self.fill(target)
                self.expire(target)
                got = self.ask(target, "max-stale")
                self.assert_forwarded(got)
                self.assertGreater(call_of(got), number)
                if said in ("no-cache", "s-maxage=0"):      # never fresh
                    self.assertEqual(self.ask(target, "only-if-cached, max-stale").status, 504)

    def test_stale_is_not_enough(self):
        for cache_control in ("only-if-cached", "only-if-cached, max-age=3600", "only-if-cached, min-fresh=0", "only-if-cached, max-stale, no-cache"):
            with self.subTest(cache_control):
                target, _ = self.stale()
                check_problem(self, self.ask(target, cache_control), "not_in_cache", 504)
                self.assert_calls(target, 1)


if __name__ == "__main__":
    unittest.main()
