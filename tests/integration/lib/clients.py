"""Real HTTP clients behind one interface, so that the same scenario runs through each.

client.call(method, target, headers=(), form=None, raw=None) -> Reply
    form: multipart fields as in media.multipart, encoded by the client itself
    raw:  (content type, bytes), sent with a length
    stream: (content type, bytes), sent without a length, that is chunked
"""

import base64
import json
import os
import pathlib
import subprocess
import tempfile

import httpx
import requests

from .paths import NODE_DIR

PIECE = 50_000


class Reply:
    """status, headers (lower-case dict), body, interim (list of 1xx status codes when known)."""

    def __init__(self, status, headers, body, interim=(), version=None):
        self.status, self.body, self.interim = status, body, list(interim)
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.version = version

    def json(self):
        return json.loads(self.body)


class Target:
    """How to reach a gateway: base URL, and ca/cert/key for TLS or a unix socket path."""

    def __init__(self, base, ca=None, cert=None, key=None, unix=None):
        self.base, self.ca, self.cert, self.key, self.unix = base, ca, cert, key, unix


def _pieces(data):
    for at in range(0, len(data), PIECE):
        yield data[at:at + PIECE]


class Curl:
    """style: arguments added to every call; chunk_with: how a stream is sent, 'stdin' (-T -) or
    'header' (--data-binary with Transfer-Encoding: chunked)."""

    def __init__(self, target, arguments=(), chunk_with="stdin"):
        self.target, self.arguments, self.chunk_with = target, list(arguments), chunk_with
        self.dir = tempfile.TemporaryDirectory(prefix="argos-curl-")

    def close(self):
        self.dir.cleanup()

    def call(self, method, target, headers=(), form=None, raw=None, stream=None):
        folder = pathlib.Path(self.dir.name)
        head, out = folder / "head", folder / "out"
        for path in (head, out):
            path.unlink(missing_ok=True)
        command = ["curl", "-q", "-sS", "--max-time", "60", "--noproxy", "*", "-X", method,
                   "-D", str(head), "-o", str(out), *self.arguments]
        if self.target.ca:
            command += ["--cacert", self.target.ca]
        if self.target.cert:
            command += ["--cert", self.target.cert, "--key", self.target.key]
        if self.target.unix:
            command += ["--unix-socket", self.target.unix]
        for name, value in headers:
            command += ["-H", f"{name}: {value}"]
        stdin = b""
        for number, field in enumerate(form or ()):
            if len(field) == 2:
                command += ["--form-string", f"{field[0]}={field[1]}"]
            else:
                part = folder / f"part{number}"
                part.write_bytes(field[3])
                command += ["-F", f"{field[0]}=@{part};filename={field[1]};type={field[2]}"]
        if raw or stream:
            content_type, data = raw or stream
            command += ["-H", f"Content-Type: {content_type}"]
            if stream and self.chunk_with == "stdin":
                command += ["-T", "-"]
                stdin = data
            else:
                (folder / "body").write_bytes(data)
                command += ["--data-binary", f"@{folder / 'body'}"]
                command += ["-H", "Transfer-Encoding: chunked"] if stream else []
        done = subprocess.run([*command, self.target.base + target], input=stdin,
                              capture_output=True, timeout=90)
        if done.returncode:
            raise RuntimeError(f"curl exit {done.returncode}: {done.stderr.decode()}")
        return self._reply(head.read_bytes(), out.read_bytes() if out.exists() else b"")

    @staticmethod
    def _reply(head, body):
        blocks = [block for block in head.decode("latin-1").split("\r\n\r\n") if block]
        statuses = [int(block.split(" ")[1]) for block in blocks]
        headers = dict(line.split(":", 1) for line in blocks[-1].split("\r\n")[1:])
        return Reply(statuses[-1], {name: value.strip() for name, value in headers.items()}, body,
                     statuses[:-1], blocks[-1].split(" ")[0])


class Requests:
    def __init__(self, target):
        self.target, self.session = target, requests.Session()
        self.session.trust_env = False
        if target.ca:
            self.session.verify = target.ca
        if target.cert:
            self.session.cert = (target.cert, target.key)

    def close(self):
        self.session.close()

    def call(self, method, target, headers=(), form=None, raw=None, stream=None):
        headers, arguments = dict(headers), {}
        if form:
            arguments["files"] = [
                (field[0], (None, field[1]) if len(field) == 2 else (field[1], field[3], field[2]))
                for field in form]
        elif raw or stream:
            headers["Content-Type"], data = raw or stream
            arguments["data"] = data if raw else _pieces(data)
        reply = self.session.request(method, self.target.base + target, headers=headers,
                                     allow_redirects=False, timeout=60, **arguments)
        return Reply(reply.status_code, reply.headers, reply.content)


class Httpx:
    def __init__(self, target):
        self.target = target
        transport = httpx.HTTPTransport(
            verify=target.ca or True, uds=target.unix, trust_env=False,
            cert=(target.cert, target.key) if target.cert else None)
        self.client = httpx.Client(transport=transport, timeout=60, trust_env=False)

    def close(self):
        self.client.close()

    def call(self, method, target, headers=(), form=None, raw=None, stream=None):
        headers, arguments = dict(headers), {}
        if form:
            arguments["data"] = {field[0]: field[1] for field in form if len(field) == 2}
            arguments["files"] = [(field[0], (field[1], field[3], field[2]))
                                  for field in form if len(field) == 4]
            if not arguments["files"]:
                # Without a file httpx would send the form urlencoded.
                arguments = {"files": [(field[0], (None, field[1])) for field in form]}
        elif raw or stream:
            headers["Content-Type"], data = raw or stream
            arguments["content"] = data if raw else _pieces(data)
        reply = self.client.request(method, self.target.base + target, headers=headers,
                                    follow_redirects=False, **arguments)
        return Reply(reply.status_code, reply.headers, reply.content, version=reply.http_version)


def install_node_modules():
    """npm ci, once; the versions and digests are those of package-lock.json."""
    wanted = json.loads((NODE_DIR / "package.json").read_text())["dependencies"]
    if not all((NODE_DIR / "node_modules" / name / "package.json").exists() for name in wanted):
        subprocess.run(["npm", "ci", "--silent"], cwd=NODE_DIR, check=True, timeout=300)


class Node:
    """kind: 'fetch' or 'axios'."""

    def __init__(self, target, kind):
        install_node_modules()
        options = {"base": target.base, "ca": target.ca, "cert": target.cert, "key": target.key,
                   "socketPath": target.unix}
        environment = {name: value for name, value in os.environ.items()
                       if not name.lower().endswith("_proxy")}
        self.process = subprocess.Popen(
            ["node", str(NODE_DIR / "driver.mjs"), kind,
             json.dumps({name: value for name, value in options.items() if value})],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def call(self, method, target, headers=(), form=None, raw=None, stream=None):
        command = {"method": method, "target": target, "headers": dict(headers)}
        if form:
            command["form"] = [list(field[:3]) + [base64.b64encode(field[3]).decode()]
                               if len(field) == 4 else list(field) for field in form]
        elif raw or stream:
            command["headers"]["content-type"], data = raw or stream
            command["raw"] = base64.b64encode(data).decode()
            if stream:
                command["stream"] = PIECE
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the node driver ended: {self.process.wait(5)}")
        result = json.loads(line)
        if "error" in result:
            raise RuntimeError(f"node: {result['error']}")
        return Reply(result["status"], result["headers"], base64.b64decode(result["body"]))
