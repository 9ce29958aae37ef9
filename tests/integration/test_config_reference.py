"""The generated pages are up to date, and the configuration files that are shipped are valid."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from lib.certs import make_certs
from lib.paths import ROOT, gateway_binary

CONFIG = ROOT / "config"


def doc(page):
    return subprocess.run([gateway_binary(), "doc", page], capture_output=True, text=True,
                          check=True, timeout=10).stdout


class ReferenceTest(unittest.TestCase):
    def test_the_pages_in_the_repository_are_the_generated_ones(self):
        for page, name in (("config", "REFERENCE.md"), ("reasons", "REASONS.md")):
            with self.subTest(name):
                generated = doc(page)
                self.assertGreater(len(generated.splitlines()), 30)
                self.assertEqual((CONFIG / name).read_text(), generated)

    def test_every_key_of_the_examples_is_documented(self):
        page = doc("config")
        checked = 0
        for name in ("gateway.toml", "local.toml"):
            for section, key in self._keys(CONFIG / name):
                with self.subTest(f"{section}.{key}"):
                    self.assertIn(f"[{section}]", page)
                    self.assertRegex(page, rf"`{key}`")
                    checked += 1
        self.assertGreater(checked, 20)

    @staticmethod
    def _keys(path):
        section = ""
        for line in path.read_text().splitlines():
            if match := re.match(r"^\s*\[+([a-z_.]+)\]+", line):
                section = match[1]
            elif match := re.match(r"^\s*([a-z_]+)\s*=", line):
                yield section, match[1]


class ShippedFilesTest(unittest.TestCase):
    """The files name paths of an installation; they are checked in a copy where those lead to test files."""

    FILES = {"certificate": "server_cert", "private_key": "server_key", "client_ca": "ca",
             "ca_file": "ca"}

    def _check(self, name):
        certs = make_certs()
        with tempfile.TemporaryDirectory() as holder:
            folder = pathlib.Path(holder)
            shutil.copytree(CONFIG, folder / "config")
            (folder / "key").write_text("a-valid-vendor-key-0000")

            def replace(match):
                key, value = match[1], match[2]
                if not value:
                    return match[0]
                if key == "file":
                    return f'{key} = "{folder / "key"}"'
                return f'{key} = "{getattr(certs, self.FILES[key])}"'
            pattern = r'(?m)^(file|' + "|".join(self.FILES) + r')\s*=\s*"([^"]*)"'
            text, count = re.subn(pattern, replace, (CONFIG / name).read_text())
            self.assertGreaterEqual(count, 1)
            path = folder / "config" / name
            path.write_text(text)
            variables = {match: "127.0.0.1" for match in re.findall(r"\$\{([A-Z_]+)\}", text)}
            return subprocess.run([gateway_binary(), "check", "--config", str(path)],
                                  capture_output=True, text=True, timeout=20,
                                  env={**os.environ, **variables})

    def test_the_production_example_is_valid(self):
        done = self._check("gateway.toml")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_local_example_is_valid(self):
        done = self._check("local.toml")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
