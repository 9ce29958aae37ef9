"""`Expect: 100-continue`: the interim answer is a promise to take the body, so a refusal comes without it."""

import unittest

from lib import hostile, wire
from lib.gateway import UNCHECKED, Gateway, RecordingVendor, answer, eventually

BODY = hostile.form("expecting")
LENGTH = ("Content-Length", str(len(BODY)))
EXPECT = ("Expect", "100-continue")
STEP1 = "/v3/submission/step1"


def head(*fields, method="POST", target=STEP1, version="HTTP/1.1", type_=hostile.MULTIPART):
    return wire.request(method, target, [type_, *fields], version=version)


class Expect(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = RecordingVendor(lambda request: answer(body=hostile.body_for(hostile.name_in(request))))
        cls.addClassCleanup(cls.vendor.close)
        cls.gateway = Gateway(cls.vendor, uploads=UNCHECKED, limits={"body_bytes": "1MiB"})
        cls.gateway.__enter__()
        cls.addClassCleanup(cls.gateway.__exit__, None, None, None)

    def first_answer(self, request, gateway=None):
        """What comes before any byte of the body was sent."""
        with (gateway or self.gateway).connect() as connection:
            connection.send(request)
            return connection.read_answer(skip_interim=False)

    def test_taken_with_length(self):
        self.taken(LENGTH, BODY)

    def test_taken_chunked(self):
        self.taken(("Transfer-Encoding", "chunked"), wire.chunked(BODY, 7))

    def taken(self, framing, body):
        before = len(self.vendor.requests())
        with self.gateway.connect() as connection:
            for turn in range(3):                      # and the connection goes on
                connection.send(head(framing, EXPECT))
                interim = connection.read_answer(skip_interim=False)
                self.assertEqual((interim.status, interim.headers), (100, []))
                connection.send(body)
                final = connection.read_answer(skip_interim=False)
                self.assertEqual((final.status, final.body), (200, hostile.body_for("expecting")), turn)
        seen = self.vendor.requests()[before:]
        self.assertEqual([request.body for request in seen], [BODY] * 3)
        self.assertEqual([request.all("expect") for request in seen], [[]] * 3, "the promise is ours to make")

    def test_refused_without_interim(self):
        before = len(self.vendor.requests())
        rows = {
            "unknown_path": head(LENGTH, EXPECT, target="/v3/nothing"),
            "method_not_allowed": head(LENGTH, EXPECT, target="/v3/submission"),
            "unsupported_content_type": head(LENGTH, EXPECT, type_=("Content-Type", "text/plain")),
            "unsupported_content_encoding": head(LENGTH, EXPECT, ("Content-Encoding", "gzip")),
            "body_too_large": head(("Content-Length", str((1 << 20) + 1)), EXPECT),
            "length_required": head(EXPECT),
            "conflicting_length": head(LENGTH, ("Transfer-Encoding", "chunked"), EXPECT),
            "bad_transfer_encoding": head(("Transfer-Encoding", "gzip"), EXPECT),
            "bad_content_length": head(("Content-Length", "5,5"), EXPECT),
            "unexpected_body": head(LENGTH, EXPECT, method="GET", target="/v3/submission?submission_id=x"),
            "unsupported_expectation": head(LENGTH, EXPECT, ("Expect", "more")),
            "bad_host": head(LENGTH, EXPECT, ("Host", "other")),
        }
        for reason, request in rows.items():
            with self.subTest(reason):
                got = self.first_answer(request)
                self.assertGreaterEqual(got.status, 400)
                self.assertEqual(got.reason, reason)
        self.assertEqual(len(self.vendor.requests()), before)

    def test_tenant_may_not(self):
        tenants = [{"name": "reader", "cidr": ["127.0.0.0/8"], "operations": ["read_submission"]}]
        with Gateway(self.vendor, uploads=UNCHECKED, tenants=tenants) as gateway:
            self.assertEqual(self.first_answer(head(LENGTH, EXPECT), gateway).reason, "operation_denied")

    def test_nobody_knows_the_caller(self):
        tenants = [{"name": "far", "cidr": ["192.0.2.0/24"], "operations": ["*"]}]
        with Gateway(self.vendor, uploads=UNCHECKED, tenants=tenants) as gateway:
            self.assertEqual(self.first_answer(head(LENGTH, EXPECT), gateway).reason, "unknown_caller")

    def test_no_key(self):
        with Gateway(self.vendor, uploads=UNCHECKED, key="", ready="live") as gateway:
            self.assertEqual(self.first_answer(head(LENGTH, EXPECT), gateway).reason, "api_key_missing")

    def test_older_callers_get_no_interim_answer(self):
        with self.gateway.connect() as connection:
            connection.send(head(LENGTH, EXPECT, version="HTTP/1.0") + BODY)
            self.assertEqual(connection.read_answer(skip_interim=False).status, 200)

    def test_body_sent_at_once(self):
        """A caller that does not wait gets the one final answer, interim or not."""
        with self.gateway.connect() as connection:
            connection.send(head(LENGTH, EXPECT) + BODY)
            self.assertEqual(connection.read_answer().status, 200)
            connection.send(wire.request("GET", "/v3/submission?submission_id=next"))
            self.assertEqual(connection.read_answer(skip_interim=False).body, hostile.body_for("next"))

    def test_empty_body_promises_nothing(self):
        with self.gateway.connect() as connection:
            connection.send(head(("Content-Length", "0"), EXPECT))
            self.assertEqual(connection.read_answer(skip_interim=False).reason, "multipart_unfinished")

    def test_caller_leaves_after_the_promise(self):
        before = len(self.vendor.requests())
        with self.gateway.connect() as connection:
            connection.send(head(LENGTH, EXPECT))
            self.assertEqual(connection.read_answer(skip_interim=False).status, 100)
        eventually(lambda: self.gateway.metrics().value("requests_in_flight") == 0, "the request ends")
        self.assertEqual([r.complete for r in self.vendor.requests()[before:] if r.complete], [])


if __name__ == "__main__":
    unittest.main()
