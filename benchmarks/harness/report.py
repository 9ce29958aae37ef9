"""Ratios, the Markdown table and the JSON document."""
import datetime
import os
import platform
import re
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .measure import Outcome, Row

PEERS = ("nginx", "haproxy", "varnish")
TITLES = {"nginx": "nginx", "haproxy": "HAProxy", "varnish": "Varnish", "gateway": "gateway",
          "nginx-buffered": "nginx (buffers uploads, its default)",
          "gateway-hashed": "gateway with SHA-256 (its default)", "gateway-relay": "gateway without inspection",
          "gateway-before": "gateway, other build"}
# What inspecting 1 MiB may add, in microseconds of CPU; with hashing this and 1.1 passes of OpenSSL's SHA-256.
INSPECTION_US, HASHING_PASSES = 60.0, 1.1
# Above this a proxy slept between requests: it was not saturated, and its wake-ups are part of the figure.
MANY_SLEEPS = 0.2


@dataclass
class Verdict:
    better_peer: str
    ratio: float
    lowest: float
    highest: float
    passed: bool
    of_best: float  # cheapest round against cheapest round: other work on the machine only ever adds


def judge(outcome: Outcome, name: str = "gateway"):
    """The gateway against the better peer; None without a gateway."""
    gateway = outcome.row(name)
    peers = [outcome.row(name) for name in PEERS if outcome.row(name)]
    if gateway is None or not peers or outcome.wrong:
        return None
    if outcome.workload.idle:
        best = min(peers, key=lambda row: row.idle_bytes)
        ratio = gateway.idle_bytes / max(best.idle_bytes, 1)
        return Verdict(best.name, ratio, ratio, ratio, gateway.idle_bytes <= outcome.workload.target, ratio)
    best = next((row for row in peers if row.name == outcome.workload.against), None) or min(peers, key=Row.median_us)
    ratios = [ours / theirs for ours, theirs in zip(gateway.per_request_us(), best.per_request_us())]
    median = statistics.median(ratios)
    compared = [best] if outcome.workload.against else peers
    of_best = min(gateway.per_request_us()) / min(min(row.per_request_us()) for row in compared)
    return Verdict(best.name, median, min(ratios), max(ratios), median <= outcome.workload.target_of(name), of_best)


def judged(outcome: Outcome) -> list:
    """Names of the gateway's variants that have a target."""
    return [variant.name for variant in outcome.workload.all_variants() if variant.target]


def missed(outcomes: list) -> list:
    ratios = [f"{o.workload.name} ({name})" for o in outcomes for name in judged(o) if (v := judge(o, name)) and not v.passed]
    return ratios + [f"{o.workload.name}: {text}" for o in outcomes for text, passed in inspection(o) + slowest(o) if not passed]


def slowest(outcome: Outcome) -> list:
    """(sentence, whether it holds) on the slowest thousandth of answers from a cache, gateway against the best of the peers."""
    gateway = outcome.row("gateway")
    peers = [outcome.row(name) for name in PEERS if outcome.row(name)]
    if not outcome.workload.cache_keys or gateway is None or not peers or outcome.wrong:
        return []

    def p999(row: Row) -> float:
        return row.median_of(lambda r: r["p999_us"])

    best = min(peers, key=p999)
    ratio = statistics.median(ours["p999_us"] / theirs["p999_us"] for ours, theirs in zip(gateway.rounds, best.rounds))
    return [(f"p99.9: {p999(gateway):.0f} us; {TITLES[best.name]}, the lowest of the peers, {p999(best):.0f} us; median of the "
             f"rounds' ratios {ratio:.2f} (to be below 1)", ratio < 1)]


def inspection(outcome: Outcome) -> list:
    """(sentence, whether it is within its bound) on what inspection adds to the relay of an upload."""
    inspected, hashed, relay = (outcome.row(name) for name in ("gateway", "gateway-hashed", "gateway-relay"))
    if not relay or not relay.rounds or outcome.wrong:
        return []

    def added(row: Row) -> float:
        return statistics.median(ours - base for ours, base in zip(row.per_request_us(), relay.per_request_us()))

    without, with_hash = added(inspected), added(hashed)
    bound = INSPECTION_US + HASHING_PASSES * outcome.sha256_us
    return [(f"inspection without hashing adds {without:.0f} us to 1 MiB (at most {INSPECTION_US:.0f})", without <= INSPECTION_US),
            (f"inspection with SHA-256 adds {with_hash:.0f} us (at most {bound:.0f}: one pass of OpenSSL's SHA-256 over the same "
             f"bytes takes {outcome.sha256_us:.0f} us here)", with_hash <= bound)]


