"""What the tests of the cache share: pages of submissions, a vendor that counts its calls, one gateway a class.

    class Hits(CacheCase):
        cache = {"ttl_approved": "1h"}                   # section [cache] of the class's gateway
        def test_second_lookup(self):
            target = self.target()                       # of a submission that no other test asks for
            self.assert_forwarded(self.ask(target), "uri-miss", stored=True)
            self.assert_hit(self.ask(target))
"""

import itertools
import json
import re
import threading
import unittest
import urllib.parse

from . import wire
from .gateway import UNCHECKED, Gateway, RecordingVendor, answer, eventually

JSON = ("Content-Type", "application/json")
SUBMISSION, APPLICANT = "/v3/submission", "/v3/submission/applicant"
LONG = {f"ttl_{kind}": "1h" for kind in ("approved", "rejected", "pending", "incomplete", "list", "not_found", "other")}
NEVER_STALE = {"stale_while_revalidate": "0s", "stale_if_error": "0s"}
# Stale answers are refused by whoever names an age without max-stale (RFC 9111 section 5.2.1.1).
FRESH_ONLY = "only-if-cached, max-age=86400"

_numbers = itertools.count(1)
_STATUS = re.compile(r'argos-gateway(?:; ?[a-z*][a-z0-9_.*-]*(?:=(?:-?\d{1,15}|[A-Za-z*][\w!#$%&\'*+.^`|~:/-]*|"[ -~]*"))?)*')
_TARGET, _VALUE = re.compile(r"/v3/[!-~]+"), re.compile(r"[ -~]*")


def new_id():
    """An id that nothing else in this process has, and that is no part of another."""
    return f"sbx{next(_numbers):06d}z"


def item(submission_id, result="approved", **more):
    return {"submission_id": submission_id, "kyc": {"result": result}, **more}


def page(*items, **members):
    return json.dumps({"Items": list(items), **members}).encode()


def parameters(target):
    return dict(urllib.parse.parse_qsl(target.partition("?")[2]))


def numbered(request, number, result="approved", **members):
    """A body that is right for the question and tells which call of the vendor it came from."""
    asked = parameters(request.target)
    if request.target.partition("?")[0].endswith("/applicant"):
        return json.dumps([{"submission_id": "sbx-of-applicant", "email": "a@example.test", "call": number}]).encode()
    ids = [value for name, value in asked.items() if name.lower().replace("_", "") == "submissionid"]
    return page(item((ids or ["sbx-listed"])[0], result, **members), call=number)


def reply(body, *headers, status=200, **named):
    return answer(status, body, headers=(JSON, *headers), **named)


def call_of(got):
    """The call of the vendor that a body came from."""
    found = re.search(rb'"call": ?(\d+)', got.body)
    return int(found[1]) if found else None


def cache_status(got):
    """The parameters of Cache-Status (RFC 9211): flags are True, numbers int. There is one field with one member."""
    fields = got.all("cache-status")
    if len(fields) != 1 or not _STATUS.fullmatch(fields[0]):
        raise AssertionError(f"cache-status {fields} of {got}")
    found = {}
    for part in fields[0].split(";")[1:]:
        name, equals, value = part.strip().partition("=")
        if name in found:
            raise AssertionError(f"twice in {fields[0]}: {name}")
        found[name] = (int(value) if re.fullmatch(r"-?\d+", value) else value) if equals else True
    return found


