"""Ordinary clients read the answer to an upload that is refused while they are still sending it, and know why."""

import json
import unittest

from lib import clients, media
from lib.gateway import Gateway, RecordingVendor, make_certs

MIB = media.MIB
TIMES = 3
FIELDS = [("issuingCountry", "GHA"), ("email", "mina@example.test"), ("idType", "passport")]
STEP1 = "/v3/submission/step1"


def form(name="id.jpg", kind="image/jpeg", data=None):
    return [*FIELDS, ("idImage", name, kind, data)]


def trailing():
    """A picture with an appendix: whether it is refused is known only at its end."""
    return media.jpeg(2 * MIB) + b"PK\x03\x04" + bytes(MIB // 2)


# name -> (form, reason, status, text of the detail)
FORMS = {
    "file-too-large": (form(data=media.jpeg(4 * MIB)), "file_too_large", 413,
                       ("part 'idImage'", "3 MiB", "limits.file_bytes")),
    "file-far-too-large": (form(data=media.jpeg(9 * MIB)), "file_too_large", 413, ("part 'idImage'",)),
    "no-picture": (form(data=b"GIF89a" + bytes(3 * MIB - 6)), "file_type_not_allowed", 415,
                   ("part 'idImage'", "image/jpeg")),
    "other-type": (form(kind="image/png", data=media.jpeg(3 * MIB)), "file_type_mismatch", 415, ("part 'idImage'",)),
    "appendix": (form(data=trailing()), "image_trailing_data", 422, ("part 'idImage'",)),
    "body-just-too-large": (form(data=media.jpeg(10 * MIB)), "body_too_large", 413, ("limits.body_bytes",)),
    "body-too-large": (form(data=media.jpeg(30 * MIB)), "body_too_large", 413, ("limits.body_bytes",)),
    "field-missing": ([*FIELDS[1:], ("idImage", "id.jpg", "image/jpeg", media.jpeg(2 * MIB))], "fields_invalid", 400,
                      ("issuingCountry",)),
    "part-repeated": ([*FIELDS, ("idImage", "id.jpg", "image/jpeg", media.jpeg(MIB)),
                       ("idImage", "id.jpg", "image/jpeg", media.jpeg(MIB))],
                      "part_name_repeated", 400, ("part 'idImage'",)),
}
WHOLE, LARGE, HUGE = media.multipart(form(data=media.jpeg(2 * MIB))), media.multipart(form(data=media.jpeg(5 * MIB))), media.multipart(form(data=media.jpeg(12 * MIB)))
# name -> (content type, body, reason, status, text of the detail): sent with a length, and in chunks
BODIES = {
    "boundary-missing": ("multipart/form-data", WHOLE[1], "boundary_missing", 400, ("oundary",)),
    "wrong-boundary": ("multipart/form-data; boundary=another", WHOLE[1], "multipart_preamble", 400, ("boundary",)),
    "wrong-type": ("application/octet-stream", WHOLE[1], "unsupported_content_type", 415, ("multipart/form-data",)),
    "file-too-large": (*LARGE, "file_too_large", 413, ("part 'idImage'", "limits.file_bytes")),
    "end-missing": (WHOLE[0], WHOLE[1][:-6], "multipart_unfinished", 400, ("oundary",)),
}


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = RecordingVendor()
        cls.addClassCleanup(cls.vendor.close)
        cls.certs = make_certs()
        cls.plain, cls.tls = Gateway(cls.vendor), Gateway(cls.vendor, tls=cls.certs)
        for gateway in (cls.plain, cls.tls):
            cls.addClassCleanup(gateway.__exit__)
            gateway.start()

    def judge(self, reply, reason, status, texts):
        self.assertEqual((reply.status, reply.headers.get("x-gateway-reason")), (status, reason), reply.body[:400])
        problem = json.loads(reply.body)
        self.assertEqual((problem["reason"], problem["status"]), (reason, status))
        for text in texts:
            self.assertIn(text, problem["detail"])

    def walk(self, make):
        for target in (clients.Target(f"http://127.0.0.1:{self.plain.port}"),
                       clients.Target(f"https://localhost:{self.tls.port}", ca=self.certs.ca)):
            client = make(target)
            try:
                with self.subTest(target.base.split(":")[0]):
                    self.walk_with(client)
            finally:
                client.close()

    def walk_with(self, client):
        before = len([request for request in self.vendor.requests() if request.complete])
        for time in range(TIMES):
            for name, (parts, *verdict) in FORMS.items():
                with self.subTest(name, time=time):
                    self.judge(client.call("POST", STEP1, form=parts), *verdict)
            for name, (kind, body, *verdict) in BODIES.items():
                for how in ("raw", "stream"):
                    with self.subTest(name, time=time, how=how):
                        self.judge(client.call("POST", STEP1, **{how: (kind, body)}), *verdict)
            with self.subTest("body-too-large in chunks", time=time):
                self.judge(client.call("POST", STEP1, stream=HUGE), "file_too_large", 413, ("part 'idImage'",))
            with self.subTest("a good one after all that", time=time):
                reply = client.call("POST", STEP1, form=form(data=media.jpeg(2 * MIB)))
                self.assertEqual((reply.status, reply.headers.get("x-gateway-reason")), (200, None))
        complete = [request for request in self.vendor.requests() if request.complete][before:]
        self.assertEqual(len(complete), TIMES, "only the good ones have arrived whole")

    def test_curl(self):
        self.walk(clients.Curl)

    def test_curl_that_does_not_wait_for_100(self):
        self.walk(lambda target: clients.Curl(target, ["-H", "Expect:"]))

    def test_fetch(self):
        self.walk(lambda target: clients.Node(target, "fetch"))

    def test_axios(self):
        self.walk(lambda target: clients.Node(target, "axios"))

    def test_requests(self):
        self.walk(clients.Requests)

    def test_httpx(self):
        self.walk(clients.Httpx)


if __name__ == "__main__":
    unittest.main()
