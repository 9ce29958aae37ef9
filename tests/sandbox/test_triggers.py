"""Every trigger of argos-sandbox: outcomes of the two steps, statuses, and deliveries that go wrong."""

import pathlib
import re
import subprocess
import unittest

import requests

from support import BINARY, Certificate, Sandbox, jpeg, png
from test_sandbox import BAD_QUERY, WithSandbox

OUTCOME_TRIGGERS = """ocrfail uploadfail idretry dup parsefail badid iderror dataerror noproject seedspelling late noface
twofaces threefaces lowscore lowlive boundary similarity liveness koreafail first pending settle rejected amlred badface
otherkey needaddress needproof deletefail needadmin oldbody encrypted bigpdf""".split()
STATUS_TRIGGERS = {
    "err400": (400, BAD_QUERY),
    "err403": (403, {"message": "Forbidden"}),
    "err403ip": (403, {"Message": "User is not authorized to access this resource with an explicit deny"}),
    "err413": (413, {"message": "Request Entity Too Large"}),
    "err429": (429, {"message": "Too Many Requests"}),
    "err429quota": (429, {"message": "Limit Exceeded"}),
    "err500": (500, {"message": "Internal Server Error"}),
    "err502": (502, {"message": "Bad Gateway"}),
    "err503": (503, {"message": "Service Unavailable"}),
    "err504": (504, {"message": "Endpoint request timed out"}),
}
DELIVERY_TRIGGERS = """err502html done504 redirect slow delay cut lostanswer reset garbage halfhead halfbody stall drip
chunkedanswer closeanswer lastanswer early103 bighead extrabytes bothlengths""".split()


class Help(unittest.TestCase):
    def test_lists_exactly_the_triggers_that_are_tested_here(self):
        text = subprocess.run([BINARY, "--help"], check=True, capture_output=True, text=True).stdout
        rows = text[text.index("\nStep 1\n"):]
        listed = re.findall(r"^  ([a-z0-9]+)(?:\[N\])? +\S", rows, re.M)
        self.assertEqual(sorted(listed), sorted([*OUTCOME_TRIGGERS, *STATUS_TRIGGERS, *DELIVERY_TRIGGERS]))
        source = pathlib.Path(__file__).read_text() + pathlib.Path(__file__).with_name("test_sandbox.py").read_text()
        for name in [*OUTCOME_TRIGGERS, *DELIVERY_TRIGGERS]:
            with self.subTest(name=name):
                self.assertRegex(source, rf'["+.-]{name}[\d"+@]')  # used in a test, not only listed above


class Step1Triggers(WithSandbox):
    def test_answers(self):
        self.assertEqual(list(self.sandbox.step1("ocrfail@example.test").json()), ["submissionId", "file_upload"])
        self.assertEqual(self.sandbox.step1("uploadfail@example.test").json()["file_upload"], "fail")
        self.assertEqual(list(self.sandbox.step1("seedspelling@example.test").json())[0], "Submissionid")

    def test_errors(self):
        for name, text in (("parsefail", "failed to parse the input data"), ("badid", "invalid id image"),
                           ("iderror", "id image processing error"), ("dataerror", "data processing error"),
                           ("noproject", "failed to find the project")):
            with self.subTest(name=name):
                self.assert_refused(self.sandbox.step1(name + "@example.test"), text)
        self.assertIn("dup@example.test had submitted another KYC", self.sandbox.step1("dup@example.test").text)

    def retry(self, submission, status, count):
        body = {"submissionId": submission, "retry": [{"retryCode": "id_image_badImage",
                "retryMsg": "The document can not be read."}], "kycStatus": status, "retryCount": count}
        return 200, body

    def test_retry_until_rejected(self):
        email = "idretry@example.test"
        first = self.sandbox.step1(email)
        submission = first.json()["submissionId"]
        self.assert_answer(first, *self.retry(submission, "incomplete", 1))
        self.assert_refused(self.sandbox.step2(submission), "invalid submission id")
        self.assert_answer(self.sandbox.step1(email, submissionId=submission), *self.retry(submission, "incomplete", 2))
        self.assert_answer(self.sandbox.step1(email, submissionId=submission), *self.retry(submission, "rejected", 3))
        self.assert_refused(self.sandbox.step1(email, submissionId=submission), "this submission is already processed")
        self.assertEqual(self.sandbox.item(submission)["kyc"]["commentCode"], ["too_many_retry"])

    def test_retry_counts_with_step2(self):
        email = "idretry2+lowscore@example.test"
        submission = self.sandbox.step1(email).json()["submissionId"]
        self.sandbox.step1(email, submissionId=submission)
        self.assertIn("reviewOCRData", self.sandbox.step1(email, submissionId=submission).json())
        answer = self.sandbox.step2(submission).json()
        self.assertEqual((answer["kycStatus"], answer["retryCount"], answer["faceSimilarityScore"]), ("rejected", 3, 84))

    def test_other_address_is_a_plain_word(self):
        self.assertEqual(self.sandbox.step1("john.doe+err5000+errors@example.test").status_code, 200)


