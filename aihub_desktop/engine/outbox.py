"""What the engine says to its face: numbered events, progress no oftener than an eye can follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from aihub_desktop.domain import messages as m
from aihub_desktop.domain import wire
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.holdings import HoldingRow
from aihub_desktop.domain.marks import DatasetMark
from aihub_desktop.domain.model import Origin
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.tasks import TaskRow
from aihub_desktop.engine.core import Core
from aihub_desktop.engine.meter import Meter
from aihub_desktop.engine.plan import in_turn
from aihub_desktop.engine.records import LeaseKind, Moment

PROGRESS_SECONDS: Final = 0.2
_RANGES: Final = Origin()

Emit = Callable[[m.AnyEvent], None]


class Outbox:
    """Used by the engine's loop only."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._seq = 0
        self._meter = Meter()
        self._progress_at = 0.0
        self._brake: tuple[m.Brake, float | None] = (m.Brake.NONE, None)
        self.moving = False  # a progress was told that has to be followed by another

    def snapshot(self, core: Core, hub: str, marks: list[DatasetMark]) -> None:
        rows = [transfer.row() for transfer in core.book.transfers.values()]
        self._emit(m.Snapshot(self._next(), rows, core.settings, hub, marks))
        self._brake = (m.Brake.NONE, None)  # whoever asks for everything has heard nothing of it

    def answer(self, number: int, value: object, problem: Problem | None) -> None:
        result = wire.plain(value) if isinstance(value, msgspec.Struct) else None
        self._emit(m.Answer(self._next(), number, problem, result))

    def changed(self, transfers: list[m.TransferRow], files: list[m.FileRow], removed: list[int]) -> None:
        self._emit(m.Changed(self._next(), transfers, [told(row) for row in files], removed))

    def settings(self, settings: Settings) -> None:
        self._emit(m.Changed(self._next(), settings=settings))

    def marks(self, rows: list[DatasetMark]) -> None:
        self._emit(m.Changed(self._next(), marks=rows))

    def library(self, holdings: list[HoldingRow], removed: list[int]) -> None:
        self._emit(m.LibraryChanged(self._next(), holdings, removed))

    def tasks(self, rows: list[TaskRow], removed: list[int]) -> None:
        self._emit(m.TaskChanged(self._next(), rows, removed))

    def map(self, event: m.FileMap) -> None:
        """Whatever number it has, it gets the next one."""
        self._emit(msgspec.structs.replace(event, seq=self._next()))

    def notice(self, problem: Problem) -> None:
        self._emit(m.Notice(self._next(), problem))

    def fatal(self, problem: Problem) -> None:
        self._emit(m.Notice(self._next(), problem, fatal=True))

    def progress(self, core: Core, moment: Moment) -> None:
        """Tells how fast things move, if it is time to; once more after the last lease, with nothing moving.

        What keeps everything from running is told as soon as that changes, for there is nothing to follow it.
        """
        now, leases = moment.steady, core.book.leases
        brake = core.brake(moment)
        new = brake != self._brake and m.Brake.HOURS in (brake[0], self._brake[0])
        if not (leases or self.moving or new) or (leases and not new and now - self._progress_at < PROGRESS_SECONDS):
            return
        self._progress_at, self._brake, self.moving = now, brake, bool(leases)
        running = {lease.transfer for lease in leases.values()}
        transfers = [one for key, one in core.book.transfers.items() if key in running]
        waiting = [one for one in in_turn(core.book) if one.id not in running]
        progress = self._meter.read(self._next(), core.outcome.progress(), transfers, now, waiting)
        streams = sum(lease.kind is LeaseKind.FETCH for lease in leases.values())
        self._emit(
            msgspec.structs.replace(
                progress,
                brake=brake[0],
                starts_at=brake[1],
                streams=streams,
                wanted_streams=core.traffic.wanted,
                connections=sum(lease.connected for lease in leases.values()),
                eased=any(lease.eased for lease in leases.values()),
            )
        )

    def _next(self) -> int:
        self._seq += 1
        return self._seq


def told(row: m.FileRow) -> m.FileRow:
    """A row as faces get it: that the file comes in ranges, but no addresses, for they may hold signatures and the
    events may end up in a log.
    """
    if row.file.origin is None:
        return row
    return msgspec.structs.replace(row, file=msgspec.structs.replace(row.file, origin=_RANGES))
