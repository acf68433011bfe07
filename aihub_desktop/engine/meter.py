"""Speeds for the eye: of each file under way, of each transfer, and of everything."""

from __future__ import annotations

from collections.abc import Iterable

from aihub_desktop.domain.messages import Between, FileProgress, Progress, TransferProgress
from aihub_desktop.domain.rates import Rate, Swing, seconds_between, seconds_left
from aihub_desktop.domain.states import FileState
from aihub_desktop.engine.records import FileRecord, TransferRecord


class Meter:
    """Fed with what the records say at a moment; gives one `Progress`."""

    def __init__(self) -> None:
        self._files: dict[int, tuple[Rate, int]] = {}
        self._transfers: dict[int, tuple[Rate, int]] = {}
        self._swings: dict[int, tuple[Swing, int]] = {}  # by transfer: of bytes that were not here before
        self._swing: Swing | None = None  # of everything together

    def read(
        self,
        seq: int,
        files: list[FileRecord],
        transfers: list[TransferRecord],
        now: float,
        waiting: Iterable[TransferRecord] = (),
    ) -> Progress:
        """`now` in seconds of the steady clock. Records that are not given any more are forgotten.

        `waiting`: those that come after `transfers`, for the time until everything is over.
        """
        self._files = {file.id: _step(self._files.get(file.id), file.bytes + file.again, now) for file in files}
        self._transfers = {one.id: _step(self._transfers.get(one.id), one.received, now) for one in transfers}
        rows = [self._row(file, now) for file in files]
        unfinished: dict[int, int] = {}
        for file in files:
            if file.state is FileState.FETCHING:
                unfinished[file.transfer] = unfinished.get(file.transfer, 0) + file.bytes
        between = self._till_all_is_over(transfers, waiting, now)
        sums = [self._sum(one, now, unfinished.get(one.id, 0)) for one in transfers]
        return Progress(seq, sum(one.rate for one in sums), sums, rows, between=between)

    def _till_all_is_over(
        self, transfers: list[TransferRecord], waiting: Iterable[TransferRecord], now: float
    ) -> Between | None:
        if not transfers:
            self._swings, self._swing = {}, None
            return None
        if self._swing is None:
            self._swing = Swing(now)
        before, self._swings = self._swings, {}
        grown = 0
        for one in transfers:
            swing, count = before.get(one.id) or (Swing(now), one.bytes)
            new = max(0, one.bytes - count)
            swing.add(new, now)
            self._swings[one.id] = swing, one.bytes
            grown += new
        self._swing.add(grown, now)
        open_ = [*transfers, *waiting]
        if any(one.endless for one in open_):
            return None
        low, high = (
            sum(max(0, one.low - one.bytes) for one in open_),
            sum(max(0, one.high - one.bytes) for one in open_),
        )
        return seconds_between(low, high, 0, self._swing.speeds())

    def _row(self, file: FileRecord, now: float) -> FileProgress:
        repeat = min(file.repeat, file.bytes) if file.state is FileState.FETCHING else 0
        rate = self._files[file.id][0].value(now)
        return FileProgress(file.id, file.transfer, file.bytes, file.again, rate, repeat)

    def _sum(self, one: TransferRecord, now: float, unfinished: int) -> TransferProgress:
        rate = self._transfers[one.id][0].value(now)
        # Where nobody knows how much is to come, nobody knows when it ends.
        left = None if one.endless else seconds_left(one.low, one.high, one.bytes, rate)
        speeds = None if one.endless else self._swings[one.id][0].speeds()
        between = seconds_between(one.low, one.high, one.bytes, speeds)
        return TransferProgress(one.id, one.bytes, one.received, one.again, rate, left, unfinished, between)


def _step(known: tuple[Rate, int] | None, count: int, now: float) -> tuple[Rate, int]:
    if known is None:
        return Rate(now), count
    rate, before = known
    rate.add(max(0, count - before), now)
    return rate, count
