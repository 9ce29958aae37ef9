"""Key rotation, reload and drain under the load of 64 connections: no request fails."""

import os
import time
import unittest

from lib.gateway import ALL_LOCAL, Gateway, eventually, free_port
from lib.load import Load, LoadVendor

ROTATIONS, RELOADS, DRAINS = 50, 20, 20
SECOND = {"name": "second", "cidr": ["127.0.0.2/32"], "operations": ["read_submission"]}


class UnderLoad(unittest.TestCase):
    def setUp(self):
        self.vendor = LoadVendor()
        self.addCleanup(self.vendor.__exit__)

    def gateway(self, **sections):
        gateway = Gateway(self.vendor, log={"level": "warn"}, **sections)
        gateway.__enter__()
        self.addCleanup(gateway.__exit__)
        return gateway

    def assert_clean(self, load, at_least):
        load.finish()
        self.assertEqual(load.failures, [], f"{len(load.failures)} of {load.answered} failed")
        self.assertGreaterEqual(load.answered, at_least)

    def progress(self, load, more=100):
        """The load goes on: `more` answers from now on."""
        target = load.answered + more
        eventually(lambda: load.answered >= target or load.failures, "the load goes on", 20)

    def rotate(self, load, new, write):
        """Old and new key are good until the new one is seen; then only requests under way have the old."""
        old = next(iter(self.vendor.keys))
        self.vendor.keys = {old, new}
        write(new)
        eventually(lambda: self.vendor.keys_seen[new] > 0, f"{new} is used", 15)
        self.progress(load, 200)        # more than can be under way: 64
        self.vendor.keys = {new}
        before = self.vendor.keys_seen[old]
        self.progress(load)
        self.assertEqual(self.vendor.keys_seen[old], before, "the old key was used after the new one")

    def test_key_rotations(self):
        gateway = self.gateway()
        with Load(gateway.port) as load:
            self.progress(load)
            for number in range(ROTATIONS):
                self.rotate(load, f"rotated-key-{number:04d}", gateway.write_key)
            self.assert_clean(load, ROTATIONS * 200)

    def test_key_rotations_by_symlink_swap(self):
        """As Kubernetes does it: the key is a link into ..data, and ..data is replaced."""
        gateway = Gateway(self.vendor, log={"level": "warn"})
        folder = gateway.dir / "secret"
        versions = iter(range(1000))

        def publish(key):
            version = folder / f"..v{next(versions)}"
            version.mkdir(parents=True)
            (version / "key").write_text(key + "\n")
            new = folder / "..data.new"
            new.symlink_to(version.name)
            os.replace(new, folder / "..data")

        publish(self.vendor.api_key)
        (folder / "key").symlink_to("..data/key")
        gateway.write_config(api_key={"file": str(folder / "key")})
        gateway.__enter__()
        self.addCleanup(gateway.__exit__)
        with Load(gateway.port) as load:
            self.progress(load)
            for number in range(10):
                self.rotate(load, f"swapped-key-{number:04d}", publish)
            self.assert_clean(load, 2000)

    def test_bad_keys_change_nothing(self):
        gateway = self.gateway()
        with Load(gateway.port) as load:
            for bad in ("", "\n", "two\nlines", "control\x01", "blank inside it", "\xff" * 20, "k" * 100000):
                gateway.write_key(bad.encode("latin-1"))
                time.sleep(0.2)          # nothing to wait for: nothing may happen
                self.progress(load)
            gateway.key_path.unlink()
            time.sleep(0.2)
            self.progress(load)
            self.rotate(load, "good-key-again", gateway.write_key)
            self.assert_clean(load, 500)
        self.assertEqual(set(self.vendor.keys_seen), {self.vendor.api_key, "good-key-again"})

    def test_reloads(self):
        gateway = self.gateway()
        with Load(gateway.port) as load:
            self.progress(load)
            results = []
            for number in range(RELOADS):
                gateway.config["tenant"] = ALL_LOCAL + ([SECOND] if number % 2 == 0 else [])
                gateway.write_config(limits={"header_fields": 60 + number})
                results.append(gateway.reload())
                self.progress(load)
            self.assertEqual(len(set(results)), 1, results)
            good = gateway.config_path.read_text()
            for bad in ("[server\n", good + "\n[nonsense]\nx = 1\n", good.replace("header_fields", "header_feilds"), ""):
                gateway.config_path.write_text(bad)
                self.assertNotEqual(gateway.reload(), results[0])
                self.progress(load)
            self.assert_clean(load, 2000)

    def test_drains_with_a_successor(self):
        sections = {"drain": {"hold": "300ms", "deadline": "15s"}, "log": {"level": "warn"}}
        port = free_port()
        current = Gateway(self.vendor, port=port, **sections)
        self.addCleanup(lambda: current.__exit__())
        current.start()
        with Load(port) as load:
            self.progress(load)
            for number in range(DRAINS):
                successor = Gateway(self.vendor, port=port, **sections)
                successor.start()
                self.progress(load)
                current.drain()
                self.assertEqual(current.wait(30), 0, f"drain {number}: {current.stderr_lines()[-5:]}")
                current.__exit__()
                current = successor
                self.progress(load)
            self.assert_clean(load, DRAINS * 100)
        print(f"\n  drains: {load.answered} answered, {load.stale} lookups repeated on a new connection")


if __name__ == "__main__":
    unittest.main()
