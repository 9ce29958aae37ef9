"""Every operation of argos-sandbox and every documented error."""

import json
import re
import unittest
import zlib

from support import KEY, Sandbox, jpeg, png

BAD_QUERY = {"message": "Invalid Query String parameters"}


class WithSandbox(unittest.TestCase):
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox(*cls.options)

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()

    def assert_answer(self, answer, status, body):
        self.assertEqual((answer.status_code, answer.json()), (status, body))
        self.assertEqual(answer.headers["content-type"], "application/json")

    def assert_refused(self, answer, text):
        self.assert_answer(answer, 400, {"message": text})


class Edge(WithSandbox):
    options = ("--api-key", "first,second", "--api-key", "other")

    def status(self, method, path, key=None, **arguments):
        headers = {"x-api-key": key}
        answer = self.sandbox.call(method, path, headers=headers, **arguments)
        return answer.status_code, answer.json()

    def test_route_comes_before_key(self):
        unknown = (403, {"message": "Missing Authentication Token"})
        for method, path in (("GET", "/nothing"), ("PUT", "/submission"), ("POST", "/submission"), ("GET", "/"),
                             ("GET", "/submission/"), ("GET", "/submission/step1"), ("DELETE", "/image"),
                             ("GET", "/../submission")):
            with self.subTest(path=path, method=method):
                self.assertEqual(self.status(method, path, "first"), unknown)
                self.assertEqual(self.status(method, path), unknown)

    def test_base_path_is_needed(self):
        answer = self.sandbox.session.get(self.sandbox.url.removesuffix("/v3") + "/submission")
        self.assertEqual((answer.status_code, answer.json()["message"]), (403, "Missing Authentication Token"))

    def test_key(self):
        forbidden = (403, {"message": "Forbidden"})
        for key in (None, "", "First", "firs", "firstt", "first,second"):
            with self.subTest(key=key):
                self.assertEqual(self.status("GET", "/submission", key), forbidden)
        for key in ("first", "second", "other"):
            with self.subTest(key=key):
                self.assertEqual(self.status("GET", "/submission", key)[0], 200)

    def test_key_comes_before_fields_and_size(self):
        self.assertEqual(self.status("GET", "/submission?count=x")[1], {"message": "Forbidden"})
        self.assertEqual(self.status("POST", "/submission/step1", data=b"x" * (11 << 20))[1], {"message": "Forbidden"})

    def test_key_that_is_denied_by_address(self):
        expected = (403, {"Message": "User is not authorized to access this resource with an explicit deny"})
        self.assertEqual(self.status("GET", "/submission", "sandbox-denied-ip"), expected)

    def test_projects_do_not_see_each_other(self):
        submission = self.sandbox.step1("p@example.test", headers={"x-api-key": "first"}).json()["submissionId"]

        def items(key):
            return self.status("GET", "/submission", key, params={"submission_id": submission})[1]["Items"]

        self.assertEqual([len(items(key)) for key in ("first", "second", "other")], [1, 1, 0])
        self.assert_refused(self.sandbox.step2(submission, headers={"x-api-key": "other"}), "invalid api key")
        self.assert_refused(self.sandbox.step1("p@example.test", submissionId=submission, headers={"x-api-key": "other"}),
                            "invalid api key")
        self.assertEqual(self.sandbox.step2(submission, headers={"x-api-key": "second"}).json()["kycStatus"], "approved")


class AllowList(unittest.TestCase):
    def answer(self, *networks):
        sandbox = Sandbox("--allow", *networks)
        self.addCleanup(sandbox.close)
        answer = sandbox.read()
        wrong_key = sandbox.call("GET", "/submission", headers={"x-api-key": "wrong"})
        self.assertEqual(wrong_key.json(), {"message": "Forbidden"})
        return answer.status_code, list(answer.json())

    def test_networks(self):
        denied, allowed = (403, ["Message"]), (200, ["Items"])
        for networks, expected in ((("127.0.0.0/8",), allowed), (("10.0.0.0/8", "127.0.0.1"), allowed),
                                   (("0.0.0.0/0",), allowed), (("127.0.0.2",), denied),
                                   (("10.0.0.0/8", "::1/128"), denied), (("127.0.0.128/25",), denied)):
            with self.subTest(networks=networks):
                self.assertEqual(self.answer(*networks), expected)


