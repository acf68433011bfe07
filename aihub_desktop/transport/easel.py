"""What the bytes of one file are put on: a canvas for many hands, a sink for one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aihub_desktop.archives.companion import Companion
from aihub_desktop.domain.leases import AnyNews, Gather, Safe
from aihub_desktop.transport.canvas import Canvas
from aihub_desktop.transport.durability import Durability
from aihub_desktop.transport.job import Job
from aihub_desktop.transport.journal import Identity, JournalState
from aihub_desktop.transport.part import Part
from aihub_desktop.transport.sink import Sink


class Easel:
    """Of one lease."""

    def __init__(self, order: Gather, durability: Durability, tell: Callable[[AnyNews], None]) -> None:
        self._order = order
        self._durability = durability
        self._tell = tell

    def canvas(self, job: Job, state: JournalState | None) -> Canvas:
        """`job.part` is the canvas's from now on."""
        assert job.spot is not None
        job.part = Part(job.spot, Identity.of(job.work), state, self._durability)
        return Canvas(
            job.part, state, self._durability, partial(self._safe, job),
            # In the making, and on its way to the disk; a quarter is read and not written: all is what a kill takes.
            mark_bytes=max(1, 3 * self._order.piece_bytes // 8), mark_seconds=self._order.mark_seconds,
        )  # fmt: skip

    def sink(self, job: Job, state: JournalState | None, companion: Companion) -> Sink:
        assert job.spot is not None
        return Sink(
            job.spot, Identity.of(job.work), state, partial(self._safe, job), low=job.file.size.low,
            durability=self._durability, companion=companion, mark_bytes=self._order.piece_bytes,
            mark_seconds=self._order.mark_seconds, digests=job.digests(job.file.size.high),
        )  # fmt: skip

    def _safe(self, job: Job, total: int, new: int) -> None:
        self._tell(Safe(self._order.lease, job.work.id, total, new))
