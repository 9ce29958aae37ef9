"""Runs every kind of call once through the gateway with curl, prints each with its answer and checks the answer.

Usage: demo.py --base URL --folder FOLDER --key-file FILE
FOLDER holds id-card.jpg and selfie.png (see pictures.py). FILE holds the key that the gateway adds: it must not be found
in any answer. Exit status 0: every answer was as documented.
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

EMAIL = "amlred@example.test"  # this local part makes the sandbox find the person on two sanctions lists
OCR_MEMBERS = {"ocr_birthDate", "ocr_issueDate", "ocr_expireDate", "ocr_lastName", "ocr_firstName", "ocr_name", "ocr_gender",
               "ocr_nationality", "ocr_identityNumber", "ocr_licenseNumber"}


class NotAsDocumented(Exception):
    pass


def must(condition, sentence):
    if not condition:
        raise NotAsDocumented(sentence)


class Answer:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.fields = {}
        for line in lines[1:]:
            name, separator, value = line.partition(":")
            if separator:
                self.fields[name.strip().lower()] = value.strip()
        self.body = body
        self.raw = head + body

    @property
    def content_type(self):
        return self.fields.get("content-type", "").split(";")[0].strip()

    def json(self):
        must(self.content_type == "application/json", f"content-type is {self.content_type!r}, not application/json")
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise NotAsDocumented(f"the body is no JSON: {error}") from None

    def shown(self):
        if self.content_type.endswith("json"):
            try:
                return json.dumps(json.loads(self.body), indent=2, ensure_ascii=False)
            except ValueError:
                pass
        if self.content_type.startswith("text/"):
            return self.body.decode("utf-8", "replace")
        return f"({len(self.body)} bytes, sha256 {hashlib.sha256(self.body).hexdigest()})"


def curl(arguments):
    """One call; arguments are shown as they are, those that only serve this script are not."""
    with tempfile.TemporaryDirectory(prefix="argos-demo-") as folder:
        head, body = os.path.join(folder, "head"), os.path.join(folder, "body")
        command = ["curl", "-q", "--noproxy", "*", "--max-time", "60", "-sS", "-D", head]
        if arguments[0] == "-o":
            body = arguments[1]
            if os.path.exists(body):
                os.remove(body)
        else:
            command += ["-o", body]
        result = subprocess.run([*command, *arguments], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        must(result.returncode == 0, f"curl failed: {result.stderr.decode(errors='replace').strip()}")
        with open(head, "rb") as file:
            # Interim answers (100 Continue) come first; the final head is the last one.
            final = re.split(rb"(?=^HTTP/1\.[01] )", file.read(), flags=re.MULTILINE)[-1]
        content = b""
        if os.path.exists(body):
            with open(body, "rb") as file:
                content = file.read()
        return Answer(final, content)


class Demo:
    def __init__(self, base, folder, key):
        self.base, self.key = base, key.encode()
        self.folder = folder
        self.card, self.selfie = (os.path.join(folder, name) for name in ("id-card.jpg", "selfie.png"))
        self.submission = self.applicant = self.resource = "unknown"
        self.good = self.total = 0

    def call(self, title, arguments, check, status=200):
        self.total += 1
        shown = " ".join(shlex.quote(word) for word in ["curl", "-sS", *arguments])
        print(f"\n== {self.total}. {title}\n$ {shown}", flush=True)
        try:
            answer = curl(arguments)
            print(f"HTTP {answer.status}  {answer.content_type}  x-request-id {answer.fields.get('x-request-id', '-')}")
            print(answer.shown())
            must(answer.status == status, f"the status is {answer.status}, not {status}")
            must("x-request-id" in answer.fields, "there is no x-request-id")
            must("x-gateway-reason" not in answer.fields, "the gateway itself made this answer")
            must(self.key not in answer.raw, "the vendor key is in the answer")
            check(answer)
        except NotAsDocumented as error:
            print(f"NOT AS DOCUMENTED: {error}", flush=True)
            return
        self.good += 1
        print("as documented", flush=True)

    # What Argos documents of each answer.

    def check_step1(self, answer):
        body = answer.json()
        ids = [value for name, value in body.items() if name.lower().replace("_", "") == "submissionid"]
        must(len(ids) == 1 and isinstance(ids[0], str) and ids[0], "there is no submission id")
        must(str(body.get("file_upload")).lower() == "true", "file_upload is not true")
        ocr = body.get("reviewOCRData")
        must(isinstance(ocr, dict) and ocr, "reviewOCRData is missing or empty")
        must(set(ocr) <= OCR_MEMBERS, f"reviewOCRData has unknown members {sorted(set(ocr) - OCR_MEMBERS)}")
        self.submission = ids[0]

    def check_step2(self, answer):
        body = answer.json()
        must(body.get("kycStatus") == "approved", "kycStatus is not approved")
        must(body.get("verificationResult") == "success", "verificationResult is not success")
        for name, least in (("faceSimilarityScore", 85), ("livenessScore", 50)):
            score = body.get(name)
            must(isinstance(score, (int, float)) and least <= score <= 100, f"{name} is not in {least}..100")
        must(isinstance(body.get("retryCount"), int), "retryCount is no integer")

    def check_lookup(self, answer):
        items = answer.json().get("Items")
        must(isinstance(items, list) and len(items) == 1, "Items does not hold exactly one submission")
        item = items[0]
        must(item.get("submission_id") == self.submission, "it is another submission")
        must(item.get("email") == EMAIL and item.get("userid") == "u-1001", "email or userid are not those of step 1")
        data, kyc, aml = (item.get(name) or {} for name in ("data", "kyc", "aml"))
        must(data.get("idType") == "passport" and data.get("idcard_issuingCountry") == "GHA", "the document is another one")
        must(data.get("date_of_birth") == "1991-04-02" and data.get("gender") == "female", "the person is another one")
        must(data.get("cf1") == "tier-2", "cf1 did not come back")
        must(str(kyc.get("result")).lower() == "approved", "kyc.result is not approved")
        must(isinstance(kyc.get("attempts"), list) and kyc["attempts"], "kyc.attempts is missing")
        must(aml.get("currentstatus") == "Red Flag", "aml.currentstatus is not Red Flag")
        must(aml.get("risk_level_summary") in ("High", "Medium", "Low"), "aml.risk_level_summary is missing")
        must(aml.get("matches") and all(match.get("resource_id") for match in aml["matches"]), "aml.matches is missing")
        must(isinstance(item.get("applicant_id"), str) and item["applicant_id"], "an approved submission has an applicant_id")
        self.applicant, self.resource = item["applicant_id"], aml["matches"][0]["resource_id"]

    def check_applicant(self, answer):
        body = answer.json()
        must(isinstance(body, list), "the answer is no array")
        must(any(entry.get("submission_id") == self.submission and entry.get("email") == EMAIL for entry in body),
             "the submission is not among the applicant's")

    def check_file(self, answer, content_type):
        must(answer.content_type == content_type, f"content-type is {answer.content_type!r}, not {content_type}")
        must("no-store" in answer.fields.get("cache-control", ""), "cache-control is not no-store")
        must(answer.fields.get("x-content-type-options") == "nosniff", "x-content-type-options is not nosniff")

    def check_image(self, path, content_type):
        def check(answer):
            self.check_file(answer, content_type)
            with open(path, "rb") as file:
                must(answer.body == file.read(), f"these are not the bytes of {path}")
        return check

    def check_report(self, answer):
        self.check_file(answer, "application/pdf")
        must(answer.body.startswith(b"%PDF-1.") and answer.body.rstrip().endswith(b"%%EOF"), "the body is no complete PDF")

    @staticmethod
    def check_address(answer):
        body = answer.json()
        for name in ("formatted_address", "compound_code", "global_code"):
            must(isinstance(body.get(name), str) and body[name], f"{name} is missing")

    def check_delete(self, answer):
        body = answer.json()
        must(body.get("message") == "success", "message is not success")
        must(body.get("content") == f"Submission {self.submission} deleted successfully.", "content is another text")
        must(body.get("statusCode", 200) == 200, "statusCode is not 200")

    @staticmethod
    def check_gone(answer):
        must(answer.json().get("Items") == [], "Items is not empty")

    def run(self):
        def form(**parts):
            return [word for name, value in parts.items() for word in ("-F", f"{name}={value}")]

        def into(name):
            return ["-o", os.path.join(self.folder, name)]

        base = self.base
        self.call("Step 1: the document (a JPEG)",
                  form(issuingCountry="GHA", email=EMAIL, idType="passport", userid="u-1001", cf1="tier-2",
                       idImage=f"@{self.card};type=image/jpeg") + [f"{base}/submission/step1"], self.check_step1)
        self.call("Step 2: the face (a PNG)",
                  form(submissionId=self.submission, name="Okafor, Mina", date_of_birth="1991-04-02", gender="female",
                       nationality="GHA", faceImage=f"@{self.selfie};type=image/png") + [f"{base}/submission/step2"],
                  self.check_step2)
        self.call("Look the submission up", [f"{base}/submission?submission_id={self.submission}"], self.check_lookup)
        self.call("All submissions of this person", [f"{base}/submission/applicant?applicant_id={self.applicant}"],
                  self.check_applicant)
        self.call("The document's image, byte for byte what was uploaded",
                  into("returned.jpg") + [f"{base}/image?submission_id={self.submission}&type=idImage"],
                  self.check_image(self.card, "image/jpeg"))
        self.call("The face's image, byte for byte what was uploaded",
                  into("returned.png") + [f"{base}/image?submission_id={self.submission}&type=selfieImage"],
                  self.check_image(self.selfie, "image/png"))
        self.call("The AML report (a PDF)", into("report.pdf") + [f"{base}/report/aml?resourceId={self.resource}"],
                  self.check_report)
        self.call("Code of an address",
                  ["-H", "content-type: application/json", "-d", '{"address":"1 Example-ro, Seoul","language":"en"}',
                   f"{base}/address_code"], self.check_address)
        self.call("Delete the submission", ["-X", "DELETE", f"{base}/submission?submission_id={self.submission}"],
                  self.check_delete)
        self.call("It is gone", [f"{base}/submission?submission_id={self.submission}"], self.check_gone)
        print(f"\n{self.good} of {self.total} answers were as documented.", flush=True)
        return self.good == self.total


def main():
    parser = argparse.ArgumentParser(description="Runs every kind of call once through the gateway and checks the answers.")
    parser.add_argument("--base", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--key-file", required=True)
    options = parser.parse_args()
    with open(options.key_file, encoding="ascii") as file:
        key = file.read().strip()
    if not key:
        sys.exit(f"{options.key_file} is empty")
    sys.exit(0 if Demo(options.base, options.folder, key).run() else 1)


if __name__ == "__main__":
    main()
