"""Starting, pinning, observing and ending the processes of a run. Only processes started here are ever signalled."""
import json
import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

PROXY_CPU = 0
OTHER_CPU = 1
MOST_FILES = 20000


class BenchError(Exception):
    """A sentence for the user."""


def files_limit() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)


# Set by --urgent: the nice value of every process that is spawned, proxies, generator and vendor alike.
urgency = 0


def _raise_priority() -> None:
    """Plain nice values only count within a session's group (autogroup), so each process gets a session and its group
    the value. Unlike real-time scheduling this cannot lock a machine up."""
    os.setsid()
    group = Path("/proc/self/autogroup")
    if group.exists():
        group.write_text(str(urgency))
    os.nice(urgency)


def spawn(command: list, cpu: int, **options) -> subprocess.Popen:
    limit = files_limit()

    def prepare() -> None:
        os.sched_setaffinity(0, {cpu})
        if urgency:
            _raise_priority()
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    return subprocess.Popen([str(part) for part in command], preexec_fn=prepare, **options)


def stop(process: subprocess.Popen, how: int = signal.SIGTERM, patience: float = 5.0) -> None:
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(patience)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()


def wait_for_port(port: int, process: subprocess.Popen, log: Path, name: str, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            tail = log.read_text(errors="replace")[-1500:] if log.exists() else ""
            raise BenchError(f"{name} ended with code {process.returncode} while starting:\n{tail}")
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise BenchError(f"{name} does not listen on port {port} after {seconds:.0f} s; see {log}")


def tree_of(root: int) -> list:
    """The process and its descendants."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    tree = [root]
    for pid in tree:
        tree.extend(child for child, parent in parents.items() if parent == pid)
    return tree


def memory_of(pids: list) -> dict:
    """Resident and proportional memory in bytes, summed."""
    total = {"Rss": 0, "Pss": 0}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name = line.partition(":")[0]
            if name in total:
                total[name] += int(line.split()[1]) * 1024
    return {"rss": total["Rss"], "pss": total["Pss"]}


class Vendor:
    """argos-bench-vendor; asks it for its counters over its stdin."""

    def __init__(self, program: Path, material, plain_port: int, tls_port: int):
        self.plain_port = plain_port
        self.tls_port = tls_port
        self.process = spawn([program, "--plain-port", plain_port, "--tls-port", tls_port, "--certificate",
                              material.certificate, "--key", material.key, "--api-key-file", material.api_key,
                              "--lookup-body", material.lookup_body, "--upload-body", material.upload_body],
                             OTHER_CPU, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            raise BenchError("argos-bench-vendor did not start")

    def counters(self) -> dict:
        self.process.stdin.write("counters\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self) -> None:
        stop(self.process)