class Step2Triggers(WithSandbox):
    def attempts(self, email, count):
        submission = self.sandbox.open_submission(email)
        return submission, [self.sandbox.step2(submission).json() for _ in range(count)]

    def test_passing_scores(self):
        for word, scores in (("boundary", (85, 50)), ("twofaces", (96, 88)), ("similarity100+liveness50", (100, 50))):
            answer = self.attempts(word + "@example.test", 1)[1][0]
            self.assertEqual((answer["faceSimilarityScore"], answer["livenessScore"]), scores)
            self.assertEqual((answer["kycStatus"], answer["verificationResult"]), ("approved", "success"))

    def test_three_failures_reject(self):
        for word, code, last in (("noface", "no_face", (0, 0, "fail")), ("threefaces", "multiple_faces", (0, 0, "fail")),
                                 ("lowscore", "face_compare_underscore", (84, 88, "success")),
                                 ("lowlive", "liveness_error", (96, 49, "success")),
                                 ("similarity12", "face_compare_underscore", (12, 88, "success")),
                                 ("koreafail", "document_check_failed", (96, 88, "fail"))):
            with self.subTest(word=word):
                submission, answers = self.attempts(word + "@example.test", 4)
                for count, answer in enumerate(answers[:2], 1):
                    self.assertEqual(list(answer), ["retry", "kycStatus", "retryCount"])
                    self.assertEqual((answer["kycStatus"], answer["retryCount"]), ("incomplete", count))
                    self.assertEqual(answer["retry"][0]["retryCode"], code)
                self.assertEqual(answers[2], {"verificationResult": last[2], "faceSimilarityScore": last[0],
                                              "livenessScore": last[1], "kycStatus": "rejected", "retryCount": 3})
                self.assertEqual(answers[3], {"message": "this submission is already processed"})
                kyc = self.sandbox.item(submission)["kyc"]
                self.assertEqual(kyc["commentCode"], ["too_many_retry"])
                self.assertEqual([attempt["retryCode"] for attempt in kyc["attempts"]], [[code]] * 3)

    def test_only_the_first_attempts_fail(self):
        for word, statuses in (("lowscore+first", ["incomplete", "approved"]),
                               ("lowlive+first2", ["incomplete", "incomplete", "approved"])):
            answers = self.attempts(word + "@example.test", len(statuses))[1]
            self.assertEqual([answer["kycStatus"] for answer in answers], statuses)
            self.assertEqual(answers[-1]["retryCount"], len(statuses) - 1)

    def test_decisions(self):
        submission, answers = self.attempts("pending@example.test", 2)
        self.assertEqual((answers[0]["kycStatus"], answers[0]["retryCount"]), ("pending", 0))
        self.assertEqual(answers[1], {"message": "this submission is already processed"})
        self.assertEqual([self.sandbox.item(submission)["kyc"]["result"] for _ in range(3)], ["pending"] * 3)
        submission, answers = self.attempts("rejected@example.test", 1)
        self.assertEqual((answers[0]["kycStatus"], answers[0]["retryCount"]), ("rejected", 0))
        self.assertEqual(self.sandbox.item(submission)["kyc"]["commentCode"], ["id_info_dataMismatch"])
        submission, _ = self.attempts("pending+settle3@example.test", 1)
        self.assertEqual([self.sandbox.item(submission)["kyc"]["result"] for _ in range(3)],
                         ["pending", "pending", "approved"])
        self.assertIn("applicant_id", self.sandbox.item(submission))

    def test_red_flag(self):
        aml = self.sandbox.item(self.attempts("amlred@example.test", 1)[0])["aml"]
        self.assertEqual((aml["currentstatus"], aml["risk_level_summary"], len(aml["matches"])), ("Red Flag", "High", 2))

    def test_errors_burn_no_attempt(self):
        for word, text in (("badface", "invalid face image"), ("otherkey", "invalid api key"),
                           ("step2.parsefail", "failed to parse the input data"),
                           ("needaddress", "missing address data parameters"),
                           ("needproof", "invalid or missing an address image")):
            with self.subTest(word=word):
                submission = self.sandbox.open_submission(word + "@example.test")
                self.assert_refused(self.sandbox.step2(submission), text)
                self.assertNotIn("attempts", self.sandbox.item(submission)["kyc"])

    def test_address_data(self):
        proof = {"addressImage": ("bill.png", png(), "image/png")}
        for name in ("globalCode", "compoundCode", "formatted_address"):
            submission = self.sandbox.open_submission(f"needaddress+needproof+{name}@example.test")
            self.assertEqual(self.sandbox.step2(submission, files=proof, **{name: "x"}).json()["kycStatus"], "approved")

    def test_a_day_later(self):
        submission, answers = self.attempts("late+lowscore+first@example.test", 2)
        self.assertEqual(answers[0]["kycStatus"], "incomplete")
        self.assertEqual(answers[1], {"message": "this submission is already processed"})
        self.assertEqual(self.sandbox.item(submission)["kyc"]["result"], "rejected")
        self.assertEqual(self.attempts("late+other@example.test", 1)[1][0]["kycStatus"], "approved")
        in_time = self.attempts("lowscore+first+intime@example.test", 2)[1]
        self.assertEqual(in_time[1]["kycStatus"], "approved")


