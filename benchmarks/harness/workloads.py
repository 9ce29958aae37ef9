"""What is measured, and the targets."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    request: str = "lookup"
    status: int = 200
    marker: str = ""
    connections: int = 64
    upstream_tls: bool = False
    downstream_tls: bool = False
    target: float = 0.0  # gateway / better peer, CPU time a request; idle: bytes a connection
    idle: bool = False

    @property
    def upload(self) -> bool:
        return self.request == "upload"


KIB = 1024
WORKLOADS = [
    Workload("lookup-plain", "Pass-through lookup, plain upstream", target=0.80),
    Workload("lookup-tls", "Pass-through lookup, TLS upstream", upstream_tls=True, target=0.80),
    Workload("refusal", "Refusal (unknown path) on a keep-alive connection", request="refusal", status=404,
             marker='"reason":"unknown_path"', target=0.80),
    Workload("upload-plain", "Relay of a 1 MiB upload, plain upstream", request="upload", connections=16, target=0.85),
    Workload("upload-tls", "Relay of a 1 MiB upload, TLS upstream", request="upload", connections=16,
             upstream_tls=True, target=0.85),
    Workload("idle-plain", "Idle keep-alive connections, plain", connections=5000, idle=True, target=2 * KIB),
    Workload("idle-tls", "Idle keep-alive connections, TLS", connections=2000, idle=True, downstream_tls=True,
             target=24 * KIB),
]
