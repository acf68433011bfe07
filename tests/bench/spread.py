"""A batch on 1, 2 and 3 workers of a Dask cluster, each stream held to its pace by the hub, as AI Hub holds its own."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from aihub_desktop.domain.batchfile import BatchFile, DatasetWish
from aihub_desktop.domain.batchtext import written

from . import peers
from .clusters import cluster
from .contents import CHUNK, noise
from .figures import Figures, Report, in_turn
from .ground import ROOT, Ground, Hub, environment
from .origin import DATASET, Offer, Offered

WORKERS: Final = (1, 2, 3)


def run(ground: Ground) -> Report:
    files, rate = (3, 4_000_000) if ground.small else (6, 10_000_000)
    size = (2_000_000 if ground.small else 80_000_000) // CHUNK * CHUNK
    image = noise(ground.images, (1 << 20) if ground.small else (64 << 20))
    offered = [Offered(f"bench/{number}.bin", size, str(image.path), number * 97) for number in range(files)]
    report = Report(
        f"{files} files of {size / 1e6:.0f} MB, each stream at most {rate / 1e6:.0f} MB/s, a file a task",
        [
            "share: of what the hub would give to as many streams, over the whole run of the command.",
            "Workers have one thread each, and stand ready; starts are 0.2 s apart. here: one engine, no cluster.",
        ],
    )
    batch = ground.folder / "bench.aihubbatch"
    batch.write_bytes(written(BatchFile(1, datasets=(DatasetWish(DATASET),))))
    with ground.hub(Offer(offered, rate=rate)) as hub:
        measured = partial(_measured, ground, hub, batch, (files * size, rate))
        acts: dict[str, Callable[[], Figures]] = {
            f"here, {count} streams": partial(measured, count, dask=False) for count in WORKERS[-1:]
        }
        acts |= {_name(count): partial(measured, count) for count in WORKERS}
        in_turn(report, acts, ground.pairs)
    if not ground.small:
        # A third, and what it takes to start: seconds, against minutes of a real file.
        report.promise(_name(3), _name(1), 0.45)
    return report


def _name(count: int) -> str:
    return f"{count} worker{'s' if count > 1 else ''}"


def _measured(
    ground: Ground, hub: Hub, batch: Path, given: tuple[int, int], count: int, *, dask: bool = True
) -> Figures:
    total, rate = given
    with ground.empty() as folder:
        home = folder / "home"
        # Small files would share a task, and a small run has no others.
        peers.aihub(home, hub.url, "settings", "set", "spread=0.2", "bundle_files=1")
        words: list[Any] = ["sync", batch, "--to", folder / "to", "--parallel", count]
        if not dask:
            return _timed(home, hub, words, total, count * rate)
        (folder / "cluster").mkdir()
        with cluster(folder / "cluster", *(f"w{number}" for number in range(count))) as made:
            made.wait()
            figures = _timed(home, hub, [*words, "--dask", made.address], total, count * rate)
        shutil.rmtree(folder / "cluster", ignore_errors=True)
        return figures


def _timed(home: Path, hub: Hub, words: list[Any], total: int, offered: int) -> Figures:
    command = [*peers.PROGRAM, *map(str, words), "--home", str(home), "--api-url", hub.url]
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment(), check=True, capture_output=True)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "MB/s": total / seconds / 1e6, "share": total / seconds / offered}