class SeedRule(WithSandbox):
    options = ("--retry-rule", "seed", "--two-faces", "retry", "--no-duplicate-guard", "--collect-address",
               "--file-limit", "100000")

    def test_fourth_failure_rejects(self):
        submission = self.sandbox.open_submission("twofaces@example.test")
        answers = [self.sandbox.step2(submission, globalCode="x").json() for _ in range(5)]
        self.assertEqual([(answer.get("kycStatus"), answer.get("retryCount")) for answer in answers],
                         [("incomplete", 1), ("incomplete", 2), ("incomplete", 3), ("rejected", 4), (None, None)])
        self.assertTrue(answers[0]["message"])
        self.assertNotIn("retry", answers[0])
        self.assertNotIn("message", answers[3])

    def test_repeated_step1_is_a_new_submission(self):
        first = self.sandbox.open_submission("idretry@example.test")
        self.assertNotEqual(self.sandbox.open_submission("idretry@example.test", submissionId=first), first)

    def test_project_options(self):
        self.assert_refused(self.sandbox.step2(self.sandbox.open_submission("a@example.test")), "missing address data parameters")
        self.sandbox.approve("again@example.test", compoundCode="x")
        self.sandbox.approve("again@example.test", compoundCode="x")
        large = {"idImage": ("x.png", png(size=100001), "image/png")}
        self.assertEqual(self.sandbox.step1("a@example.test", files=large).status_code, 413)


