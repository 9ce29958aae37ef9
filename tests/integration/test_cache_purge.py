"""POST /cache/purge on the admin listener."""

import threading
import unittest

from lib import wire
from lib.cachecase import APPLICANT, LONG, SUBMISSION, CacheCase, Gate, LookupVendor, call_of, get, item, new_id, numbered, page, reply
from lib.gateway import Gateway, Wait, eventually


class Purge(CacheCase):
    cache = {**LONG, "stale_while_revalidate": "0s", "stale_if_error": "1h"}

    def purge(self, query, status=200):
        got = self.gateway.admin(f"/cache/purge{query}", "POST")
        self.assertEqual(got.status, status, (query, got.body))
        if status == 200:
            self.assertEqual(got.get("content-type", "").split(";")[0], "application/json", got.headers)
            self.assertIn("purged", got.json())
        return got

    def filled(self):
        """(targets, calls): of one submission, another one, a list that shows the first, an applicant."""
        submission_id = new_id()
        targets = {"one": self.target(submission_id), "other": self.target(), "list": f"{SUBMISSION}?userid={submission_id}",
                   "applicant": f"{APPLICANT}?applicant_id={submission_id}"}
        self.vendor.rule(f"userid={submission_id}", lambda request, number: reply(page(item(submission_id), item(new_id()), call=number)))
        return submission_id, targets, {name: self.fill(target) for name, target in targets.items()}

    def assert_gone(self, targets, calls, gone):
        for name, target in targets.items():
            with self.subTest(lookup=name):
                got = self.ask(target)
                if name in gone:
                    self.assert_forwarded(got, ("uri-miss", "miss"), stored=True)
                    self.assertGreater(call_of(got), calls[name])
                    self.assert_hit(self.ask(target), call_of(got))
                else:
                    self.assert_hit(got, calls[name])

    def test_a_submission(self):
        submission_id, targets, calls = self.filled()
        self.purge(f"?submission_id={submission_id}")
        self.assert_gone(targets, calls, {"one", "list"})

    def test_a_submission_by_another_spelling(self):
        submission_id, targets, calls = self.filled()
        self.purge(f"?submission_id=%{ord(submission_id[0]):02x}{submission_id[1:]}")
        self.assert_gone(targets, calls, {"one", "list"})

    def test_a_submission_that_nobody_has_seen(self):
        submission_id, targets, calls = self.filled()
        self.purge(f"?submission_id={new_id()}")
        self.assert_gone(targets, calls, set())

    def test_an_operation(self):
        _, targets, calls = self.filled()
        self.purge("?operation=read_applicant")
        self.assert_gone(targets, calls, {"applicant"})
        _, targets, calls = self.filled()
        self.purge("?operation=read_submission")
        self.assert_gone(targets, calls, {"one", "other", "list"})

    def test_all(self):
        _, targets, calls = self.filled()
        self.purge("?all=true")
        self.assert_gone(targets, calls, set(targets))

    def test_softly(self):
        """What is there becomes stale: asked for again, and a stand-in when the vendor fails."""
        for query, gone in (("?submission_id={}&soft=true", {"one", "list"}), ("?soft=true&operation=read_applicant", {"applicant"}),
                            ("?all=true&soft=true", {"one", "other", "list", "applicant"})):
            with self.subTest(query):
                submission_id, targets, calls = self.filled()
                self.purge(query.replace("{}", submission_id))
                for name, target in targets.items():
                    with self.subTest(query, lookup=name):
                        if name not in gone:
                            self.assert_hit(self.ask(target), calls[name])
                            continue
                        self.assertEqual(self.ask(target, "only-if-cached").status, 504)
                        part = target.partition("?")[2]
                        own = self.vendor.rules.get(part)
                        self.vendor.status(part, 503)
                        got = self.ask(target)
                        self.assertEqual((got.status, call_of(got)), (200, calls[name]))
                        if own:
                            self.vendor.rule(part, own)
                        else:
                            del self.vendor.rules[part]
                        got = self.ask(target)
                        self.assert_forwarded(got, "stale", stored=True)
                        self.assertGreater(call_of(got), calls[name])
                        self.assert_hit(self.ask(target), call_of(got))

    def test_not_softly_nothing_stands_in(self):
        _, targets, _ = self.filled()
        self.purge("?all=true&soft=false")
        self.vendor.status(targets["one"].partition("?")[2], 503)
        self.assertEqual(self.ask(targets["one"]).status, 503)
        self.assertEqual(self.ask(targets["one"], "max-stale").status, 503)

    def test_what_is_being_fetched_is_not_kept(self):
        for query in ("?submission_id={}", "?operation=read_submission", "?all=true"):
            with self.subTest(query), Gate() as gate, self.gateway.connect() as early:
                submission_id = new_id()
                target = self.target(submission_id)
                self.vendor.rule(submission_id, lambda request, number, held=gate: [Wait(held), reply(numbered(request, number))])
                early.send(get(target))
                eventually(lambda s=submission_id: self.vendor.calls(s), "the vendor is asked")
                self.purge(query.replace("{}", submission_id))
                self.vendor.rule(submission_id, lambda request, number: reply(numbered(request, number)))
                later = []
                asking = threading.Thread(target=lambda t=target: later.append(self.ask(t)))
                asking.start()
                asking.join(0.5)            # it may wait for the one from before, but may not have its answer
                gate.set()
                asking.join(20)
                (got,), old = later, early.read_answer()
                self.assertEqual(got.status, 200)
                self.assertEqual(old.status, 200)
                self.assertNotEqual(call_of(old), call_of(got))
                self.assert_hit(self.ask(target), call_of(got))

    def test_other_methods(self):
        for method in ("GET", "PUT", "DELETE", "PURGE"):
            with self.subTest(method):
                _, targets, calls = self.filled()
                got = self.gateway.admin("/cache/purge?all=true", method)
                self.assertEqual(got.status, 405)
                self.assertEqual(got.get("allow"), "POST")
                self.assert_gone(targets, calls, set())

    def test_malformed(self):
        for query in ("", "?", "?all", "?all=", "?all=yes", "?all=false", "?all=1", "?soft=true", "?operation=", "?operation=get_image",
                      "?operation=delete_submission", "?operation=READ_SUBMISSION", "?operation=none", "?submission_id=", "?id=x", "?all=true&x=1",
                      "?all=true&all=true", "?all=true&submission_id=a", "?operation=read_submission&all=true", "?submission_id=a&submission_id=b",
                      "?operation=read_submission&operation=read_applicant", "?all=true&soft=maybe", "?all=true&soft=true&soft=false",
                      "?submission_id=%zz", "?submission_id=%4", "?submission_id=" + "a" * 300, "?All=true"):
            with self.subTest(query):
                _, targets, calls = self.filled()
                self.purge(query, 400)
                self.assert_gone(targets, calls, set())

    def test_not_on_the_listener_of_callers(self):
        _, targets, calls = self.filled()
        for path in ("/cache/purge?all=true", "/v3/cache/purge?all=true"):
            self.assertEqual(self.gateway.call("POST", path).status, 404)
        self.assert_gone(targets, calls, set())

    def test_with_a_body(self):
        """Some clients send an empty body with every POST, and none of them may break the listener."""
        for body, headers in ((b"", [("Content-Length", "0")]), (b"{}", [])):
            _, targets, calls = self.filled()
            with wire.Connection(self.gateway.admin_port) as connection:
                connection.send(wire.request("POST", "/cache/purge?all=true", [*headers, ("Connection", "close")], body))
                got = connection.read_answer()
            self.assertIn(got.status, (200, 400) if body else (200,))
            self.assert_gone(targets, calls, set(targets) if got.status == 200 else set())
            self.assertEqual(self.gateway.admin("/livez").status, 200)

    def test_it_is_counted(self):
        before = self.gateway.metrics().value("cache_invalidations_total")
        self.purge("?all=true")
        self.purge(f"?submission_id={new_id()}")
        self.assertGreaterEqual(self.gateway.metrics().value("cache_invalidations_total"), before + 2)


class OffTest(unittest.TestCase):
    def test_a_gateway_without_cache_takes_it(self):
        with LookupVendor() as vendor, Gateway(vendor, cache={"enabled": False}) as gateway:
            got = gateway.admin("/cache/purge?all=true", "POST")
            self.assertEqual((got.status, "purged" in got.json()), (200, True))
            self.assertEqual(gateway.admin("/cache/purge?x", "POST").status, 400)


if __name__ == "__main__":
    unittest.main()
