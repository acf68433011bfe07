"""Real servers on loopback: nginx, which gives out a folder, and SeaweedFS, which is object storage."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .ground import environment
from .spending import cpu_of

# One worker, as the peers are one process each. A connection is kept for as many files as there are: by default nginx
# hangs up after a thousand, which would measure its handshakes.
_NGINX: Final = """
{user}daemon off; pid {folder}/nginx.pid; error_log stderr; worker_processes 1; events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000; root {root};
  client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  ssl_certificate {certificate}; ssl_certificate_key {certificate}; ssl_protocols TLSv1.2 TLSv1.3;
  server {{ listen 127.0.0.1:{port}; }}
  server {{ listen 127.0.0.1:{secure} ssl; }}
}}
"""
ACCESS_KEY: Final = "bench"
SECRET_KEY: Final = "bench-secret"
REGION: Final = "us-east-1"
_IDENTITIES: Final = {
    "identities": [
        {
            "name": "bench",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
    ]
}
_OFF: Final = (  # what is no part of S3; without the last of the ports a second instance on the machine ends at once
    *("-s3.iam=false", "-webdav=false", "-admin.ui=false", "-master.telemetry=false"),
    *("-s3.port.iceberg=0", "-s3.port.lance=0"),
)


def program(name: str) -> str | None:
    """Where a tool lies: beside this Python, or in the system's path."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(name, path=os.pathsep.join([beside, os.environ.get("PATH", "")]))


def missing(*names: str) -> list[str]:
    return [name for name in names if program(name) is None]


@dataclass(frozen=True, slots=True)
class Site:
    """A running server. `secure` is "" where it speaks no TLS."""

    url: str
    secure: str
    pid: int

    @property
    def cpu(self) -> float:
        """Seconds of processor so far, of the process and its children."""
        try:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        except OSError:
            children = []
        return sum(cpu_of(each) or 0.0 for each in [self.pid, *map(int, children)])


@contextlib.contextmanager
def nginx(folder: Path, root: Path, certificate: str) -> Iterator[Site]:
    """Gives out what lies below `root`; `folder` is for its own files. `certificate`: key and chain in one file."""
    folder.mkdir(exist_ok=True)
    port, secure = _free_ports(2)
    user = "user root; " if sys.platform != "win32" and os.geteuid() == 0 else ""  # else it could not read what we made
    words = _NGINX.format(user=user, folder=folder, root=root, port=port, secure=secure, certificate=certificate)
    (folder / "nginx.conf").write_text(words)
    command = [program("nginx") or "nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)]
    process = subprocess.Popen(command)
    try:
        _await(process, port)
        yield Site(f"http://127.0.0.1:{port}", f"https://127.0.0.1:{secure}", process.pid)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


@contextlib.contextmanager
def weed(folder: Path) -> Iterator[Site]:
    """SeaweedFS over `folder`, which keeps its objects. Whoever signs with `ACCESS_KEY` may do everything."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "s3.json").write_text(json.dumps(_IDENTITIES))
    names = ("s3.port", "master.port", "volume.port", "filer.port", "admin.port", "metricsPort")
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    command = [
        *(program("weed") or "weed", "mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}"),
        *(f"-s3.config={folder / 's3.json'}", *_OFF, *(f"-{name}={port}" for name, port in ports.items())),
    ]
    variables = environment(HOME=str(folder), TMPDIR=str(folder))
    with (folder / "weed.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log)
    try:
        _await_s3(process, ports["s3.port"])
        yield Site(f"http://127.0.0.1:{ports['s3.port']}", "", process.pid)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            # It waits half a minute for clients that keep a connection; what it was given is written by now.
            process.kill()
            process.wait()


def keys() -> dict[str, str]:
    """The variables by which a client of `weed` knows its keys; no profile of the machine comes in between."""
    nowhere = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    return {
        **nowhere,
        **{"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": REGION},
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _free_ports(count: int) -> list[int]:
    """Different ones, below those that the system gives to clients."""
    with contextlib.ExitStack() as open_doors:
        doors: list[int] = []
        while len(doors) < count:
            with contextlib.suppress(OSError):
                doors.append(_taken(open_doors))
    return doors


def _taken(open_doors: contextlib.ExitStack) -> int:
    """A port that is free, as the one 10,000 above is, where SeaweedFS listens too. Raises `OSError` otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as any_door:
        port: int = 10_000 + any_door.getsockname()[1] % 20_000
    for each in (port, port + 10_000):
        open_doors.enter_context(socket.create_server(("127.0.0.1", each)))
    return port


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    """Returns once somebody listens there. Raises `OSError` after twenty seconds, or if the server has ended."""
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.02)


def _await_s3(process: subprocess.Popen[bytes], port: int) -> None:
    """Returns once it judges requests: a stranger's is refused."""
    _await(process, port)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 403:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise TimeoutError("SeaweedFS does not answer")
