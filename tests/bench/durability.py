"""What durability costs: the same transfer by the same worker, with its syncs and without."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial

from .contents import noise, stored_zip
from .figures import Figures, Report, Target, in_turn
from .ground import Ground, files_of
from .hired import WORKER, Hired
from .origin import Offer, Offered
from .spending import spending

OURS, CARELESS = "ours", "ours, every sync left out"


def run(ground: Ground) -> Report:
    """Unthrottled, where it costs most, and at 125 MB/s, the line of a gigabit."""
    fast = _measured(ground, 0)
    line = _measured(ground, 5_000_000 if ground.small else 125_000_000)
    report = Report(
        "the cost of durability",
        [
            *fast.about,
            "The data itself has to reach the disk for that: unthrottled, a disk slower than the network decides.",
        ],
    )
    report.rounds = [
        {**_named(one, "unthrottled"), **_named(other, "gigabit")}
        for one, other in zip(fast.rounds, line.rounds, strict=True)
    ]
    for pace in ("unthrottled", "gigabit"):
        ratios = report.ratios(f"{OURS}, {pace}", f"{CARELESS}, {pace}")
        report.targets.append(Target(f"time with syncs / without, {pace}", statistics.median(ratios), 1.10))
    return report


def _named(figures: dict[str, Figures], pace: str) -> dict[str, Figures]:
    return {f"{peer}, {pace}": figures[peer] for peer in (OURS, CARELESS)}


def _measured(ground: Ground, rate: int) -> Report:
    image = stored_zip(ground.images, (8 << 20) if ground.small else (1 << 30), 4 if ground.small else 64)
    warm = noise(ground.images, 1 << 20)
    offered = [Offered("bench/one.zip", image.size, str(image.path)), Offered("bench/warm.bin", 65_536, str(warm.path))]
    report = Report("", [f"{image.size >> 20} MiB, one stream, from the lease to the verified file."])
    with ground.hub(Offer(offered, rate=rate)) as hub:
        files = files_of(hub)
        workers = {
            OURS: Hired(hub.url, module=WORKER),
            CARELESS: Hired(hub.url, module=(f"{__package__}.careless",)),
        }

        def measured(worker: Hired) -> Figures:
            with ground.empty() as folder, spending([worker.pid]) as spent:
                worker.fetch(folder, files[:1])
            return spent.figures(image.size)

        try:
            for worker in workers.values():
                with ground.empty() as folder:
                    worker.fetch(folder, files[1:])
            tasks: dict[str, Callable[[], Figures]] = {
                name: partial(measured, worker) for name, worker in workers.items()
            }
            in_turn(report, tasks, ground.pairs)
        finally:
            for worker in workers.values():
                worker.stop()
    return report
