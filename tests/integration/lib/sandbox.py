"""Runs argos-sandbox on a free port."""

import os
import signal
import socket
import subprocess
import tempfile
import time

from .paths import free_port, sandbox_binary


class Sandbox:
    """with Sandbox(api_key="k", tls=certs) as sandbox: sandbox.base_url, .port, .pid

    options: more command line words, e.g. ["--latency", "5ms"]."""

    def __init__(self, api_key="sandbox-test-key-000000000000", tls=None, options=()):
        self.api_key, self.tls, self.options = api_key, tls, list(options)
        self.ca_file = tls.ca if tls else None
        self.port = free_port()
        self.process = None

    @property
    def base_url(self):
        return (f"https://localhost:{self.port}/v3" if self.tls
                else f"http://127.0.0.1:{self.port}/v3")

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        command = [sandbox_binary(), "serve", "--listen", f"127.0.0.1:{self.port}",
                   "--api-key", self.api_key, *self.options]
        if self.tls:
            command += ["--tls", self.tls.server_cert, self.tls.server_key]
        self._log = tempfile.TemporaryFile(prefix="argos-sandbox-")
        self.process = subprocess.Popen(command, stdout=self._log, stderr=self._log,
                                        stdin=subprocess.DEVNULL)
        end = time.monotonic() + 15
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                time.sleep(0.02)
        log = self.log()
        self.stop()
        raise RuntimeError(f"argos-sandbox did not start: {log}")

    def log(self):
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    def stop(self):
        """SIGTERM; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    __enter__ = start

    def __exit__(self, *_):
        self.stop()
        self._log.close()
