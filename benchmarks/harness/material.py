"""Everything a run needs on disk: certificates, the vendor's answer, requests, the upload."""
import json
import random
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

API_KEY = "bench-project-key-0123456789abcdef"
BOUNDARY = "argosbenchboundary7MA4YWxkTrZu0gW"
COUNTER = "NNNNNNNNNNNN"  # the generator writes the request's number here, and the vendor answers with it
UPLOAD_BYTES = 1024 * 1024
LOOKUP_BYTES = 2048
SMALL_LOOKUP_BYTES = 512  # of the series that fills a cache with a million answers

# What a service that has not been cleaned up sends: the secrets in it must not reach the vendor. (The caller's own
# x-api-key is tried once before each workload, because a gateway adds a warning to every such answer.)
CALLER_FIELDS = (
    "Host: gateway.bench\r\n"
    "User-Agent: onboarding-service/1.4 (bench)\r\n"
    "Accept: application/json\r\n"
    "Accept-Language: en\r\n"
    "Authorization: Basic YmVuY2g6YmVuY2g=\r\n"
    "Cookie: session=0123456789abcdef\r\n"
)


@dataclass(frozen=True)
class Material:
    folder: Path
    ca: Path
    certificate: Path
    key: Path
    api_key: Path
    lookup_body: Path
    small_lookup_body: Path
    upload_body: Path
    upload_answer: Path

    def request(self, name: str) -> Path:
        return self.folder / f"{name}.request"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)


def _make_certificates(folder: Path) -> None:
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl("req", "-x509", *curve, "-days", "2", "-subj", "/CN=benchmark CA", "-keyout", str(folder / "ca.key"),
             "-out", str(folder / "ca.pem"), "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    _openssl("req", "-new", *curve, "-subj", "/CN=localhost", "-keyout", str(folder / "server.key"),
             "-out", str(folder / "server.csr"))
    extensions = folder / "server.ext"
    extensions.write_text("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n"
                          "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n")
    _openssl("x509", "-req", "-in", str(folder / "server.csr"), "-CA", str(folder / "ca.pem"), "-CAkey",
             str(folder / "ca.key"), "-CAcreateserial", "-days", "2", "-extfile", str(extensions), "-out",
             str(folder / "server.pem"))
    # HAProxy reads certificate and key from one file.
    (folder / "server.both.pem").write_text((folder / "server.pem").read_text() + (folder / "server.key").read_text())


def _lookup_body() -> str:
    item = {
        "data": {"name": "Mina Okafor", "gender": "female", "nationality": "GHA", "date_of_birth": "1991-04-02",
                 "idType": "passport", "idcard_issuingCountry": "GHA", "idcard_issueDate": "2020-01-15",
                 "idcard_expireDate": "2030-01-14", "cf1": "tier-2"},
        "email": "mina@example.test", "submission_id": f"bench{COUNTER}", "applicant_id": "apl9z8y7x",
        "created_at": "2024-05-06T07:08:09.010Z",
        "kyc": {"result": "approved", "attempts": [{"attemptCnt": 1, "livenessScore": 97, "faceSimilarityScore": 93}]},
        "aml": {"currentstatus": "Red Flag", "risk_level_summary": "Low", "matches": [{"resource_id": "rsc-42"}]},
        "memo": {"text": ""},
    }
    missing = LOOKUP_BYTES - len(json.dumps({"Items": [item]}, separators=(",", ":")))
    item["memo"]["text"] = ("argos bench " * 200)[:missing]
    return json.dumps({"Items": [item]}, separators=(",", ":"))


def _small_lookup_body() -> str:
    def page(text: str) -> str:
        item = {"submission_id": f"bench{COUNTER}", "kyc": {"result": "approved"}, "memo": {"text": text}}
        return json.dumps({"Items": [item]}, separators=(",", ":"))

    return page(("argos bench " * 50)[:SMALL_LOOKUP_BYTES - len(page(""))])


def _jpeg(size: int) -> bytes:
    """Markers of a 1024 x 768 baseline JPEG around noise: what inspects headers is content, what decodes is not."""
    head = (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
            b"\xff\xc0\x00\x11\x08\x03\x00\x04\x00\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
            b"\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00")
    room = size - len(head) - 2
    noise = random.Random(20240506).randbytes(room).replace(b"\xff", b"\xff\x00")[:room]  # as an encoder stuffs it
    return head + noise[:-1] + b"\x00\xff\xd9"


def _upload() -> bytes:
    def part(name: str, value: bytes, more: str = "") -> bytes:
        return f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n".encode() + value + b"\r\n"

    fields = b"".join(part(name, value) for name, value in (
        ("issuingCountry", b"GHA"), ("email", b"mina@example.test"), ("idType", b"passport"), ("userid", b"u-1001")))
    file_more = "; filename=\"id.jpg\"\r\nContent-Type: image/jpeg"
    end = f"--{BOUNDARY}--\r\n".encode()
    image = _jpeg(UPLOAD_BYTES - len(fields) - len(part("idImage", b"", file_more)) - len(end))
    return fields + part("idImage", image, file_more) + end


def prepare(folder: Path) -> Material:
    _make_certificates(folder)
    material = Material(folder, folder / "ca.pem", folder / "server.pem", folder / "server.key", folder / "api-key",
                        folder / "lookup.json", folder / "small-lookup.json", folder / "upload.body", folder / "upload.json")
    material.api_key.write_text(API_KEY + "\n")
    material.api_key.chmod(0o600)
    material.lookup_body.write_text(_lookup_body())
    material.small_lookup_body.write_text(_small_lookup_body())
    upload = _upload()
    material.upload_body.write_bytes(upload)
    material.upload_answer.write_text('{"submissionId":"bench0000000000","file_upload":"true"}')
    heads = {
        "lookup": f"GET /v3/submission?submission_id=bench{COUNTER} HTTP/1.1\r\n{CALLER_FIELDS}\r\n",
        "refusal": f"GET /v3/nope?submission_id=bench{COUNTER} HTTP/1.1\r\n{CALLER_FIELDS}\r\n",
        "upload": f"POST /v3/submission/step1 HTTP/1.1\r\n{CALLER_FIELDS}"
                  f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(upload)}\r\n\r\n",
        "relay": f"POST /v3/address_code HTTP/1.1\r\n{CALLER_FIELDS}"
                 f"Content-Type: application/json\r\nContent-Length: {len(upload)}\r\n\r\n",
    }
    for name, head in heads.items():
        material.request(name).write_bytes(head.encode())
    return material
