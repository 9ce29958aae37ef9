"""The set-up commands: what they start, what they say when something is missing, and the pictures they upload."""

import http.server
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zlib

REPO = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = sorted([*REPO.glob("deploy/*.sh"), *REPO.glob("deploy/lib/*.sh"), *REPO.glob("tests/*.sh"),
                  *REPO.glob("tests/lib/*.sh"), REPO / ".ci/run"])


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [item.getsockname()[1] for item in sockets]
    for item in sockets:
        item.close()
    return ports


def living(text):
    """Ids of the processes whose command line holds the text."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if text in (folder / "cmdline").read_bytes().decode(errors="replace"):
                found.append(int(folder.name))
        except OSError:
            pass
    return found


class WorkFolder(unittest.TestCase):
    """Each test has a work folder and ports of its own, and a folder of fakes that come first on PATH."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="argos-setup-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.work, self.fakes = self.folder / "work", self.folder / "fakes"
        self.fakes.mkdir()
        self.gateway, self.admin, self.sandbox = free_ports(3)
        self.environment = {**os.environ, "ARGOS_WORK_DIR": str(self.work), "ARGOS_GATEWAY_PORT": str(self.gateway),
                            "ARGOS_ADMIN_PORT": str(self.admin), "ARGOS_SANDBOX_PORT": str(self.sandbox), "NO_COLOR": "1",
                            "PATH": f"{self.fakes}:{os.environ['PATH']}"}
        # The compiler cache is only the quick start's to choose when nobody else did; here nothing is to be compiled.
        self.environment.setdefault("CCACHE_DIR", str(REPO / ".work/ccache"))

    def fake(self, name, text):
        file = self.fakes / name
        file.write_text("#!/bin/sh\n" + text)
        file.chmod(0o755)

    def quickstart(self, *arguments):
        return subprocess.run([str(REPO / "deploy/quickstart.sh"), *arguments], env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600, check=False)

    def start(self):
        """The quick start, as soon as it is ready; its output so far."""
        process = subprocess.Popen([str(REPO / "deploy/quickstart.sh")], env=self.environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(self.end, process)
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("Ctrl-C drains"):
                return process, "".join(lines)
        self.fail("it did not become ready:\n" + "".join(lines))

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait()

    def one_sentence(self, done):
        """It failed with exactly one error line, and nothing but announcements of steps beside it."""
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stdout, "")
        lines = [line for line in done.stderr.splitlines() if not line.startswith("==> ")]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], r"^error: .*\.$")
        return lines[0]


