"""No refused upload ever reaches the vendor whole, and what is taken reaches it as it was sent: every body of
tests/upload/cases, with a length and in chunks, short and behind a picture that makes it stream."""

import json
import unittest

from lib import media, uploadcases, uploads
from lib.gateway import Gateway, RecordingVendor, eventually, make_certs
from lib.problem import MEMBERS

LONG = 200_000
# What is wrong in front of the first part is the same when another part comes before it, but not what it is called.
NOT_LENGTHENED = ("content type", "around the parts", "json", "urlencoded")


class Refused(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cases, cls.status = uploadcases.load(), uploads.statuses()
        cls.picture = uploadcases.pictures()["jpeg"]

    def play(self, rules, every=1, tls=None):
        rows = [case for case in self.cases if case.rules == rules][::every]
        rule = rows[0].rule
        with RecordingVendor(tls=tls) as vendor, uploads.gateway_of(vendor, rule) as gateway:
            expected, streamed = {}, 0
            for number, case in enumerate(rows):
                for framing in uploads.FRAMINGS:
                    for body in self.bodies(case):
                        request_id = f"{number}-{framing}-{len(body)}"
                        streamed += case.reason is not None and len(body) > LONG
                        with self.subTest(case.name, framing=framing, size=len(body)):
                            self.one(gateway, case, body, framing, request_id, expected)
            eventually(lambda: len(vendor.requests()) >= len(expected), "the vendor has all that was taken")
            gateway.stop()
            complete = [request for request in vendor.requests() if request.complete]
            self.assertEqual({request.get("x-request-id") for request in complete} - set(expected), set())
            for request in complete:
                case, body = expected[request.get("x-request-id")]
                self.assertEqual(request.body, body, case.name)
                self.assertEqual(request.get("content-type").encode("latin-1"), case.content_type)
            self.assertEqual(len(complete), len(expected))
            # The bodies that are too long to be judged before have been passed on in part.
            begun = [request for request in vendor.requests() if not request.complete and len(request.connection.received) > LONG // 2]
            self.assertGreaterEqual(len(begun), streamed // 2)

    def bodies(self, case):
        yield case.body
        # The picture in front must be one that these rules take, and may not be the one part too many.
        if case.group in NOT_LENGTHENED or "file_bytes" in case.rule or case.rules == "only-png" or case.name.startswith("size-parts"):
            return
        if case.operation == "address_code":
            return
        if uploads.SECOND_FILE[case.operation] not in case.body:
            yield uploads.lengthened(case, self.picture, LONG)

    def one(self, gateway, case, body, framing, request_id, expected):
        # Chunks that end anywhere: in boundaries, between CR and LF.
        chunk = len(body) % 97 + 1 if len(body) < 5000 else len(body) % 9973 + 1
        answer = uploads.post(gateway, case.operation, case.content_type, body, framing, request_id, chunk=chunk)
        if case.reason is None:
            expected[request_id] = (case, body)
            self.assertEqual((answer.reason, answer.status), (None, 200), answer.body)
            return
        self.assertEqual((answer.reason, answer.status), (case.reason, self.status[case.reason]), answer.body)
        problem = json.loads(answer.body)
        self.assertEqual(set(problem) - {"errors"}, MEMBERS)
        self.assertEqual(problem["instance"], request_id)
        if len(body) == len(case.body) and case.part:
            self.assertIn(case.part, problem["detail"])
        if case.fields and case.rules == "enforce":
            self.assertEqual([error["field"] for error in problem["errors"]], case.fields)

    def test_rules_enforced(self):
        self.play("enforce")

    def test_framing_without_rules(self):
        self.play("off")

    def test_rules_reported(self):
        self.play("report")

    def test_small_limits(self):
        self.play("small")

    def test_small_limits_without_rules(self):
        self.play("small-off")

    def test_vendor_behind_tls(self):
        self.play("enforce", 5, make_certs())
        self.play("off", 5, make_certs())

    def test_one_type_only(self):
        self.play("only-png")
        self.play("only-jpeg")


class Connection(unittest.TestCase):
    """What else goes on between caller and gateway around a refusal."""

    def setUp(self):
        self.vendor = RecordingVendor()
        self.addCleanup(self.vendor.close)

    def gateway(self, **sections):
        gateway = Gateway(self.vendor, **sections)
        self.addCleanup(gateway.__exit__)
        return gateway.start()

    def complete(self):
        return [request for request in self.vendor.requests() if request.complete]

    def test_the_next_request_is_read_where_it_begins(self):
        gateway, cases = self.gateway(), [case for case in uploadcases.load() if case.rules == "enforce"][::9]
        good = next(case for case in cases if case.reason is None and case.operation == "submit_step1")
        answered = 0
        for number, case in enumerate(cases):
            for framing in uploads.FRAMINGS:
                with self.subTest(case.name, framing=framing), gateway.connect() as connection:
                    first = uploads.request(case.operation, case.content_type, case.body, framing, f"first-{number}")
                    connection.send(first + uploads.request("submit_step1", good.content_type, good.body, framing,
                                                            f"next-{number}"))
                    answer = connection.read_answer()
                    self.assertEqual(answer.reason, case.reason)
                    if answer.get("connection") != "close":
                        answer = connection.read_answer()
                        self.assertEqual((answer.status, answer.reason, answer.get("x-request-id")),
                                         (200, None, f"next-{number}"))
                        answered += 1
        self.assertGreater(answered, len(cases))
        refused = {f"first-{number}" for number, case in enumerate(cases) if case.reason}
        self.assertEqual(refused & {request.get("x-request-id") for request in self.complete()}, set())

    def test_a_body_is_not_asked_for_in_vain(self):
        gateway = self.gateway()
        for content_type, length, reason in ((b"multipart/form-data; boundary=x", 11 * media.MIB, "body_too_large"),
                                             (b"multipart/form-data", 1000, "boundary_missing"),
                                             (b"multipart/form-data; boundary=", 1000, "boundary_missing"),
                                             (b"multipart/form-data; boundary=x; boundary=y", 1000,
                                              "boundary_repeated"),
                                             (b"multipart/form-data; boundary=" + b"x" * 71, 1000, "boundary_too_long"),
                                             (b"text/plain", 1000, "unsupported_content_type")):
            with self.subTest(reason), gateway.connect() as connection:
                connection.send(b"POST /v3/submission/step1 HTTP/1.1\r\nHost: gw.test\r\nExpect: 100-continue\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
                                % (content_type, length))
                answer = connection.read_answer(skip_interim=False)
                self.assertEqual(answer.reason, reason)
        self.assertEqual(self.vendor.connections, [])

    def test_a_small_body_is_judged_before_the_vendor_is_called(self):
        gateway = self.gateway()
        for case in [case for case in uploadcases.load() if case.rules == "enforce" and case.reason and len(case.body) < 4000][::3]:
            for framing in uploads.FRAMINGS:
                with self.subTest(case.name, framing=framing):
                    self.assertEqual(uploads.post(gateway, case.operation, case.content_type, case.body,
                                                  framing).reason, case.reason)
        self.assertEqual(self.vendor.connections, [])

    def test_a_body_over_the_limit_in_chunks(self):
        gateway = self.gateway(uploads={"validation": "off"}, limits={"body_bytes": "1MiB"})
        kind, body = media.multipart([(f"f{number}", "f.jpg", "image/jpeg", bytes(300_000)) for number in range(4)])
        answer = uploads.post(gateway, "submit_step1", kind.encode(), body, "chunked")
        self.assertEqual((answer.reason, answer.status), ("body_too_large", 413), answer.body)
        self.assertIn("limits.body_bytes", json.loads(answer.body)["detail"])
        self.assertEqual(self.complete(), [])

    def test_the_end_is_held_back_until_the_verdict(self):
        """A good upload but for its last byte: the vendor has most of it, and never all of it."""
        gateway = self.gateway(limits={"body_timeout": "1s"})
        kind, body = media.multipart(media.step1_fields(media.jpeg(1_000_000)))
        for framing in uploads.FRAMINGS:
            with self.subTest(framing), gateway.connect() as connection:
                sent = uploads.request("submit_step1", kind.encode(), body, framing)
                connection.send(sent[:-8])
                eventually(lambda: len(self.vendor.received()) > 800_000, "the upload is passed on")
                self.assertEqual(self.complete(), [])
                self.assertEqual(connection.read_answer().reason, "body_timeout")
                eventually(lambda: all(one.ended for one in self.vendor.connections), "the vendor connection is closed")
                self.assertEqual(self.complete(), [])
                self.vendor.clear()


if __name__ == "__main__":
    unittest.main()
