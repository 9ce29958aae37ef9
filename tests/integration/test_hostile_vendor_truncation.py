"""The vendor's answer is cut at every byte: never a truncated success, never bytes of another answer."""

import unittest

from lib import badanswers, hostile
from lib.gateway import UNCHECKED, Cut, Gateway, RecordingVendor, Reset, answer, make_certs

FAILURES = {"upstream_reset", "upstream_bad_response"}


def shapes(body):
    """name -> bytes of the answer."""
    head = badanswers.OK
    half = len(body) // 2
    return {
        "length": head + badanswers.length(body) + b"\r\n" + body,
        "chunked": head + badanswers.CHUNKED + b"\r\n" + badanswers.chunk(body[:half])
                   + badanswers.chunk(body[half:]) + badanswers.END,
        "chunked-trailer": head + badanswers.CHUNKED + b"\r\n" + badanswers.chunk(body) + b"0\r\nX-A: b\r\n\r\n",
        "until-close": head + b"Connection: close\r\n\r\n" + body,
        "interim": b"HTTP/1.1 100 Continue\r\n\r\n" + head + badanswers.length(body) + b"\r\n" + body,
    }


class Truncation:
    certs = None

    @classmethod
    def setUpClass(cls):
        cls.script = {}
        cls.vendor = RecordingVendor(cls.respond, tls=cls.certs and cls.certs())
        cls.addClassCleanup(cls.vendor.close)
        cls.gateway = Gateway(cls.vendor, uploads=UNCHECKED, upstream={"first_byte_timeout": "3s", "total_timeout": "5s"})
        cls.gateway.__enter__()
        cls.addClassCleanup(cls.gateway.__exit__, None, None, None)

    @classmethod
    def respond(cls, request):
        name = hostile.name_in(request)
        return cls.script.get(name) or answer(body=hostile.body_for(name))

    def cut_everywhere(self, shape, ending):
        kinds = []
        whole = len(shapes(hostile.body_for(f"{shape}-0000"))[shape])
        for at in range(whole + 1):
            name = f"{shape}-{at:04d}"
            body = hostile.body_for(name)
            type(self).script = {name: [shapes(body)[shape][:at], ending]}
            with self.subTest(shape, at=at, ending=type(ending).__name__):
                outcome = hostile.ask(self.gateway, name=name) if at % 2 else hostile.post(self.gateway, name)
                self.judge(shape, at, whole, body, outcome, ending)
                kinds.append(outcome.kind)
                bystander = hostile.ask(self.gateway, name=f"after-{name}")
                self.assertEqual((bystander.kind, bystander.body), ("answer", hostile.body_for(f"after-{name}")))
        self.assertIn("problem", kinds)

    def judge(self, shape, at, whole, body, outcome, ending):
        if outcome.kind == "problem":
            self.assertIn(outcome.reason, FAILURES)
            self.assertEqual(outcome.status, 502)
        elif outcome.kind == "answer":
            # A success is the whole body, whatever the vendor did to the last bytes of its framing.
            self.assertEqual((outcome.status, outcome.body), (200, body))
            self.assertGreaterEqual(at, whole - 16, "more than the end of the framing was missing")
        if at == whole and shape != "until-close" and not isinstance(ending, Reset):
            # (A reset may overtake the last bytes on their way into the gateway.)
            self.assertEqual(outcome.kind, "answer", outcome)
        if shape == "until-close":
            self.assertNotEqual(outcome.kind, "answer", "an unmarked end was taken for the end of the answer")

    def test_length(self):
        self.cut_everywhere("length", Cut())

    def test_length_reset(self):
        self.cut_everywhere("length", Reset())

    def test_chunked(self):
        self.cut_everywhere("chunked", Cut())

    def test_chunked_with_trailer(self):
        self.cut_everywhere("chunked-trailer", Cut())

    def test_behind_an_interim_answer(self):
        self.cut_everywhere("interim", Cut())

    def test_document_of_a_mebibyte(self):
        """Cut in the middle of a long document, when most of it has already been passed on."""
        document = bytes(range(256)) * 4096
        whole = answer(body=document, headers=[("Content-Type", "image/jpeg")])
        for at in (1000, 65536, 500000, len(whole) - 1):
            for ending in (Cut(), Reset()):
                with self.subTest(at=at, ending=type(ending).__name__):
                    type(self).script = {"document": [whole[:at], ending]}
                    outcome = hostile.ask(self.gateway, target="/v3/image?submission_id=document&type=idImage")
                    self.assertIn(outcome.kind, ("broken", "problem"), outcome)


class PlainTruncation(Truncation, unittest.TestCase):
    """Plain TCP. A body that ends with the connection can't show its truncation there."""


class TlsTruncation(Truncation, unittest.TestCase):
    """TLS without close_notify: a body that ends with the connection counts as cut."""
    certs = staticmethod(make_certs)

    def test_until_close(self):
        self.cut_everywhere("until-close", Cut())


if __name__ == "__main__":
    unittest.main()