def _first_line(command: list, pattern: str = r"(.*)") -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except OSError:
        return "not found"
    match = re.search(pattern, done.stdout + done.stderr)
    return match.group(1).strip() if match else "unknown"


def environment(gateway: Path, with_gateway: bool) -> dict:
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", cpuinfo)
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    release = Path("/etc/os-release").read_text() if Path("/etc/os-release").exists() else ""
    system = re.search(r'PRETTY_NAME="(.*)"', release)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} x {model.group(1) if model else platform.machine()}, "
                   f"{int(memory.group(1)) / 1048576 if memory else 0:.0f} GiB",
        "system": f"{system.group(1) if system else platform.system()}, Linux {platform.release()}",
        "nginx": _first_line(["/usr/sbin/nginx", "-v"], r"nginx/(\S+)"),
        "haproxy": _first_line(["/usr/sbin/haproxy", "-v"], r"version (\S+)"),
        "varnish": _first_line(["/usr/sbin/varnishd", "-V"], r"varnish-(\S+)"),
        "openssl": _first_line(["openssl", "version"], r"OpenSSL (\S+)"),
        "gateway": _first_line([str(gateway), "version"]) if with_gateway else "not measured",
        "load_average": os.getloadavg()[0],
    }


def _utilisation(row: Row) -> float:
    return row.median_of(lambda r: r["cpu_ns"] / r["wall_ns"])


def _sleeps(row: Row) -> float:
    return row.median_of(lambda r: r["voluntary_switches"] / max(r["requests"], 1))


def _verdict_text(outcome: Outcome, name: str) -> str:
    target, verdict = outcome.workload.target_of(name), judge(outcome, name)
    if outcome.workload.idle:
        wanted = f"at most {target / 1024:.0f} KiB a connection"
    else:
        wanted = f"at most {target:.2f} of {TITLES[outcome.workload.against] if outcome.workload.against else 'the better peer'}"
    if outcome.wrong:
        return f"Target: {wanted}. **Not judged: wrong answers.**"
    if verdict is None:
        return f"Target: {wanted}. Not judged: the gateway was not measured."
    result = "**pass**" if verdict.passed else "**MISS**"
    if outcome.workload.idle:
        return f"Target: {wanted}: {result} ({outcome.row('gateway').idle_bytes:.0f} bytes)."
    of_whom = "" if outcome.workload.against else f" of {TITLES[verdict.better_peer]}"
    cheapest = "its" if outcome.workload.against else "the peers'"
    return (f"{TITLES[name]}: target {wanted}: {result}, {verdict.ratio:.2f} [{verdict.lowest:.2f}-{verdict.highest:.2f}]{of_whom}. "
            f"Cheapest round against {cheapest} cheapest: {verdict.of_best:.2f}.")


