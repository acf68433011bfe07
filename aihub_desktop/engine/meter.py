"""Speeds for the eye: of each file under way, of each transfer, and of everything."""

from __future__ import annotations

from aihub_desktop.domain.messages import FileProgress, Progress, TransferProgress
from aihub_desktop.domain.rates import Rate, seconds_left
from aihub_desktop.domain.states import FileState
from aihub_desktop.engine.records import FileRecord, TransferRecord


class Meter:
    """Fed with what the records say at a moment; gives one `Progress`."""

    def __init__(self) -> None:
        self._files: dict[int, tuple[Rate, int]] = {}
        self._transfers: dict[int, tuple[Rate, int]] = {}

    def read(self, seq: int, files: list[FileRecord], transfers: list[TransferRecord], now: float) -> Progress:
        """`now` in seconds of the steady clock. Records that are not given any more are forgotten."""
        self._files = {file.id: _step(self._files.get(file.id), file.bytes + file.again, now) for file in files}
        self._transfers = {one.id: _step(self._transfers.get(one.id), one.received, now) for one in transfers}
        rows = [self._row(file, now) for file in files]
        unfinished: dict[int, int] = {}
        for file in files:
            if file.state is FileState.FETCHING:
                unfinished[file.transfer] = unfinished.get(file.transfer, 0) + file.bytes
        sums = [self._sum(one, now, unfinished.get(one.id, 0)) for one in transfers]
        return Progress(seq, sum(one.rate for one in sums), sums, rows)

    def _row(self, file: FileRecord, now: float) -> FileProgress:
        repeat = min(file.repeat, file.bytes) if file.state is FileState.FETCHING else 0
        rate = self._files[file.id][0].value(now)
        return FileProgress(file.id, file.transfer, file.bytes, file.again, rate, repeat)

    def _sum(self, one: TransferRecord, now: float, unfinished: int) -> TransferProgress:
        rate = self._transfers[one.id][0].value(now)
        # Where nobody knows how much is to come, nobody knows when it ends.
        left = None if one.endless else seconds_left(one.low, one.high, one.bytes, rate)
        return TransferProgress(one.id, one.bytes, one.received, one.again, rate, left, unfinished)


def _step(known: tuple[Rate, int] | None, count: int, now: float) -> tuple[Rate, int]:
    if known is None:
        return Rate(now), count
    rate, before = known
    rate.add(max(0, count - before), now)
    return rate, count
