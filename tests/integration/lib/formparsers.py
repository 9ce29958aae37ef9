"""Programs and libraries that read multipart bodies, behind one form: lists of (kind, name, file name, size, sha256)."""

import hashlib
import io
import json
import pathlib
import struct
import subprocess
import threading
from unittest import mock

from werkzeug import formparser

from .clients import install_node_modules
from .paths import NODE_DIR, gateway_binary


def record(content_type, body):
    return struct.pack("<I", len(content_type)) + content_type + struct.pack("<I", len(body)) + body


class _Lines:
    """A program that answers each record with a line."""

    def __init__(self, *command):
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, pairs):
        """The lines for some (content type, body), in order."""
        def write():
            for pair in pairs:
                self._process.stdin.write(record(*pair))
            self._process.stdin.flush()
        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        lines = [self._process.stdout.readline() for _ in pairs]
        writer.join()
        if not all(line.endswith(b"\n") for line in lines):
            raise RuntimeError(f"{self._process.args[0]} ended early with status {self._process.poll()}")
        return lines

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


class Gateway(_Lines):
    """What the gateway's inspection takes: a list of parts each, or the reason code as text."""

    def __init__(self, validation):
        super().__init__(str(pathlib.Path(gateway_binary()).parent / "upload_accepts"), validation)

    def read(self, pairs):
        return [self._judged(line.decode().rstrip("\n").split("\t")) for line in self.ask(pairs)]

    @staticmethod
    def _judged(columns):
        if columns[0] != "ok":
            return columns[0]
        parts = []
        for column in columns[1:]:
            kind, name, file_name, size, digest = column.split(":")
            file_name = bytes.fromhex(file_name).decode() if kind == "file" else None
            parts.append((kind, bytes.fromhex(name).decode(), file_name, int(size), digest))
        return parts


class Node(_Lines):
    """busboy, formidable and Node's own: a dict parser -> parts or Refused each."""

    PARSERS = ("busboy", "formidable", "whatwg")

    def __init__(self):
        install_node_modules()
        super().__init__("node", str(NODE_DIR / "parsers.mjs"), *self.PARSERS)

    def read(self, pairs):
        return [{parser: Refused(said["error"]) if "error" in said else [tuple(part) for part in said["parts"]]
                 for parser, said in json.loads(line).items()} for line in self.ask(pairs)]


class Refused:
    def __init__(self, why):
        self.why = why

    def __repr__(self):
        return f"refused: {self.why}"


def _part(kind, name, file_name, data):
    return kind, name, file_name, len(data), hashlib.sha256(data).hexdigest()


class _InOrder(formparser.MultiPartParser):
    """Notes which kind of part comes when: Werkzeug's answer has fields and files apart."""

    def get_part_charset(self, headers):
        self.kinds.append("field")
        return super().get_part_charset(headers)

    def start_file_streaming(self, event, total_content_length):
        self.kinds.append("file")
        return super().start_file_streaming(event, total_content_length)


def werkzeug(content_type, body):
    environ = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)),
               "CONTENT_TYPE": content_type.decode("latin-1"), "REQUEST_METHOD": "POST"}
    kinds = []
    with mock.patch.object(formparser, "MultiPartParser", type("Parser", (_InOrder,), {"kinds": kinds})):
        try:
            _, form, files = formparser.FormDataParser(lambda **_: io.BytesIO(),
                                                       silent=False).parse_from_environ(environ)
        except (ValueError, AttributeError) as error:
            return Refused(repr(error))
    fields = iter([_part("field", name, None, value.encode("utf-8", "surrogatepass")) for name,
                   value in form.items(multi=True)])
    rest = iter([_part("file", name, file.filename, file.read()) for name, file in files.items(multi=True)])
    return [next(fields if kind == "field" else rest) for kind in kinds]
