"""Base of the tests that put real clients through the scenario."""

import collections
import os
import unittest

from . import clients
from .gateway import Gateway, Sandbox, eventually, make_certs
from .scenario import Scenario


class ClientCase(unittest.TestCase):
    """One sandbox over HTTPS and three gateways: plain (v4, v6, unix), TLS with optional client certificates,
    TLS with required ones."""

    @classmethod
    def setUpClass(cls):
        cls.certs = make_certs()
        cls.sandbox = Sandbox(tls=cls.certs).start()
        cls.addClassCleanup(cls.sandbox.__exit__)
        cls.gateways = {
            "plain": Gateway(cls.sandbox, also=("v6", "unix")),
            "tls": Gateway(cls.sandbox, tls=cls.certs, client_ca=True),
            "mtls": Gateway(cls.sandbox, tls=cls.certs, require_client=True),
        }
        for gateway in cls.gateways.values():
            cls.addClassCleanup(gateway.__exit__)
            gateway.start()

    def target(self, transport):
        """(gateway, clients.Target) of one of: tcp, v6, unix, tls, tls-cert (offered, optional), mtls."""
        certs = self.certs
        gateway = self.gateways[
            {"tls": "tls", "tls-cert": "tls", "mtls": "mtls"}.get(transport, "plain")]
        if transport == "v6":
            return gateway, clients.Target(f"http://[::1]:{gateway.v6_port}")
        if transport == "unix":
            return gateway, clients.Target("http://localhost", unix=gateway.unix)
        if transport == "tcp":
            return gateway, clients.Target(f"http://127.0.0.1:{gateway.port}")
        base = f"https://localhost:{gateway.port}"
        if transport == "tls":
            return gateway, clients.Target(base, ca=certs.ca)
        return gateway, clients.Target(base, certs.ca, certs.client_cert, certs.client_key)

    def walk(self, transport, make_client, styles=("form",)):
        """Runs the scenario in each style, then compares the gateway's own counts with what was sent."""
        gateway, target = self.target(transport)
        # What earlier tests caused is counted before this one begins.
        eventually(lambda: gateway.metrics().value("requests_in_flight") == 0, "nothing in flight")
        before = gateway.metrics()
        made, ids = [], []
        client = make_client(target)
        try:
            for style in styles:
                with self.subTest(transport=transport, style=style):
                    scenario = Scenario(self, client, self.sandbox, style)
                    made += scenario.run()
                    ids += scenario.request_ids
        finally:
            client.close()
        expected = collections.Counter(made)
        self.assertGreaterEqual(len(made), 12 * len(styles))
        self.assertEqual(len(set(ids)), len(made))
        peer = {"unix": f"unix:{os.getuid()}", "v6": "::1"}.get(transport, "127.0.0.1")
        for operation, request_id in zip(made, ids):
            line = gateway.access_line(request_id)
            self.assertEqual(
                (line["operation"], line["tenant"], line["status"], line["upstream_status"],
                 line["reason"], line["peer"]), (operation, "local", 200, 200, "none", peer), line)

        def counted():
            after = gateway.metrics()
            return {operation: after.value("requests_total", operation=operation, status=200,
                                           reason="none", tenant="local")
                    - before.value("requests_total", operation=operation, status=200,
                                   reason="none", tenant="local") for operation in expected}
        eventually(lambda: counted() == expected, f"requests_total counts {expected}")
        return made