class Refusals(WorkFolder):
    def test_a_busy_port_is_named_with_its_owner(self):
        for port, variable in ((self.gateway, "ARGOS_GATEWAY_PORT"), (self.admin, "ARGOS_ADMIN_PORT"),
                               (self.sandbox, "ARGOS_SANDBOX_PORT")):
            for address in ("127.0.0.1", "0.0.0.0"):
                with self.subTest(port=variable, address=address), socket.create_server((address, port)):
                    sentence = self.one_sentence(self.quickstart())
                    self.assertIn(f"port {port}", sentence)
                    self.assertIn(f"pid {os.getpid()}", sentence)
                    self.assertIn(variable, sentence)

    def test_a_port_that_is_none(self):
        self.environment["ARGOS_GATEWAY_PORT"] = "80800"
        self.assertIn("ARGOS_GATEWAY_PORT=80800", self.one_sentence(self.quickstart()))

    def test_a_package_that_cannot_be_installed(self):
        self.fake("dpkg-query", "exit 1\n")
        self.fake("sudo", 'while [ "$1" = -n ]; do shift; done; exec "$@"\n')
        self.fake("apt-get", 'case "$*" in *install*) echo "E: Unable to locate package clang-19"; exit 100;; esac\n')
        self.assertIn("Unable to locate package clang-19", self.one_sentence(self.quickstart()))

    def test_package_lists_that_cannot_be_fetched(self):
        self.fake("dpkg-query", "exit 1\n")
        self.fake("sudo", 'while [ "$1" = -n ]; do shift; done; exec "$@"\n')
        self.fake("apt-get", 'echo "E: Could not resolve mirror.example.test"; exit 100\n')
        self.assertIn("Could not resolve", self.one_sentence(self.quickstart()))

    def test_too_little_space_is_noticed_before_anything_is_done(self):
        self.fake("df", 'echo "Filesystem 1048576-blocks Used Available Capacity Mounted on"; echo "/dev/x 100 97 3 97% /"\n')
        self.assertIn("3 MiB free", self.one_sentence(self.quickstart()))

    def test_a_disk_that_becomes_full_while_building(self):
        self.fake("cmake", 'echo "LLVM ERROR: IO failure on output stream: No space left on device"; exit 1\n')
        self.assertIn("disk is full", self.one_sentence(self.quickstart()))

    def test_a_work_folder_that_cannot_be_made(self):
        (self.folder / "file").write_text("")
        self.environment["ARGOS_WORK_DIR"] = str(self.folder / "file/work")
        self.assertIn("work folder", self.one_sentence(self.quickstart()))

    def test_another_system(self):
        release = self.folder / "os-release"
        release.write_text('ID=ubuntu\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04"\n')
        done = subprocess.run(["bash", "-c", 'set -euo pipefail; . "$0/deploy/lib/common.sh"; check_debian "$1"', str(REPO),
                               str(release)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        self.assertIn("Ubuntu 24.04", self.one_sentence(done))

    def test_an_unknown_argument_is_a_usage_error(self):
        done = self.quickstart("--dmeo")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--dmeo", done.stderr.splitlines()[0])


class Running(WorkFolder):
    def test_the_demo_gets_every_answer_as_documented(self):
        done = self.quickstart("--demo")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("\n10 of 10 answers were as documented.\n", done.stdout)
        self.assertNotIn((self.work / "argos-api-key").read_text().strip(), done.stdout + done.stderr)
        self.assertEqual(living(str(self.work)), [])

    def test_the_lines_to_paste_work_and_a_signal_drains_both(self):
        process, text = self.start()
        lines = re.findall(r"^  ((?:ID|curl).*)$", text, re.MULTILINE)
        self.assertEqual(len(lines), 5, text)
        done = subprocess.run(["bash", "-c", "\n".join(lines)], env={**os.environ, "no_proxy": "*"}, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        identifier, step2, lookup, picture, deleted = done.stdout.splitlines()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn('"kycStatus":"approved"', step2.replace(" ", ""))
        self.assertIn(identifier, lookup)
        self.assertEqual(picture, "the same picture came back")
        self.assertIn(f"Submission {identifier} deleted successfully.", deleted)
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        self.assertEqual(process.wait(60), 0, rest)
        self.assertEqual(living(str(self.work)), [])

    def test_interrupting_the_whole_process_group_drains_both(self):
        process, _ = self.start()
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stderr.read()
        self.assertEqual(process.wait(60), 0, rest)
        self.assertNotIn("error:", rest)
        self.assertEqual(living(str(self.work)), [])

    def test_nothing_stays_behind_when_the_script_is_killed(self):
        process, _ = self.start()
        process.kill()
        process.wait(10)
        end = time.monotonic() + 30
        while living(str(self.work)) and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual(living(str(self.work)), [])

    def test_a_gateway_that_dies_ends_the_script_with_a_sentence(self):
        process, _ = self.start()
        for pid in living(f"{self.work}/local.toml"):
            os.kill(pid, signal.SIGKILL)
        rest = process.stderr.read()
        self.assertEqual(process.wait(60), 1)
        self.assertEqual([line for line in rest.splitlines() if line.startswith("error:")],
                         ["error: argos-gateway ended by itself."])
        self.assertEqual(living(str(self.work)), [])

    def test_secrets_and_certificates_are_the_owners_alone_and_kept(self):
        self.assertEqual(self.quickstart("--demo").returncode, 0)
        names = ("argos-api-key", "ca.key", "ca.pem", "sandbox.key", "sandbox.pem", "gateway.key", "gateway.pem")
        before = {name: (self.work / name).read_bytes() for name in names}
        self.assertEqual(self.work.stat().st_mode & 0o777, 0o700)
        for name in names:
            self.assertEqual((self.work / name).stat().st_mode & 0o077, 0, name)
        self.assertEqual(self.quickstart("--demo").returncode, 0)
        self.assertEqual({name: (self.work / name).read_bytes() for name in names}, before)

    def test_a_certificate_that_runs_out_is_renewed(self):
        self.assertEqual(self.quickstart("--demo").returncode, 0)
        certificate, key = self.work / "sandbox.pem", self.work / "sandbox.key"
        subprocess.run(["openssl", "req", "-x509", "-new", "-key", str(key), "-subj", "/CN=old", "-days", "3", "-out",
                        str(certificate)], check=True, stderr=subprocess.DEVNULL)
        old = certificate.read_bytes()
        self.assertEqual(self.quickstart("--demo").returncode, 0)
        self.assertNotEqual(certificate.read_bytes(), old)


class Demo(WorkFolder):
    def test_wrong_answers_are_noticed(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self.send_response(200)
                for name, value in (("content-type", "application/json"), ("content-length", "2"), ("x-request-id", "r")):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        done = self.demo(server.server_port)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(done.stdout.count("NOT AS DOCUMENTED"), 10)
        self.assertIn("0 of 10", done.stdout)

    def test_no_answer_at_all_is_noticed(self):
        done = self.demo(self.gateway)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("curl failed", done.stdout)

    def demo(self, port):
        key = self.folder / "key"
        key.write_text("sandbox-key\n")
        for name in ("id-card.jpg", "selfie.png"):
            (self.folder / name).write_bytes(b"picture")
        return subprocess.run([sys.executable, str(REPO / "deploy/demo/demo.py"), "--base", f"http://127.0.0.1:{port}/v3",
                               "--folder", str(self.folder), "--key-file", str(key)],
                              stdout=subprocess.PIPE, text=True, timeout=120, check=False)


class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory(prefix="argos-pictures-") as folder:
            subprocess.run([sys.executable, str(REPO / "deploy/demo/pictures.py"), folder], check=True, timeout=120)
            cls.jpeg, cls.png = (pathlib.Path(folder, name).read_bytes() for name in ("id-card.jpg", "selfie.png"))

    def test_their_size_is_that_of_a_photograph(self):
        for data in (self.jpeg, self.png):
            self.assertTrue(200_000 <= len(data) <= 900_000, len(data))

    def test_the_png_can_be_decoded(self):
        self.assertEqual(self.png[:8], b"\x89PNG\r\n\x1a\n")
        chunks, at = [], 8
        while at < len(self.png):
            length, kind = struct.unpack(">I4s", self.png[at:at + 8])
            data = self.png[at + 8:at + 8 + length]
            self.assertEqual(struct.unpack(">I", self.png[at + 8 + length:at + 12 + length])[0], zlib.crc32(kind + data))
            chunks.append((kind, data))
            at += 12 + length
        self.assertEqual([kind for kind, _ in chunks], [b"IHDR", b"IDAT", b"IEND"])
        width, height, depth, colour = struct.unpack(">IIBB", chunks[0][1][:10])
        self.assertEqual((depth, colour), (8, 2))
        self.assertEqual(len(zlib.decompress(chunks[1][1])), height * (1 + 3 * width))

    def test_the_jpeg_can_be_decoded(self):
        tables, at = {}, 2
        self.assertEqual((self.jpeg[:2], self.jpeg[-2:]), (b"\xff\xd8", b"\xff\xd9"))
        while True:
            _, marker, length = struct.unpack(">BBH", self.jpeg[at:at + 4])
            data = self.jpeg[at + 4:at + 2 + length]
            at += 2 + length
            if marker == 0xC0:
                height, width, components = struct.unpack(">xHHB", data[:6])
            elif marker == 0xC4:
                tables[data[0]] = huffman_codes(data)
            elif marker == 0xDA:
                break
        scan = self.jpeg[at:-2].replace(b"\xff\x00", b"\xff")
        bits = BitReader(scan)
        for _ in range(width // 8 * (height // 8) * components):
            bits.skip_number(bits.symbol(tables[0x00]))
            position = 1
            while position < 64:
                symbol = bits.symbol(tables[0x10])
                if symbol == 0:
                    break
                position += (symbol >> 4) + 1
                bits.skip_number(symbol & 15)
            self.assertLessEqual(position, 64)
        self.assertLess(8 * len(scan) - bits.at, 8)


def huffman_codes(data):
    """(length, code) to symbol."""
    counts, symbols, codes, code = data[1:17], iter(data[17:]), {}, 0
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            codes[length, code] = next(symbols)
            code += 1
        code <<= 1
    return codes


class BitReader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def bit(self):
        bit = self.data[self.at >> 3] >> (7 - (self.at & 7)) & 1
        self.at += 1
        return bit

    def symbol(self, codes):
        code = 0
        for length in range(1, 17):
            code = code << 1 | self.bit()
            if (length, code) in codes:
                return codes[length, code]
        raise ValueError("no such code")

    def skip_number(self, size):
        self.at += size


class Scripts(unittest.TestCase):
    def test_there_are_scripts(self):
        self.assertGreaterEqual(len(SCRIPTS), 9)

    def test_bash_can_read_them(self):
        for script in SCRIPTS:
            with self.subTest(script=script.name):
                done = subprocess.run(["bash", "-n", str(script)], stderr=subprocess.PIPE, text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_shellcheck_has_nothing_to_say(self):
        done = subprocess.run(["shellcheck", "-x", "deploy/quickstart.sh", "tests/run.sh", ".ci/run"], cwd=REPO,
                              stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_programs_are_executable_and_strict(self):
        for script in (REPO / "deploy/quickstart.sh", REPO / "tests/run.sh", REPO / ".ci/run"):
            self.assertTrue(os.access(script, os.X_OK), script)
            self.assertIn("\nset -euo pipefail\n", script.read_text())


if __name__ == "__main__":
    unittest.main()