def _load_table(outcome: Outcome) -> list:
    lines = ["| proxy | CPU us/request [min-max] | requests/s | p50 us | p99 us | p99.9 us | RSS MB | CPU busy | sleeps/request "
             "| access lines dropped |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for row in outcome.rows:
        if not row.rounds:
            continue
        costs = row.per_request_us()
        dropped = row.dropped_lines / max(row.requests, 1) * 100
        lines.append(
            f"| {TITLES[row.name]} | {row.median_us():.2f} [{min(costs):.2f}-{max(costs):.2f}] "
            f"| {row.median_of(lambda r: r['requests'] / r['wall_ns'] * 1e9):.0f} | {row.median_of(lambda r: r['p50_us']):.0f} "
            f"| {row.median_of(lambda r: r['p99_us']):.0f} | {row.median_of(lambda r: r['p999_us']):.0f} | {row.rss / 1048576:.1f} | {_utilisation(row) * 100:.0f} % "
            f"| {_sleeps(row):.3f} | {dropped:.1f} % |")
    return lines


def _idle_table(outcome: Outcome) -> list:
    lines = ["| proxy | bytes a connection (PSS) | PSS before, MB | RSS with all open, MB |", "|---|---|---|---|"]
    for row in outcome.rows:
        lines.append(f"| {TITLES[row.name]} | {row.idle_bytes:.0f} | {row.base_pss / 1048576:.1f} | {row.rss / 1048576:.1f} |")
    return lines


def summary(outcomes: list) -> list:
    lines = ["| workload | nginx | HAProxy | Varnish | gateway | gateway / better peer [min-max] | target | |",
             "|---|---|---|---|---|---|---|---|"]
    for outcome, variant in [(outcome, name) for outcome in outcomes for name in judged(outcome)]:
        verdict = judge(outcome, variant)
        idle = outcome.workload.idle

        def cell(name: str) -> str:
            row = outcome.row(name)
            if row is None or outcome.wrong:
                return "-"
            return f"{row.idle_bytes:.0f} B" if idle else f"{row.median_us():.2f} us"

        ratio = "-" if verdict is None else (f"{verdict.ratio:.2f}" if idle
                                             else f"{verdict.ratio:.2f} [{verdict.lowest:.2f}-{verdict.highest:.2f}]")
        target = f"{outcome.workload.target / 1024:.0f} KiB" if idle else f"{outcome.workload.target_of(variant):.2f}"
        result = "wrong answers" if outcome.wrong else "-" if verdict is None else "pass" if verdict.passed else "MISS"
        title = outcome.workload.title + ("" if variant == "gateway" else ", " + TITLES[variant].partition(" ")[2])
        if outcome.workload.against:
            target += f" of {TITLES[outcome.workload.against]}"
        lines.append(f"| {title} | {cell('nginx')} | {cell('haproxy')} | {cell('varnish')} | {cell(variant)} "
                     f"| {ratio} | {target} | {result} |")
    return lines


def _warnings(outcome: Outcome) -> list:
    found = []
    for row in outcome.rows:
        if row.rounds and not outcome.workload.upload and _sleeps(row) > MANY_SLEEPS:
            found.append(f"{TITLES[row.name]} slept {_sleeps(row):.2f} times a request: it was not saturated, so its figure "
                         "contains wake-ups.")
    return found


def heading(title: str, about: dict, command: str) -> list:
    lines = [f"# {title}", "", f"Written by `{command}`; what is compared, and how, is in [README.md](README.md).", "",
             f"* Date: {about['date']}", f"* Machine: {about['machine']}; {about['system']}; load average at the start "
             f"{about['load_average']:.2f}", f"* nginx {about['nginx']}, HAProxy {about['haproxy']}, Varnish {about['varnish']}, OpenSSL {about['openssl']}, "
             f"gateway: {about['gateway']}",
             f"* One worker each on CPU 0; generator and vendor on CPU 1; {about['scheduling']}."]
    if about["load_average"] > 1:
        lines.append("* **Other jobs were using the machine**: microseconds are too high and the ranges wide; measure again on a quiet "
                     "one before believing a pass or a miss that is close.")
    return lines


def markdown(outcomes: list, about: dict, command: str, cross_check: list) -> str:
    lines = heading("Benchmark results", about, command)
    lines += ["",
             "CPU time of the proxy process a request (memory a connection for idle ones); medians of the rounds.", ""]
    lines += summary(outcomes)
    for outcome in outcomes:
        lines += ["", f"## {outcome.workload.title} (`{outcome.workload.name}`)", "",
                  f"{outcome.workload.connections} connections"
                  + ("." if outcome.workload.idle else f", closed loop, {max((len(r.rounds) for r in outcome.rows), default=0)} rounds."), ""]
        lines += _idle_table(outcome) if outcome.workload.idle else _load_table(outcome)
        lines += [""] + [_verdict_text(outcome, name) for name in judged(outcome)]
        lines += [f"* {text}: {'**pass**' if passed else '**MISS**'}" for text, passed in inspection(outcome) + slowest(outcome)]
        lines += [f"* {note}" for note in _warnings(outcome) + [f"WRONG: {text}" for text in outcome.wrong]]
    if cross_check:
        lines += ["", "## Cross-check with wrk (lookup, plain upstream)", "",
                  "A second generator that shares no code with ours; whole run, so its start-up is included.", "",
                  "| proxy | CPU us/request | requests/s |", "|---|---|---|"]
        lines += [f"| {TITLES[name]} | {cost:.2f} | {rate:.0f} |" for name, cost, rate in cross_check]
    return "\n".join(lines) + "\n"


def document(outcomes: list, about: dict, command: str, cross_check: list) -> dict:
    def row(r: Row) -> dict:
        return {"proxy": r.name, "rounds": r.rounds, "rss_bytes": r.rss, "idle_bytes_per_connection": r.idle_bytes,
                "pss_before_bytes": r.base_pss, "requests": r.requests, "access_lines": r.access_lines,
                "access_lines_dropped": r.dropped_lines, "cpu_us_per_request": r.per_request_us()}

    return {"about": about, "command": command,
            "cross_check": [dict(zip(("proxy", "cpu_us_per_request", "requests_per_second"), entry)) for entry in cross_check],
            "workloads": [{"name": o.workload.name, "target": o.workload.target, "wrong": o.wrong, "notes": o.notes,
                           "verdicts": {name: vars(v) for name in judged(o) if (v := judge(o, name))},
                           "inspection": inspection(o), "p999": slowest(o), "proxies": [row(r) for r in o.rows]}
                          for o in outcomes]}
