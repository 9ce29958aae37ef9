"""Preflight, interleaved rounds, idle memory."""
import hashlib
import http.client
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import processes
from .contestants import Setup
from .material import COUNTER, Material
from .processes import BenchError
from .workloads import Workload


@dataclass
class Options:
    load_program: Path
    rounds: int
    measure_ms: int
    warmup_ms: int


@dataclass
class Row:
    """One proxy in one workload."""
    name: str
    kind: str
    rounds: list = field(default_factory=list)  # what the generator reported
    rss: int = 0
    idle_bytes: float = 0.0
    base_pss: int = 0
    requests: int = 0
    access_lines: int = 0
    dropped_lines: int = 0

    def per_request_us(self) -> list:
        return [r["cpu_ns"] / 1000 / r["requests"] for r in self.rounds]

    def median_us(self) -> float:
        return statistics.median(self.per_request_us())

    def median_of(self, key) -> float:
        return statistics.median(key(r) for r in self.rounds)


@dataclass
class Outcome:
    workload: Workload
    rows: list
    wrong: list = field(default_factory=list)  # sentences: answers that were not what they had to be
    notes: list = field(default_factory=list)
    sha256_us: float = 0.0  # one pass of OpenSSL over the upload

    def row(self, kind: str):
        return next((row for row in self.rows if row.name == kind), None)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def lookup_path(name: str) -> str:
    """Of a submission that no measured request asks for."""
    return f"/v3/submission?submission_id=bench{name.rjust(len(COUNTER), '-')}"


def lookup_answer(material: Material, name: str) -> bytes:
    return material.lookup_body.read_bytes().replace(COUNTER.encode(), name.rjust(len(COUNTER), "-").encode())


def ask(contestant, material: Material, method: str, path: str, headers: dict, body=None) -> tuple:
    """Status, fields, body; status 0 and the reason when there was no answer. `body` may be a promised length only."""
    connection = contestant.connection(material)
    try:
        if isinstance(body, int):
            connection.putrequest(method, path)
            for name, value in {**headers, "Content-Length": str(body)}.items():
                connection.putheader(name, value)
            connection.endheaders()
        else:
            connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    except (http.client.HTTPException, OSError) as error:
        return 0, {}, repr(error).encode()
    finally:
        connection.close()


def preflight(contestant, material: Material) -> list:
    """One request of each kind. Returns sentences about what was wrong."""
    wrong = []

    def check(what: str, right: bool, seen) -> None:
        if not right:
            wrong.append(f"{contestant.name}: {what}, got {seen}")

    secrets = {"x-api-key": "the-callers-own", "Authorization": "Basic YmVuY2g6YmVuY2g=", "Cookie": "a=b"}
    status, headers, body = ask(contestant, material, "GET", lookup_path("preflight"), secrets)
    check("a lookup has to be answered 200 by the vendor, with the vendor's key and without the caller's secrets",
          status == 200 and body == lookup_answer(material, "preflight"), (status, body[:200]))
    check("an answer has to carry x-request-id", bool(headers.get("x-request-id")), headers)
    status, headers, body = ask(contestant, material, "GET", "/v3/nope", {})
    check("an unknown path has to be refused with a problem body", status == 404 and b'"unknown_path"' in body
          and headers.get("content-type", "").startswith("application/problem+json"), (status, headers, body[:200]))
    status, _, _ = ask(contestant, material, "POST", "/v3/report/aml", {"Content-Type": "application/json"}, b"{}")
    check("a method that the path lacks has to be refused", status in (403, 405), status)
    status, _, body = ask(contestant, material, "GET", lookup_path("preflight"),
                          {"x-big": "a" * (contestant.head_limit() + 4096)})
    check("a head larger than the limit has to be refused", status == 0 or 400 <= status < 500, (status, body[:200]))
    status, _, body = ask(contestant, material, "POST", "/v3/submission/step1",
                          {"Content-Type": "multipart/form-data; boundary=x"},
                          11 * 1024 * 1024 if contestant.answers_early else bytes(11 * 1024 * 1024))
    check("a body of 11 MiB has to be refused", status == 413, (status, body[:200]))
    return wrong


