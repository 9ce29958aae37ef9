"""What is measured, and the targets."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """The gateway with some setting. A target of 0 means that the figure is for information."""
    name: str = "gateway"
    uploads: str = ""  # lines of its [uploads] section
    request: str = ""  # instead of the workload's
    target: float = 0.0


# Inspection can't be switched off for multipart bodies; a JSON body is relayed unseen when nothing is validated.
UPLOAD_VARIANTS = (
    Variant("gateway", "sha256 = false", target=0.95),
    Variant("gateway-hashed"),
    Variant("gateway-relay", 'validation = "off"', "relay", target=0.85),
)


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
    against: str = ""  # a peer, instead of the better one
    cache_keys: int = 0  # not 0: every answer comes from the proxy's cache, which holds as many
    idle: bool = False
    variants: tuple = ()

    def all_variants(self) -> tuple:
        return self.variants or (Variant(target=self.target),)

    def target_of(self, name: str) -> float:
        return next((variant.target for variant in self.all_variants() if variant.name == name), 0.0)

    @property
    def upload(self) -> bool:
        return self.request == "upload"


KIB = 1024
CACHE_KEYS = 10_000
WORKLOADS = [
    Workload("lookup-plain", "Pass-through lookup, plain upstream", target=0.80),
    Workload("lookup-tls", "Pass-through lookup, TLS upstream", upstream_tls=True, target=0.80),
    Workload("cache-hit", "Lookup answered from the cache", cache_keys=CACHE_KEYS, target=0.70, against="haproxy"),
    Workload("cache-hit-tls", "Lookup answered from the cache, TLS to the caller", cache_keys=CACHE_KEYS,
             downstream_tls=True, target=0.75, against="haproxy"),
    Workload("refusal", "Refusal (unknown path) on a keep-alive connection", request="refusal", status=404,
             marker='"reason":"unknown_path"', target=0.80),
    Workload("upload-plain", "Relay of a 1 MiB upload, plain upstream", request="upload", connections=16,
             variants=UPLOAD_VARIANTS),
    Workload("upload-tls", "Relay of a 1 MiB upload, TLS upstream", request="upload", connections=16,
             upstream_tls=True, variants=UPLOAD_VARIANTS),
    Workload("idle-plain", "Idle keep-alive connections, plain", connections=5000, idle=True, target=2 * KIB),
    Workload("idle-tls", "Idle keep-alive connections, TLS", connections=2000, idle=True, downstream_tls=True,
             target=24 * KIB),
]