class OtherTriggers(WithSandbox):
    def test_delete(self):
        for word, text in (("deletefail", "delete Process FAIL"), ("needadmin", "adminName and comment is required"),
                           ("delete.noproject", "not Exist Project Data")):
            submission = self.sandbox.open_submission(word + "@example.test")
            self.assert_answer(self.sandbox.delete(submission), 400, {"message": text, "statusCode": 400})
            self.assertEqual(self.sandbox.item(submission)["email"], word + "@example.test")
        self.assert_answer(self.sandbox.delete("trigger-deletefail+oldbody"), 400, {"errorCode": "delete Process FAIL"})
        submission = self.sandbox.open_submission("oldbody@example.test")
        self.assertEqual(list(self.sandbox.delete(submission).json()), ["message", "content"])

    def test_encrypted_lookup(self):
        self.assertEqual(list(self.sandbox.read(submission_id="trigger-encrypted").json()), ["data"])
        self.assertIsInstance(self.sandbox.read(email="encrypted@example.test").json()["data"], str)

    def test_statuses_at_every_operation(self):
        for word, (status, body) in STATUS_TRIGGERS.items():
            identifier = "trigger-" + word
            with self.subTest(word=word):
                for answer in (self.sandbox.read(submission_id=identifier), self.sandbox.read(userid=identifier),
                               self.sandbox.read(email=word + "@example.test"),
                               self.sandbox.get("/submission/applicant", applicant_id=identifier),
                               self.sandbox.step1(word + "@example.test"), self.sandbox.step2(identifier),
                               self.sandbox.address(json={"address": identifier}), self.sandbox.delete(identifier),
                               self.sandbox.get("/report/aml", resourceId=identifier),
                               self.sandbox.get("/image", submission_id=identifier, type="idImage")):
                    self.assert_answer(answer, status, body)

    def test_a_word_bound_to_one_operation(self):
        words = "+".join(f"{name}.err500" for name in ("read", "step2", "delete", "image"))
        submission = self.sandbox.open_submission(words + "@example.test")
        answers = [self.sandbox.read(submission_id=submission), self.sandbox.step2(submission), self.sandbox.delete(submission),
                   self.sandbox.get("/image", submission_id=submission, type="idImage")]
        self.assertEqual([answer.status_code for answer in answers], [500] * 4)
        submission = self.sandbox.approve("amlred+aml.err502+applicant.err503@example.test")
        item = self.sandbox.item(submission)
        self.assertEqual(self.sandbox.get("/report/aml", resourceId=item["aml"]["matches"][0]["resource_id"]).status_code, 502)
        self.assertEqual(self.sandbox.get("/submission/applicant", applicant_id=item["applicant_id"]).status_code, 503)
        self.assertEqual(self.sandbox.step1("step1.err500@example.test").status_code, 500)
        self.assertEqual(self.sandbox.address(json={"address": "trigger-address.err500"}).status_code, 500)
        self.assertEqual(self.sandbox.address(json={"address": "trigger-read.err500"}).status_code, 200)

    def test_work_is_done_or_not(self):
        def listed(email):
            # The list, not the filter by email: that one would pull the trigger again.
            return sum(item.get("email") == email for item in self.sandbox.read(count=2000).json()["Items"])

        for email, status, expected in (("err504@example.test", 504, 0), ("done504@example.test", 504, 1),
                                        ("slow1@example.test", 200, 1)):
            self.assertEqual(self.sandbox.step1(email).status_code, status)
            self.assertEqual(listed(email), expected)
        for email, expected in (("cut@example.test", 0), ("reset@example.test", 0), ("garbage@example.test", 0),
                                ("lostanswer@example.test", 1)):
            with self.assertRaises(requests.exceptions.ConnectionError):
                self.sandbox.step1(email)
            self.assertEqual(listed(email), expected)

    def test_pages_and_redirect(self):
        answer = self.sandbox.read(submission_id="trigger-err502html")
        self.assertEqual((answer.status_code, answer.headers["content-type"]), (502, "text/html"))
        answer = self.sandbox.read(submission_id="trigger-redirect")
        self.assertEqual((answer.status_code, answer.headers["location"], answer.content),
                         (302, "https://storage.example.test/elsewhere", b""))


