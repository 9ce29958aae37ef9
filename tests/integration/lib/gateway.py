"""Runs argos-gateway for a test.

    from lib.gateway import Gateway, RecordingVendor, Sandbox, make_certs, answer
    with RecordingVendor() as vendor, Gateway(vendor, limits={"body_timeout": "1s"}) as gateway:
        answer = gateway.call("GET", "/v3/submission?count=1")     # wire.Answer
        with gateway.connect() as c: c.send(b"..."); c.read_answer()
        gateway.access_lines(1)          # waits until one access line is there
        gateway.metrics().value("requests_total", operation="read_submission")

Every gateway has its own folder (gateway.dir) with gateway.toml and key; the folder goes when it stops.
"""

import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import tempfile
import time

from . import toml, wire
from .certs import Certs, make_certs
from .metrics import Metrics
from .paths import free_port, gateway_binary
from .sandbox import Sandbox
from .vendor import (Close, Cut, HalfClose, Pause, RecordingVendor, Reset, Wait, answer)

__all__ = ["Gateway", "Sandbox", "RecordingVendor", "Certs", "make_certs", "Metrics", "answer",
           "Close", "Cut", "HalfClose", "Pause", "Reset", "Wait", "free_port", "eventually",
           "ALL_LOCAL", "UNCHECKED", "StartError"]

ALL_LOCAL = [{"name": "local", "cidr": ["127.0.0.0/8", "::1/128"], "unix_uid": [os.getuid()],
              "operations": ["*"]}]


# [uploads] of gateways whose tests are about how bytes travel, and send what no operation would take.
UNCHECKED = {"validation": "off"}


class StartError(Exception):
    """The gateway ended or was not ready in time; the text holds its log."""


def eventually(check, what="condition", timeout=10):
    """Calls check() until it returns something true; returns that."""
    end = time.monotonic() + timeout
    while True:
        result = check()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.01)


