"""What the engine says to its face: numbered events, progress no oftener than an eye can follow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from aihub_desktop.domain import messages as m
from aihub_desktop.domain import wire
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.settings import Settings
from aihub_desktop.engine.core import Core
from aihub_desktop.engine.meter import Meter

PROGRESS_SECONDS: Final = 0.2

Emit = Callable[[m.AnyEvent], None]


class Outbox:
    """Used by the engine's loop only."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._seq = 0
        self._meter = Meter()
        self._progress_at = 0.0
        self.moving = False  # a progress was told that has to be followed by another

    def snapshot(self, core: Core, hub: str) -> None:
        rows = [transfer.row() for transfer in core.book.transfers.values()]
        self._emit(m.Snapshot(self._next(), rows, core.settings, hub))

    def answer(self, number: int, value: object, problem: Problem | None) -> None:
        result = wire.plain(value) if isinstance(value, msgspec.Struct) else None
        self._emit(m.Answer(self._next(), number, problem, result))

    def changed(self, transfers: list[m.TransferRow], files: list[m.FileRow], removed: list[int]) -> None:
        self._emit(m.Changed(self._next(), transfers, files, removed))

    def settings(self, settings: Settings) -> None:
        self._emit(m.Changed(self._next(), settings=settings))

    def fatal(self, problem: Problem) -> None:
        self._emit(m.Notice(self._next(), problem, fatal=True))

    def progress(self, core: Core) -> None:
        """Tells how fast things move, if it is time to; once more after the last lease, with nothing moving."""
        now, leases = time.monotonic(), core.book.leases
        if not (leases or self.moving) or (leases and now - self._progress_at < PROGRESS_SECONDS):
            return
        self._progress_at, self.moving = now, bool(leases)
        running = {lease.transfer for lease in leases.values()}
        transfers = [one for key, one in core.book.transfers.items() if key in running]
        self._emit(self._meter.read(self._next(), core.outcome.progress(), transfers, now))

    def _next(self) -> int:
        self._seq += 1
        return self._seq
