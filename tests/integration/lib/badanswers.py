"""Vendor answers that deviate from HTTP, and what a caller may be told.

BAD: the answer breaks a rule that decides how it is read; the caller gets a problem or, when part
of the answer had already been passed on, a connection that visibly breaks. FINE: unusual but legal;
the caller gets exactly the body. HEAD_ONLY marks rows whose fault is in the head, so that nothing of
the answer can have been passed on and the caller must get a problem.
"""

from .gateway import Close
from .hostile import body_for

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def length(body):
    return b"Content-Length: %d\r\n" % len(body)


def chunk(body):
    return b"%x\r\n%s\r\n" % (len(body), body)


CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"0\r\n\r\n"


def head_rows(body):
    """name -> bytes; every one is refused from its head alone: upstream_bad_response."""
    whole, chunks, n = length(body), chunk(body) + END, len(body)
    rows = {
        "te-and-cl": OK + CHUNKED + whole + b"\r\n" + chunks,
        "cl-and-te": OK + whole + CHUNKED + b"\r\n" + chunks,
        "cl-twice-equal": OK + whole * 2 + b"\r\n" + body,
        "cl-twice-different": OK + whole + b"Content-Length: 2\r\n\r\n" + body,
        "te-twice": OK + CHUNKED * 2 + b"\r\n" + chunks,
        "te-http10": b"HTTP/1.0 200 OK\r\n" + CHUNKED + b"\r\n" + chunks,
        "status-101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n" + body,
        "status-304": b"HTTP/1.1 304 Not Modified\r\n" + whole + b"\r\n" + body,
        "status-099": b"HTTP/1.1 099 Low\r\n" + whole + b"\r\n" + body,
        "status-999": b"HTTP/1.1 999 High\r\n" + whole + b"\r\n" + body,
        "status-four-digits": b"HTTP/1.1 2000 OK\r\n" + whole + b"\r\n" + body,
        "status-two-digits": b"HTTP/1.1 20 OK\r\n" + whole + b"\r\n" + body,
        "status-letters": b"HTTP/1.1 abc OK\r\n" + whole + b"\r\n" + body,
        "status-minus": b"HTTP/1.1 -20 OK\r\n" + whole + b"\r\n" + body,
        "version-2": b"HTTP/2.0 200 OK\r\n" + whole + b"\r\n" + body,
        "version-12": b"HTTP/1.2 200 OK\r\n" + whole + b"\r\n" + body,
        "version-lower-case": b"http/1.1 200 OK\r\n" + whole + b"\r\n" + body,
        "version-none": b"200 OK\r\n" + whole + b"\r\n" + body,
        "icy": b"ICY 200 OK\r\n" + whole + b"\r\n" + body,
        "two-spaces": b"HTTP/1.1  200 OK\r\n" + whole + b"\r\n" + body,
        "empty-line-first": b"\r\n" + OK + whole + b"\r\n" + body,
        "no-head": body + b"\r\n\r\n",
        "tls-alert": b"\x15\x03\x03\x00\x02\x02\x28\r\n\r\n",
        "a-request": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "status-line-control": b"HTTP/1.1 200 O\x01K\r\n" + whole + b"\r\n" + body,
        "status-line-bare-lf": b"HTTP/1.1 200 OK\n" + whole + b"\r\n" + body,
    }
    for name, value in [("empty", b""), ("minus", b"-%d" % n), ("plus", b"+%d" % n), ("hex", b"0x%x" % n),
                        ("list", b"%d, %d" % (n, n)), ("list-different", b"%d, 1" % n), ("letters", b"abc"),
                        ("overflow", b"18446744073709551616"), ("leading-zero", b"0%d" % n),
                        ("inner-space", b"1 0"), ("point", b"%d.0" % n), ("quoted", b'"%d"' % n)]:
        rows[f"cl-{name}"] = OK + b"Content-Length: " + value + b"\r\n\r\n" + body
    for name, value in [("gzip", b"gzip"), ("identity", b"identity"), ("twice-in-list", b"chunked, chunked"),
                        ("gzip-chunked", b"gzip, chunked"), ("chunked-gzip", b"chunked, gzip"), ("x", b"xchunked"),
                        ("quoted", b'"chunked"'), ("empty", b""), ("comma", b"chunked,"), ("parameter", b"chunked;a=b")]:
        rows[f"te-{name}"] = OK + b"Transfer-Encoding: " + value + b"\r\n\r\n" + chunks
    for name, field in [("fold", b"X-A: b\r\n c\r\n"), ("fold-length", b"X-A: b\r\n Content-Length: 2\r\n"),
                        ("bare-lf", b"X-A: b\nX-C: d\r\n"), ("bare-cr", b"X-A: b\rc\r\n"), ("nul", b"X-A: \x00\r\n"),
                        ("control", b"X-A: \x01\r\n"), ("del", b"X-A: \x7f\r\n"), ("space-before-colon", b"X-A : b\r\n"),
                        ("empty-name", b": b\r\n"), ("no-colon", b"nothing\r\n"), ("bad-name", b"X(A): b\r\n"),
                        ("high-bit-name", b"X\xe9: b\r\n"), ("cr-in-name", b"X\rA: b\r\n"),
                        ("te-space-before-colon", b"Transfer-Encoding : chunked\r\n")]:
        rows[f"field-{name}"] = OK + field + whole + b"\r\n" + body
    return rows


