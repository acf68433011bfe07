"""The crowded window beside real transfers: `tests.bench.crowded` in one process, `aihub get` at work in others."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from .contents import stored_zip
from .figures import Figures, Report, Target, in_turn
from .ground import ROOT, Ground, Hub, environment
from .origin import Offer, Offered
from .window import FULL, IDLE, LINE, speed

FILTERED = "125 MB/s, filtered"
_MEMORY = 400.0  # MiB


def run(ground: Ground) -> Report:
    transfers, files, seconds = (5, 40, 1.0) if ground.small else (100, 1000, 15.0)
    image = stored_zip(ground.images, (8 << 20) if ground.small else (1 << 30), 4 if ground.small else 64)
    offered = [Offered(f"bench/{number}.zip", image.size, str(image.path)) for number in range(8)]
    report = Report(
        f"the window with {transfers * files} rows in its queue, {min(50, transfers)} of them moving",
        [
            "Milliseconds late, of a timer of 10 ms; offscreen, every download unfolded, scrolled all the time.",
            "The queue that is shown is played; beside it another engine downloads 8 files in 4 streams.",
            f"{FILTERED}: another filter every 2 s besides, which lays all rows out anew.",
            "own: without the waits for a core.",
        ],
    )
    line = 20_000_000 if ground.small else 125_000_000
    scene = [str(transfers), str(files), str(seconds)]
    with ground.hub(Offer(offered, total=line)) as slow, ground.hub(Offer(offered)) as fast:
        tasks: dict[str, Callable[[], Figures]] = {
            IDLE: partial(_crowded, scene),
            LINE: partial(_beside, ground, slow, scene),
            FULL: partial(_beside, ground, fast, scene),
            FILTERED: partial(_beside, ground, slow, [*scene, "--filter"]),
        }
        in_turn(report, tasks, ground.pairs)
    for peer, bound in ((LINE, 20.0), (FULL, 60.0), (FILTERED, 20.0)):
        report.targets.append(Target(f"p99 ms late, {peer}", statistics.median(report.values(peer, "p99")), bound))
        report.targets.append(Target(f"MiB, {peer}", statistics.median(report.values(peer, "MiB")), _MEMORY))
    return report


def _beside(ground: Ground, hub: Hub, scene: list[str]) -> Figures:
    with ground.empty() as folder, _download(hub, folder):
        hub.seen()
        found, ended = _crowded(scene), time.monotonic()
        # The window watches up to its end, and is built before.
        samples = hub.seen()["samples"]
    return {**found, "MB/s": speed(samples, ended - float(scene[2]), ended)}


@contextmanager
def _download(hub: Hub, folder: Path) -> Iterator[None]:
    """From its first byte until the end of the block."""
    command = [sys.executable, "-m", "aihub_desktop", "--home", str(folder / "home"), "--api-url", hub.url]
    words = ("get", "90001", "--to", str(folder / "to"), "--json")
    loader = subprocess.Popen(
        [*command, *words], cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not hub.seen()["samples"]:
            time.sleep(0.05)
        yield
    finally:
        loader.terminate()
        loader.wait()


def _crowded(scene: list[str]) -> Figures:
    variables = environment(PYTHONUNBUFFERED="1")
    variables["PYTHONPATH"] = os.pathsep.join([variables["PYTHONPATH"], str(ROOT / "tests")])
    command = [sys.executable, "-m", f"{__package__}.crowded", *scene]
    done = subprocess.run(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True, check=True)
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found
