"""The cache between polling clients and the stand-in for the vendor, which decides for itself what its answers are."""

import threading
import time
import unittest
import uuid
from urllib.parse import quote

from lib.cachecase import APPLICANT, LONG, SUBMISSION, cache_status
from lib.gateway import Gateway, Sandbox, eventually
from lib.media import multipart, step1_fields, step2_fields

LONGEST = {**LONG, "stale_while_revalidate": "1h", "stale_if_error": "1h"}


class SandboxCase(unittest.TestCase):
    cache = LONGEST

    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.sandbox.start()
        cls.addClassCleanup(cls.sandbox.__exit__)
        cls.gateway = Gateway(cls.sandbox, cache=cls.cache, upstream={"first_byte_timeout": "2s", "total_timeout": "8s"})
        cls.gateway.__enter__()
        cls.addClassCleanup(cls.gateway.__exit__, None, None, None)

    def post(self, path, form):
        content_type, body = form
        return self.gateway.call("POST", path, [("Content-Type", content_type)], body)

    def step1(self, words="", submission_id=None):
        """A new submission whose e-mail carries the words; (id, e-mail)."""
        self.email = f"{words or 'plain'}@{uuid.uuid4().hex}.test"
        got = self.post(f"{SUBMISSION}/step1", multipart(step1_fields(email=self.email)))
        self.assertEqual(got.status, 200, got.body)
        return got.json()["submissionId"], self.email

    def step2(self, submission_id):
        return self.post(f"{SUBMISSION}/step2", multipart(step2_fields(submission_id)))

    def delete(self, submission_id):
        return self.gateway.call("DELETE", f"{SUBMISSION}?submission_id={submission_id}")

    def ask(self, target, **connect):
        got = self.gateway.call("GET", target, **connect)
        self.assertEqual(got.status, 200, got.body)
        return got

    def result(self, submission_id):
        items = self.ask(f"{SUBMISSION}?submission_id={submission_id}").json()["Items"]
        return items[0]["kyc"]["result"].lower() if items else None


class Flow(SandboxCase):
    def test_a_submission_through_its_life(self):
        submission_id, email = self.step1("first1+lowscore")
        listed = f"{SUBMISSION}?email={quote(email)}"
        for expected in ("incomplete", "incomplete", "approved"):
            for _ in range(3):
                self.assertEqual(self.result(submission_id), expected)
                (shown,) = self.ask(listed).json()["Items"]
                self.assertEqual(shown["kyc"]["result"].lower(), expected)
            self.assertIn("hit", cache_status(self.ask(listed)))
            if expected != "approved":
                self.assertEqual(self.step2(submission_id).status, 200)
        applicant = f"{APPLICANT}?applicant_id={shown['applicant_id']}"
        for _ in range(2):
            self.assertIn(submission_id, [one["submission_id"] for one in self.ask(applicant).json()])
        self.assertIn("hit", cache_status(self.ask(applicant)))
        self.assertEqual(self.delete(submission_id).status, 200)
        self.assertIsNone(self.result(submission_id))
        self.assertEqual(self.ask(listed).json()["Items"], [])
        self.assertNotIn(submission_id, [one["submission_id"] for one in self.ask(applicant).json()])

    def test_a_new_submission_is_in_every_list(self):
        everything = f"{SUBMISSION}?count=2000"
        for _ in range(3):
            before = {one["submission_id"] for one in self.ask(everything).json()["Items"]}
            submission_id, email = self.step1()
            self.assertNotIn(submission_id, before)
            self.assertIn(submission_id, {one["submission_id"] for one in self.ask(everything).json()["Items"]})

    def test_a_list_that_was_empty(self):
        submission_id, email = self.step1()
        other = f"plain@{uuid.uuid4().hex}.test"
        listed = f"{SUBMISSION}?email={quote(other)}"
        self.assertEqual(self.ask(listed).json()["Items"], [])
        got = self.post(f"{SUBMISSION}/step1", multipart(step1_fields(email=other)))
        self.assertEqual(got.status, 200)
        self.assertEqual(len(self.ask(listed).json()["Items"]), 1)

    def test_encrypted_lookups_are_passed_on_and_invalidated(self):
        submission_id, email = self.step1("encrypted")
        target = f"{SUBMISSION}?submission_id={submission_id}"
        first = self.ask(target)
        self.assertIsInstance(first.json()["data"], str)
        again = self.ask(target)
        self.assertEqual((again.body, cache_status(again).get("hit")), (first.body, True))
        self.assertEqual(self.step2(submission_id).status, 200)
        self.assertIn("fwd", cache_status(self.ask(target)))