def body_rows(body):
    """name -> bytes; the head is right, the chunked body is not: problem or visibly broken."""
    start = OK + CHUNKED + b"\r\n"
    first, rest = body[:5], body[5:]
    good = chunk(first)
    return {f"chunk-{name}": start + text for name, text in {
        "size-letters": good + b"zz\r\n" + rest + b"\r\n" + END,
        "size-letters-first": b"zz\r\n" + body + b"\r\n" + END,
        "size-minus": good + b"-1\r\n" + rest + b"\r\n" + END,
        "size-plus": good + b"+%x\r\n" % len(rest) + rest + b"\r\n" + END,
        "size-0x": good + b"0x%x\r\n" % len(rest) + rest + b"\r\n" + END,
        "size-empty": good + b"\r\n" + rest + b"\r\n" + END,
        "size-overflow": good + b"1" + b"0" * 15 + b"%x\r\n" % len(rest) + rest + b"\r\n" + END,
        "size-40-digits": good + b"9" * 40 + b"\r\n" + rest,
        "size-space-before": good + b" %x\r\n" % len(rest) + rest + b"\r\n" + END,
        "size-space-after": good + b"%x \r\n" % len(rest) + rest + b"\r\n" + END,
        "size-lf-only": good + b"%x\n" % len(rest) + rest + b"\r\n" + END,
        "size-cr-only": good + b"%x\r" % len(rest) + rest + b"\r\n" + END,
        "data-no-crlf": good + b"%x\r\n" % len(rest) + rest + END,
        "data-lf-only": good + b"%x\r\n" % len(rest) + rest + b"\n" + END,
        "data-longer": good + b"%x\r\n" % len(rest) + rest + b"X\r\n" + END,
        "data-shorter": good + b"%x\r\n" % (len(rest) + 1) + rest + b"\r\n" + END,
        "extension-nul": good + b"%x;\x00\r\n" % len(rest) + rest + b"\r\n" + END,
        "extension-bare-lf": good + b"%x;a\nb\r\n" % len(rest) + rest + b"\r\n" + END,
        "extension-100k": good + b"%x;" % len(rest) + b"e" * 100000 + b"\r\n" + rest + b"\r\n" + END,
        "trailer-length": chunk(body) + b"0\r\nContent-Length: 1\r\n\r\n",
        "trailer-encoding": chunk(body) + b"0\r\nTransfer-Encoding: gzip\r\n\r\n",
        "trailer-fold": chunk(body) + b"0\r\nX-A: b\r\n c\r\n\r\n",
        "trailer-nul": chunk(body) + b"0\r\nX-A: \x00\r\n\r\n",
        "trailer-100k": chunk(body) + b"0\r\nX-A: " + b"t" * 100000 + b"\r\n\r\n",
        "last-bare-lf": chunk(body) + b"0\n\n",
    }.items()}


