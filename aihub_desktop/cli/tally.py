"""How far one `get` has come, told by the engine's events alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import (
    AnyEvent,
    Changed,
    FileProgress,
    FileRow,
    Notice,
    Progress,
    Snapshot,
    TransferRow,
)
from aihub_desktop.domain.model import RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import FILE_ENDED, FILE_RUNNING, TRANSFER_ENDED, FileState, TransferState

# Nobody at the command line can end these: a run that comes to one is over.
_STOPPED = TRANSFER_ENDED | {TransferState.NEEDS_USER, TransferState.PAUSED}


class _Traffic(NamedTuple):
    """Bytes of a transfer since it was added."""

    received: int = 0
    again: int = 0

    def grown(self, received: int, again: int) -> _Traffic:
        # An answer may overtake an event: what is older counts less.
        return _Traffic(max(self.received, received), max(self.again, again))


class Tally:
    """The files that were asked for, and the transfer that they belong to; its other files are not counted."""

    def __init__(self, transfer: int, wanted: Sequence[RemoteFile]) -> None:
        self.transfer = transfer
        self.rate = 0.0
        self.left: float | None = None
        self.problem: Problem | None = None  # why the whole transfer stopped
        self.settings = Settings()
        self.pace: Progress | None = None  # the latest
        self.waiting: Problem | None = None  # why the file that was last put off was
        self._wanted = {(file.key, file.path): file for file in wanted}
        self._rows: dict[int, FileRow] = {}
        self._progress: dict[int, FileProgress] = {}
        self._untold_repeats: dict[int, None] = {}
        self._repeated: dict[Code | None, int] = {}  # bytes received again in this run, by why
        self._state = TransferState.QUEUED
        # Kept as rows come: looking through all rows at every event would take ages for thousands of files.
        self._ended: set[int] = set()
        self._untold: dict[int, None] = {}  # in the order in which they ended
        self._told: set[int] = set()
        self._before = _Traffic()
        self._traffic = _Traffic()

    # ---- events ----

    def see(self, event: AnyEvent) -> None:
        match event:
            case Snapshot(transfers=transfers, settings=settings):
                self.settings = settings
                known = (_Traffic(row.received, row.again) for row in transfers if row.id == self.transfer)
                self._before = self._traffic = next(known, _Traffic())
            case Changed(transfers=transfers, files=files, settings=settings):
                self.settings = settings or self.settings
                self.see_files(files)
                for row in transfers:
                    self._see_transfer(row)
            case Progress():
                self._see_progress(event)
            case Notice(problem=problem, fatal=True):
                self.problem, self._state = problem, TransferState.NEEDS_USER

    def see_files(self, rows: Iterable[FileRow]) -> None:
        for row in rows:
            if row.transfer == self.transfer and self.asked_for(row):
                self._rows[row.id] = row
                self._note_end(row)
                if row.state not in FILE_RUNNING:
                    self._progress.pop(row.id, None)
                if row.state is FileState.WAITING and row.next_try is not None:
                    self.waiting = row.problem

    def _note_end(self, row: FileRow) -> None:
        if row.state not in FILE_ENDED:
            # An answer may overtake an event: what is said in between is older than what is known.
            self._ended.discard(row.id)
            self._untold.pop(row.id, None)
            return
        self._ended.add(row.id)
        if row.id not in self._told:
            self._untold[row.id] = None

    def _see_transfer(self, row: TransferRow) -> None:
        if row.id == self.transfer:
            self._state, self.problem = row.state, row.problem
            self._traffic = self._traffic.grown(row.received, row.again)

    def _see_progress(self, event: Progress) -> None:
        for one in event.transfers:
            if one.transfer == self.transfer:
                self.rate, self.left = one.rate, one.left
                self._traffic = self._traffic.grown(one.received, one.again)
        self.pace = event
        for progress in event.files:
            if progress.file in self._rows:
                self._see_file(progress)

    def _see_file(self, progress: FileProgress) -> None:
        known = self._progress.get(progress.file)
        self._progress[progress.file] = progress
        if progress.repeat > 0 and (known is None or known.repeat == 0):
            self._untold_repeats[progress.file] = None
        # A smaller number is that of a new stream.
        fresh = progress.again - (known.again if known and known.again <= progress.again else 0)
        if fresh > 0:
            problem = self._rows[progress.file].problem
            why = problem.code if problem else None
            self._repeated[why] = self._repeated.get(why, 0) + fresh

    # ---- counts ----

    @property
    def wanted(self) -> int:
        return len(self._wanted)

    @property
    def done(self) -> list[FileRow]:
        return [row for row in self._rows.values() if row.state is FileState.DONE]

    @property
    def lost(self) -> list[FileRow]:
        """Those that ended otherwise than whole."""
        return [row for row in self._rows.values() if row.state in (FileState.FAILED, FileState.SKIPPED)]

    @property
    def over(self) -> bool:
        return len(self._ended) == len(self._wanted) or self._state in _STOPPED

    @property
    def received(self) -> int:
        """Bytes read from the network in this run."""
        return self._traffic.received - self._before.received

    @property
    def again(self) -> int:
        """Those of them that had been received before."""
        return self._traffic.again - self._before.again

    @property
    def again_because(self) -> list[Code | None]:
        """Why, the reason of the most bytes first; None is a file that was stopped."""
        return sorted(self._repeated, key=lambda why: -self._repeated[why])

    @property
    def unfinished(self) -> int:
        """Bytes on disk of files that are not whole: the hub sends each from its start again."""
        open_states = (FileState.WAITING, FileState.FETCHING)
        return sum(self.reached(row) for row in self._rows.values() if row.state in open_states)

    @property
    def size(self) -> SizeRange:
        """Of all wanted files: exact where known by now."""
        exact = {(row.file.key, row.file.path): row.size for row in self._rows.values() if row.size is not None}
        low = sum(exact.get(key, file.size.low) for key, file in self._wanted.items())
        high = sum(exact.get(key, file.size.high) for key, file in self._wanted.items())
        return SizeRange(low, high, "")

    @property
    def bytes(self) -> int:
        """On disk, of all wanted files."""
        return sum(self.reached(row) for row in self._rows.values())

    def running(self) -> list[FileRow]:
        return [row for row in self._rows.values() if row.state in FILE_RUNNING]

    def reached(self, row: FileRow) -> int:
        progress = self._progress.get(row.id)
        return row.bytes if progress is None else progress.bytes

    def rate_of(self, row: FileRow) -> float:
        progress = self._progress.get(row.id)
        return 0.0 if progress is None else progress.rate

    def repeat_of(self, row: FileRow) -> tuple[int, int] | None:
        """(passed, to pass by in the end) of what this stream repeats; None when it does so no more."""
        progress = self._progress.get(row.id)
        if progress is None or progress.again >= progress.repeat:
            return None
        return progress.again, progress.repeat

    def newly_repeating(self) -> list[tuple[FileRow, int]]:
        """(row, bytes) of the streams that have begun to repeat since the last call, each once."""
        begun = list(self._untold_repeats)
        self._untold_repeats.clear()
        return [(self._rows[key], self._progress[key].repeat) for key in begun if key in self._progress]

    def asked_for(self, row: FileRow) -> bool:
        return (row.file.key, row.file.path) in self._wanted

    def newly_ended(self) -> list[FileRow]:
        """The rows that have ended since the last call, each once."""
        ended = list(self._untold)
        self._untold.clear()
        self._told.update(ended)
        return [self._rows[key] for key in ended]
