"""Real servers on loopback, started for a test or a benchmark: object storages and a web server.

Each is a context manager that gives a folder's server once it answers, and ends it with all that it started. A test
uses them through the fixtures at the end; where a program is missing it is skipped, and says so. On Linux in CI
(`CI` is set) a missing program is a failure: nothing may go unproved there in silence.
"""

from __future__ import annotations

import contextlib
import getpass
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import pytest

from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.storage import Credentials, S3Place, Style

ACCESS_KEY: Final = "LOOPBACKKEY"
SECRET_KEY: Final = "loopback-secret-of-a-test"
USUAL_KEYS: Final = Credentials(ACCESS_KEY, Secret(SECRET_KEY), Secret(""))
UP_SECONDS: Final = 40.0
_DOWN_SECONDS: Final = 10.0
if sys.platform != "win32":
    import fcntl

_claims: Final[list[IO[bytes]]] = []  # given up with the process, however that ends
# Below the range from which systems give ports away, so that nobody takes them between the look and the start.
_PORTS: Final = (14_000, 22_000)
_SEAWEED_PORTS: Final = 6  # and as many 10,000 above them, for its own calls
_STEP: Final = 10


@dataclass(frozen=True, slots=True)
class Storage:
    """An object storage that is up. `folder`: where it keeps what it keeps."""

    endpoint: str
    region: str
    folder: Path
    credentials: Credentials = USUAL_KEYS

    def place(self, **changes: Any) -> S3Place:
        fields = {"region": "", "style": Style.AUTO, "credentials": self.credentials, **changes}
        return S3Place(self.endpoint, **fields)


def program(name: str) -> str | None:
    """Where a program is: among those of this environment, or of the system."""
    own = str(Path(sys.executable).parent)
    return shutil.which(name, path=os.pathsep.join((own, os.environ.get("PATH", os.defpath), "/usr/sbin")))


def needs(*names: str) -> list[str]:
    """Where these programs are; leaves the test out where one is missing."""
    found = {name: program(name) for name in names}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        reason = f"not installed: {', '.join(missing)}"
        if os.environ.get("CI") and sys.platform == "linux":
            pytest.fail(reason)
        pytest.skip(reason)
    return [path for path in found.values() if path is not None]


@contextlib.contextmanager
def seaweed(folder: Path, *, certificate: Path | None = None, domain: str = "") -> Iterator[Storage]:
    """SeaweedFS: real S3 with any region. It turns `a//b` into `a/b`.

    `certificate`: key and chain, for https. `domain`: below which hosts are named after buckets.
    """
    (weed,) = needs("weed")
    config = folder / "s3.json"
    pair = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
    rights = ["Admin", "Read", "Write", "List", "Tagging"]
    config.write_text(json.dumps({"identities": [{"name": "test", "credentials": [pair], "actions": rights}]}))
    base = free_ports(_SEAWEED_PORTS, above=10_000)
    flags = {
        **{"ip": "127.0.0.1", "ip.bind": "127.0.0.1", "dir": folder, "s3.port": base, "s3.config": config},
        **{"master.port": base + 1, "volume.port": base + 2, "filer.port": base + 3, "metricsPort": base + 4},
        **{"admin.port": base + 5, "s3.port.iceberg": 0, "s3.port.lance": 0},
        **dict.fromkeys(("s3.iam", "webdav", "admin.ui", "master.telemetry"), "false"),
    }
    if certificate is not None:
        flags.update({"s3.cert.file": certificate, "s3.key.file": certificate})
    if domain:
        flags["s3.domainName"] = domain
    words = [weed, "mini", *(f"-{name}={value}" for name, value in flags.items())]
    # It waits half a minute for clients that keep a connection, and nobody needs what it has.
    with running(words, folder, patience=0.0, HOME=str(folder), TMPDIR=str(folder)) as process:
        _await(base, process, ready=None if certificate else "/")
        yield Storage(f"{'https' if certificate else 'http'}://127.0.0.1:{base}", "us-east-1", folder)


@contextlib.contextmanager
def rclone(folder: Path) -> Iterator[Storage]:
    """`rclone serve s3` over `folder`, whose folders are the buckets: answers Range with 200, knows no If-Match."""
    (found,) = needs("rclone")
    port = free_ports(1)
    words = [
        *(found, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"),
        *("--config", os.devnull, "--cache-dir", str(folder.parent / "rclone-cache"), str(folder)),
    ]
    with running(words, folder.parent) as process:
        _await(port, process, ready="/")
        yield Storage(f"http://127.0.0.1:{port}", "us-east-1", folder)


_SWIFT_PARTS: Final = ("account", "container", "object")
_SWIFT_REGION: Final = "kr-swift"
_SWIFT_DEFAULT: Final = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
workers = 0
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
fallocate_reserve = 0
log_address = {folder}/no-log
"""
_SWIFT_PROXY: Final = """
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache s3api tempauth bulk slo dlo versioned_writes proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_{access} = {secret} .admin
[filter:s3api]
use = egg:swift#s3api
location = {region}
dns_compliant_bucket_names = false
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{memory}
"""
_SWIFT_PLAIN: Final = ("catch_errors", "gatekeeper", "healthcheck", "bulk", "slo", "dlo", "versioned_writes")
_SWIFT_SERVER: Final = """
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""


@contextlib.contextmanager
def swift(folder: Path) -> Iterator[Storage]:
    """OpenStack Swift behind its s3api: one region alone (a wrong one gets 400), odd keys kept as they are."""
    needs("swift-proxy-server", "swift-account-server", "swift-container-server", "swift-object-server")
    builder, memcached = needs("swift-ring-builder", "memcached")
    port = free_ports(2 + len(_SWIFT_PARTS))
    memory = port + 1
    (folder / "devices/sda").mkdir(parents=True)
    facts = {"folder": folder, "user": getpass.getuser(), "region": _SWIFT_REGION, "memory": memory}
    with contextlib.ExitStack() as all_running:
        start = all_running.enter_context
        user = ["-u", getpass.getuser()]
        start(running([memcached, "-l", "127.0.0.1", "-p", str(memory), "-U", "0", "-m", "16", *user], folder))
        for number, kind in enumerate(_SWIFT_PARTS):
            own = memory + 1 + number
            _ring(builder, folder, kind, own)
            config = folder / f"{kind}.conf"
            config.write_text((_SWIFT_DEFAULT + _SWIFT_SERVER).format(**facts, port=own, kind=kind))
            start(running([*needs(f"swift-{kind}-server"), str(config)], folder))
        config = folder / "proxy.conf"
        plain = "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n" for name in _SWIFT_PLAIN)
        words = (_SWIFT_DEFAULT + _SWIFT_PROXY).format(**facts, port=port, access=ACCESS_KEY, secret=SECRET_KEY)
        config.write_text(words + plain)
        proxy = start(running([*needs("swift-proxy-server"), str(config)], folder))
        _await(port, proxy, ready="/healthcheck")
        for number in range(1 + len(_SWIFT_PARTS)):
            _await(memory + number, proxy)
        # tempauth calls a user ACCOUNT:NAME.
        credentials = Credentials(f"test:{ACCESS_KEY}", Secret(SECRET_KEY), Secret(""))
        yield Storage(f"http://127.0.0.1:{port}", _SWIFT_REGION, folder, credentials)