def big_rows(body):
    """name -> bytes; heads beyond any bound."""
    return {
        "head-one-field-100k": OK + b"X-A: " + b"v" * 100000 + b"\r\n" + length(body) + b"\r\n" + body,
        "head-many-fields-100k": OK + b"X-A: " + b"v" * 90 + b"\r\n" + b"X-B: vvvv\r\n" * 9000 + length(body) + b"\r\n" + body,
        "head-2000-fields": OK + b"a: b\r\n" * 2000 + length(body) + b"\r\n" + body,
        "head-never-ends": OK + b"X-A: " + b"v" * 300000,
        "status-line-100k": b"HTTP/1.1 200 " + b"O" * 100000 + b"\r\n" + length(body) + b"\r\n" + body,
    }


def fine_rows(body):
    """name -> steps; unusual, but there is one reading: the caller gets exactly `body`."""
    half = len(body) // 2
    link = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
    hundred = b"HTTP/1.1 100 Continue\r\n\r\n"
    return {
        "length": OK + length(body) + b"\r\n" + body,
        "chunked": OK + CHUNKED + b"\r\n" + chunk(body) + END,
        "chunked-odd-case": OK + b"transfer-ENCODING: Chunked\r\n\r\n" + chunk(body) + END,
        "chunked-two": OK + CHUNKED + b"\r\n" + chunk(body[:half]) + chunk(body[half:]) + END,
        "chunked-single-bytes": OK + CHUNKED + b"\r\n" + b"".join(chunk(body[i:i + 1]) for i in range(len(body))) + END,
        "chunked-extension": OK + CHUNKED + b"\r\n%x;a=b\r\n%s\r\n0;c=d\r\n\r\n" % (len(body), body),
        "chunked-plain-trailer": OK + CHUNKED + b"\r\n" + chunk(body) + b"0\r\nX-Checksum: 1\r\n\r\n",
        "until-close": [OK + b"Connection: close\r\n\r\n" + body, Close()],
        "until-close-unannounced": [OK + b"\r\n" + body, Close()],
        "http10-length": [b"HTTP/1.0 200 OK\r\n" + length(body) + b"\r\n" + body, Close()],
        "http10-until-close": [b"HTTP/1.0 200 OK\r\n\r\n" + body, Close()],
        "connection-close": [OK + length(body) + b"Connection: close\r\n\r\n" + body, Close()],
        "no-phrase": b"HTTP/1.1 200 \r\n" + length(body) + b"\r\n" + body,
        "phrase-high-bit": b"HTTP/1.1 200 \xc3\xa9\r\n" + length(body) + b"\r\n" + body,
        "value-high-bit": OK + b"X-A: \xff\xfe\r\n" + length(body) + b"\r\n" + body,
        "100-before": hundred + OK + length(body) + b"\r\n" + body,
        "103-before": link + OK + length(body) + b"\r\n" + body,
        "102-three-before": b"HTTP/1.1 102 Processing\r\n\r\n" * 3 + OK + length(body) + b"\r\n" + body,
        "100-then-103-before": hundred + link + OK + CHUNKED + b"\r\n" + chunk(body) + END,
        "repeated-unknown-fields": OK + b"X-A: 1\r\nX-A: 2\r\n" + length(body) + b"\r\n" + body,
    }


POISON = b'{"Items":[],"echo":"poison"}'


def surplus_rows(body):
    """name -> bytes; a right answer with more behind it. The caller gets `body`; the connection is over."""
    good, poison = OK + length(body) + b"\r\n" + body, OK + length(POISON) + b"\r\n" + POISON
    return {
        "surplus-answer": good + poison,
        "surplus-byte": good + b"x",
        "surplus-crlf": good + b"\r\n",
        "surplus-interim": good + b"HTTP/1.1 100 Continue\r\n\r\n",
        "surplus-half-answer": good + poison[:30],
        "surplus-after-chunked": OK + CHUNKED + b"\r\n" + chunk(body) + END + poison,
        "surplus-behind-close": OK + b"Connection: close\r\n" + length(body) + b"\r\n" + body + poison,
        "surplus-long-body": OK + length(body) + b"\r\n" + body + b" " * 5000,
    }


def all_rows(name):
    body = body_for(name)
    return {**head_rows(body), **body_rows(body), **big_rows(body), **fine_rows(body), **surplus_rows(body)}
