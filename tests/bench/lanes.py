"""Eight connections that the server holds to 20 MB/s each; and the same where one of them all but stops halfway."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from . import peers, web
from .contents import Content, bare
from .figures import Figures, Report, Target, in_turn
from .ground import Ground, prove_all
from .ranged import Shelf
from .spending import spending

OURS, ARIA = "aihub fetch", "aria2c"
EVEN, FALLS = "all even", "one falls to 1 %"


def run(ground: Ground) -> Report:
    lanes, rate = (3, 4_000_000) if ground.small else (8, 20_000_000)
    content = bare(ground.images, (16 << 20) if ground.small else (2 << 30))
    report = Report(
        f"{content.size >> 20} MiB over {lanes} connections of {rate / 1e6:.0f} MB/s",
        [
            "steady: of all that the lines can carry, from the first tenth of the bytes to the last.",
            "whole: the same over the whole command, with its start-up and the check.",
            "One falls: when half has been sent, one of the connections goes on with a hundredth of its pace, as long"
            " as it lives. A new one is as fast as the others.",
            "sent/size: what the server sent, so whether anything came twice. most at once: with those that were left"
            " and that the server did not notice yet.",
            *(f"Without {name}: it is not here." for name in web.missing("aria2c")),
        ],
    )
    in_turn(report, _peers(ground, content, lanes, rate), ground.pairs)
    even, fallen = f"{OURS}, {EVEN}", f"{OURS}, {FALLS}"
    for figure in ("steady", "whole"):
        report.targets.append(Target(f"{figure}, {even}", report.median(even, figure), 0.95, at_least=True))
    report.targets.append(Target("seconds, one falls / all even", statistics.median(report.ratios(fallen, even)), 1.05))
    return report


def _peers(ground: Ground, content: Content, lanes: int, rate: int) -> dict[str, Callable[[], Figures]]:
    def ours(folder: Path, url: str) -> None:
        peers.fetch(folder, url, "--checksum", f"sha-256:{content.sha256}", "--connections", str(lanes))

    def aria(folder: Path, url: str) -> None:
        words = (f"-x{lanes}", f"-s{lanes}", "-k1M", f"--checksum=sha-256={content.sha256}", url)
        peers.aria2c(folder / "to", *words)

    acts = {OURS: ours} if web.missing("aria2c") else {OURS: ours, ARIA: aria}
    return {
        f"{name}, {course}": partial(
            _measured, ground, content, Shelf(str(content.path), rate, falls_at=at), lanes, act
        )
        for name, act in acts.items()
        for course, at in ((EVEN, 0), (FALLS, content.size // 2))
    }


def _measured(ground: Ground, content: Content, shelf: Shelf, lanes: int, act: Callable[[Path, str], None]) -> Figures:
    with ground.hub(shelf, "ranged") as hub, ground.empty() as folder:
        with spending() as spent:
            act(folder, hub.url)
        seen = hub.seen()
        prove_all(folder / "to", {content.path.name: content.sha256})
    offered = lanes * shelf.rate
    assert bool(seen["fallen"]) == bool(shelf.falls_at)
    figures = {
        "seconds": spent.wall,
        "steady": steady(seen["samples"], content.size) / offered,
        "whole": content.size / spent.wall / offered,
        "sent/size": seen["sent"] / content.size,
        "connections": float(seen["connections"]),
        "most at once": float(seen["most"]),
    }
    if spent.cpu is not None:
        figures["CPU s/GB"] = spent.cpu / (content.size / 1e9)
    return figures


def steady(samples: list[list[Any]], size: int) -> float:
    """Bytes a second between the first and the last tenth of the bytes; 0 where that was over at once."""
    inside = [(moment, sent) for moment, sent in samples if 0.1 * size <= sent <= 0.9 * size]
    if len(inside) < 2:
        return 0.0
    return float(inside[-1][1] - inside[0][1]) / float(inside[-1][0] - inside[0][0])