class Gateway:
    """One gateway process.

    vendor: RecordingVendor, Sandbox, or a base URL.
    key: content of the key file (bytes or str); None = no key file (then give api_key={"env": ..}).
    listen: "tcp" (127.0.0.1, always there), plus "v6" and "unix" when named in `also`.
    tls: Certs = the TCP listener speaks TLS with its server certificate; client_ca / require_client.
    tenants: the [[tenant]] tables (default: one with every operation for loopback and own uid).
    cache: given, be it {}, the cache is as the product has it; else it is off.
    any other keyword: a configuration section laid over the defaults, e.g. limits={...}, server={...}.
    ready: "ready" (default) waits for /readyz 200, "live" for /livez 200, None does not wait.
    port/admin_port: take these instead of free ones. env: more environment.
    """

    def __init__(self, vendor="http://127.0.0.1:9/v3", *, key=None, also=(), tls=None,
                 client_ca=False, require_client=False, tenants=None, ready="ready", port=None,
                 admin_port=None, env=None, directory=None, preexec=None, **sections):
        self.dir = pathlib.Path(directory or tempfile.mkdtemp(prefix="argos-gateway-"))
        self._own_dir = directory is None
        self.port = port or free_port()
        self.admin_port = admin_port or free_port()
        self.v6_port = free_port("::1") if "v6" in also else None
        self.unix = str(self.dir / "gateway.sock") if "unix" in also else None
        self.tls, self.env, self.ready, self.preexec = tls, dict(env or {}), ready, preexec
        self.tls_port = self.port if tls else None
        self.config_path, self.key_path = self.dir / "gateway.toml", self.dir / "api-key"
        self.log_path = self.dir / "stderr.log"
        self.process, self.ended_by_test, self._ending = None, False, False
        if key is None and "api_key" not in sections:
            key = getattr(vendor, "api_key", "test-vendor-key-0123456789abcdef")
        self.key = key
        if key is not None:
            self.key_path.write_bytes(key.encode() if isinstance(key, str) else key)
            self.key_path.chmod(0o600)
        self.config = toml.merge(self._defaults(vendor, client_ca, require_client), sections)
        # Most tests are about each request on its way to the vendor. Those of the cache give the section, be it empty.
        self.config.setdefault("cache", {"enabled": False})
        self.config["tenant"] = ALL_LOCAL if tenants is None else tenants
        self.write_config()

    def _defaults(self, vendor, client_ca, require_client):
        listen = [f"127.0.0.1:{self.port}"]
        listen += [f"[::1]:{self.v6_port}"] if self.v6_port else []
        listen += [f"unix:{self.unix}"] if self.unix else []
        server = {"listen": listen, "workers": 2}
        if self.tls:
            server["tls"] = {"certificate": self.tls.server_cert,
                             "private_key": self.tls.server_key}
            if client_ca or require_client:
                server["tls"]["client_ca"] = self.tls.ca
                server["tls"]["require_client_certificate"] = require_client
        base_url = vendor if isinstance(vendor, str) else vendor.base_url
        upstream = {"base_url": base_url}
        if base_url.startswith("http://"):
            upstream["allow_plain_http"] = True
        if getattr(vendor, "ca_file", None):
            upstream["ca_file"] = vendor.ca_file
        config = {"server": server, "admin": {"listen": f"127.0.0.1:{self.admin_port}"},
                  "upstream": upstream, "drain": {"hold": "0s", "deadline": "20s"}}
        if self.key is not None:
            config["api_key"] = {"file": str(self.key_path)}
        return config

    # -- process ------------------------------------------------------------------------------

    def write_config(self, **sections):
        """Writes gateway.toml, with more sections laid over the current ones."""
        self.config = toml.merge(self.config, sections)
        new = self.config_path.with_suffix(".new")
        new.write_text(toml.dump(self.config))
        os.replace(new, self.config_path)

    def write_key(self, key):
        """Replaces the key file by atomic rename."""
        new = self.key_path.with_suffix(".new")
        new.write_bytes(key.encode() if isinstance(key, str) else key)
        new.chmod(0o600)
        os.replace(new, self.key_path)

    def start(self):
        self._ending = False
        # Sanitizer builds are told to report into the log, which tests can search.
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [gateway_binary(), "serve", "--config", str(self.config_path)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir,
                env={**os.environ, **self.env}, preexec_fn=self.preexec)
        if self.ready:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=15):
        path = "/readyz" if self.ready == "ready" else "/livez"
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                if self.admin(path).status == 200:
                    return
            except (OSError, wire.WireError):
                pass
            time.sleep(0.01)
        log = "\n".join(self.stderr_lines()[-30:])
        self.kill()
        raise StartError(f"exit {self.process.returncode}\n{log}")

    @property
    def pid(self):
        return self.process.pid

    def signal(self, number):
        self._ending |= number in (signal.SIGTERM, signal.SIGINT)
        self.process.send_signal(number)

    def drain(self):
        """SIGTERM; returns at once. wait() gives the exit status."""
        self.signal(signal.SIGTERM)

    def wait(self, timeout=30):
        return self.process.wait(timeout)

    def stop(self, timeout=25):
        """Drains (unless drain() was called) and returns the exit status; a gateway that does not end in time
        is killed and -9 returned."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            if not self._ending:
                self.drain()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def kill(self):
        self.ended_by_test = True
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def reload(self, timeout=10):
        """SIGHUP; waits until it is counted; returns the `result` label that went up."""
        before = self._reloads()
        self.signal(signal.SIGHUP)

        def changed():
            return [result for result, count in self._reloads().items()
                    if count > before.get(result, 0)]
        return eventually(changed, "config_reloads_total goes up", timeout)[0]

    def _reloads(self):
        return {labels["result"]: value
                for labels, value in self.metrics().find("config_reloads_total")}

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self._remove()
            raise

    def __exit__(self, error=None, *_):
        """Drains. The test fails when the gateway has ended unasked, has crashed, or does not end with status 0
        now. How it ended after a signal that the test itself sent is the test's to judge."""
        by_itself = self.process is not None and self.process.poll() is not None
        status = self.stop()
        tail = "\n".join(self.stderr_lines()[-30:]) if self.log_path.exists() else ""
        self._remove()
        judged = self.ended_by_test or (by_itself and self._ending and status is not None and status >= 0)
        if error is None and not judged and status not in (0, None):
            raise AssertionError(f"the gateway ended with {status}\n{tail}")
        if error is None and by_itself and not self._ending and not self.ended_by_test:
            raise AssertionError(f"the gateway ended unasked with {status}\n{tail}")

    def _remove(self):
        if self._own_dir:
            shutil.rmtree(self.dir, ignore_errors=True)

    # -- talking to it ------------------------------------------------------------------------

    def client_tls(self, cert=None, key=None, version=None):
        """A client context that trusts the test CA; cert/key = client certificate."""
        context = ssl.create_default_context(cafile=self.tls.ca)
        if version:
            context.minimum_version = context.maximum_version = version
        if cert:
            context.load_cert_chain(cert, key)
        return context

    def connect(self, unix=False, tls=None, timeout=15, source=None):
        """wire.Connection to the listener (TLS is used when the listener has it)."""
        if unix:
            return wire.Connection(path=self.unix, timeout=timeout)
        return wire.Connection(self.port, tls=tls or (self.client_tls() if self.tls else None),
                               timeout=timeout, source=source)

    def call(self, method, target, headers=(), body=b"", **connect):
        """One request on a new connection."""
        with self.connect(**connect) as connection:
            connection.send(wire.request(method, target, headers, body))
            return connection.read_answer(head_request=method == "HEAD")

    def admin(self, path, method="GET"):
        """Answer of the admin listener."""
        with wire.Connection(self.admin_port) as connection:
            connection.send(wire.request(method, path, [("Connection", "close")]))
            return connection.read_answer(head_request=method == "HEAD")

    def metrics(self):
        return Metrics(self.admin("/metrics").body.decode())

    # -- what it wrote ------------------------------------------------------------------------

    def stderr_bytes(self):
        return self.log_path.read_bytes()

    def stderr_lines(self):
        return self.stderr_bytes().decode(errors="replace").splitlines()

    def log_objects(self):
        """Every log line that is a JSON object, in order."""
        return [json.loads(line) for line in self.stderr_lines() if line.startswith("{")]

    def access_lines(self, count=0, timeout=10):
        """The access lines, as soon as there are at least `count` (the log is asynchronous)."""
        def found():
            # A line is complete only with its line end.
            text = self.stderr_bytes().decode(errors="replace")
            lines = text[:text.rfind("\n") + 1].splitlines()
            objects = [json.loads(line) for line in lines if line.startswith("{")]
            lines = [line for line in objects if line.get("event") == "access"]
            return (lines,) if len(lines) >= count else None
        return eventually(found, f"{count} access lines", timeout)[0]

    def access_line(self, request_id, timeout=10):
        """The one access line of a request; fails when there is none in time or more than one."""
        def found():
            return [line for line in self.access_lines() if line["request_id"] == request_id]
        lines = eventually(found, f"access line of {request_id}", timeout)
        if len(lines) != 1:
            raise AssertionError(f"{len(lines)} access lines: {lines}")
        return lines[0]

    def rss_kib(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("no VmRSS")
