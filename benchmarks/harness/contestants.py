"""The proxies: nginx, HAProxy, Varnish and the gateway, each configured from a template in peers/ to do the same work."""
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from . import processes
from .material import API_KEY, Material, free_port

PEERS = Path(__file__).resolve().parent.parent / "peers"
ACCESS_LINE = (b'"event":"access"', b'"event": "access"')


@dataclass(frozen=True)
class Setup:
    """What differs between workloads for every proxy alike."""
    upstream_tls: bool = False
    downstream_tls: bool = False
    upload: bool = False
    cache: bool = False
    verified_name: str = "localhost"  # the preflight of TLS workloads also tries a name the certificate lacks


class LogReader:
    """The receiving end of HAProxy's log ring: copies what arrives on a unix socket into a file."""

    def __init__(self, address: Path, log: Path):
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(address))
        self._listener.listen()
        self._thread = threading.Thread(target=self._copy, args=(log,), daemon=True)
        self._thread.start()

    def _copy(self, log: Path) -> None:
        buffer = bytearray(1 << 20)
        with open(log, "wb", buffering=0) as output:
            try:
                while True:
                    stream, _ = self._listener.accept()
                    with stream:
                        while size := stream.recv_into(buffer):
                            output.write(memoryview(buffer)[:size])
            except OSError:
                pass  # closed: the proxy has ended

    def close(self) -> None:
        # Closing alone would leave a thread that waits in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


class Contestant:
    kind = ""
    template = ""
    log_name = "stderr.log"
    answers_early = True  # refuses an upload before it was sent

    def __init__(self, name: str, program: str, settings: dict, request: str = ""):
        self.name = name
        self.request = request  # instead of the workload's
        self.cache_keys = 0  # instead of the workload's
        self.program = program
        self.settings = settings
        self.port = 0
        self.process = None
        self.folder = Path()
        self.setup = Setup()

    def head_limit(self) -> int:
        return int(self.settings.get("BUFSIZE", 16384))  # HAProxy's limit is its buffer

    # What each proxy calls the same things.
    def values(self, setup: Setup, vendor, material: Material) -> dict:
        raise NotImplementedError

    def command(self, config: Path) -> list:
        raise NotImplementedError

    def start(self, folder: Path, setup: Setup, vendor, material: Material) -> None:
        self.folder = folder / self.name
        self.folder.mkdir(parents=True)
        self.setup = setup
        self.port = free_port()
        values = {
            "DIR": self.folder, "PORT": self.port, "FILES": processes.files_limit(), "API_KEY": API_KEY,
            "SCHEME": "https" if setup.upstream_tls else "http",
            "UPSTREAM_NAME": setup.verified_name if setup.upstream_tls else "127.0.0.1",
            "UPSTREAM_PORT": vendor.tls_port if setup.upstream_tls else vendor.plain_port,
            **self.settings, **self.values(setup, vendor, material),
        }
        text = re.sub(r"@([A-Z_]+)@", lambda match: str(values[match.group(1)]) if match.group(1) in values
                      else match.group(0), (PEERS / self.template).read_text())
        config = self.folder / self.template
        config.write_text(text)
        log = self.folder / self.log_name
        with open(log, "ab") as output:
            self.process = processes.spawn(self.command(config), processes.PROXY_CPU, stdin=subprocess.DEVNULL,
                                           stdout=output, stderr=output, cwd=self.folder)
        processes.wait_for_port(self.port, self.process, log, self.name)

    def stop(self) -> None:
        if self.process:
            processes.stop(self.process)
            self.process = None

    def pids(self) -> list:
        return processes.tree_of(self.process.pid)

    def access_lines(self) -> int:
        """Lines written so far. All of them only after stop(), because lines may wait in a buffer."""
        count = 0
        with open(self.folder / self.access_log(), "rb") as log:
            while block := log.read(1 << 24):
                block += log.readline()  # so that no line is cut
                count += sum(block.count(form) for form in ACCESS_LINE)
        return count

    def access_log(self) -> str:
        return self.log_name

    def connection(self, material: Material) -> http.client.HTTPConnection:
        if not self.setup.downstream_tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        context = ssl.create_default_context(cafile=str(material.ca))
        return http.client.HTTPSConnection("localhost", self.port, timeout=10, context=context)


