"""Many small files from far away: what a request costs decides, not the bytes."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from . import peers
from .contents import noise
from .figures import Figures, Report, in_turn
from .ground import Ground, Hub, files_of
from .origin import Offer, Offered

OURS, SINGLY, SCRIPT = "ours", "ours, one file a request", "one request a file: curl, tar, cat"
ROUND_TRIP: Final = 0.050
_FIGURE: Final = "seconds for all"


def run(ground: Ground) -> Report:
    count, part = (24, 6) if ground.small else (1412, 60)
    sizes = _sizes(count, 20_000 if ground.small else 6_000_000)
    image = noise(ground.images, 8 << 20)
    offered = [
        Offered(f"bench/{place % 7}/{place:04}.bin", size, str(image.path), place * 13)
        for place, size in enumerate(sizes)
    ]
    report = Report(
        f"{count:,} files of {min(sizes) / 1e3:,.0f} to {max(sizes) / 1e3:,.0f} KB, {sum(sizes) / 1e6:,.1f} MB in all,"
        f" {ROUND_TRIP * 1000:.0f} ms of round trip",
        [
            "A hundredth of real sizes (100 KB to 600 MB, log-uniform), so that a disk holds it all.",
            "ours: the whole aihub get, as installed; up to 50 files a request.",
            f"one request a file: {part} of the files, one in {count // part} by size, one after the other as the"
            f" script does it, times {count}/{part}.",
            "ours, one file a request: the same part by our engine with bundle_files=1 and no pause between starts.",
        ],
    )
    chosen = sorted(range(count), key=sizes.__getitem__)[:: count // part][:part]
    with ground.hub(Offer(offered, round_trip=ROUND_TRIP)) as hub:
        in_turn(report, _peers(ground, hub, count, chosen), ground.pairs)
    report.promise(OURS, SCRIPT, 0.2, _FIGURE)
    return report


def _sizes(count: int, largest: int) -> list[int]:
    chance = random.Random(3)
    return [int(math.exp(chance.uniform(math.log(1_000), math.log(largest)))) for _ in range(count)]


def _peers(ground: Ground, hub: Hub, count: int, chosen: list[int]) -> dict[str, Callable[[], Figures]]:
    keys = [file.key for file in files_of(hub)]
    part = [keys[place] for place in chosen]

    def measured(act: Callable[[Path], None], factor: float = 1.0) -> Figures:
        with ground.empty() as folder:
            hub.seen()
            began = time.perf_counter()
            act(folder)
            seconds = time.perf_counter() - began
        return {_FIGURE: seconds * factor, "seconds": seconds, "requests": float(len(hub.seen()["streams"]))}

    def ours(folder: Path) -> None:
        peers.aihub(folder / "home", hub.url, "get", "90001", "--to", str(folder / "to"))

    def singly(folder: Path) -> None:
        home = folder / "home"
        peers.aihub(home, hub.url, "settings", "set", "bundle_files=1", "spread=0")
        peers.aihub(home, hub.url, "get", "90001", *part, "--to", str(folder / "to"))

    def script(folder: Path) -> None:
        for key in part:
            peers.official(folder, peers.address(hub.url, key), test=False)

    factor = count / len(chosen)
    found: dict[str, Callable[[], Figures]] = {
        OURS: partial(measured, ours),
        SINGLY: partial(measured, singly, factor),
    }
    if not peers.missing():
        found[SCRIPT] = partial(measured, script, factor)
    return found