class Delivery(WithSandbox):
    """The bytes on the wire; `ending` is how an orderly end and a broken one look."""

    tls = None
    broken = "closed"

    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox(tls=cls.tls)

    def exchange(self, words, close=False):
        return self.sandbox.exchange(self.sandbox.raw_get(f"/submission?submission_id=trigger-{words}", close))

    def test_good_answer(self):
        data, end = self.exchange("nothing", close=True)
        head, body = data.split(b"\r\n\r\n", 1)
        self.assertEqual((end, body), ("closed", b'{"Items":[]}'))
        self.assertIn(b"\r\ncontent-length: 12\r\n", head)

    def test_no_answer(self):
        self.assertEqual(self.exchange("cut"), (b"", self.broken))
        self.assertEqual(self.exchange("lostanswer"), (b"", self.broken))
        self.assertEqual(self.exchange("reset"), (b"", "reset"))
        self.assertEqual(self.exchange("garbage")[0][:2], b"\x16\x03")

    def test_half_answers(self):
        data, end = self.exchange("halfhead")
        self.assertTrue(data.startswith(b"HTTP/1.1 200 OK\r\n") and b"\r\n\r\n" not in data)
        self.assertEqual(end, self.broken)
        head, body = self.exchange("halfbody")[0].split(b"\r\n\r\n", 1)
        self.assertIn(b"content-length: 12", head)
        self.assertEqual(body, b'{"Item')
        data, end = self.exchange("halfbody+chunkedanswer")
        self.assertFalse(data.endswith(b"\r\n0\r\n\r\n"))
        data, end = self.exchange("halfbody+closeanswer")
        self.assertEqual((data.split(b"\r\n\r\n", 1)[1], end), (b'{"Item', self.broken))

    def test_framing(self):
        head, body = self.exchange("chunkedanswer+lastanswer")[0].split(b"\r\n\r\n", 1)
        self.assertIn(b"transfer-encoding: chunked", head)
        self.assertNotIn(b"content-length", head)
        self.assertEqual(body, b'3\r\n{"I\r\n3\r\ntem\r\n3\r\ns":\r\n3\r\n[]}\r\n0\r\n\r\n')
        data, end = self.exchange("closeanswer")
        head, body = data.split(b"\r\n\r\n", 1)
        self.assertNotIn(b"content-length", head)
        self.assertNotIn(b"transfer-encoding", head)
        self.assertEqual((body, end), (b'{"Items":[]}', "closed"))
        head, body = self.exchange("bothlengths+lastanswer")[0].split(b"\r\n\r\n", 1)
        self.assertTrue(b"transfer-encoding" in head and b"content-length" in head)

    def test_slow_bodies(self):
        for words in ("drip1", "stall1", "delay1"):
            data, _ = self.exchange(words + "+lastanswer")
            self.assertTrue(data.endswith(b'\r\n\r\n{"Items":[]}'), words)

    def test_heads(self):
        data, _ = self.exchange("early103+lastanswer")
        self.assertTrue(data.startswith(b"HTTP/1.1 103 Early Hints\r\n"))
        self.assertEqual(data.count(b"HTTP/1.1 200 OK\r\n"), 1)
        self.assertIn(b"x-padding: " + b"p" * (64 << 10) + b"\r\n", self.exchange("bighead+lastanswer")[0])
        self.assertIn(b"connection: close", self.exchange("lastanswer")[0])

    def test_extra_bytes(self):
        data, _ = self.exchange("extrabytes+lastanswer")
        self.assertEqual(data.count(b"HTTP/1.1 200 OK"), 2)
        self.assertTrue(data.endswith(b"extra"))

    def test_large_answers(self):
        image = jpeg(9, 1 << 20)
        for words in ("plain", "image.chunkedanswer", "image.closeanswer", "image.drip1", "image.drip1+image.chunkedanswer",
                      "image.stall1"):
            submission = self.sandbox.open_submission(words + "@example.test", files={"idImage": ("x.jpg", image)})
            answer = self.sandbox.get("/image", submission_id=submission, type="idImage")
            self.assertTrue(answer.content == image, words)


class TlsDelivery(Delivery):
    broken = "truncated"

    @classmethod
    def setUpClass(cls):
        cls.tls = Certificate()
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.tls.close()


if __name__ == "__main__":
    unittest.main()