def preflight_wrong_name(contestant, folder: Path, vendor, material: Material) -> list:
    """With a name that the vendor's certificate lacks nothing may pass: otherwise nothing is verified."""
    contestant.start(folder / "wrong-name", Setup(upstream_tls=True, verified_name="127.0.0.1"), vendor, material)
    try:
        status, _, _ = ask(contestant, material, "GET", lookup_path("preflight"), {})
        return [] if status in (502, 503) else [f"{contestant.name} does not verify the vendor's name: {status}"]
    finally:
        contestant.stop()


def _generator_command(workload: Workload, contestant, material: Material, options: Options) -> list:
    command = [options.load_program, "--port", contestant.port, "--connections", workload.connections, "--request",
               material.request(contestant.request or workload.request), "--expect-status", workload.status]
    if workload.marker:
        command += ["--expect-marker", workload.marker]
    else:
        command += ["--expect-body", material.upload_answer if workload.upload else material.lookup_body]
    if workload.upload:
        command += ["--body", material.upload_body]
    if workload.downstream_tls:
        command += ["--ca", material.ca]
    if contestant.cache_keys or workload.cache_keys:
        command += ["--keys", contestant.cache_keys or workload.cache_keys]
    for pid in contestant.pids():
        command += ["--pid", pid]
    return command


