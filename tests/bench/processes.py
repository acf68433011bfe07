"""Four streams in four worker processes, or as threads of one: what a process more is worth."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .contents import noise, stored_zip
from .figures import Figures, Report, in_turn
from .ground import Ground, files_of
from .hired import Hired
from .origin import Offer, Offered
from .spending import spending


def run(ground: Ground) -> Report:
    image = stored_zip(ground.images, (4 << 20) if ground.small else (256 << 20), 4 if ground.small else 16)
    warm = noise(ground.images, 1 << 20)
    streams = 4
    offered = [Offered(f"bench/{number}.zip", image.size, str(image.path)) for number in range(streams)]
    offered.append(Offered("bench/warm.bin", 65_536, str(warm.path)))
    report = Report(f"{streams} streams of {image.size >> 20} MiB, unthrottled: how many processes")
    with ground.hub(Offer(offered)) as hub:
        files = files_of(hub)
        workers = [Hired(hub.url) for _ in range(streams)]

        def measured(count: int) -> Figures:
            hired = workers[:count]
            with ground.empty() as folder, spending([worker.pid for worker in hired]) as spent:
                for number in range(streams):
                    hired[number % count].begin(folder, [files[number]])
                for worker in hired:
                    worker.finish()
            return spent.figures(streams * image.size)

        try:
            for worker in workers:
                with ground.empty() as folder:
                    worker.fetch(folder, files[streams:])
            tasks: dict[str, Callable[[], Figures]] = {
                f"{count} process{'es' if count > 1 else ''}": partial(measured, count) for count in (1, 2, streams)
            }
            in_turn(report, tasks, ground.pairs)
        finally:
            for worker in workers:
                worker.stop()
    return report
