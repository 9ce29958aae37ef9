"""How long an answer is kept follows from what it shows."""

import json
import time
import unittest

from lib.cachecase import APPLICANT, LONG, NEVER_STALE, SUBMISSION, CacheCase, cache_status, call_of, item, new_id, page, parameters, reply
from lib.gateway import eventually

SLACK = 60      # seconds that a test may lie idle between two steps


class Lifetimes(CacheCase):
    """Each kind has a lifetime of its own, so that the ttl of a hit tells which one was taken."""

    cache = {"ttl_approved": "5000s", "ttl_rejected": "4000s", "ttl_pending": "1500s", "ttl_incomplete": "2000s",
             "ttl_list": "3000s", "ttl_not_found": "1000s", "ttl_other": "2500s"}

    def check(self, seconds, body, target=None):
        target = target or self.target()
        part = target.partition("?")[2]
        self.vendor.rule(part, lambda request, number: reply(body))
        self.assert_forwarded(self.ask(target), "uri-miss", stored=True)
        got = self.ask(target)
        ttl = self.assert_hit(got)["ttl"]
        self.assertTrue(seconds - SLACK <= ttl <= seconds, f"{ttl} of {seconds}: {body[:200]}")
        self.assertEqual(got.body, body)

    def one(self, result, **members):
        submission_id = new_id()
        return page(item(submission_id, result), **members), self.target(submission_id)

    def some(self, *results, **members):
        return page(*(item(new_id(), result) for result in results), **members), f"{SUBMISSION}?userid={new_id()}"

    def test_one_submission(self):
        for results, seconds in ((("approved", "Approved", "APPROVED"), 5000), (("rejected", "Rejected", "rEJECTED"), 4000),
                                 (("pending", "Pending", "PENDING"), 1500), (("incomplete", "Incomplete", "INCOMPLETE"), 2000),
                                 (("deleted", "approve", "approved ", ""), 2500)):
            for result in results:
                with self.subTest(result):
                    self.check(seconds, *self.one(result))

    def test_a_result_that_is_missing_or_odd(self):
        for kyc in (None, {}, {"result": None}, {"result": 1}, {"result": ["approved"]}, [], "approved"):
            with self.subTest(kyc):
                submission_id = new_id()
                members = {} if kyc is None else {"kyc": kyc}
                self.check(2500, json.dumps({"Items": [{"submission_id": submission_id, **members}]}).encode(), self.target(submission_id))

    def test_lists(self):
        for results, seconds in ((["approved"], 3000), (["approved"] * 3, 3000), (["approved", "rejected"], 3000),
                                 (["approved", "Incomplete", "approved"], 2000), (["rejected", "approved", "pending", "incomplete"], 1500),
                                 (["approved"] * 30 + ["pending"], 1500), (["approved", "unheard of"], 2500)):
            with self.subTest(results):
                self.check(seconds, *self.some(*results))

    def test_a_page_that_has_a_next_one_is_a_list(self):
        body, target = self.one("approved", nextpageKey={"id": new_id(), "created_at": "2024-05-06T07:08:09.010Z"})
        self.check(3000, body, target)

    def test_not_found(self):
        self.check(1000, b'{"Items":[]}')
        self.check(1000, b'{"Items":[]}', f"{SUBMISSION}?userid={new_id()}")
        self.check(1000, b"[]", f"{APPLICANT}?applicant_id={new_id()}")

    def test_applicants(self):
        self.check(2500, b'[{"submission_id":"sbx1","email":"a@example.test"}]', f"{APPLICANT}?applicant_id={new_id()}")

    def test_encrypted(self):
        for body in (b'{"data":"U2FsdGVkX1+3"}', b'{"isEncrypted":true,"data":"U2FsdGVkX1+3"}', b' { "data" : "" } '):
            with self.subTest(body):
                self.check(2500, body)
                self.check(2500, body, f"{APPLICANT}?applicant_id={new_id()}")

    def test_unreadable(self):
        for body in (b"approved", b"<html></html>", b'{"Items":[', b'{"Items":[]}x', b'{"Items":{}}', b"null", b'"x"', b'{"Items":["x"]}',
                     b'{"Items":[],"Items":[]}', b'{"Items":[]\xff}', b"[" * 2000 + b"]" * 2000):
            with self.subTest(body[:40]):
                self.check(2500, body)

    def test_a_result_named_twice_is_unreadable(self):
        submission_id = new_id()
        body = b'{"Items":[{"submission_id":"%s","kyc":{"result":"approved","result":"pending"}}]}' % submission_id.encode()
        self.check(2500, body, self.target(submission_id))

    def test_escapes_are_read(self):
        submission_id = new_id()
        body = b'{"Items":[{"submission_id":"\\u0073%s","k\\u0079c":{"result":"pend\\u0069ng"}}]}' % submission_id[1:].encode()
        self.check(1500, body, self.target(submission_id))

    def test_another_submission_than_the_one_asked_for_is_not_kept(self):
        for shown in ([item("sbx-other")], [{"kyc": {"result": "approved"}}], [item(""), item("sbx-other")]):
            with self.subTest(shown):
                target = self.target()
                self.vendor.rule(target.partition("?")[2], lambda request, number, items=shown: reply(page(*items, call=number)))
                for calls in (1, 2, 3):
                    self.assert_forwarded(self.ask(target), stored=False)
                    self.assert_calls(target, calls)

    def test_an_empty_body_is_not_kept_for_long(self):
        target = self.target()
        self.vendor.rule(target.partition("?")[2], lambda request, number: reply(b""))
        self.assertEqual(self.ask(target).body, b"")
        got = self.ask(target)
        self.assertEqual((got.status, got.body), (200, b""))
        self.assertLessEqual(cache_status(got).get("ttl", 0), 2500)


