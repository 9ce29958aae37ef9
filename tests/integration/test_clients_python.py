"""Python's requests and httpx through every operation."""

import unittest

from lib.clientcase import ClientCase
from lib.clients import Httpx, Requests


class RequestsTest(ClientCase):
    def test_files_and_generators_over_tcp(self):
        self.walk("tcp", Requests, ("form", "raw", "stream"))

    def test_over_ipv6(self):
        self.walk("v6", Requests)

    def test_files_and_generators_over_tls(self):
        self.walk("tls", Requests, ("form", "stream"))

    def test_with_an_optional_client_certificate(self):
        self.walk("tls-cert", Requests)

    def test_with_a_required_client_certificate(self):
        self.walk("mtls", Requests, ("form", "stream"))


class HttpxTest(ClientCase):
    def test_files_and_generators_over_tcp(self):
        self.walk("tcp", Httpx, ("form", "raw", "stream"))

    def test_over_ipv6(self):
        self.walk("v6", Httpx)

    def test_over_a_unix_socket(self):
        self.walk("unix", Httpx, ("form", "stream"))

    def test_files_and_generators_over_tls(self):
        self.walk("tls", Httpx, ("form", "stream"))

    def test_with_an_optional_client_certificate(self):
        self.walk("tls-cert", Httpx)

    def test_with_a_required_client_certificate(self):
        self.walk("mtls", Httpx, ("form", "stream"))


if __name__ == "__main__":
    unittest.main()
