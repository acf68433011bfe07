"""Whether the server of these benchmarks is fast enough, and no faster than servers are: curl to nowhere from each."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from . import peers
from .contents import CHUNK, FRAME, Image, stored_zip
from .figures import Figures, Report, in_turn
from .ground import Ground, environment, files_of
from .origin import Offer, Offered
from .spending import cpu_of, spending

_NGINX: Final = """
{user}daemon off; pid {folder}/nginx.pid; error_log stderr; worker_processes 1; events {{ }}
http {{
  access_log off; sendfile on; root {folder};
  client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  ssl_certificate {certificate}; ssl_certificate_key {certificate};
  server {{ listen 127.0.0.1:{port}; }}
  server {{ listen 127.0.0.1:{secure} ssl; }}
}}
"""


def run(ground: Ground) -> Report:
    image = stored_zip(ground.images, (8 << 20) if ground.small else (1 << 30), 4 if ground.small else 64)
    offered = [Offered("bench/one.zip", image.size, str(image.path))]
    report = Report(
        f"{image.size >> 20} MiB by curl -o /dev/null: how fast each server is, and what it costs itself",
        [
            "ours: what lies ready is sent in chunks of 8 KiB. demo hub: one MiB over and over, hot in the"
            " processor's cache."
            " nginx: a file with a Content-Length, so curl has no chunks to read.",
        ],
    )
    if "curl" in peers.missing():
        report.about.append("Not run: no curl here.")
        return report
    trusted, certificate = ground.authority()
    with contextlib.ExitStack() as running:
        plain = running.enter_context(ground.hub(Offer(offered)))
        secure = running.enter_context(ground.hub(Offer(offered, certificate=certificate)))
        demo = running.enter_context(ground.hub(Offer(offered), "demo_origin"))
        key = files_of(plain)[0].key
        tasks: dict[str, Callable[[], Figures]] = {
            "ours": partial(_fetched, image.size, peers.address(plain.url, key), lambda: plain.cpu),
            "ours, TLS": partial(_fetched, image.size, peers.address(secure.url, key), lambda: secure.cpu, trusted),
            "demo hub": partial(_fetched, image.size, peers.address(demo.url, key), lambda: demo.cpu),
        }
        if shutil.which("nginx"):
            tasks |= running.enter_context(_nginx(ground, image, trusted, certificate))
        else:
            report.about.append("Without nginx: it is not here.")
        in_turn(report, tasks, ground.pairs)
    return report


def _fetched(size: int, url: str, served: Callable[[], float], trusted: str = "") -> Figures:
    before = served()
    with spending() as spent:
        subprocess.run([*peers.curl_words(trusted), "-o", os.devnull, url], env=environment(), check=True)
    return {
        "MB/s": size / spent.wall / 1e6,
        "server's CPU s/GB": (served() - before) / (size / 1e9),
        "curl's CPU s/GB": (spent.cpu or 0.0) / (size / 1e9),
    }


@contextlib.contextmanager
def _nginx(ground: Ground, image: Image, trusted: str, certificate: str) -> Iterator[dict[str, Callable[[], Figures]]]:
    folder = ground.folder / "nginx"
    folder.mkdir(exist_ok=True)
    _unframed(image, folder / "one.tar")
    port, secure = _free_port(), _free_port()
    user = "user root; " if sys.platform != "win32" and os.geteuid() == 0 else ""  # else it could not read what we made
    words = _NGINX.format(user=user, folder=folder, port=port, secure=secure, certificate=certificate)
    (folder / "nginx.conf").write_text(words)
    process = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)])
    try:
        _await(port)
        yield {
            "nginx": partial(_fetched, image.size, f"http://127.0.0.1:{port}/one.tar", partial(_family, process.pid)),
            "nginx, TLS": partial(
                _fetched, image.size, f"https://127.0.0.1:{secure}/one.tar", partial(_family, process.pid), trusted
            ),
        }
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def _unframed(image: Image, path: Path) -> None:
    with image.path.open("rb") as source, path.open("wb") as target:
        while frame := source.read(FRAME):
            target.write(frame[6 : 6 + CHUNK])


def _family(pid: int) -> float:
    """CPU seconds of nginx: its master and its one worker."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(cpu_of(each) or 0.0 for each in [pid, *map(int, children)])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port: int = door.getsockname()[1]
    return port


def _await(port: int) -> None:
    """Returns once somebody listens there. Raises `OSError` after five seconds."""
    deadline = time.monotonic() + 5
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
