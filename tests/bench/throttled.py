"""Eight streams at once, each held to 20 MB/s by the hub, as AI Hub holds each of its own."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from . import peers
from .contents import CHUNK, noise
from .figures import Figures, Report, Target, in_turn
from .ground import Ground, Hub, files_of
from .origin import Offer, Offered

POLITE, QUICK, CURL = "ours", "ours, starts 0.2 s apart", "as many curls at once"


def run(ground: Ground) -> Report:
    streams, rate = (3, 2_000_000) if ground.small else (8, 20_000_000)
    size = (8_000_000 if ground.small else 600_000_000) // CHUNK * CHUNK
    image = noise(ground.images, (1 << 20) if ground.small else (64 << 20))
    offered = [Offered(f"bench/{number}.bin", size, str(image.path), number * 97) for number in range(streams)]
    report = Report(
        f"{streams} files of {size / 1e6:.0f} MB, each stream at most {rate / 1e6:.0f} MB/s",
        [
            "steady: the share of what the hub would give, from the start of the last stream to the end of the first.",
            "whole: the same over the whole run of the command, with its start-up and the growth of its streams.",
            f"ours: aihub get --parallel {streams}, otherwise as installed.",
        ],
    )
    with ground.hub(Offer(offered, rate=rate)) as hub:
        in_turn(report, _peers(ground, hub, streams, size, rate), ground.pairs)
    for peer in (POLITE, QUICK):
        report.targets.append(Target(f"steady, {peer}", report.median(peer, "steady"), 0.95, at_least=True))
    return report


def _peers(ground: Ground, hub: Hub, streams: int, size: int, rate: int) -> dict[str, Callable[[], Figures]]:
    keys = [file.key for file in files_of(hub)]

    def measured(act: Callable[[Path], None]) -> Figures:
        with ground.empty() as folder:
            hub.seen()
            began = time.perf_counter()
            act(folder)
            seconds = time.perf_counter() - began
        offered = streams * rate
        return {
            "seconds": seconds,
            "steady": steady(hub.seen(), streams) / offered,
            "whole": streams * size / seconds / offered,
        }

    # The small files of a small run would all be asked for together, in one stream.
    apart = ["bundle_files=1"] if ground.small else []

    def ours(settings: list[str], folder: Path) -> None:
        home = folder / "home"
        if settings:
            peers.aihub(home, hub.url, "settings", "set", *settings)
        words = ("get", "90001", "--to", str(folder / "to"), "--parallel", str(streams))
        peers.aihub(home, hub.url, *words)

    found: dict[str, Callable[[], Figures]] = {
        POLITE: partial(measured, partial(ours, apart)),
        QUICK: partial(measured, partial(ours, [*apart, "spread=0.2"])),
    }
    if "curl" not in peers.missing():
        urls = [peers.address(hub.url, key) for key in keys]
        found[CURL] = partial(measured, lambda folder: peers.curls(folder, urls))
    return found


def steady(seen: dict[str, Any], streams: int) -> float:
    """Bytes a second that the hub sent while all streams ran; 0 where they never did."""
    lives = seen["streams"]
    start, stop = max(begun for begun, _ in lives), min(ended for _, ended in lives)
    inside = [(moment, sent) for moment, sent in seen["samples"] if start <= moment <= stop]
    if len(lives) < streams or len(inside) < 2:
        return 0.0
    return float(statistics.fmean([(inside[-1][1] - inside[0][1]) / (inside[-1][0] - inside[0][0])]))
