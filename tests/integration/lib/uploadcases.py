"""The uploads of tests/upload/cases, and mutants of them."""

import json
import re

from .paths import ROOT


class UploadCase:
    """name, group, rules (a name), rule (its members), operation, content_type (bytes), body (bytes), reason (None = taken), part, fields."""

    def __init__(self, row, rules, pictures):
        self.name, self.group, self.rules, self.operation = row["name"], row["group"], row["rules"], row["operation"]
        self.rule, self.reason, self.part, self.fields = rules[row["rules"]], row["reason"], row.get("part"), row.get("fields")
        self.content_type = row["content_type"].encode("latin-1")
        self.body = b"".join(self._piece(piece, pictures) for piece in row["body"])

    @staticmethod
    def _piece(piece, pictures):
        if isinstance(piece, str):
            return piece.encode("latin-1")
        if "picture" in piece:
            return bytes.fromhex(pictures[piece["picture"]])
        return piece["repeat"].encode("latin-1") * piece["times"]


def _table():
    return json.loads((ROOT / "tests/upload/cases/table.json").read_text())


def pictures():
    """name -> bytes of the good pictures."""
    return {name: bytes.fromhex(data) for name, data in _table()["pictures"].items()}


def load():
    table = _table()
    return [UploadCase(row, table["rules"], table["pictures"]) for row in table["cases"]]


def boundary_of(content_type):
    return content_type.split(b"oundary=", 1)[-1].split(b";")[0].strip(b'" ')


TOKENS = [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"-", b"--", b"\r\n--", b'"', b"'", b";", b"; ", b"=", b":", b": ", b" ",
          b"\t", b"\0", b"\\", b"/", b"%", b"%22", b"%0a", b"&#1234;", b"&", b"&amp;", b"&sol;", b"&lt", b"&copy",
          b"\xc3\xa9", b"\xff", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"*", b"name=", b"filename=", b"filename*=",
          b'; name="b"', b'; filename="b.jpg"', b"form-data", b"\r\nContent-Type: text/plain",
          b'\r\nContent-Disposition: form-data; name="c"', b"\r\nContent-Transfer-Encoding: base64", b"\r\nX-A: b",
          b"\r\nContent-Length: 1", b"__proto__", b"constructor", b"_charset_", b"\x7f", b"\x01",
          b"multipart/mixed", b"boundary=", b"charset=", b"\r\n ", b"\x85", b"\xc2\x85", b"<", b"(", b",", b"{", b"[0]",
          b".", b"..", b"#", b"+", b"@"]


