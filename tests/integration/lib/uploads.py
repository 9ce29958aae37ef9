"""Uploads against a running gateway."""

import contextlib
import re

from .gateway import Gateway
from .paths import ROOT
from .uploadcases import boundary_of

PATHS = {"submit_step1": "/v3/submission/step1", "submit_step2": "/v3/submission/step2",
         "address_code": "/v3/address_code"}
FRAMINGS = ("length", "chunked")
SECOND_FILE = {"submit_step1": b"idBackImage", "submit_step2": b"addressImage"}


def statuses():
    """reason code -> status, of the reference page."""
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", (ROOT / "config/REASONS.md").read_text(), re.MULTILINE)
    return {code: int(status) for code, status in rows}


def chunks(body, size=1000):
    return b"".join(b"%x\r\n%s\r\n" % (len(body[at:at + size]), body[at:at + size]) for at in range(0, len(body),
                                                                                                    size)) + b"0\r\n\r\n"


def request(operation, content_type, body, framing="length", request_id=None, headers=b"", chunk=1000):
    """The bytes of a whole request; `chunk` is the size of the chunks."""
    head = b"POST %s HTTP/1.1\r\nHost: gw.test\r\nContent-Type: %s\r\n" % (PATHS[operation].encode(),
                                                                           content_type) + headers
    if request_id:
        head += b"X-Request-Id: %s\r\n" % request_id.encode()
    if framing == "length":
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks(body, chunk)


def post(gateway, *arguments, **named):
    """The answer to one upload on a connection of its own. An answer may come, and the connection end, while it is sent."""
    with gateway.connect(timeout=20) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.send(request(*arguments, **named))
        return connection.read_answer()


def lengthened(case, picture, size):
    """The body with one more good file in front that makes it too long to be judged before it is passed on."""
    head = b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="pad.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    padding = b""
    while len(padding) < size:
        padding += b"\xff\xfe\xff\xff" + bytes(65533)
    return head % (boundary_of(case.content_type),
                   SECOND_FILE[case.operation]) + picture[:2] + padding + picture[2:] + b"\r\n" + case.body


def gateway_of(vendor, rule, **sections):
    """A gateway with the limits of one of the table's rule sets."""
    limits = {key: rule[key] for key in ("file_bytes", "field_bytes", "parts") if key in rule}
    uploads = {key: rule[key] for key in ("validation", "max_pixels", "content_types") if key in rule}
    return Gateway(vendor, limits=limits, uploads=uploads, **sections)
