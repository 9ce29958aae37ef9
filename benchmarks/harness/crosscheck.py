"""The same comparison with wrk, so that a fault of our own generator would show."""
import re
import subprocess
from pathlib import Path

from . import processes
from .contestants import Setup


def _cpu_ns(pids: list) -> int:
    return sum(int((task / "schedstat").read_text().split()[0])
               for pid in pids for task in Path(f"/proc/{pid}/task").iterdir())


def run(contestants: list, folder: Path, vendor, material, seconds: int) -> list:
    found = []
    for contestant in contestants:
        try:
            contestant.start(folder, Setup(), vendor, material)
            pids = contestant.pids()
            before = _cpu_ns(pids)
            # wrk's whole life is the window, so that its requests and the proxy's time cover the same ones.
            wrk = processes.spawn(["wrk", "-t1", "-c64", f"-d{seconds}s", "-H", "Accept: application/json",
                                   f"http://127.0.0.1:{contestant.port}/v3/submission?submission_id=benchwrk000000001"],
                                  processes.OTHER_CPU, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            output, _ = wrk.communicate(timeout=seconds + 20)
            used = _cpu_ns(pids) - before
            requests = int(re.search(r"(\d+) requests in", output).group(1))
            if requests == 0 or "Non-2xx" in output:
                raise processes.BenchError(f"wrk against {contestant.name}:\n{output}")
            found.append((contestant.name, used / 1000 / requests, float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))))
        finally:
            contestant.stop()
    return found