class Mutator:
    """Mutants of (content type, body) pairs; `random` decides everything."""

    def __init__(self, random, pairs):
        self.random, self.pairs = random, pairs

    def next(self):
        random = self.random
        content_type, body = random.choice(self.pairs)
        boundary = boundary_of(content_type)
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            if random.random() < 0.06:
                content_type = self._content_type(content_type)
            else:
                body = self._body(body, boundary)
        if random.random() < 0.05:
            content_type, body = self._other_boundary(content_type, body, boundary)
        return content_type, body

    def _spot(self, body):
        """An offset, more often near something that means something than in the middle of data."""
        random = self.random
        if random.random() < 0.5:
            return random.randrange(len(body) + 1)
        token = random.choice((b"\r\n", b"--", b'"', b";", b":", b"="))
        at = body.find(token, random.randrange(len(body) + 1))
        return min(len(body), max(0, (at if at >= 0 else len(body)) + random.randrange(-1, 4)))

    def _token(self, boundary):
        random = self.random
        if random.random() < 0.2:
            cut = random.randrange(len(boundary) + 1)
            return random.choice((b"--" + boundary, b"\r\n--" + boundary, b"\n--" + boundary, boundary,
                                  b"--" + boundary[:cut], b"\r\n--" + boundary[:cut], boundary[cut:]))
        return random.choice(TOKENS)

    def _body(self, body, boundary):
        random = self.random
        kind, at = random.randrange(15), self._spot(body)
        if kind == 0 and at < len(body):
            return body[:at] + bytes([body[at] ^ (1 << random.randrange(8))]) + body[at + 1:]
        if kind == 1 and at < len(body):
            return body[:at] + bytes([random.randrange(256)]) + body[at + 1:]
        if kind in (2, 3, 4):
            return body[:at] + self._token(boundary) + body[at:]
        if kind == 5:
            return body[:at] + body[at + random.choice((1, 1, 2, 3, 10)):]
        if kind in (6, 7):
            return self._pieces(body, b"\r\n" if kind == 6 else b"--" + boundary)
        if kind == 8:
            return self._case(body, at)
        if kind in (9, 10, 11):
            return self._value(body)
        if kind in (12, 13):
            return self._content(body, boundary)
        return body[:at] + self._token(boundary) + body[at + random.randrange(1, 6):]

    def _pieces(self, body, between):
        """Lines or parts doubled, dropped, swapped, or taken from another body."""
        random = self.random
        pieces = body.split(between)
        at, to = random.randrange(len(pieces)), random.randrange(len(pieces))
        kind = random.randrange(4)
        if kind == 0:
            pieces.insert(to, pieces[at])
        elif kind == 1:
            del pieces[at]
        elif kind == 2:
            pieces[at], pieces[to] = pieces[to], pieces[at]
        else:
            pieces.insert(to, random.choice(random.choice(self.pairs)[1].split(b"\r\n")))
        return between.join(pieces)

    def _value(self, body):
        """Another name or file name, of characters of every kind."""
        random = self.random
        places = [found.span(1) for found in re.finditer(rb'="([^"\r\n]*)"', body)]
        if not places:
            return body
        start, end = random.choice(places)
        made = b""
        for _ in range(random.choice((1, 2, 3, 5, 9))):
            made += random.choice((bytes([random.randrange(0x20, 0x7f)]),
                                   random.choice(b"abcXYZ019_-.").to_bytes(1, "big"), random.choice(TOKENS),
                                   chr(random.choice((random.randrange(0x80, 0xd800), random.randrange(0x2000, 0x2070),
                                                      random.randrange(0xe000, 0x10000),
                                                      random.randrange(0x10000, 0x11000)))).encode()))
        return body[:start] + made + body[end:]

    def _content(self, body, boundary):
        """Another content of one part: pieces of delimiters, line ends, bytes."""
        random, end_of_part = self.random, b"\r\n--" + boundary
        starts = [found.end() for found in re.finditer(rb"\r\n\r\n", body)]
        if not starts:
            return body
        start = random.choice(starts)
        end = body.find(end_of_part, start)
        made = b"".join(random.choice((self._token(boundary), random.randbytes(2), b"text", b"-",
                                       b"\r\n")) for _ in range(random.randrange(8)))
        return body[:start] + made + body[end if end >= 0 else len(body):]

    def _case(self, body, at):
        end = body.find(b"\r\n", at)
        end = len(body) if end < 0 else end
        change = self.random.choice((bytes.upper, bytes.lower, bytes.title, bytes.swapcase))
        return body[:at] + change(body[at:end]) + body[end:]

    def _content_type(self, content_type):
        random = self.random
        at, kind = random.randrange(len(content_type) + 1), random.randrange(4)
        token = random.choice((b";", b"; ", b'"', b"=", b" ", b"; charset=utf-8", b"; boundary=x", b"-", b"'", b",",
                               b"/", b"?", b"*", b"\\", b"; x=y", b";charset=UTF-8", b"--"))
        if kind == 0:
            made = content_type[:at] + token + content_type[at:]
        elif kind == 1:
            made = content_type[:at] + content_type[at + 1:]
        elif kind == 2:
            made = content_type[:at] + bytes([random.randrange(0x20, 0x7f)]) + content_type[at + 1:]
        else:
            made = self._case(content_type, at)
        return made.strip(b" \t")  # as a field of HTTP comes

    def _other_boundary(self, content_type, body, boundary):
        alphabet = b"'()+_,-./:=?aZ09-"
        new = bytes(self.random.choice(alphabet) for _ in range(self.random.choice((1, 2, 3, 8, 30, 70))))
        quote = self.random.choice((b"", b'"'))
        return b"multipart/form-data; boundary=" + quote + new + quote, body.replace(boundary, new)