def fill_cache(workload: Workload, contestant, vendor, material: Material, options: Options, outcome: Outcome, row: Row) -> None:
    """Asks for each key once, which the vendor has to notice; afterwards it must not be asked any more."""
    keys = contestant.cache_keys or workload.cache_keys
    before = vendor.counters()["lookups"]
    limit = 20 + keys // 2000
    command = _generator_command(workload, contestant, material, options) + ["--mode", "warm", "--limit-ms", limit * 1000]
    process = processes.spawn(command, processes.OTHER_CPU, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    result = _finish(process, limit + 10, contestant.name)
    _judge(outcome, contestant, result)
    row.requests += result["all_requests"]
    asked = vendor.counters()["lookups"] - before
    if result["all_requests"] != keys or asked != keys:
        outcome.wrong.append(f"{contestant.name}: {keys} keys to fill the cache with took {result['all_requests']} requests, "
                             f"of which the vendor saw {asked}")


def preflight_cache(contestant, vendor, material: Material) -> list:
    """One question twice and another once are two for the vendor, and each gets its own answer."""
    wrong = []
    before = vendor.counters()["lookups"]
    for name in ("cache-a", "cache-a", "cache-b", "cache-a"):
        status, _, body = ask(contestant, material, "GET", lookup_path(name), {})
        if status != 200 or body != lookup_answer(material, name):
            wrong.append(f"{contestant.name}: a lookup through the cache was answered {status} {body[:200]}")
    asked = vendor.counters()["lookups"] - before
    if asked != 2:
        wrong.append(f"{contestant.name}: two questions, asked four times, reached the vendor {asked} times")
    return wrong


def _finish(process: subprocess.Popen, seconds: float, name: str) -> dict:
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise BenchError(f"the generator did not end in time against {name}") from None
    if process.returncode != 0:
        raise BenchError(f"the generator failed against {name}: {errors.strip()}")
    return json.loads(output.splitlines()[-1])


def _one_round(workload, contestant, material, options) -> dict:
    command = _generator_command(workload, contestant, material, options)
    whole_ms = options.warmup_ms + options.measure_ms
    command += ["--warmup-ms", options.warmup_ms, "--measure-ms", options.measure_ms, "--limit-ms", whole_ms + 10_000]
    process = processes.spawn(command, processes.OTHER_CPU, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    return _finish(process, whole_ms / 1000 + 20, contestant.name)


def _judge(outcome: Outcome, contestant, result: dict) -> None:
    if result["wrong"]:
        outcome.wrong.append(f"{contestant.name}: {result['wrong']} wrong answers: {result['problems']}")
    if result["requests"] == 0 and not outcome.workload.idle:
        outcome.wrong.append(f"{contestant.name}: no request completed")


def _close_books(outcome: Outcome, contestants: list) -> None:
    """Access lines against requests: who does not log would win by it."""
    for contestant, row in zip(contestants, outcome.rows):
        if row.kind == "gateway":
            row.dropped_lines = contestant.dropped_access_lines()
    time.sleep(1.5)  # nginx writes its block after a second
    for contestant, row in zip(contestants, outcome.rows):
        contestant.stop()
        row.access_lines = contestant.access_lines()
        if row.access_lines + row.dropped_lines < row.requests:
            outcome.wrong.append(f"{row.name}: {row.requests} requests, but {row.access_lines} access lines "
                                 f"and {row.dropped_lines} counted as dropped")


def _sha256_us(material: Material) -> float:
    """CPU time of one pass over the upload's body, the median of many."""
    body = material.upload_body.read_bytes()
    costs = []
    for _ in range(30):
        before = time.process_time()
        hashlib.sha256(body).digest()
        costs.append((time.process_time() - before) * 1e6)
    return statistics.median(costs)


def _rounds(outcome, contestants, material, options) -> None:
    workload = outcome.workload
    for number in range(options.rounds):
        order = list(zip(contestants, outcome.rows))
        for contestant, row in (order if number % 2 == 0 else reversed(order)):
            result = _one_round(workload, contestant, material, options)
            _judge(outcome, contestant, result)
            if outcome.wrong:
                return
            row.rounds.append(result)
            row.requests += result["all_requests"]
        say(f"  round {number + 1}: " + ", ".join(
            f"{row.name} {row.per_request_us()[-1]:.2f} us/request" for row in outcome.rows))
    if workload.upload:
        outcome.sha256_us = _sha256_us(material)
    for contestant, row in zip(contestants, outcome.rows):
        row.rss = processes.memory_of(contestant.pids())["rss"]


def run_load(workload: Workload, contestants: list, folder: Path, vendor, material: Material, options: Options) -> Outcome:
    outcome = Outcome(workload, [Row(c.name, c.kind) for c in contestants])
    setup = Setup(workload.upstream_tls, workload.downstream_tls, workload.upload, cache=workload.cache_keys > 0)
    try:
        for contestant in contestants:
            if workload.upstream_tls:
                outcome.wrong += preflight_wrong_name(contestant, folder, vendor, material)
            contestant.start(folder, setup, vendor, material)
            outcome.wrong += preflight(contestant, material)
            if setup.cache:
                outcome.wrong += preflight_cache(contestant, vendor, material)
        for contestant, row in zip(contestants, outcome.rows):
            if setup.cache and not outcome.wrong:
                fill_cache(workload, contestant, vendor, material, options, outcome, row)
        if outcome.wrong:
            return outcome
        before = vendor.counters()
        _rounds(outcome, contestants, material, options)
        after = vendor.counters()
        if after["refused"] != before["refused"]:
            outcome.wrong.append(f"the vendor refused {after['refused'] - before['refused']} requests: {after['last_refusal']}")
        if setup.cache and after["lookups"] != before["lookups"]:
            outcome.wrong.append(f"{after['lookups'] - before['lookups']} lookups of the measured rounds reached the vendor: "
                                 "not all answers came from the caches")
        outcome.notes.append(f"vendor connections opened in the measured rounds: {after['connections'] - before['connections']}")
        if not outcome.wrong:
            _close_books(outcome, contestants)
        return outcome
    finally:
        for contestant in contestants:
            contestant.stop()


def run_idle(workload: Workload, contestants: list, folder: Path, vendor, material: Material, options: Options) -> Outcome:
    outcome = Outcome(workload, [Row(c.name, c.kind) for c in contestants])
    for contestant, row in zip(contestants, outcome.rows):
        try:
            contestant.start(folder, Setup(downstream_tls=workload.downstream_tls), vendor, material)
            # Pools and buffers that every proxy fills once are not memory of a connection.
            warm = Workload("warm", "warm", downstream_tls=workload.downstream_tls)
            _judge(outcome, contestant, _one_round(warm, contestant, material, options))
            time.sleep(0.3)
            before = processes.memory_of(contestant.pids())["pss"]
            process = processes.spawn(_generator_command(workload, contestant, material, options)
                                      + ["--mode", "idle", "--limit-ms", 60_000], processes.OTHER_CPU,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            ready = process.stdout.readline().strip() == "ready"
            time.sleep(0.5)
            memory = processes.memory_of(contestant.pids())
            result = _finish(process, 30, contestant.name)
            _judge(outcome, contestant, result)
            if not ready or result["closed_idle"]:
                outcome.wrong.append(f"{contestant.name}: not all connections stayed open ({result})")
            row.base_pss, row.rss = before, memory["rss"]
            row.idle_bytes = (memory["pss"] - before) / workload.connections
            say(f"  {row.name}: {row.idle_bytes:.0f} bytes a connection")
        finally:
            contestant.stop()
    return outcome