class Zero(CacheCase):
    cache = {**LONG, "ttl_pending": "0s", "ttl_list": "0s", "ttl_not_found": "0s"}

    def test_a_lifetime_of_nothing_is_no_caching(self):
        for name, body in ((f"userid={new_id()}", page(item("sbx-a"))), (f"submission_id={new_id()}", page())):
            with self.subTest(name):
                self.vendor.rule(name, lambda request, number, found=body: reply(found))
                for calls in (1, 2, 3):
                    got = self.ask(f"{SUBMISSION}?{name}", "max-age=86400")
                    self.assert_forwarded(got)
                    self.assert_calls(f"{SUBMISSION}?{name}", calls)


class Polling:
    """Somebody who polls: the vendor is asked again after the lifetime, and not before."""

    kind, seconds = None, 0.4

    def body(self, request, number):
        submission_id = parameters(request.target).get("submission_id", "sbx-a")
        if self.kind == "not_found":
            return page(call=number)
        if self.kind == "other":
            return b'{"data":"ciphertext","call":%d}' % number
        return page(item(submission_id, "approved" if self.kind == "list" else self.kind.title()), call=number)

    def test_polling(self):
        target = f"{SUBMISSION}?userid={new_id()}" if self.kind == "list" else self.target()
        part, arrived = target.partition("?")[2], []

        def respond(request, number):
            arrived.append(time.monotonic())
            return reply(self.body(request, number))
        self.vendor.rule(part, respond)
        hits = {}

        def poll():
            got = self.ask(target)
            self.assertEqual(got.status, 200)
            if "hit" in cache_status(got):
                hits[call_of(got)] = hits.get(call_of(got), 0) + 1
            time.sleep(0.02)
            return len(arrived) >= 4
        eventually(poll, "the vendor is asked again and again", 30)
        for before, after in zip(arrived, arrived[1:]):
            # The clock that the gateway reads is up to 10 ms behind.
            self.assertGreater(after - before, self.seconds - 0.05, arrived)
        self.assertTrue(hits, "never a hit")


def _polling(kind):
    settings = {**LONG, **NEVER_STALE, f"ttl_{kind}": "400ms"}
    return type(f"Polling{kind.title().replace('_', '')}", (Polling, CacheCase), {"cache": settings, "kind": kind, "__module__": __name__})


PollingApproved, PollingRejected, PollingPending = _polling("approved"), _polling("rejected"), _polling("pending")
PollingIncomplete, PollingList = _polling("incomplete"), _polling("list")
PollingNotFound, PollingOther = _polling("not_found"), _polling("other")


class Verdict(CacheCase):
    """With what is the default besides the lifetimes: a decision that the vendor makes by itself is seen at most ttl_pending late."""

    cache = {"ttl_pending": "500ms"}

    def test_a_verdict_is_at_most_ttl_pending_late(self):
        for pause in (0.0, 0.7, 1.5):      # polled without a break, and less often than it expires
            with self.subTest(pause=pause):
                target, state = self.target(), {"result": "pending"}
                submission_id = target.partition("=")[2]
                self.vendor.rule(submission_id, lambda request, number, now=state: reply(page(item(submission_id, now["result"]), call=number)))
                self.fill(target)
                for _ in range(30 if not pause else 1):
                    time.sleep(pause or 0.02)
                    self.ask(target)
                changed = time.monotonic()
                state["result"] = "approved"
                seen = []

                def poll():
                    begun = time.monotonic()
                    got = self.ask(target)
                    seen.append((begun - changed, b'"approved"' in got.body, got.get("cache-status")))
                    time.sleep(pause or 0.02)
                    return seen[-1][1]
                eventually(poll, "the verdict is seen", 20)
                late = [row for row in seen if row[0] > 0.55 and not row[1]]
                self.assertEqual(late, [])


if __name__ == "__main__":
    unittest.main()
