"""Compares the gateway with nginx, HAProxy and Varnish. Called by run.sh, which installs and builds what this needs."""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import crosscheck, entries, material, measure, processes, report  # noqa: E402
from harness.contestants import make_contestants  # noqa: E402
from harness.measure import Options, Outcome, say  # noqa: E402
from harness.workloads import WORKLOADS  # noqa: E402

HERE = Path(__file__).resolve().parent


def parse_arguments(arguments: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/run.sh", description="Compares the gateway with nginx, HAProxy and Varnish.")
    names = [workload.name for workload in WORKLOADS]
    parser.add_argument("workload", nargs="*", metavar="workload", help="which to run; all by default: " + ", ".join(names))
    parser.add_argument("--quick", action="store_true", help="five short rounds instead of sixteen; under two minutes in all")
    parser.add_argument("--rounds", type=int, help="rounds a workload")
    parser.add_argument("--measure-ms", type=int, help="measured time of a round")
    parser.add_argument("--peers-only", action="store_true", help="leave the gateway out")
    parser.add_argument("--entries", action="store_true", help="instead: what a hit costs with 1,000 to 1,000,000 answers in "
                        "the gateway's cache (about two minutes, 2 GiB of memory)")
    parser.add_argument("--hit-ratio", action="store_true", help="instead: how often the cache's choice of what to drop leaves "
                        "what is asked for next, against other policies (no load, about a minute)")
    parser.add_argument("--cross-check", action="store_true", help="repeat the plain lookup with wrk")
    parser.add_argument("--urgent", action="store_true", help="give all processes of the run a high priority (needs root): "
                        "less noise on a machine that does other work")
    parser.add_argument("--write-results", action="store_true", help="write RESULTS.md beside this script; "
                        "RESULTS-entries.md, RESULTS-hit-ratio.md for those")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured as JSON")
    parser.add_argument("--keep", action="store_true", help="keep the work folder (configurations, logs)")
    parser.add_argument("--no-build", action="store_true", help="measure what build/release/bin holds")
    parser.add_argument("--programs", type=Path, default=HERE.parent / "build/release/bin", help=argparse.SUPPRESS)
    parser.add_argument("--gateway", type=Path, help="the gateway's program; the release build by default")
    parser.add_argument("--against", type=Path, metavar="PROGRAM", help="another build of the gateway, measured in the same "
                        "rounds: what a change gave")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.workload if name not in names]
    if unknown:
        parser.error(f"unknown workload {unknown[0]}; there are {', '.join(names)}")
    if (options.entries or options.hit_ratio) and (options.workload or options.cross_check or options.json):
        parser.error("--entries and --hit-ratio run alone")
    if options.entries and options.peers_only:
        parser.error("--entries measures the gateway alone")
    return options


def without_paths(arguments: list) -> list:
    """The command for the report: what names a place on this machine says nothing about the figures."""
    kept = []
    skip = False
    for argument in arguments:
        name = argument.partition("=")[0]
        if not skip and name not in ("--json", "--programs", "--gateway", "--against"):
            kept.append(argument)
        skip = not skip and name in ("--json", "--programs", "--gateway", "--against") and "=" not in argument
    return kept


def measures_load(options: argparse.Namespace) -> bool:
    return options.entries or not options.hit_ratio


def programs_needed(options: argparse.Namespace, gateway: Path) -> dict:
    needed = {"hit ratios": options.programs / "argos-bench-hit-ratio"} if options.hit_ratio else {}
    if not measures_load(options):
        return needed
    needed |= {"generator": options.programs / "argos-bench-load", "vendor": options.programs / "argos-bench-vendor"}
    if not options.peers_only:
        needed["gateway"] = gateway
    if not options.entries:
        needed |= {"nginx": "/usr/sbin/nginx", "haproxy": "/usr/sbin/haproxy", "Varnish": "/usr/sbin/varnishd"}
    return needed


def check_machine(options: argparse.Namespace, gateway: Path) -> None:
    if measures_load(options) and not {processes.PROXY_CPU, processes.OTHER_CPU} <= os.sched_getaffinity(0):
        raise processes.BenchError("needs CPUs 0 and 1: one for the proxy, one for generator and vendor")
    for name, path in programs_needed(options, gateway).items():
        if not os.access(path, os.X_OK):
            raise processes.BenchError(f"{name} is missing: {path}")
    if options.urgent and os.geteuid() != 0:
        raise processes.BenchError("--urgent needs root")
    load = os.getloadavg()[0]
    if load > 1.0 and not options.urgent:
        say(f"warning: load average {load:.1f}; other work on this machine blurs the figures")


