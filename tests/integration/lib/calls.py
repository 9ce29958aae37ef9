"""One well-formed call of each operation, and header fields that must not get through."""

from .media import multipart, step1_fields, step2_fields

STEP1 = multipart(step1_fields(), boundary="odd-but-legal_1")[1]
STEP2 = multipart(step2_fields("sbx1"))
# operation, method, path, query, content type, body
CALLS = [
    ("read_submission", "GET", "/submission",
     "?submission_id=a%2Bb%e4%B8%80&nextpage_date=2024-05-06T07%3A08%3A09.010%2B09%3A00&y=&z", None,
     b""),
    ("read_applicant", "GET", "/submission/applicant", "?applicant_id=apl9&a=1&a=2&&=x", None, b""),
    ("submit_step1", "POST", "/submission/step1", "",
     'multipart/form-data; charset=utf-8; boundary="odd-but-legal_1"', STEP1),
    ("submit_step2", "POST", "/submission/step2", "", *STEP2),
    ("address_code", "POST", "/address_code", "?", "application/json;charset=UTF-8",
     b'{ "address" : "1 Example-ro, Seoul" }'),
    ("delete_submission", "DELETE", "/submission", "?submission_id=s%20b&admin_name=a@b.c", None,
     b""),
    ("get_aml_report", "GET", "/report/aml", "?resourceId=rsc-42/%2F?x", None, b""),
    ("get_image", "GET", "/image", "?submission_id=sbx1&type=idImage", None, b""),
]

HOSTILE = [
    ("X-Api-Key", "callers-own-key"), ("x-aPI-key", "callers-second-key"),
    ("Authorization", "Bearer callers-token"), ("Cookie", "session=callers-cookie"),
    ("Proxy-Authorization", "Basic callers-proxy"), ("Proxy-Connection", "keep-alive"),
    ("Keep-Alive", "timeout=5"), ("TE", "trailers"), ("Trailer", "X-Tail"),
    ("Upgrade", "websocket"), ("Connection", "keep-alive, X-Named, Accept-Language, Upgrade"),
    ("X-Named", "named-in-connection"), ("Accept-Language", "named-as-well"),
    ("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9"), ("Via", "1.1 caller"),
    ("X-Unknown", "unknown-value"), ("Origin", "https://caller.invalid"),
    ("Referer", "https://caller.invalid/x"), ("X-HTTP-Method-Override", "PURGE"),
    ("If-None-Match", '"callers-etag"'), ("Range", "bytes=0-1"),
    ("X-Original-URL", "/v3/projects/settings"), ("Sec-Fetch-Mode", "cors"),
]


def call(gateway, row, headers=(), prefix="/v3", **connect):
    """Sends one row of CALLS; returns the wire.Answer."""
    _, method, path, query, content_type, body = row
    fields = [*headers] + ([("Content-Type", content_type)] if content_type else [])
    return gateway.call(method, prefix + path + query, fields, body, **connect)