class Lookup(WithSandbox):
    options = ("--samples", "7", "--default-count", "3")

    def ids(self, **query):
        answer = self.sandbox.read(**query)
        self.assertEqual(answer.status_code, 200, answer.text)
        return [item["submission_id"] for item in answer.json()["Items"]]

    def test_newest_first_page_by_page(self):
        times, query, pages = [], {"end_date": "2099-01-01"}, 0
        while True:
            page = self.sandbox.read(count=2, **query).json()
            times += [(item["created_at"], item["submission_id"]) for item in page["Items"]]
            pages += 1
            if "nextpageKey" not in page:
                break
            self.assertEqual(len(page["Items"]), 2)
            last = page["Items"][-1]
            self.assertEqual(page["nextpageKey"], {"id": last["submission_id"], "created_at": last["created_at"]})
            query.update(nextpage_id=page["nextpageKey"]["id"], nextpage_date=page["nextpageKey"]["created_at"])
        self.assertEqual(len(times), len(self.ids(count=2000)))
        self.assertEqual(pages, (len(times) + 1) // 2)
        self.assertEqual([created for created, _ in times], sorted((created for created, _ in times), reverse=True))

    def test_default_count_and_last_page(self):
        self.assertEqual(len(self.ids()), 3)
        everything = self.sandbox.read(count=2000).json()
        self.assertEqual(list(everything), ["Items"])
        exact = self.sandbox.read(count=len(everything["Items"])).json()
        self.assertNotIn("nextpageKey", exact)
        self.assertEqual(self.ids(), [item["submission_id"] for item in everything["Items"][:3]])

    def test_filters(self):
        one = self.ids(email="sample4@example.test")
        self.assertEqual(len(one), 1)
        self.assertEqual(self.ids(userid="sample-4"), one)
        self.assertEqual(self.ids(submission_id=one[0]), one)
        self.assertEqual(self.ids(email="sample4@example.test", userid="sample-5"), [])
        self.assertEqual(self.ids(submission_id=one[0], email="sample5@example.test"), [])
        self.assertEqual(self.ids(email="nobody@example.test"), [])

    def test_unknown_id_is_an_empty_list(self):
        self.assert_answer(self.sandbox.read(submission_id="sbxunknown"), 200, {"Items": []})

    def test_dates(self):
        late = self.sandbox.open_submission("late+x@example.test")  # dated 25 hours ago
        old_day = self.sandbox.item(late)["created_at"][:10]
        today = self.sandbox.read(count=1).json()["Items"][0]["created_at"][:10]
        self.assertLess(old_day, today)
        self.assertIn(late, self.ids(count=2000, start_date=old_day, end_date=old_day))
        self.assertNotIn(late, self.ids(count=2000, start_date=today))
        self.assertEqual(set(self.ids(count=2000, end_date=old_day)), {late})
        self.assertEqual(self.ids(count=2000)[-1], late)

    def test_request_type(self):
        identifier = self.ids(count=1, email="sample1@example.test")[0]
        members = {kind: set(self.sandbox.read(submission_id=identifier, request_type=kind).json()["Items"][0])
                   for kind in ("kyc", "aml", "data", "others")}
        self.assertEqual(members, {"kyc": {"submission_id", "kyc"}, "aml": {"submission_id", "aml"},
                                   "data": {"submission_id", "data"},
                                   "others": {"submission_id", "created_at", "updated_at", "email", "userid",
                                              "applicant_id"}})

    def test_bad_parameters(self):
        for query in ("count=0", "count=2001", "count=x", "count=", "count=-1", "count=1.5", "nextpage_id=sbx1",
                      "nextpage_date=2024-05-06T07:08:09.010Z", "nextpage_id=sbx1&nextpage_date=yesterday",
                      "nextpage_id=&nextpage_date=2024-05-06T07:08:09.010Z", "start_date=2024-02-30",
                      "end_date=06-05-2024", "request_type=everything"):
            with self.subTest(query=query):
                self.assert_answer(self.sandbox.call("GET", "/submission?" + query), 400, BAD_QUERY)

    def test_encoded_parameters(self):
        submission = self.sandbox.open_submission("a+b%c&d=e@example.test", userid="José 1+1", cf2="x")
        self.assertEqual(self.ids(email="a+b%c&d=e@example.test"), [submission])
        self.assertEqual(self.ids(userid="José 1+1"), [submission])
        raw = self.sandbox.call("GET", "/submission?email=%61%2bb%25c%26d%3De%40example.test&unknown=1")
        self.assertEqual(raw.json()["Items"][0]["submission_id"], submission)


class Step1(WithSandbox):
    def test_answer(self):
        answer = self.sandbox.step1("one@example.test", userid="u-1", cf1="a", cf3="ü")
        self.assertEqual(answer.status_code, 200)
        body = answer.json()
        self.assertEqual(list(body), ["submissionId", "reviewOCRData", "file_upload"])
        self.assertEqual(body["file_upload"], "true")
        self.assertEqual(set(body["reviewOCRData"]), {"ocr_birthDate", "ocr_issueDate", "ocr_expireDate", "ocr_lastName",
                                                      "ocr_firstName", "ocr_name", "ocr_gender", "ocr_nationality"})
        item = self.sandbox.item(body["submissionId"])
        self.assertEqual((item["email"], item["userid"], item["kyc"]), ("one@example.test", "u-1", {"result": "incomplete"}))
        self.assertEqual(item["data"], {"idType": "passport", "idcard_issuingCountry": "GHA", "cf1": "a", "cf3": "ü"})
        self.assertNotIn("applicant_id", item)
        self.assertNotIn("aml", item)

    def test_new_id_each_call(self):
        self.assertEqual(len({self.sandbox.open_submission("same@example.test") for _ in range(3)}), 3)

    def test_korean_documents(self):
        for kind, member in (("government_id", "ocr_identityNumber"), ("drivers_license", "ocr_licenseNumber")):
            answer = self.sandbox.step1("kr@example.test", idType=kind, issuingCountry="KOR").json()
            self.assertIn(member, answer["reviewOCRData"])

    def test_missing_parameters(self):
        for name in ("issuingCountry", "email", "idType", "idImage"):
            with self.subTest(name=name):
                self.assert_refused(self.sandbox.step1("m@example.test", without=[name]), "missing required parameters")
        self.assert_refused(self.sandbox.step1("m@example.test", issuingCountry="Ghana"), "missing required parameters")

    def test_bad_values(self):
        self.assert_refused(self.sandbox.step1("m@example.test", idType="Passport"),
                            "invalid id type : id type must be passport, government_id or drivers_license")
        for email in ("plain", "@example.test", "a@", "a b@example.test", "a@@example.test", "a@host", "a@x..test"):
            with self.subTest(email=email):
                self.assert_refused(self.sandbox.step1(email), "invalid email address format")
        for content in (b"GIF89a....", b"\xff\xd8", b"%PDF-1.4"):
            for name in ("idImage", "idBackImage"):
                self.assert_refused(self.sandbox.step1("m@example.test", files={name: ("x.jpg", content, "image/jpeg")}),
                                    "invalid id image")

    def test_unreadable_bodies(self):
        good = "multipart/form-data; boundary=b"
        part = 'Content-Disposition: form-data; name="email"\r\n\r\na@example.test\r\n'
        for kind, body in ((None, b""), ("application/json", b'{"email":"a@example.test"}'), (good, b""),
                           ("multipart/form-data", b"--b\r\n" + part.encode() + b"--b--\r\n"), (good, b"--c--\r\n"),
                           (good, b"--b\r\n" + part.encode()), (good, b"--b\r\nname=x\r\n\r\n1\r\n--b--\r\n"),
                           ("multipart/form-data; boundary=" + "b" * 71, b"--" + b"b" * 71 + b"--\r\n")):
            with self.subTest(kind=kind, body=body[:40]):
                answer = self.sandbox.call("POST", "/submission/step1", data=body, headers={"content-type": kind})
                self.assert_refused(answer, "failed to parse the input data")

    def test_multipart_oddities(self):
        def part(disposition, content):
            return b"--a b'c\r\nX-Other: 1\r\ncontent-disposition: " + disposition + b"\r\n\r\n" + content + b"\r\n"

        image = png() + b"\r\n--a b\r\n--a b' \r\n"
        body = (b"preamble\r\n" + part(b'form-data; name="email"', b"odd@example.test") + part(b"form-data; name=idType", b"passport") +
                part(b'form-data; filename="a;name=\\"x\\".png"; name="idImage"', image) + part(b'form-data; name="cf1"', b"") +
                part(b'form-data; name="cf2"', b'"quoted"') + part(b'FORM-DATA; NAME="issuingCountry"', b"GHA") +
                part(b'form-data; name="unknown"', b"\r\n") + b"--a b'c--\r\nepilogue")
        answer = self.sandbox.call("POST", "/submission/step1", data=body,
                                   headers={"content-type": "Multipart/Form-Data; charset=utf-8; boundary=\"a b'c\""})
        self.assertEqual(answer.status_code, 200, answer.text)
        submission = answer.json()["submissionId"]
        self.assertEqual(self.sandbox.get("/image", submission_id=submission, type="idImage").content, image)
        self.assertEqual(self.sandbox.item(submission)["data"]["cf2"], '"quoted"')

    def test_sizes(self):
        limit = 3 << 20
        exact = {"idImage": ("x.png", png(size=limit), "image/png")}
        self.assertEqual(len(exact["idImage"][1]), limit)
        self.assertEqual(self.sandbox.step1("big@example.test", files=exact).status_code, 200)
        large = {"idBackImage": ("x.png", png(size=limit + 1), "image/png")}
        self.assert_answer(self.sandbox.step1("big@example.test", files=large, without=["email"]), 413,
                           {"message": "Request Entity Too Large"})
        self.assert_answer(self.sandbox.step1("big@example.test", cf1="x" * (10 << 20)), 413,
                           {"message": "Request Entity Too Large"})

    def test_approved_email_is_refused(self):
        self.sandbox.approve("twice@example.test")
        for email in ("twice@example.test", "Twice@example.test"):
            answer = self.sandbox.step1(email)
            self.assertEqual(answer.status_code, 400)
            self.assertTrue(answer.json()["message"].startswith(
                email + " had submitted another KYC and is already approved; "), answer.text)

    def test_repeated_step1(self):
        self.assert_refused(self.sandbox.step1("r@example.test", submissionId="sbxunknown"), "invalid submission id")
        submission = self.sandbox.open_submission("r@example.test")
        self.assert_refused(self.sandbox.step1("r@example.test", submissionId=submission),
                            "this submission is already processed")


class Step2(WithSandbox):
    def test_approved(self):
        submission = self.sandbox.open_submission("two@example.test")
        answer = self.sandbox.step2(submission, document_number="G12", date_of_issue="2020-01-15", address_city="Accra",
                                    globalCode="6CQX+22", address_detail="4th floor")
        self.assert_answer(answer, 200, {"verificationResult": "success", "faceSimilarityScore": 96, "livenessScore": 88,
                                         "kycStatus": "approved", "retryCount": 0})
        item = self.sandbox.item(submission)
        self.assertTrue(item["applicant_id"])
        self.assertEqual(item["aml"], {"currentstatus": "Not Screened", "risk_level_summary": "Not Screened"})
        self.assertEqual(item["kyc"], {"result": "approved", "attempts": [
            {"attemptCnt": 1, "livenessScore": 88, "faceSimilarityScore": 96, "verificationResult": "success"}]})
        self.assertEqual(item["data"], {
            "idType": "passport", "idcard_issuingCountry": "GHA", "name": "Mina Okafor", "gender": "female",
            "nationality": "GHA", "date_of_birth": "1991-04-02", "idcard_issueDate": "2020-01-15",
            "documentNumber": "G12", "address_city": "Accra", "address_globalCode": "6CQX+22",
            "address_detail": "4th floor"})
        self.assert_refused(self.sandbox.step2(submission), "this submission is already processed")

    def test_missing_parameters(self):
        submission = self.sandbox.open_submission("missing@example.test")
        text = "missing required parameters for identity verification"
        for name in ("submissionId", "faceImage", "name", "date_of_birth"):
            with self.subTest(name=name):
                self.assert_refused(self.sandbox.step2(submission, without=[name]), text)
        self.assert_refused(self.sandbox.step2(submission, date_of_birth="02.04.1991"), text)
        self.assertEqual(self.sandbox.step2(submission).json()["retryCount"], 0)

    def test_bad_values(self):
        submission = self.sandbox.open_submission("bad@example.test")
        self.assert_refused(self.sandbox.step2("sbxunknown"), "invalid submission id")
        self.assert_refused(self.sandbox.step2(submission, files={"faceImage": ("x.jpg", b"no image", "image/jpeg")}),
                            "invalid face image")
        self.assert_refused(self.sandbox.step2(submission, files={"addressImage": ("x.jpg", b"no image", "image/jpeg")}),
                            "invalid or missing an address image")
        large = {"faceImage": ("x.jpg", jpeg(size=3 << 20), "image/jpeg")}
        self.assert_answer(self.sandbox.step2(submission, files=large), 413, {"message": "Request Entity Too Large"})
        answer = self.sandbox.call("POST", "/submission/step2", data={"submissionId": submission})
        self.assert_refused(answer, "failed to parse the input data")


class Applicant(WithSandbox):
    def group(self, applicant):
        return self.sandbox.get("/submission/applicant", applicant_id=applicant).json()

    def test_grouping(self):
        first = self.sandbox.approve("a1@example.test")
        applicant = self.sandbox.item(first)["applicant_id"]
        self.assertEqual(self.group(applicant), [{"submission_id": first, "email": "a1@example.test"}])
        second = self.sandbox.approve("a2@example.test", name="okafor, MINA")
        others = [self.sandbox.approve(f"a{number}@example.test", **change) for number, change in enumerate(
            ({"name": "Nina Okafor"}, {"date_of_birth": "1991-04-03"}, {"gender": "male"}, {"nationality": "NGA"}), 3)]
        self.assertEqual([element["submission_id"] for element in self.group(applicant)], [second, first])
        self.assertEqual({element["duplicated_information"] for element in self.group(applicant)},
                         {"duplicated_user_PII_exact"})
        self.assertEqual(len({self.sandbox.item(other)["applicant_id"] for other in others} | {applicant}), 5)
        self.sandbox.delete(second)
        self.assertEqual(self.group(applicant), [{"submission_id": first, "email": "a1@example.test"}])

    def test_parameters(self):
        self.assert_answer(self.sandbox.get("/submission/applicant"), 400, BAD_QUERY)
        self.assert_answer(self.sandbox.get("/submission/applicant", applicant_id="aplunknown"), 200, [])


class Address(WithSandbox):
    def test_bodies(self):
        body = {"address": "1 Example-ro, Seoul", "language": "en"}
        answers = [self.sandbox.address(json=body), self.sandbox.address(data=body),
                   self.sandbox.address(files={name: (None, value) for name, value in body.items()})]
        for answer in answers:
            self.assertEqual((answer.status_code, answer.json()), (200, answers[0].json()))
        result = answers[0].json()
        self.assertEqual(list(result), ["formatted_address", "compound_code", "global_code"])
        self.assertEqual(result["formatted_address"], body["address"])
        self.assertRegex(result["global_code"], r"^[23456789CFGHJMPQRVWX]{8}\+[23456789CFGHJMPQRVWX]{2}$")
        self.assertEqual(result["compound_code"], result["global_code"][4:] + " Seoul")

    def test_coordinates(self):
        # The codes of these places are in the published test data of Open Location Code.
        for place, code in (("20.3700625,2.7821875", "7FG49QCJ+2V"), ("47.0000625,8.0000625", "8FVC2222+22"),
                            ("-41.2730625,174.7859375", "4VCPPQGP+Q9")):
            self.assertEqual(self.sandbox.address(json={"address": place}).json()["global_code"], code)

    def test_errors(self):
        for arguments in ({"json": {}}, {"json": {"address": ""}}, {"json": {"address": 7}}, {"json": ["address"]},
                          {"data": b"{", "headers": {"content-type": "application/json"}}, {"data": b""},
                          {"data": b"address=x", "headers": {"content-type": "text/plain"}}):
            with self.subTest(arguments=arguments):
                self.assert_answer(self.sandbox.address(**arguments), 400, BAD_QUERY)


class Deletion(WithSandbox):
    def test_nothing_personal_is_left(self):
        secret = "Zebulon Quixote"
        submission = self.sandbox.approve("amlred@example.test", name=secret)
        item = self.sandbox.item(submission)
        resource = item["aml"]["matches"][0]["resource_id"]
        answer = self.sandbox.delete(submission, admin_name="admin@example.test")
        self.assert_answer(answer, 200, {"message": "success", "content": f"Submission {submission} deleted successfully.",
                                         "statusCode": 200})
        self.assertEqual(self.sandbox.read(submission_id=submission).json(), {"Items": []})
        self.assertNotIn(submission, self.sandbox.read(count=2000).text)
        for kind in ("idImage", "selfieImage"):
            self.assert_answer(self.sandbox.get("/image", submission_id=submission, type=kind), 400, BAD_QUERY)
        self.assert_answer(self.sandbox.get("/report/aml", resourceId=resource), 400, BAD_QUERY)
        self.assertEqual(self.sandbox.get("/submission/applicant", applicant_id=item["applicant_id"]).json(), [])
        self.assertEqual(self.sandbox.read(email="amlred@example.test").json(), {"Items": []})
        self.assertNotIn(secret, self.sandbox.read(count=2000).text)
        self.assert_refused(self.sandbox.step2(submission), "invalid submission id")
        self.sandbox.open_submission("amlred@example.test")  # the e-mail is free again

    def test_errors(self):
        def error(text):
            return 400, {"message": text, "statusCode": 400}

        self.assert_answer(self.sandbox.call("DELETE", "/submission"), *error("not Exist Submission ID"))
        self.assert_answer(self.sandbox.delete("sbxunknown"), *error("not Exist Submission Data"))
        submission = self.sandbox.open_submission("gone@example.test")
        self.assertEqual(self.sandbox.call("DELETE", "/submission", params={"submissionId": submission}).status_code, 200)
        self.assert_answer(self.sandbox.delete(submission), *error("not Exist Submission Data"))


class DeletionOfTheNewerGuide(WithSandbox):
    options = ("--keep-deleted",)

    def test_what_is_kept(self):
        submission = self.sandbox.approve("kept@example.test")
        created = self.sandbox.item(submission)["created_at"]
        self.assertEqual(self.sandbox.delete(submission).status_code, 200)
        self.assertEqual(self.sandbox.item(submission), {"submission_id": submission, "created_at": created,
                                                         "data": {"idType": "passport"}, "kyc": {"result": "approved"}})


class Files(WithSandbox):
    def test_stored_bytes_come_back(self):
        images = {"idImage": png(1, 3 << 20), "idBackImage": jpeg(2, 70000), "faceImage": jpeg(3, 300), "addressImage": png(4)}
        parts = {name: (name, content, "application/octet-stream") for name, content in images.items()}
        submission = self.sandbox.open_submission("files@example.test", files={n: parts[n] for n in ("idImage", "idBackImage")})
        self.sandbox.step2(submission, files={n: parts[n] for n in ("faceImage", "addressImage")})
        for kind, name, media in (("idImage", "idImage", "image/png"), ("idBackImage", "idBackImage", "image/jpeg"),
                                  ("selfieImage", "faceImage", "image/jpeg"), ("addressImage", "addressImage", "image/png")):
            for parameter in ("submission_id", "submissionId"):
                answer = self.sandbox.get("/image", **{parameter: submission, "type": kind})
                self.assertEqual((answer.status_code, answer.headers["content-type"]), (200, media))
                self.assertEqual(zlib.crc32(answer.content), zlib.crc32(images[name]))
                self.assertTrue(answer.content == images[name])

    def test_image_errors(self):
        submission = self.sandbox.open_submission("noface@example.test")
        for query in ({}, {"submission_id": submission}, {"type": "idImage"}, {"submission_id": "sbxunknown", "type": "idImage"},
                      {"submission_id": submission, "type": "selfieImage"}, {"submission_id": submission, "type": "faceImage"}):
            with self.subTest(query=query):
                self.assert_answer(self.sandbox.get("/image", **query), 400, BAD_QUERY)

    def check_pdf(self, data):
        """Follows the cross-reference table to every object, as a reader does."""
        self.assertTrue(data.startswith(b"%PDF-1.4\n"))
        start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n\Z", data).group(1))
        table = re.match(rb"xref\n0 (\d+)\n((?:\d{10} \d{5} [nf] \n)+)trailer\n<< /Size (\d+) /Root 1 0 R >>\n", data[start:])
        entries = table.group(2).splitlines()
        self.assertEqual({int(table.group(1)), int(table.group(3))}, {len(entries)})
        objects = {}
        for number, entry in enumerate(entries[1:], 1):
            found = re.match(rb"%d 0 obj\n(.*?)\nendobj\n" % number, data[int(entry[:10]):], re.S)
            self.assertIsNotNone(found, entry)
            objects[number] = found.group(1)
        self.assertIn(b"/Type /Catalog", objects[1])
        kids = [int(kid) for kid in re.findall(rb"(\d+) 0 R ", re.search(rb"/Kids \[(.*)\]", objects[2]).group(1))]
        self.assertEqual(int(re.search(rb"/Count (\d+)", objects[2]).group(1)), len(kids))
        text = b""
        for kid in kids:
            content = objects[int(re.search(rb"/Contents (\d+) 0 R", objects[kid]).group(1))]
            stream = re.fullmatch(rb"<< /Length (\d+) >>\nstream\n(.*)endstream", content, re.S)
            self.assertEqual(int(stream.group(1)), len(stream.group(2)))
            text += stream.group(2)
        return text

    def test_report(self):
        submission = self.sandbox.approve("amlred3+report@example.test", name="Back\\slash (Paren)")
        matches = self.sandbox.item(submission)["aml"]["matches"]
        self.assertEqual(len({match["resource_id"] for match in matches}), 3)
        for match in matches:
            answer = self.sandbox.get("/report/aml", resourceId=match["resource_id"])
            self.assertEqual((answer.status_code, answer.headers["content-type"]), (200, "application/pdf"))
            self.assertEqual(answer.headers["content-disposition"], 'attachment; filename="report.pdf"')
            text = self.check_pdf(answer.content)
            self.assertIn(b"Back\\\\slash \\(Paren\\)", text)
            self.assertIn(match["resource_id"].encode(), text)

    def test_big_report(self):
        for name, least in (("trigger-bigpdf", 100 << 10), ("trigger-bigpdf3072", 3 << 20)):
            answer = self.sandbox.get("/report/aml", resourceId=name)
            self.assertGreaterEqual(len(answer.content), least)
            self.assertEqual(len(answer.content), int(answer.headers["content-length"]))
            self.check_pdf(answer.content)

    def test_report_errors(self):
        self.assert_answer(self.sandbox.get("/report/aml"), 400, BAD_QUERY)
        self.assert_answer(self.sandbox.get("/report/aml", resourceId="rscunknown"), 400, BAD_QUERY)


class MaxRecords(WithSandbox):
    options = ("--max-records", "2")

    def test_oldest_leaves(self):
        submissions = [self.sandbox.open_submission(f"m{number}@example.test") for number in range(3)]
        listed = [item["submission_id"] for item in self.sandbox.read().json()["Items"]]
        self.assertEqual(listed, submissions[:0:-1])
        self.assertEqual(json.loads(self.sandbox.read(submission_id=submissions[0]).content), {"Items": []})


if __name__ == "__main__":
    unittest.main()
