"""A vendor with submissions that change: lookups show the state of the moment at which they arrive."""

import json
import re
import threading

from .cachecase import APPLICANT, SUBMISSION, LookupVendor, new_id, parameters, reply
from .media import multipart, step1_fields, step2_fields

MAIL = "@example.test"
PART = re.compile(rb'name="submissionId"\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n')


class StateVendor(LookupVendor):
    """submissions: id -> {"version", "result", "owner"}. Changes: DELETE removes; step 2 approves and step 1 with an id
    resubmits, each with a new version; step 1 without an id creates next_id.

    on_lookup(request, bytes) -> steps: how the answer made from the present state is delivered.
    on_change(request, apply) -> steps: apply() makes the change and returns the bytes that tell of it."""

    def __init__(self, **named):
        super().__init__(**named)
        self.submissions, self.state = {}, threading.RLock()
        self.on_lookup = lambda request, data: data
        self.on_change = lambda request, apply: apply()
        self.next_id = None

    def add(self, submission_id=None, owner="o", result="pending"):
        submission_id = submission_id or new_id()
        with self.state:
            self.submissions[submission_id] = {"version": 1, "result": result, "owner": owner}
        return submission_id

    def shown(self, submission_id):
        row = self.submissions[submission_id]
        return {"submission_id": submission_id, "userid": row["owner"], "version": row["version"], "kyc": {"result": row["result"]}}

    def _respond(self, request):
        if request.method == "GET":
            with self.state:
                data = reply(self._page(request))
            return self.on_lookup(request, data)
        return self.on_change(request, lambda: self._change(request))

    def _page(self, request):
        asked = parameters(request.target)
        wanted = sorted(self.submissions)
        if "submission_id" in asked:
            wanted = [one for one in wanted if one == asked["submission_id"]]
        for name in ("userid", "email", "applicant_id"):
            if name in asked:
                wanted = [one for one in wanted if self.submissions[one]["owner"] == asked[name].removesuffix(MAIL)]
        if "/applicant" in request.target:
            return json.dumps([{"submission_id": one, "email": "a@example.test", "version": self.submissions[one]["version"]}
                               for one in wanted]).encode()
        return json.dumps({"Items": [self.shown(one) for one in wanted]}).encode()

    def _change(self, request):
        with self.state:
            if request.method == "DELETE":
                asked = parameters(request.target)
                gone = asked.get("submission_id") or asked.get("submissionId")
                if self.submissions.pop(gone, None) is None:
                    return reply(b'{"message":"not Exist Submission Data","statusCode":400}', status=400)
                return reply(b'{"message":"success","content":"Submission %s deleted successfully.","statusCode":200}' % gone.encode())
            named = PART.search(request.body)
            submission_id = named[1].decode() if named else self.next_id or new_id()
            row = self.submissions.setdefault(submission_id, {"version": 0, "result": "incomplete", "owner": "o"})
            row["version"] += 1
            if "step2" in request.target:
                row["result"] = "approved"
                return reply(b'{"verificationResult":"success","faceSimilarityScore":96,"livenessScore":88,"kycStatus":"approved","retryCount":1}')
            return reply(json.dumps({"submissionId": submission_id, "file_upload": "true"}).encode())


def versions(got):
    """id -> version of all that an answer shows; fails for a problem."""
    shown = got.json()
    items = shown["Items"] if isinstance(shown, dict) else shown
    return {one["submission_id"]: one["version"] for one in items}


def send_change(gateway, kind, submission_id=None, query=None, **connect):
    """One change through the gateway: step1, step2, delete. Returns the answer."""
    method, target, content_type, body = change_request(kind, submission_id, query)
    fields = [("Content-Type", content_type)] if content_type else []
    return gateway.call(method, target, fields, body, **connect)


def change_request(kind, submission_id=None, query=None):
    if kind == "delete":
        return "DELETE", f"{SUBMISSION}?{query or f'submission_id={submission_id}'}", None, b""
    if kind == "step2":
        return "POST", f"{SUBMISSION}/step2", *multipart(step2_fields(submission_id))
    named = {"submissionId": submission_id} if submission_id else {}
    return "POST", f"{SUBMISSION}/step1", *multipart(step1_fields(**named))


def lookups_of(submission_id, owner):
    """All kinds of lookups that show a submission."""
    return {"one": f"{SUBMISSION}?submission_id={submission_id}", "by user": f"{SUBMISSION}?userid={owner}",
            "by email": f"{SUBMISSION}?email={owner}{MAIL}", "all": f"{SUBMISSION}?count=2000", "applicant": f"{APPLICANT}?applicant_id={owner}"}