class Nginx(Contestant):
    kind = "nginx"
    template = "nginx.conf"
    cache_folder = None

    def values(self, setup, vendor, material):
        upstream = [f"proxy_ssl_verify on; proxy_ssl_verify_depth 2; proxy_ssl_trusted_certificate {material.ca};",
                    f"proxy_ssl_name {setup.verified_name}; proxy_ssl_server_name on; proxy_ssl_session_reuse on;",
                    "proxy_ssl_protocols TLSv1.2 TLSv1.3;"] if setup.upstream_tls else []
        server = [f"ssl_certificate {material.certificate}; ssl_certificate_key {material.key};",
                  "ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:tls:10m;"] if setup.downstream_tls else []
        cache, lookup = [], ""
        if setup.cache:
            # Its cache is files: in memory here, and held open, so that a hit is one read of one file.
            self.cache_folder = Path(tempfile.mkdtemp(prefix="argos-bench-nginx.", dir="/dev/shm"))
            cache = [f"proxy_cache_path {self.cache_folder} levels=1:2 keys_zone=answers:32m max_size=1g inactive=1h "
                     "use_temp_path=off;",
                     "open_file_cache max=20000 inactive=1h; open_file_cache_valid 1h; open_file_cache_min_uses 1;",
                     "proxy_cache_key $tenant$request_uri; proxy_cache_valid 200 10m; proxy_cache_lock on;"]
            lookup = "proxy_cache answers;"
        return {"USER": "root" if os.geteuid() == 0 else "nobody", "LISTEN_TLS": "ssl" if setup.downstream_tls else "",
                "SERVER_TLS": "\n    ".join(server), "UPSTREAM_TLS": "\n  ".join(upstream),
                "CACHE": "\n  ".join(cache), "LOOKUP_CACHE": lookup}

    def stop(self):
        super().stop()
        if self.cache_folder:
            shutil.rmtree(self.cache_folder, ignore_errors=True)
            self.cache_folder = None

    def command(self, config):
        return [self.program, "-p", self.folder, "-c", config]

    def access_log(self):
        return "access.log"


class HAProxy(Contestant):
    """Its cheapest way to write one line a request is a ring that it empties in batches into a stream socket: measured
    5 to 10 % cheaper than a write a request to a file or a datagram a request."""
    kind = "haproxy"
    template = "haproxy.cfg"
    reader = None

    def values(self, setup, vendor, material):
        self.reader = LogReader(self.folder / "log.sock", self.folder / self.access_log())
        (self.folder / "tenants.map").write_text("127.0.0.0/8 bench\n10.12.0.0/16 onboarding\n")
        upstream = (f"ssl verify required ca-file {material.ca} sni str({setup.verified_name}) "
                    f"verifyhost {setup.verified_name} ssl-min-ver TLSv1.2 alpn http/1.1") if setup.upstream_tls else ""
        listen = f"ssl crt {material.folder}/server.both.pem ssl-min-ver TLSv1.2" if setup.downstream_tls else ""
        cache = ["cache answers", "  total-max-size 256", "  max-age 3600", "  process-vary off"] if setup.cache else []
        use = "http-request cache-use answers if { path /v3/submission /v3/submission/applicant }"
        return {"UPSTREAM_TLS": upstream, "LISTEN_TLS": listen, "CACHE": "\n".join(cache), "CACHE_USE": use if setup.cache else "",
                "CACHE_STORE": "http-response cache-store answers" if setup.cache else ""}

    def command(self, config):
        return [self.program, "-db", "-f", config]

    def access_log(self):
        return "access.log"

    def stop(self):
        super().stop()
        if self.reader:
            self.reader.close()
            self.reader = None