class Delayed(SandboxCase):
    def test_a_change_while_the_sandbox_delays_a_lookup(self):
        for kind in ("step2", "delete"):
            with self.subTest(kind):
                submission_id, email = self.step1("read.delay1500")
                target = f"{SUBMISSION}?submission_id={submission_id}"
                second = []
                early = threading.Thread(target=self.ask, args=(target,))
                before = self.gateway.metrics().value("requests_in_flight")
                early.start()
                eventually(lambda: self.gateway.metrics().value("requests_in_flight") > before, "the lookup is under way")
                time.sleep(0.3)       # it reaches the sandbox, which looks the record up and waits
                change = self.step2 if kind == "step2" else self.delete
                self.assertEqual(change(submission_id).status, 200)
                expected = "approved" if kind == "step2" else None
                late = threading.Thread(target=lambda: second.append(self.ask(target)))
                late.start()          # while the first one is still held
                early.join(20)
                late.join(20)
                self.assertEqual(self.shown(second[0]), expected, "the one that was asked for later")
                for _ in range(3):
                    self.assertEqual(self.result(submission_id), expected)

    @staticmethod
    def shown(got):
        items = got.json()["Items"]
        return items[0]["kyc"]["result"].lower() if items else None


class Unknown(SandboxCase):
    def test_work_that_was_done_although_the_answer_was_lost(self):
        for words, change, expected in (("step2.lostanswer", self.step2, "approved"), ("step2.done504", self.step2, "approved"),
                                        ("delete.lostanswer", self.delete, None), ("delete.done504", self.delete, None)):
            with self.subTest(words):
                submission_id, email = self.step1(words)
                self.assertEqual(self.result(submission_id), "incomplete")
                self.assertGreaterEqual(change(submission_id).status, 502)
                self.assertEqual(self.result(submission_id), expected)

    def test_work_that_was_not_done(self):
        for words, change in (("step2.cut", self.step2), ("step2.reset", self.step2), ("delete.cut", self.delete), ("delete.err500", self.delete)):
            with self.subTest(words):
                submission_id, email = self.step1(words)
                self.assertEqual(self.result(submission_id), "incomplete")
                self.assertGreaterEqual(change(submission_id).status, 500)
                self.assertEqual(self.result(submission_id), "incomplete")


class Verdicts(SandboxCase):
    cache = {"ttl_pending": "200ms"}

    def test_polling_until_the_verdict(self):
        submission_id, email = self.step1("pending+settle4")
        self.assertEqual(self.step2(submission_id).json()["kycStatus"], "pending")
        results = []

        def poll():
            results.append(self.result(submission_id))
            time.sleep(0.01)
            return results[-1] == "approved"
        eventually(poll, "the verdict", 20)
        self.assertEqual(set(results[:-1]), {"pending"})
        self.assertGreater(len(results), 8, "most of it came from the cache")
        self.assertEqual([self.result(submission_id) for _ in range(5)], ["approved"] * 5)

    def test_many_clients_and_many_submissions(self):
        """Each client walks its own submissions; what it has changed it sees, though all others poll the lists."""
        faults, running = [], threading.Event()

        def walk():
            try:
                for _ in range(6):
                    email = f"plain@{uuid.uuid4().hex}.test"
                    got = self.post(f"{SUBMISSION}/step1", multipart(step1_fields(email=email)))
                    submission_id = got.json()["submissionId"]
                    listed = f"{SUBMISSION}?email={quote(email)}"
                    assert len(self.ask(listed).json()["Items"]) == 1, "not listed"
                    assert self.result(submission_id) == "incomplete", "after step 1"
                    assert self.step2(submission_id).status == 200
                    assert self.result(submission_id) == "approved", "after step 2"
                    assert self.ask(listed).json()["Items"][0]["kyc"]["result"].lower() == "approved", "in the list"
                    assert self.delete(submission_id).status == 200
                    assert self.result(submission_id) is None, "after DELETE"
                    assert self.ask(listed).json()["Items"] == [], "in the list after DELETE"
            except Exception as error:  # told to the main thread
                faults.append(repr(error))

        def poll():
            while not running.is_set():
                self.ask(f"{SUBMISSION}?count=100")
        walkers = [threading.Thread(target=walk) for _ in range(6)]
        poller = threading.Thread(target=poll)
        for thread in (*walkers, poller):
            thread.start()
        for thread in walkers:
            thread.join(60)
        running.set()
        poller.join(20)
        self.assertEqual(faults, [])


if __name__ == "__main__":
    unittest.main()
