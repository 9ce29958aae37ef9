"""One walk through all eight operations, with every answer checked, for whichever client is given."""

import http.client
import re
import ssl
import urllib.parse
import uuid

from .media import MIB, jpeg, multipart, png, sha256, step1_fields, step2_fields

UUID7 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")

# Made once: 3 MiB is the largest file the product takes.
BIG_JPEG = jpeg(3 * MIB, seed=7)
OPERATIONS = ["submit_step1", "submit_step2", "read_submission", "read_applicant", "get_image",
              "get_aml_report", "address_code", "delete_submission"]


def direct(sandbox, target, method="GET"):
    """(status, body) of a call that goes to the sandbox without the gateway."""
    if sandbox.tls:
        connection = http.client.HTTPSConnection(
            "localhost", sandbox.port, context=ssl.create_default_context(cafile=sandbox.ca_file))
    else:
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
    connection.request(method, target, headers={"x-api-key": sandbox.api_key})
    answer = connection.getresponse()
    result = answer.status, answer.read()
    connection.close()
    return result


class Scenario:
    """style: how bodies go out: 'form' (the client's own multipart), 'raw' (with a length) or 'stream' (chunked).
    made: the operation of each request; request_ids: the x-request-id of its answer."""

    def __init__(self, test, client, sandbox, style="form", prefix="/v3", headers=()):
        self.test, self.client, self.sandbox, self.style = test, client, sandbox, style
        self.prefix, self.headers, self.made, self.request_ids = prefix, list(headers), [], []
        # Which outcome the sandbox plays is chosen by the local part: approved, with an AML match.
        self.email = f"amlred@{uuid.uuid4().hex}.test"

    def call(self, operation, method, path, query=None, form=None, raw=None):
        target = self.prefix + path + ("?" + urllib.parse.urlencode(query) if query else "")
        arguments = {}
        if form:
            arguments = {"form": form} if self.style == "form" else {self.style: multipart(form)}
        elif raw:
            arguments = {"stream" if self.style == "stream" else "raw": raw}
        reply = self.client.call(method, target, self.headers, **arguments)
        self.made.append(operation)
        self.request_ids.append(reply.headers.get("x-request-id"))
        test = self.test
        test.assertEqual(reply.status, 200, (operation, reply.headers, reply.body[:500]))
        test.assertRegex(reply.headers.get("x-request-id", ""), UUID7, operation)
        test.assertNotIn("x-gateway-reason", reply.headers)
        test.assertNotIn("x-gateway-warning", reply.headers)
        return reply

    def json_call(self, *arguments, **keywords):
        reply = self.call(*arguments, **keywords)
        self.test.assertEqual(reply.headers["content-type"].split(";")[0], "application/json")
        return reply.json()

    def document(self, operation, path, query, content_type):
        reply = self.call(operation, "GET", path, query)
        self.test.assertEqual(reply.headers["content-type"], content_type)
        self.test.assertEqual(reply.headers["cache-control"], "no-store")
        self.test.assertEqual(reply.headers["x-content-type-options"], "nosniff")
        return reply.body

    def run(self, image=BIG_JPEG):
        test = self.test
        face = png(seed=3)
        step1 = self.json_call("submit_step1", "POST", "/submission/step1",
                               form=step1_fields(image, self.email))
        ids = [value for key, value in step1.items() if key.lower().replace("_", "") == "submissionid"]
        test.assertEqual(len(ids), 1, step1)
        test.assertIn("reviewOCRData", step1)
        step2 = self.json_call("submit_step2", "POST", "/submission/step2",
                               form=step2_fields(ids[0], face))
        test.assertEqual(step2["kycStatus"], "approved", step2)

        items = self.json_call("read_submission", "GET", "/submission",
                               {"submission_id": ids[0]})["Items"]
        test.assertEqual([item["submission_id"] for item in items], ids)
        test.assertEqual(items[0]["email"], self.email)
        listed = self.json_call("read_submission", "GET", "/submission", {"email": self.email})
        test.assertEqual([item["submission_id"] for item in listed["Items"]], ids)
        applicants = self.json_call("read_applicant", "GET", "/submission/applicant",
                                    {"applicant_id": items[0]["applicant_id"]})
        test.assertIn(ids[0], [entry["submission_id"] for entry in applicants])

        body = self.document("get_image", "/image",
                             {"submission_id": ids[0], "type": "idImage"}, "image/jpeg")
        test.assertEqual((len(body), sha256(body)), (len(image), sha256(image)))
        body = self.document("get_image", "/image",
                             {"submission_id": ids[0], "type": "selfieImage"}, "image/png")
        test.assertEqual((len(body), sha256(body)), (len(face), sha256(face)))

        resource = {"resourceId": items[0]["aml"]["matches"][0]["resource_id"]}
        body = self.document("get_aml_report", "/report/aml", resource, "application/pdf")
        test.assertTrue(body.startswith(b"%PDF-") and body.rstrip().endswith(b"%%EOF"), body[:20])
        status, same = direct(self.sandbox, "/v3/report/aml?" + urllib.parse.urlencode(resource))
        test.assertEqual((status, sha256(same)), (200, sha256(body)))
        self.address_codes()
        gone = self.json_call("delete_submission", "DELETE", "/submission",
                              {"submission_id": ids[0]})
        test.assertIn(ids[0], gone["content"])
        # Whether a trace of a deleted submission stays is the vendor's affair; personal data may not.
        left = self.call("read_submission", "GET", "/submission", {"submission_id": ids[0]}).body
        for personal in (self.email, "Okafor", "1991-04-02"):
            test.assertNotIn(personal.encode(), left)
        test.assertEqual(set(self.made), set(OPERATIONS))
        return self.made

    def address_codes(self):
        """Each of the three documented content types."""
        wanted = {"formatted_address", "compound_code", "global_code"}
        for arguments in ({"raw": ("application/json", b'{"address":"1 Example-ro, Seoul"}')},
                          {"raw": ("application/x-www-form-urlencoded",
                                   b"address=1+Example-ro%2C+Seoul&language=en")},
                          {"form": [("address", "1 Example-ro, Seoul"), ("language", "en")]}):
            answer = self.json_call("address_code", "POST", "/address_code", **arguments)
            self.test.assertEqual(wanted & set(answer), wanted, (arguments, answer))