class Gate(threading.Event):
    """Holds vendor answers (steps: [Wait(gate), ...]); open at the latest when the block is left."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.set()


class LookupVendor(RecordingVendor):
    """Answers as numbered() says, or as a rule says: rule(part of the target, respond(request, number))."""

    def __init__(self, **named):
        super().__init__(self._respond, **named)
        self.rules, self._count, self.odd = {}, itertools.count(1), []

    def _respond(self, request):
        request.number = next(self._count)
        if not _TARGET.fullmatch(request.target) or any(not _VALUE.fullmatch(value) for _, value in request.headers):
            self.odd.append(request.head)
        for part, respond in list(self.rules.items()):
            if part in request.target:
                return respond(request, request.number)
        if request.method == "GET":
            return reply(numbered(request, request.number))
        return reply(b'{"message":"success","statusCode":200}')

    def rule(self, part, respond):
        self.rules[part] = respond

    def headers(self, part, *headers, **named):
        """The usual page with these header fields."""
        self.rule(part, lambda request, number: reply(numbered(request, number, **named), *headers))

    def status(self, part, status, body=b'{"message":"as told"}'):
        self.rule(part, lambda request, number: reply(body, status=status))

    def calls(self, part):
        return [request for request in self.requests() if part in request.target]


class CacheCase(unittest.TestCase):
    """One vendor and one gateway for the tests of a class."""

    cache, sections = {}, {}
    vendor_type = LookupVendor

    @classmethod
    def setUpClass(cls):
        cls.vendor = cls.vendor_type()
        cls.addClassCleanup(cls.vendor.close)
        cls.gateway = Gateway(cls.vendor, cache=cls.cache, **{"uploads": UNCHECKED, **cls.sections})
        cls.gateway.__enter__()
        cls.addClassCleanup(cls.gateway.__exit__, None, None, None)

    def tearDown(self):
        odd, self.vendor.odd = self.vendor.odd, []
        self.assertEqual(odd[:3], [], f"{len(odd)} times the vendor was asked what nobody asks")

    def target(self, submission_id=None):
        return f"{SUBMISSION}?submission_id={submission_id or new_id()}"

    def ask(self, target, cache_control=None, *headers, gateway=None, **connect):
        fields = [("Cache-Control", cache_control)] if cache_control else []
        return (gateway or self.gateway).call("GET", target, [*fields, *headers], **connect)

    def assert_hit(self, got, call=None, stale=False):
        status = cache_status(got)
        self.assertEqual((got.status, status.get("hit")), (200, True), (status, got.body[:200]))
        self.assertNotIn("fwd", status)
        self.assertNotIn("stored", status)
        self.assertIn("ttl", status)
        self.assertEqual(status["ttl"] < 0, stale, status)
        self.assertEqual(len(got.all("age")), 1, got.headers)
        self.assertRegex(got.get("age"), r"^\d+$")
        if call is not None:
            self.assertEqual(call_of(got), call)
        return status

    def assert_forwarded(self, got, forward=None, stored=None, call=None, status=200):
        told = cache_status(got)
        self.assertEqual(got.status, status, (told, got.body[:200]))
        self.assertNotIn("hit", told)
        if forward is not None:
            self.assertIn(told.get("fwd"), [forward] if isinstance(forward, str) else forward, told)
        self.assertIn("fwd", told)
        if stored is not None:
            self.assertEqual("stored" in told, stored, told)
        if call is not None:
            self.assertEqual(call_of(got), call)
        return told

    def assert_stood_in(self, got, call=None):
        """A stale answer after the vendor failed: 200, the old body, and marked as stale."""
        told = cache_status(got)
        self.assertEqual((got.status, got.reason), (200, None), (told, got.body[:200]))
        self.assertLess(told.get("ttl", 0), 0, f"not marked as stale: {told}")
        self.assertTrue("hit" in told or told.get("fwd") == "stale", told)
        self.assertRegex(got.get("age", ""), r"^\d+$")
        if call is not None:
            self.assertEqual(call_of(got), call)
        return told

    def fill(self, target, *headers):
        """Asks for the first time; returns the number of the vendor's call."""
        got = self.ask(target, None, *headers)
        self.assertEqual(got.status, 200, got.body[:200])
        return call_of(got)

    def expire(self, target, *headers, **named):
        """Waits until what is stored is stale, without asking the vendor."""
        eventually(lambda: self.ask(target, FRESH_ONLY, *headers, **named).status == 504, "the entry becomes stale")

    def assert_calls(self, target, count):
        part = target.partition("?")[2] or target
        self.assertEqual(len(self.vendor.calls(part)), count, [request.target for request in self.vendor.calls(part)])


def pipeline(connection, *requests):
    """Sends them all at once; the answers in order."""
    connection.send(b"".join(requests))
    return [connection.read_answer() for _ in requests]


def get(target, *headers, **named):
    return wire.request("GET", target, headers, **named)
