"""The command line: check, version, token new, usage."""

import hashlib
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from lib import toml
from lib.gateway import Gateway, RecordingVendor, make_certs
from lib.paths import gateway_binary

MISTAKES = """\
[server]
listen = ["0.0.0.0:8080", "nonsense"]
workers = "two"
path_prefix = "v3/"
[server.tls]
certificate = "/nonexistent/server.pem"
[admin]
listn = "127.0.0.1:9901"
[upstream]
base_url = "http://rest-api.argosidentity.com/v3"
connect_timeout = "3 seconds"
first_byte_timeout = "100h"
total_timeout = 60
[api_key]
file = "/nonexistent/key"
env = "ARGOS_API_KEY"
[limits]
header_byte = "16KiB"
header_fields = 100000
body_bytes = "10 MB"
[uploads]
validation = "enforced"
[log]
level = "${ARGOS_TEST_UNSET_VARIABLE}"
format = "xml"
[surver]
x = 1
[[tenant]]
name = "unknown"
cidr = ["10.0.0.1/8"]
operations = ["read_submision"]
rate = "fast"
tokens = ["sha256:pasted-by-mistake"]
[[tenant]]
name = "nobody"
"""
# line, key, and a word the remedy or message has to contain
EXPECTED = [
    (2, "server.listen", "nonsense"), (3, "server.workers", "number"),
    (4, "server.path_prefix", "/v3"), (6, "server.tls.certificate", "private_key"),
    (8, "admin.listn", "listen"), (10, "upstream.base_url", "https"),
    (11, "upstream.connect_timeout", "3s"), (12, "upstream.first_byte_timeout", "10m"),
    (13, "upstream.total_timeout", "duration"), (16, "api_key.env", "one"),
    (18, "limits.header_byte", "header_bytes"), (19, "limits.header_fields", "200"),
    (20, "limits.body_bytes", "MiB"), (22, "uploads.validation", "enforce"),
    (24, "log.level", "ARGOS_TEST_UNSET_VARIABLE"), (25, "log.format", "json"),
    (26, "surver", "server"), (28, "tenant.name", "unknown"), (28, "tenant.cidr", "10.0.0.1/8"),
    (28, "tenant.operations", "read_submission"), (28, "tenant.rate", "50/s"),
    (28, "tenant.tokens", "token new"), (34, "tenant.name", "proof"),
]


def run(*arguments, env=None, stdin=None):
    return subprocess.run([gateway_binary(), *map(str, arguments)], capture_output=True, text=True,
                          timeout=20, env={**os.environ, **(env or {})}, input=stdin)


class CheckTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.dir = pathlib.Path(holder.name)
        self.config = self.dir / "gateway.toml"

    def check(self, text, **keywords):
        self.config.write_text(text)
        return run("check", "--config", self.config, **keywords)

    def good(self, **sections):
        """A valid configuration as a dict, with sections laid over it."""
        (self.dir / "key").write_text("a-valid-vendor-key-0000")
        return toml.merge({
            "api_key": {"file": str(self.dir / "key")},
            "tenant": [{"name": "a", "cidr": ["10.0.0.0/8"]}]}, sections)

    def test_a_valid_file(self):
        done = self.check(toml.dump(self.good()))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_mistake_is_reported_in_one_run(self):
        done = self.check(MISTAKES)
        self.assertEqual(done.returncode, 1)
        report = (done.stdout + done.stderr).splitlines()
        self.assertGreaterEqual(len(EXPECTED), 20)
        for line, key, word in EXPECTED:
            with self.subTest(key, line=line):
                # The first line of a tenant's table stands for what is wrong in it.
                lines = range(line - 1, line + 6) if key.startswith("tenant.") else [line]
                starts = tuple(f"{self.config}:{number}: {key}: " for number in lines)
                found = [text for text in report if text.startswith(starts) and word in text]
                self.assertEqual(len(found), 1, done.stdout + done.stderr)
                self.assertRegex(found[0], r"\(.+\)$")
        self.assertNotIn("pasted-by-mistake", done.stdout + done.stderr)

    def test_an_unknown_key_gets_a_suggestion(self):
        for section, wrong, right in (("server", "lisen", "listen"), ("upstream", "baseurl", "base_url"),
                                      ("limits", "body_byte", "body_bytes"),
                                      ("drain", "dedline", "deadline"),
                                      ("cache", "ttl_aproved", "ttl_approved")):
            with self.subTest(wrong):
                done = self.check(toml.dump(self.good(**{section: {wrong: "1"}})))
                self.assertEqual(done.returncode, 1)
                text = done.stdout + done.stderr
                self.assertRegex(text, rf"gateway\.toml:\d+: {section}\.{wrong}: .*{right}")

    def test_broken_syntax_names_the_line(self):
        done = self.check("[server]\nlisten = [\"0.0.0.0:80\"\n\n[admin\n")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout + done.stderr, r"gateway\.toml:[2-4]: ")

    def test_a_key_given_twice(self):
        done = self.check("[server]\nworkers = 1\nworkers = 2\n")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout + done.stderr, r"gateway\.toml:3: .*workers")

    def test_files_that_serve_would_need(self):
        certs = make_certs()
        (self.dir / "garbage").write_text("garbage")
        (self.dir / "empty").write_text("")
        tls = {"certificate": certs.server_cert, "private_key": certs.server_key}
        cases = [
            ({"api_key": {"file": str(self.dir / "missing")}}, "api_key.file"),
            ({"api_key": {"file": str(self.dir / "empty")}}, "api_key.file"),
            ({"api_key": {"file": str(self.dir)}}, "api_key.file"),
            ({"api_key": {"file": None, "env": "ARGOS_TEST_UNSET_VARIABLE"}}, "api_key.env"),
            ({"server": {"tls": {**tls, "certificate": str(self.dir / "missing")}}},
             "server.tls.certificate"),
            ({"server": {"tls": {**tls, "certificate": str(self.dir / "garbage")}}},
             "server.tls.certificate"),
            ({"server": {"tls": {**tls, "private_key": certs.client_key}}}, "server.tls."),
            ({"server": {"tls": {**tls, "client_ca": str(self.dir / "garbage")}}},
             "server.tls.client_ca"),
            ({"upstream": {"ca_file": str(self.dir / "garbage")}}, "upstream.ca_file"),
            ({"upstream": {"ca_file": str(self.dir / "missing")}}, "upstream.ca_file"),
        ]
        for sections, key in cases:
            with self.subTest(sections):
                done = self.check(toml.dump(self.good(**sections)))
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                self.assertRegex(done.stdout + done.stderr,
                                 rf"(?m)gateway\.toml:\d+: {re.escape(key)}\w*: .+ \(.+\)$")
        done = self.check(toml.dump(self.good(server={"tls": {**tls, "client_ca": certs.ca}},
                                              upstream={"ca_file": certs.ca})))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_paths_are_relative_to_the_file(self):
        config = self.good(api_key={"file": "key"})
        self.config.write_text(toml.dump(config))
        done = subprocess.run([gateway_binary(), "check", "--config", str(self.config)], cwd="/",
                              capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_environment_in_values(self):
        config = toml.dump(self.good(upstream={"base_url": "https://${ARGOS_TEST_HOST}/v3"}))
        self.assertEqual(self.check(config, env={"ARGOS_TEST_HOST": "vendor.test"}).returncode, 0)
        self.assertEqual(self.check(config).returncode, 1)
        self.assertEqual(self.check(config, env={"ARGOS_TEST_HOST": "bad host"}).returncode, 1)

    def test_the_key_itself_is_not_accepted_in_the_file(self):
        for section in ({"api_key": {"key": "literal-key"}}, {"api_key": {"value": "literal-key"}}):
            done = self.check(toml.dump(self.good(**section)))
            self.assertEqual(done.returncode, 1)
            self.assertNotIn("literal-key", done.stdout + done.stderr)

    def test_check_opens_no_port(self):
        with RecordingVendor() as vendor, Gateway(vendor) as gateway:
            # The ports of this configuration are taken by the gateway that runs.
            done = run("check", "--config", gateway.config_path)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(gateway.call("GET", "/v3/submission").status, 200)

    def test_serve_refuses_what_check_refuses(self):
        self.config.write_text(MISTAKES)
        done = run("serve", "--config", self.config)
        self.assertEqual(done.returncode, 1)
        for line, key, _ in EXPECTED:
            self.assertIn(key, done.stderr)

    def test_a_busy_port_is_a_start_error(self):
        with RecordingVendor() as vendor, Gateway(vendor) as gateway:
            config = toml.merge(gateway.config, {"server": {"listen": [f"127.0.0.1:{vendor.port}"]}})
            self.config.write_text(toml.dump(config))
            done = run("serve", "--config", self.config)
            self.assertEqual(done.returncode, 1)
            self.assertIn(str(vendor.port), done.stderr)


class UsageTest(unittest.TestCase):
    def test_usage_errors_exit_2(self):
        for arguments in ([], ["nonsense"], ["serve"], ["check"], ["serve", "--config"],
                          ["check", "--confg", "x"], ["token"], ["token", "old"], ["doc"],
                          ["doc", "nothing"], ["version", "extra"], ["--config", "x"],
                          ["serve", "--config", "x", "extra"]):
            with self.subTest(arguments):
                done = run(*arguments)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertNotEqual(done.stderr, "")
                self.assertEqual(done.stdout, "")

    def test_a_missing_file_exits_1(self):
        for verb in ("check", "serve"):
            done = run(verb, "--config", "/nonexistent/gateway.toml")
            self.assertEqual(done.returncode, 1)
            self.assertIn("/nonexistent/gateway.toml", done.stdout + done.stderr)

    def test_version(self):
        done = run("version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"(?i)^argos-gateway \d+\.\d+")
        for word in ("clang", "boost", "openssl"):
            self.assertRegex(done.stdout, rf"(?i){word}.*\d+\.\d+")

    def test_token_new(self):
        seen = set()
        for _ in range(5):
            done = run("token", "new")
            self.assertEqual(done.returncode, 0)
            (line,) = re.findall(r"sha256:([0-9a-f]{64})", done.stdout)
            matching = [word for word in re.findall(r"[A-Za-z0-9_.~+/=-]{20,}", done.stdout)
                        if hashlib.sha256(word.encode()).hexdigest() == line]
            self.assertEqual(len(matching), 1, done.stdout)
            seen.add(matching[0])
        self.assertEqual(len(seen), 5)
        # 128 bits at least, however they are written.
        self.assertTrue(all(len(token) >= 22 for token in seen))

    def test_the_line_of_token_new_is_accepted_by_check(self):
        (line,) = re.findall(r"sha256:[0-9a-f]{64}", run("token", "new").stdout)
        with tempfile.TemporaryDirectory() as folder:
            key, config = pathlib.Path(folder) / "key", pathlib.Path(folder) / "gateway.toml"
            key.write_text("a-valid-vendor-key-0000")
            config.write_text(toml.dump({"api_key": {"file": str(key)},
                                         "tenant": [{"name": "a", "tokens": [line]}]}))
            done = run("check", "--config", config)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
