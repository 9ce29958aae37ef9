"""Node's fetch and axios through every operation."""

import unittest

from lib.clientcase import ClientCase
from lib.clients import Node


class FetchTest(ClientCase):
    def test_form_data_and_streams_over_tcp(self):
        self.walk("tcp", lambda target: Node(target, "fetch"), ("form", "raw", "stream"))

    def test_over_ipv6(self):
        self.walk("v6", lambda target: Node(target, "fetch"))

    def test_form_data_and_streams_over_tls(self):
        self.walk("tls", lambda target: Node(target, "fetch"), ("form", "stream"))

    def test_with_an_optional_client_certificate(self):
        self.walk("tls-cert", lambda target: Node(target, "fetch"))

    def test_with_a_required_client_certificate(self):
        self.walk("mtls", lambda target: Node(target, "fetch"), ("form", "stream"))


class AxiosTest(ClientCase):
    def test_form_data_and_streams_over_tcp(self):
        self.walk("tcp", lambda target: Node(target, "axios"), ("form", "raw", "stream"))

    def test_over_ipv6(self):
        self.walk("v6", lambda target: Node(target, "axios"))

    def test_over_a_unix_socket(self):
        self.walk("unix", lambda target: Node(target, "axios"), ("form", "stream"))

    def test_form_data_and_streams_over_tls(self):
        self.walk("tls", lambda target: Node(target, "axios"), ("form", "stream"))

    def test_with_an_optional_client_certificate(self):
        self.walk("tls-cert", lambda target: Node(target, "axios"))

    def test_with_a_required_client_certificate(self):
        self.walk("mtls", lambda target: Node(target, "axios"), ("form", "stream"))


if __name__ == "__main__":
    unittest.main()
