"""A library put into object storage: `aihub push` against s5cmd and rclone, with parts of one size.

Peers send what lies there; ours compares each file with what was verified, asks whether each object is there, and
puts a manifest at the end.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from aihub_desktop.transport.ledger import Entry, Ledger

from . import peers, web
from .figures import Figures, Report, in_turn
from .ground import Ground
from .spending import spending

OURS, S5CMD, RCLONE = "aihub push", "s5cmd cp", "rclone copy"
BUCKET: Final = "pushes"
_MIB: Final = 1 << 20


def large(ground: Ground) -> Report:
    count, size = (1, 12 * _MIB) if ground.small else (4, 512 * _MIB)
    return _run(ground, f"{count} files of {size >> 20} MiB into SeaweedFS", "large", [size] * count, "MB/s")


def many(ground: Ground) -> Report:
    count = 50 if ground.small else 5_000
    return _run(ground, f"{count:,} files of 50 KB into SeaweedFS", "many", [50_000] * count, "files/s")


def _run(ground: Ground, title: str, name: str, sizes: list[int], figure: str) -> Report:
    missing = web.missing("weed", "s5cmd", "rclone")
    report = Report(title, ["Each into an empty prefix; 16 MiB a part; as many connections as each takes by itself."])
    report.about += [f"Without {one}: it is not here." for one in missing]
    if "weed" in missing:
        return report
    library = _library(ground.images / f"push-{name}-{len(sizes)}", sizes)
    numbers = itertools.count()
    with web.weed(ground.folder / "weed-push") as site:
        peers.s3_bucket(site.url, BUCKET)
        acts: dict[str, Callable[[str], None]] = {
            OURS: lambda prefix: peers.push(ground.folder, library, f"s3://{BUCKET}/{prefix}/", site.url)
        }
        if "s5cmd" not in missing:
            words = ("cp", "--part-size", "16", f"{library}/")
            acts[S5CMD] = lambda prefix: peers.s5cmd(site.url, *words, f"s3://{BUCKET}/{prefix}/")
        if "rclone" not in missing:
            acts[RCLONE] = lambda prefix: peers.rclone_copy(site.url, library, f"{BUCKET}/{prefix}")
        measured = partial(_measured, sizes, lambda: f"{name}-{next(numbers)}", figure)
        found: dict[str, Callable[[], Figures]] = {peer: partial(measured, act) for peer, act in acts.items()}
        in_turn(report, found, ground.pairs)
    return report


def _measured(sizes: list[int], prefix: Callable[[], str], figure: str, act: Callable[[str], None]) -> Figures:
    with spending() as spent:
        act(prefix())
    done = len(sizes) if figure == "files/s" else sum(sizes) / 1e6
    figures = {"seconds": spent.wall, figure: done / spent.wall}
    if spent.cpu is not None:
        figures["CPU s"] = spent.cpu
    return figures


def _library(folder: Path, sizes: list[int]) -> Path:
    """Made once: the files, and the ledger in which they stand as verified."""
    if (folder / ".aihub").exists():
        return folder
    entries = []
    noise = random.Random(1)
    for number, size in enumerate(sizes):
        path = folder / "d" / f"{number:06}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        sha256 = hashlib.sha256()
        with path.open("wb") as file:
            for part in _portions(noise, size):
                sha256.update(part)
                file.write(part)
        place = path.relative_to(folder).as_posix()
        entries.append(Entry(place, sha256.hexdigest(), size, "web"))
    Ledger(folder).record(entries)
    return folder


def _portions(noise: random.Random, size: int) -> Iterator[bytes]:
    while size:
        count = min(size, 4 * _MIB)
        yield noise.randbytes(count)
        size -= count
