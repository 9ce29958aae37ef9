"""The metrics and the access log of the cache count what happened."""

import collections
import time
import unittest

from lib.cachecase import (APPLICANT, LONG, SUBMISSION, Gate, LookupVendor, cache_status, get, item, new_id, numbered, page, reply)
from lib.calls import CALLS, call
from lib.crowd import Crowd
from lib.gateway import UNCHECKED, Gateway, Wait, eventually
from lib.statevendor import send_change

SETTINGS = {**LONG, "ttl_approved": "200ms", "stale_while_revalidate": "1h", "stale_if_error": "1h"}
RESULTS = ("hit", "stale", "miss", "coalesced", "bypass")


def results(gateway):
    metrics = gateway.metrics()
    return {name: int(metrics.value("cache_requests_total", result=name)) for name in RESULTS}


class Counting(unittest.TestCase):
    def logged(self, gateway, count):
        lines = gateway.access_lines(count)
        self.assertEqual(len(lines), count)
        return collections.Counter(line["cache"] for line in lines)

    def test_every_series_is_there_from_the_start(self):
        with LookupVendor() as vendor, Gateway(vendor, cache={}) as gateway:
            metrics = gateway.metrics()
            for name, kind in (("cache_requests_total", "counter"), ("cache_entries", "gauge"), ("cache_bytes", "gauge"),
                               ("cache_evictions_total", "counter"), ("cache_invalidations_total", "counter")):
                with self.subTest(name):
                    self.assertEqual(metrics.types.get("argos_gateway_" + name), kind)
                    self.assertIn("argos_gateway_" + name, metrics.helps)
            self.assertEqual(sorted(labels["result"] for labels, _ in metrics.find("cache_requests_total")), sorted(RESULTS))
            self.assertEqual(metrics.value("cache_requests_total"), 0)
            self.assertEqual(metrics.value("cache_entries"), 0)
            for labels, _ in metrics.find("request_duration_seconds_count"):
                self.assertIn(labels["cache"], ("hit", "stale", "miss", "none"))

    def test_known_traffic(self):
        with LookupVendor() as vendor, Gateway(vendor, cache=SETTINGS, uploads=UNCHECKED) as gateway, Gate() as gate:
            lasting = [f"{SUBMISSION}?submission_id={new_id()}" for _ in range(3)]
            for target in lasting:
                vendor.headers(target.partition("?")[2], result="rejected")
            short, held = (f"{SUBMISSION}?submission_id={new_id()}" for _ in range(2))
            for target in lasting:                                                # 3 misses
                gateway.call("GET", target)
            for target in lasting * 4:                                            # 12 hits
                self.assertIn("hit", cache_status(gateway.call("GET", target)))
            gateway.call("GET", f"{APPLICANT}?applicant_id=a")                    # 1 miss
            gateway.call("GET", f"{APPLICANT}?applicant_id=a")                    # 1 hit
            gateway.call("GET", short)                                            # 1 miss, which becomes stale
            time.sleep(0.3)
            vendor.rule(short.partition("?")[2], lambda request, number: [Wait(gate), reply(numbered(request, number, "rejected"))])
            for _ in range(5):                                                    # 5 stale
                self.assertLess(cache_status(gateway.call("GET", short))["ttl"], 0)
            vendor.rule(held.partition("?")[2], lambda request, number: [Wait(gate), reply(numbered(request, number))])
            with Crowd(gateway.port, 20) as crowd:                                # 1 miss, 19 coalesced
                crowd.send(get(held))
                eventually(lambda: gateway.metrics().value("requests_in_flight") == 20, "all wait")
                gate.set()
                crowd.answers()
            for row in CALLS:                                                     # 2 misses, the others are no lookups
                self.assertEqual(call(gateway, row).status, 200)
            total = 3 + 12 + 2 + 1 + 5 + 20 + len(CALLS)
            logged = self.logged(gateway, total)
            counted = {"hit": 13, "stale": 5, "miss": 8, "coalesced": 19, "bypass": 0}
            eventually(lambda: results(gateway) == counted and gateway.metrics().value("request_duration_seconds_count") == total,
                       f"counted: {results(gateway)}")
            self.assertEqual(logged, {"hit": 13, "stale": 5, "miss": 8, "coalesced": 19, "none": len(CALLS) - 2})
            self.durations(gateway, counted, total)
            self.upstream(gateway, vendor)

    def durations(self, gateway, counted, total):
        metrics = gateway.metrics()
        lookups = {name: sum(metrics.value("request_duration_seconds_count", operation=operation, cache=name)
                             for operation in ("read_submission", "read_applicant")) for name in ("hit", "stale", "miss", "none")}
        self.assertEqual((lookups["hit"], lookups["stale"]), (counted["hit"], counted["stale"]))
        self.assertEqual(lookups["miss"] + lookups["none"], counted["miss"] + counted["coalesced"])
        self.assertGreaterEqual(lookups["miss"], counted["miss"])
        self.assertEqual(metrics.value("request_duration_seconds_count"), total)
        for operation in ("get_image", "get_aml_report", "submit_step1", "submit_step2", "address_code", "delete_submission"):
            for labels, value in metrics.find("request_duration_seconds_count", operation=operation):
                self.assertEqual(value, 1 if labels["cache"] == "none" else 0, labels)

    def upstream(self, gateway, vendor):
        metrics = gateway.metrics()
        self.assertEqual(metrics.value("upstream_responses_total"), len(vendor.requests()))
        self.assertEqual(metrics.value("upstream_duration_seconds_count"), len(vendor.requests()))

    def test_requests_total_counts_hits(self):
        with LookupVendor() as vendor, Gateway(vendor, cache=LONG) as gateway:
            target = f"{SUBMISSION}?submission_id={new_id()}"
            for _ in range(7):
                self.assertEqual(gateway.call("GET", target).status, 200)
            tag = gateway.call("GET", target).get("etag")
            self.assertEqual(gateway.call("GET", target, [("If-None-Match", tag)]).status, 304)
            self.assertEqual(gateway.call("GET", f"{SUBMISSION}?userid=none", [("Cache-Control", "only-if-cached")]).status, 504)

            def counted():
                metrics = gateway.metrics()
                return [metrics.value("requests_total", operation="read_submission", status=status, reason=reason, tenant="local")
                        for status, reason in ((200, "none"), (304, "none"), (504, "not_in_cache"))]
            eventually(lambda: counted() == [8, 1, 1], f"they are counted: {counted()}")
            self.assertEqual(gateway.metrics().value("upstream_responses_total"), 1)
            lines = gateway.access_lines(10)
            hits = [line for line in lines if line["cache"] == "hit"]
            self.assertEqual(len(hits), 8)
            for line in hits:
                self.assertEqual((line["attempts"], line["reason"]), (0, "none"), line)
                self.assertGreaterEqual(line["bytes_out"], 1)
            self.assertEqual(sum(line["cache"] == "miss" for line in lines), 1)

    def test_entries_bytes_and_invalidations(self):
        with LookupVendor() as vendor, Gateway(vendor, cache=LONG, uploads=UNCHECKED) as gateway:
            empty = gateway.metrics().value("cache_bytes")
            targets = {one: f"{SUBMISSION}?submission_id={one}" for one in (new_id() for _ in range(50))}
            sizes = 0
            for target in targets.values():
                sizes += len(gateway.call("GET", target).body)
            metrics = gateway.metrics()
            self.assertEqual(metrics.value("cache_entries"), 50)
            self.assertGreaterEqual(metrics.value("cache_bytes"), empty + sizes)
            self.assertEqual(metrics.value("cache_invalidations_total"), 0)
            self.assertEqual(metrics.value("cache_evictions_total"), 0)
            for one in list(targets)[:10]:
                self.assertEqual(send_change(gateway, "delete", one).status, 200)
            # Once when it is sent and once when its answer is there, of the submission and of the lists.
            self.assertGreaterEqual(gateway.metrics().value("cache_invalidations_total"), 20)
            eventually(lambda: gateway.metrics().value("cache_entries") == 40, "what was invalidated is dropped", 60)
            gateway.admin("/cache/purge?all=true", "POST")
            eventually(lambda: gateway.metrics().value("cache_entries") == 0, "what was purged is dropped", 60)
            eventually(lambda: gateway.metrics().value("cache_bytes") <= empty + 1024, "and its memory given back", 60)

    def test_bypass(self):
        query = "&".join(f"p{n}=1" for n in range(80))
        with LookupVendor() as vendor, Gateway(vendor, cache=LONG, uploads=UNCHECKED) as gateway:
            for _ in range(3):
                gateway.call("GET", f"{SUBMISSION}?{query}")
            self.assertEqual(self.logged(gateway, 3), {"bypass": 3})
            wanted = {"hit": 0, "stale": 0, "miss": 0, "coalesced": 0, "bypass": 3}
            eventually(lambda: results(gateway) == wanted, f"counted: {results(gateway)}")

    def test_a_list_is_an_entry(self):
        with LookupVendor() as vendor, Gateway(vendor, cache=LONG) as gateway:
            vendor.rule("userid", lambda request, number: reply(page(*(item(new_id()) for _ in range(500)), call=number)))
            gateway.call("GET", f"{SUBMISSION}?userid=a")
            self.assertIn("hit", cache_status(gateway.call("GET", f"{SUBMISSION}?userid=a")))
            self.assertEqual(gateway.metrics().value("cache_entries"), 1)


if __name__ == "__main__":
    unittest.main()