def run_all(options, programs: tuple, folder: Path) -> tuple:
    things = material.prepare(folder)
    vendor = processes.Vendor(options.programs / "argos-bench-vendor", things, material.free_port(), material.free_port())
    settings = settings_of(options)
    outcomes = []
    checked = []
    try:
        for workload in WORKLOADS:
            if options.workload and workload.name not in options.workload:
                continue
            say(f"{workload.name}: {workload.title}")
            contestants = make_contestants(*programs, workload)
            run = measure.run_idle if workload.idle else measure.run_load
            outcome: Outcome = run(workload, contestants, folder / workload.name, vendor, things, settings)
            for text in outcome.wrong:
                say(f"  WRONG: {text}")
            outcomes.append(outcome)
        if options.cross_check:
            say("cross-check with wrk")
            contestants = make_contestants(*programs, WORKLOADS[0])
            checked = crosscheck.run(contestants, folder / "cross-check", vendor, things, 2 if options.quick else 5)
    finally:
        vendor.stop()
    return outcomes, checked


def settings_of(options) -> Options:
    # Many short rounds rather than a few long ones: what is compared lies closer together in time.
    rounds = options.rounds or (5 if options.quick else 16)
    return Options(options.programs / "argos-bench-load", rounds, options.measure_ms or (300 if options.quick else 500), 150)


def run_peers(options, programs: tuple, folder: Path, about: dict, command: str) -> tuple:
    """Whether answers were wrong, and what missed its target."""
    outcomes, checked = run_all(options, programs, folder)
    text = report.markdown(outcomes, about, command, checked)
    if options.write_results:
        (HERE / "RESULTS.md").write_text(text)
    if options.json:
        options.json.write_text(json.dumps(report.document(outcomes, about, command, checked), indent=1) + "\n")
    print(text)
    return any(outcome.wrong for outcome in outcomes), report.missed(outcomes)


def run_entries(options, gateway: Path, folder: Path, about: dict, command: str) -> tuple:
    say(entries.WORKLOAD.title)
    outcome = entries.run(gateway, options.programs / "argos-bench-vendor", folder, material.prepare(folder), settings_of(options))
    text = "\n".join(report.heading(entries.WORKLOAD.title, about, command)) + "\n\n"
    text += entries.markdown(outcome, material.SMALL_LOOKUP_BYTES)
    if options.write_results:
        (HERE / "RESULTS-entries.md").write_text(text)
    print(text)
    return bool(outcome.wrong), [] if outcome.wrong or entries.passed(outcome) else ["cost of a hit by the number of entries"]


def run_hit_ratio(options) -> tuple:
    done = subprocess.run([options.programs / "argos-bench-hit-ratio"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise processes.BenchError(f"argos-bench-hit-ratio ended with code {done.returncode}")
    if options.write_results:
        (HERE / "RESULTS-hit-ratio.md").write_text(done.stdout)
    print(done.stdout)
    return False, []


def main(arguments: list) -> int:
    options = parse_arguments(arguments)
    gateway = (options.gateway or options.programs / "argos-gateway").resolve()
    programs = (None if options.peers_only else gateway, options.against and options.against.resolve())
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda *_: sys.exit(1))  # so that what was started is stopped
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="argos-bench."))
    failed = True
    try:
        check_machine(options, gateway)
        processes.urgency = -15 if options.urgent else 0
        if measures_load(options):
            os.sched_setaffinity(0, {processes.OTHER_CPU})  # this program too stays off the proxy's CPU
        about = report.environment(gateway, not options.peers_only)
        command = " ".join(["./benchmarks/run.sh", *without_paths(arguments)])
        about["scheduling"] = "high priority for all (`--urgent`)" if options.urgent else "normal scheduling"
        found = []
        if options.hit_ratio:
            found.append(run_hit_ratio(options))
        if options.entries:
            found.append(run_entries(options, gateway, folder, about, command))
        if not found:
            found.append(run_peers(options, programs, folder, about, command))
        failed = any(wrong for wrong, _ in found)
        missed = [text for _, texts in found for text in texts]
        if measures_load(options):
            say("wrong answers: the figures do not count" if failed else "all answers right")
        say(f"{time.monotonic() - started:.0f} s" + (f"; targets missed: {', '.join(missed)}" if missed else ""))
        return 1 if failed else 0
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except processes.BenchError as error:
        say(f"benchmark: {error}")
        return 1
    finally:
        if options.keep or failed:
            say(f"work folder kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
