"""Unpacking a zip against `unzip`: large stored and deflated entries, and many small ones."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from .figures import Figures, Report, in_turn
from .ground import ROOT, Ground, environment

UNZIP: Final = "unzip"
UNZIP_SYNCED: Final = "unzip, then sync"
Empty = Callable[[], AbstractContextManager[Path]]
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
    with _grounds(ground, kind) as empty:
        peers: dict[str, Callable[[], Figures]] = {
            ours(threads): partial(_ours, empty, archive, threads) for threads in (1, 2)
        }
        if shutil.which(UNZIP):
            peers[UNZIP] = partial(_unzip, empty, archive, synced=False)
            peers[UNZIP_SYNCED] = partial(_unzip, empty, archive, synced=True)
        in_turn(report, peers, ground.pairs)
    report.promise(ours(1), UNZIP, 1.0)
    report.promise(ours(2), UNZIP, 0.9)
    report.promise(ours(1), UNZIP_SYNCED, 1.0)
    return report


@contextmanager
def _grounds(ground: Ground, kind: str) -> Iterator[Empty]:
    """What gives each run its folder.

    ext4 passes over every inode that it freed in the last minutes, one by one: behind a deleted tree of small files
    the next ones take ten times as long to make, and the more the luckier the run before was. So theirs stay until
    the end.
    """
    if kind != "small":
        yield ground.empty
        return
    with tempfile.TemporaryDirectory(prefix="runs-", dir=ground.folder) as kept:

        @contextmanager
        def fresh() -> Iterator[Path]:
            if sys.platform != "win32":
                os.sync()
            yield Path(tempfile.mkdtemp(dir=kept))

        yield fresh


def _ours(empty: Empty, archive: Path, threads: int) -> Figures:
    with empty() as folder:
        (folder / "a.zip").hardlink_to(archive)
        command = [sys.executable, "-c", _OURS, str(folder), str(threads)]
        figures = _timed(lambda: subprocess.run(command, cwd=ROOT, env=environment(), check=True))
        _prove(folder / "a", archive)
        return figures


def _unzip(empty: Empty, archive: Path, *, synced: bool) -> Figures:
    with empty() as folder:

        def act() -> None:
            subprocess.run([UNZIP, "-q", str(archive), "-d", str(folder / "a")], check=True)
            if synced:
                subprocess.run(["sync", "-f", str(folder)], check=True)

        figures = _timed(act)
        _prove(folder / "a", archive)
        return figures


def _timed(act: Callable[[], object]) -> Figures:
    before, began = _cpu(), time.monotonic()
    act()
    return {"seconds": time.monotonic() - began, "CPU s": _cpu() - before}


def _cpu() -> float:
    """Of all children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


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
