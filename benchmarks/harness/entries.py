"""What a hit costs when the cache holds a thousand answers, and when it holds a million: the gateway alone."""
import dataclasses
import statistics
from pathlib import Path

from . import processes
from .contestants import Gateway
from .material import Material, free_port
from .measure import Options, Outcome, Row, run_load
from .workloads import Workload

COUNTS = (1_000, 10_000, 100_000, 1_000_000)
MEMORY = "3GiB"  # enough for a million; the same for all, so that only what is stored differs
# A million answers do not fit into a processor's caches, and keys are asked for at random: each hit then waits for main
# memory a few times, which is all that may be added. A look-up that walks or sorts would cost many times as much.
MOST_GROWTH = 1.25
WORKLOAD = Workload("cache-hit-entries", "Lookup answered from the cache, by the number of answers in it", cache_keys=COUNTS[0])


def name_of(count: int) -> str:
    return f"cache-hit-1e{len(str(count)) - 1}"


def run(gateway: Path, vendor_program: Path, folder: Path, material: Material, options: Options) -> Outcome:
    contestants = []
    for count in COUNTS:
        contestant = Gateway(name_of(count), str(gateway), {"UPLOADS": "", "MEMORY": MEMORY})
        contestant.cache_keys = count
        contestants.append(contestant)
    # A million answers of the usual size would only take longer to ask for.
    small = dataclasses.replace(material, lookup_body=material.small_lookup_body)
    vendor = processes.Vendor(vendor_program, small, free_port(), free_port())
    try:
        return run_load(WORKLOAD, contestants, folder / WORKLOAD.name, vendor, small, options)
    finally:
        vendor.stop()


def growth(outcome: Outcome, row: Row) -> float:
    """Against the fewest entries, round by round."""
    fewest = outcome.rows[0].per_request_us()
    return statistics.median(ours / base for ours, base in zip(row.per_request_us(), fewest))


def passed(outcome: Outcome) -> bool:
    return not outcome.wrong and growth(outcome, outcome.rows[-1]) <= MOST_GROWTH


def _bytes_an_entry(outcome: Outcome, count: int, row: Row) -> str:
    # With few entries the rest of the process is all that would show.
    return f"{(row.rss - outcome.rows[0].rss) / (count - COUNTS[0]):.0f}" if count >= 100_000 else ""


def markdown(outcome: Outcome, body_bytes: int) -> str:
    rounds = max((len(row.rounds) for row in outcome.rows), default=0)
    lines = [f"{WORKLOAD.connections} connections, closed loop, {rounds} rounds; bodies of {body_bytes} bytes; `[cache] memory = "
             f"\"{MEMORY}\"` for all; each key was asked for once before, and is then drawn at random.", "",
             "| entries | CPU us/request [min-max] | to the fewest | requests/s | p50 us | p99 us | p99.9 us | RSS MB "
             "| RSS bytes an entry |", "|---|---|---|---|---|---|---|---|---|"]
    for count, row in zip(COUNTS, outcome.rows):
        if not row.rounds:
            continue
        costs = row.per_request_us()
        lines.append(
            f"| {count} (`{row.name}`) | {row.median_us():.2f} [{min(costs):.2f}-{max(costs):.2f}] | {growth(outcome, row):.2f} "
            f"| {row.median_of(lambda r: r['requests'] / r['wall_ns'] * 1e9):.0f} | {row.median_of(lambda r: r['p50_us']):.0f} "
            f"| {row.median_of(lambda r: r['p99_us']):.0f} | {row.median_of(lambda r: r['p999_us']):.0f} "
            f"| {row.rss / 1048576:.1f} | {_bytes_an_entry(outcome, count, row)} |")
    if outcome.wrong:
        lines += ["", "**Not judged: wrong answers.**"] + [f"* WRONG: {text}" for text in outcome.wrong]
    else:
        lines += ["", f"Target: a thousand times the entries cost at most {MOST_GROWTH:.2f} times as much: "
                  + ("**pass**" if passed(outcome) else "**MISS**") + f", {growth(outcome, outcome.rows[-1]):.2f}."]
    return "\n".join(lines) + "\n"
