"""Unpacking a zip against `unzip`: large stored and deflated entries, and many small ones."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from .figures import Figures, Report, in_turn
from .ground import ROOT, Ground, environment

UNZIP: Final = "unzip"
UNZIP_SYNCED: Final = "unzip, then sync"
_KINDS: Final = ("stored", "deflated", "small")
# In a process of its own, as `aihub unpack` is, but with a number of threads.
_OURS: Final = """
import sys
from aihub_desktop.domain.unpacking import Unpacked, UnpackWish
from aihub_desktop.unpack.job import Unpacking
def tell(news):
    assert not isinstance(news, Unpacked) or news.problem is None, news
Unpacking(UnpackWish(sys.argv[1], ["a.zip"]), tell, threads=int(sys.argv[2])).run()
"""


def ours(threads: int) -> str:
    return f"ours, {threads} thread{'s' if threads > 1 else ''}"


def stored(ground: Ground) -> Report:
    return _report(ground, "stored")


def deflated(ground: Ground) -> Report:
    return _report(ground, "deflated")


def small(ground: Ground) -> Report:
    return _report(ground, "small")


def _report(ground: Ground, kind: str) -> Report:
    archive = _archive(ground, kind)
    report = Report(
        f"unpacking {archive.stat().st_size / 1e6:,.0f} MB, {kind}",
        [
            "ours: the process and all it imports; every CRC checked, every file durable under its final name.",
            "unzip writes into the page cache and ends; with a sync behind it, it has done what ours has.",
        ],
    )
    peers: dict[str, Callable[[], Figures]] = {
        ours(threads): partial(_ours, ground, archive, threads) for threads in (1, 2)
    }
    if shutil.which(UNZIP):
        peers[UNZIP] = partial(_unzip, ground, archive, synced=False)
        peers[UNZIP_SYNCED] = partial(_unzip, ground, archive, synced=True)
    in_turn(report, peers, ground.pairs)
    report.promise(ours(1), UNZIP, 1.0)
    report.promise(ours(2), UNZIP, 0.9)
    report.promise(ours(1), UNZIP_SYNCED, 1.0)
    return report


def _ours(ground: Ground, archive: Path, threads: int) -> Figures:
    with ground.empty() as folder:
        (folder / "a.zip").hardlink_to(archive)
        command = [sys.executable, "-c", _OURS, str(folder), str(threads)]
        figures = _timed(lambda: subprocess.run(command, cwd=ROOT, env=environment(), check=True))
        _prove(folder / "a", archive)
        return figures


def _unzip(ground: Ground, archive: Path, *, synced: bool) -> Figures:
    with ground.empty() as folder:

        def act() -> None:
            subprocess.run([UNZIP, "-q", str(archive), "-d", str(folder / "a")], check=True)
            if synced:
                subprocess.run(["sync", "-f", str(folder)], check=True)

        figures = _timed(act)
        _prove(folder / "a", archive)
        return figures


def _timed(act: Callable[[], object]) -> Figures:
    began = time.monotonic()
    act()
    return {"seconds": time.monotonic() - began}


def _prove(folder: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert len(found) == len(names), f"{len(found)} of {len(names)} files"


def _archive(ground: Ground, kind: str) -> Path:
    """Made once."""
    size, count = (4 << 20, 200) if ground.small else (512 << 20, 20_000)
    path = ground.folder / f"unpacking-{kind}-{size}-{count}.zip"
    if not path.exists():
        method = zipfile.ZIP_STORED if kind == "stored" else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path.with_suffix(".new"), "w", method) as archive:
            for name, data in _labels(count) if kind == "small" else _blocks(size, kind):
                archive.writestr(name, data)
        path.with_suffix(".new").rename(path)
    return path


def _blocks(size: int, kind: str) -> Iterator[tuple[str, bytes]]:
    for number in range(8):
        chance = random.Random(number)
        data = chance.randbytes(size // 8)
        if kind != "stored":
            data = b"".join(hashlib.md5(data[at : at + 4]).hexdigest().encode() for at in range(0, size // 8, 32))
        yield f"block-{number}.bin", data


def _labels(count: int) -> Iterator[tuple[str, bytes]]:
    for number in range(count):
        words = random.Random(number).choices(("안녕", "label", "0.125", "음성", "speaker", "12.75"), k=100)
        yield f"{number // 500:03}/label_{number:06}.json", f'{{"words": {words}}}'.encode()