def _ring(builder: str, folder: Path, kind: str, port: int) -> None:
    file = str(folder / f"{kind}.builder")
    for words in (["create", "4", "1", "0"], ["add", f"r1z1-127.0.0.1:{port}/sda", "1"], ["rebalance"]):
        subprocess.run([builder, file, *words], check=True, capture_output=True, env=plain_environment(), cwd=folder)


_NGINX: Final = """
{user}daemon off; pid {folder}/nginx.pid; error_log stderr; worker_processes 1; events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; root {root}; default_type application/octet-stream; {more}
  keepalive_requests 100000;
  client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  server {{ listen 127.0.0.1:{port}{tls}; }}
}}
"""


@contextlib.contextmanager
def nginx(root: Path, folder: Path, *, certificate: Path | None = None, more: str = "") -> Iterator[str]:
    """nginx over `root`; `folder` is for its own files, `more` for words of its block `http`. Gives its address."""
    (found,) = needs("nginx")
    port = free_ports(1)
    # Else its worker could not read what the tests made.
    user = "user root; " if sys.platform != "win32" and os.geteuid() == 0 else ""
    if certificate is not None:
        more += f" ssl_certificate {certificate}; ssl_certificate_key {certificate};"
    tls = "" if certificate is None else " ssl"
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(user=user, folder=folder, root=root, port=port, tls=tls, more=more))
    with running([found, "-c", str(config), "-p", str(folder)], folder) as process:
        _await(port, process)
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{port}"


def plain_environment(**more: str) -> dict[str, str]:
    """Of a server: nothing of the machine's own settings that it might lean on."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **more}


@contextlib.contextmanager
def running(
    words: Sequence[str], folder: Path, *, patience: float = _DOWN_SECONDS, **environ: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a process group of its own, which is ended as a whole; in `patience` seconds it may end by itself.
    It writes to folder/NAME.log.
    """
    with (folder / f"{Path(words[0]).name}.log").open("ab") as log:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=plain_environment(**environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process, patience)


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    if sys.platform == "win32":
        process.kill()
        process.wait()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_ports(count: int, *, above: int = 0) -> int:
    """The first of `count` ports in a row that nobody uses; with `above`, so many higher they are free as well."""
    first, last = _PORTS
    start = first + (os.getpid() * 7 * _STEP) % (last - first)
    bases: list[int] = [*range(start, last, _STEP), *range(first, start, _STEP)]
    for base in bases:
        offsets = (0, above) if above else (0,)
        if not _is_claimed(base) and all(_is_free(base + up + number) for up in offsets for number in range(count)):
            return base
    raise OSError("no free ports")


def _is_claimed(base: int) -> bool:
    """By another process of the tests, whose server may take seconds until it listens; else it is ours from now on."""
    if sys.platform != "win32":
        claim = (Path(tempfile.gettempdir()) / f"aihub-desktop-tests-{os.getuid()}-{base}.port").open("wb")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            claim.close()
            return True
        _claims.append(claim)
    return False


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _await(port: int, process: subprocess.Popen[bytes], *, ready: str | None = None) -> None:
    """Returns once somebody answers there. `ready`: what to ask for; anything below 500 is an answer."""
    deadline = time.monotonic() + UP_SECONDS
    while not _answers(port, ready):
        if process.poll() is not None or time.monotonic() > deadline:
            raise OSError(f"{process.args!r} is not up: {process.poll()}")
        time.sleep(0.05)


def _answers(port: int, ready: str | None) -> bool:
    try:
        if ready is None:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as asked:
            asked.request("GET", ready)
            return asked.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False


@pytest.fixture(scope="session")
def seaweed_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    with seaweed(tmp_path_factory.mktemp("seaweed")) as storage:
        yield storage


@pytest.fixture(scope="session")
def swift_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    with swift(tmp_path_factory.mktemp("swift")) as storage:
        yield storage


@pytest.fixture(scope="session")
def rclone_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    folder = tmp_path_factory.mktemp("rclone") / "buckets"
    folder.mkdir()
    with rclone(folder) as storage:
        yield storage
