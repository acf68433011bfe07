"""Whether the server of these benchmarks is fast enough, and no faster than servers are: curl to nowhere from each."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from . import peers, web
from .contents import CHUNK, FRAME, Image, stored_zip
from .figures import Figures, Report, in_turn
from .ground import Ground, environment, files_of
from .origin import Offer, Offered
from .spending import spending


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
        if not web.missing("nginx"):
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
    root = ground.folder / "unframed"
    root.mkdir(exist_ok=True)
    _unframed(image, root / "one.tar")
    try:
        with web.nginx(ground.folder / "nginx", root, certificate) as site:
            yield {
                "nginx": partial(_fetched, image.size, f"{site.url}/one.tar", lambda: site.cpu),
                "nginx, TLS": partial(_fetched, image.size, f"{site.secure}/one.tar", lambda: site.cpu, trusted),
            }
    finally:
        shutil.rmtree(root)


def _unframed(image: Image, path: Path) -> None:
    with image.path.open("rb") as source, path.open("wb") as target:
        while frame := source.read(FRAME):
            target.write(frame[6 : 6 + CHUNK])
