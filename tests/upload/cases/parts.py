"""What the modules of cases are written with."""

BOUNDARY = "----caseB7x"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
FIELDS = (("issuingCountry", "GHA"), ("email", "mina@example.test"), ("idType", "passport"))


def raw(text):
    return text.encode() if isinstance(text, str) else text


class Picture:
    """A picture of the table, by its name."""

    def __init__(self, name):
        self.name = name


class Repeat:
    def __init__(self, text, times):
        self.text, self.times = raw(text), times


def part(head, content=b"v", boundary=BOUNDARY):
    """Pieces of one part; `head` is everything behind the boundary line up to the empty line."""
    pieces = content if isinstance(content, list) else [content]
    return [raw(f"--{boundary}\r\n"), raw(head), b"\r\n\r\n", *pieces, b"\r\n"]


def text(name, value=b"v", boundary=BOUNDARY):
    return part(f'Content-Disposition: form-data; name="{name}"', value, boundary)


def file(name, file_name="f.jpg", content=b"v", kind="image/jpeg", boundary=BOUNDARY):
    head = f'Content-Disposition: form-data; name="{name}"; filename="'.encode() + raw(file_name) + b'"'
    return part(head + raw(f"\r\nContent-Type: {kind}"), content, boundary)


def close(boundary=BOUNDARY, behind="\r\n"):
    return [raw(f"--{boundary}--"), raw(behind)]


def body(*parts, boundary=BOUNDARY, behind="\r\n"):
    return [piece for one in parts for piece in one] + close(boundary, behind)


def step1(picture="jpeg", file_name="id.jpg", kind="image/jpeg", fields=FIELDS, extra=(), picture_name="idImage"):
    """A body of step 1; `picture` names one of the table's or is bytes."""
    content = Picture(picture) if isinstance(picture, str) else picture
    return body(*[text(*pair) for pair in fields], file(picture_name, file_name, [content], kind), *extra)


class Cases:
    def __init__(self):
        self.rows = []

    def add(self, name, group, pieces, reason=None, part=None, content_type=TYPE, rules="off", operation="submit_step1",
            fields=None):
        """`part`: text that the sentence of the answer holds. `fields`: what `errors` lists, in this order."""
        row = {"name": name, "group": group, "rules": rules, "operation": operation, "content_type": content_type,
               "body": [self._piece(piece) for piece in self._joined(pieces)], "reason": reason}
        if part is not None:
            row["part"] = part
        if fields is not None:
            row["fields"] = fields
        self.rows.append(row)

    @staticmethod
    def _joined(pieces):
        """Neighbouring bytes as one piece."""
        out = []
        for piece in pieces if isinstance(pieces, list) else [pieces]:
            piece = raw(piece)
            if isinstance(piece, bytes) and out and isinstance(out[-1], bytes):
                out[-1] += piece
            elif piece != b"":
                out.append(piece)
        return out

    @staticmethod
    def _piece(piece):
        if isinstance(piece, Picture):
            return {"picture": piece.name}
        if isinstance(piece, Repeat):
            return {"repeat": piece.text.decode("latin-1"), "times": piece.times}
        return piece.decode("latin-1")
