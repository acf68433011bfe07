"""`aihub serve` beside nginx: one reader and eight of a large file, and eight of small ones, whatever they do with it.

The readers are curl to nowhere, the same for both. nginx knows no token and no ledger: that is what ours costs more.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from aihub_desktop.transport.ledger import Entry, Ledger

from . import peers, web
from .figures import Figures, Report, in_turn
from .ground import ROOT, Ground, environment
from .spending import spending

OURS, NGINX = "aihub serve", "nginx"
READERS: Final = 8
_TOKEN: Final = "a-token-of-the-benchmark"
_SMALL_BYTES: Final = 50_000


def run(ground: Ground) -> Report:
    large, count = ((8 << 20), 80) if ground.small else ((1 << 30), 8000)
    report = Report(
        f"{large >> 20} MiB by one curl and by {READERS} at once, and {count} files of {_SMALL_BYTES // 1000} KB by"
        f" {READERS}, each over one kept connection",
        ["Files are in the page cache. CPU: of the server alone."],
    )
    if lacking := [*web.missing("nginx"), *(["curl"] if "curl" in peers.missing() else [])]:
        report.about.append(f"Not run: no {', '.join(lacking)} here.")
        return report
    library = ground.folder / "library"
    names = _library(library, large, count)
    _, certificate = ground.authority()
    with (
        web.nginx(ground.folder / "nginx", library, certificate) as site,
        _served(ground.folder, library) as (url, pid),
    ):
        servers: list[tuple[str, str, web.Site]] = [
            (OURS, f"{url}/files", web.Site(url, "", pid)),
            (NGINX, site.url, site),
        ]
        tasks: dict[str, Callable[[], Figures]] = {}
        for name, root, server in servers:
            one, many = [["large.bin"]], [["large.bin"]] * READERS
            tasks |= {
                f"{name}, 1 reader": partial(_read, server, root, one, large),
                f"{name}, {READERS} readers": partial(_read, server, root, many, large * READERS),
                f"{name}, small files": partial(
                    _read, server, root, [names[number::READERS] for number in range(READERS)], _SMALL_BYTES * count
                ),
            }
        in_turn(report, tasks, ground.pairs)
    for what, bound in (("1 reader", 0.8), (f"{READERS} readers", 0.8)):
        report.promise(f"{OURS}, {what}", f"{NGINX}, {what}", bound, "MB/s", at_least=True)
    return report


def _read(server: web.Site, root: str, shares: list[list[str]], payload: int) -> Figures:
    """One curl for each share, all at once."""
    before = server.cpu
    words = ["curl", "--silent", "--show-error", "--fail", "-H", f"Authorization: Bearer {_TOKEN}"]
    lists = ["".join(f"url={root}/{name}\noutput={os.devnull}\n" for name in share) for share in shares]
    with spending() as spent:
        readers = [
            subprocess.Popen([*words, "-K", "-"], stdin=subprocess.PIPE, env=environment(), text=True) for _ in lists
        ]
        for reader, text in zip(readers, lists, strict=True):
            assert reader.stdin is not None
            reader.stdin.write(text)
            reader.stdin.close()
        if any([reader.wait() for reader in readers]):  # noqa: C419 - every one has to be waited for
            raise RuntimeError("curl failed")
    return {
        "MB/s": payload / spent.wall / 1e6,
        "files/s": sum(map(len, shares)) / spent.wall,
        "server's CPU s/GB": (server.cpu - before) / (payload / 1e9),
    }


def _library(folder: Path, large: int, count: int) -> list[str]:
    """Files and their ledger, made once; the names of the small ones."""
    names = [f"small/{number}.bin" for number in range(count)]
    if folder.exists():
        return names
    (folder / "small").mkdir(parents=True)
    block = random.Random(1).randbytes(1 << 20)
    with (folder / "large.bin").open("wb") as file:
        for _ in range(large >> 20):
            file.write(block)
    for name in names:
        (folder / name).write_bytes(block[:_SMALL_BYTES])
    small = hashlib.sha256(block[:_SMALL_BYTES]).hexdigest()
    sums = {"large.bin": hashlib.sha256(block * (large >> 20)).hexdigest(), **dict.fromkeys(names, small)}
    states = {name: (folder / name).stat() for name in sums}
    Ledger(folder).record(
        [Entry(name, sums[name], one.st_size, modified=one.st_mtime_ns) for name, one in states.items()]
    )
    return names


@contextlib.contextmanager
def _served(folder: Path, library: Path) -> Iterator[tuple[str, int]]:
    """The real command; (its address, its process)."""
    command = [*peers.PROGRAM, "--home", str(folder / "state"), "--lang", "en", "serve", str(library), "--port", "0"]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, env=environment(AIHUB_LAB_TOKEN=_TOKEN), cwd=ROOT, text=True
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:[0-9]+", line):
                yield found[0], process.pid
                return
        raise RuntimeError("it never said where it is")
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()
