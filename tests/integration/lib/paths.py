"""Where the repository and the built programs are, and free loopback ports."""

import os
import pathlib
import socket

ROOT = pathlib.Path(__file__).resolve().parents[3]
NODE_DIR = pathlib.Path(__file__).resolve().parents[1] / "node"


def gateway_binary():
    return os.environ.get("ARGOS_GATEWAY") or str(ROOT / "build/release/bin/argos-gateway")


def sandbox_binary():
    return os.environ.get("ARGOS_SANDBOX") or str(ROOT / "build/release/bin/argos-sandbox")


_given = set()


def free_port(host="127.0.0.1"):
    """A port nobody listens on now. Handed out once per test process."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False