class Varnish(Contestant):
    """Plain HTTP only: it terminates no TLS. Its access lines are written by a program of its own, which reads the log
    in shared memory; both run on the proxy's CPU and both are counted."""
    kind = "varnish"
    template = "varnish.vcl"
    answers_early = False
    log_program = None
    # Of which the access line holds nothing; without this every request costs it more.
    unrecorded = ("ReqProtocol", "ReqUnset", "RespProtocol", "RespReason", "RespUnset", "VCL_return", "VCL_acl", "Hit",
                  "BereqHeader", "BereqUnset", "BerespHeader", "BerespUnset", "Storage", "TTL", "Fetch_Body", "Length")
    line = ('{"time":"%{%FT%TZ}t","level":"info","event":"access","request_id":"%{x-request-id}o","tenant":"%{x-tenant}i",'
            '"operation":"%U","method":"%m","status":%s,"cache":"%{Varnish:hitmiss}x","bytes_in":%I,"bytes_out":%O,'
            '"duration_us":%D,"upstream":"%{Varnish:time_firstbyte}x","peer":"%h"}')

    def values(self, setup, vendor, material):
        return {}

    def command(self, config):
        parameters = {"thread_pools": 1, "thread_pool_min": 128, "thread_pool_max": 2000, "http_req_size": "16k",
                      "http_req_hdr_len": "16k", "timeout_idle": 75, "vsl_space": "256M",
                      "vsl_mask": ",".join("-" + name for name in self.unrecorded)}
        return [self.program, "-F", "-j", "none", "-T", "none", "-n", self.folder / "work", "-a", f"127.0.0.1:{self.port}",
                "-f", config, "-s", "malloc,1G",
                *(part for name, value in parameters.items() for part in ("-p", f"{name}={value}"))]

    def start(self, folder, setup, vendor, material):
        super().start(folder, setup, vendor, material)
        with open(self.folder / "varnishncsa.log", "ab") as errors:
            self.log_program = processes.spawn(
                ["/usr/bin/varnishncsa", "-n", self.folder / "work", "-F", self.line, "-w", self.folder / self.access_log()],
                processes.PROXY_CPU, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)

    def pids(self):
        return super().pids() + [self.log_program.pid]

    def access_log(self):
        return "access.log"

    def stop(self):
        if self.log_program:
            processes.stop(self.log_program)
            self.log_program = None
        super().stop()


class Gateway(Contestant):
    kind = "gateway"
    template = "gateway.toml"

    def values(self, setup, vendor, material):
        (self.folder / "audit").mkdir()
        key = self.folder / "api-key"
        key.write_text(API_KEY + "\n")
        key.chmod(0o600)
        self.admin_port = free_port()
        upstream = f'ca_file = "{material.ca}"' if setup.upstream_tls else "allow_plain_http = true"
        server = (f'[server.tls]\ncertificate = "{material.certificate}"\nprivate_key = "{material.key}"'
                  if setup.downstream_tls else "")
        cache = f'enabled = true\nmemory = "{self.settings.get("MEMORY", "256MiB")}"\nttl_approved = "10m"'
        return {"ADMIN_PORT": self.admin_port, "UPSTREAM_TLS": upstream, "SERVER_TLS": server,
                "CACHE": cache if setup.cache else "enabled = false"}

    def command(self, config):
        return [self.program, "serve", "--config", config]

    def start(self, folder, setup, vendor, material):
        super().start(folder, setup, vendor, material)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                if self._admin("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise processes.BenchError("the gateway is not ready after 10 s; see " + str(self.folder / self.log_name))

    def _admin(self, path: str) -> tuple:
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=2)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def dropped_access_lines(self) -> int:
        """The gateway drops and counts lines rather than stall a worker; a run has to say so."""
        match = re.search(r"^argos_gateway_access_log_dropped_total(?:\{[^}]*\})? (\S+)", self._admin("/metrics")[1], re.M)
        return int(float(match.group(1))) if match else 0


def make_contestants(program, before, workload) -> list:
    """nginx with its default (buffering) upload only where uploads are measured. `program` and `before`, another build,
    are gateways or None."""
    upload = workload.upload
    streaming = {"REQUEST_BUFFERING": "off", "BODY_BUFFER": "256k"}
    found = [Nginx("nginx", "/usr/sbin/nginx", streaming),
             HAProxy("haproxy", "/usr/sbin/haproxy", {"BUFSIZE": 65536 if upload else 16384})]
    if workload.cache_keys and not workload.downstream_tls:
        found.append(Varnish("varnish", "/usr/sbin/varnishd", {}))
    if upload:
        found.append(Nginx("nginx-buffered", "/usr/sbin/nginx", {"REQUEST_BUFFERING": "on", "BODY_BUFFER": "16k"}))
    variants = workload.all_variants()
    if program:
        found += [Gateway(variant.name, str(program), {"UPLOADS": variant.uploads}, variant.request) for variant in variants]
    if before:
        found.append(Gateway("gateway-before", str(before), {"UPLOADS": ""}, variants[0].request))
    return found
