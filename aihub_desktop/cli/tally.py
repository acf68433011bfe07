"""How far one run has come, told by the engine's events alone."""

from __future__ import annotations

from collections import Counter
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

# Nobody at the command line can end these: a transfer that comes to one is over.
_STOPPED = TRANSFER_ENDED | {TransferState.NEEDS_USER, TransferState.PAUSED}


class Total(NamedTuple):
    """The size of several files: of those that have one, and how many of them have none that is known."""

    size: SizeRange
    unknown: int = 0


class _Traffic(NamedTuple):
    """Bytes of a transfer since it was added."""

    received: int = 0
    again: int = 0

    def grown(self, received: int, again: int) -> _Traffic:
        # An answer may overtake an event: what is older counts less.
        return _Traffic(max(self.received, received), max(self.again, again))


class _Part:
    """What is counted of one transfer."""

    def __init__(self, wanted: Sequence[RemoteFile]) -> None:
        self.wanted = {(file.key, file.path): file for file in wanted}
        self.ended = 0
        self.rate = 0.0
        self.left: float | None = None
        self.problem: Problem | None = None  # why the whole transfer stopped
        self.state = TransferState.QUEUED
        self.before = _Traffic()
        self.traffic = _Traffic()

    @property
    def over(self) -> bool:
        return self.ended == len(self.wanted) or self.state in _STOPPED


class Sums:
    """What is counted of all transfers of a run together."""

    def __init__(self) -> None:
        self._parts: dict[int, _Part] = {}

    @property
    def wanted(self) -> int:
        return sum(len(part.wanted) for part in self._parts.values())

    @property
    def over(self) -> bool:
        return all(part.over for part in self._parts.values())

    @property
    def problems(self) -> list[Problem]:
        """Why whole transfers stopped, each once."""
        found: list[Problem] = []
        for part in self._parts.values():
            if part.problem is not None and part.problem not in found:
                found.append(part.problem)
        return found

    @property
    def rate(self) -> float:
        """Bytes a second, of all transfers together."""
        return sum(part.rate for part in self._parts.values() if not part.over)

    @property
    def left(self) -> float | None:
        """Seconds until the last transfer will have ended, as far as is known: they share what there is."""
        running = [part.left for part in self._parts.values() if not part.over]
        return max((left for left in running if left is not None), default=None)

    @property
    def received(self) -> int:
        """Bytes read from the network in this run."""
        return sum(part.traffic.received - part.before.received for part in self._parts.values())

    @property
    def again(self) -> int:
        """Those of them that had been received before."""
        return sum(part.traffic.again - part.before.again for part in self._parts.values())


class Tally(Sums):
    """The files that were asked for, by the transfers that they belong to; other files of these are not counted."""

    def __init__(self) -> None:
        super().__init__()
        self.settings = Settings()
        self.pace: Progress | None = None  # the latest
        self.waiting: Problem | None = None  # why the file that was last put off was
        self._rows: dict[int, FileRow] = {}
        self._progress: dict[int, FileProgress] = {}
        self._untold_repeats: dict[int, None] = {}
        self._repeated: Counter[Code | None] = Counter()  # bytes received again in this run, by why
        # Kept as rows come: looking through all rows at every event would take ages for thousands of files.
        self._ended: set[int] = set()
        self._untold: dict[int, None] = {}  # in the order in which they ended
        self._told: set[int] = set()
        self._turned: dict[int, Problem | None] = {}

    def add(self, transfer: int, wanted: Sequence[RemoteFile]) -> None:
        """From now on these files of this transfer are counted."""
        self._parts[transfer] = _Part(wanted)

    # ---- events ----

    def see(self, event: AnyEvent) -> None:
        match event:
            case Snapshot():
                self._see_first(event)
            case Changed(transfers=transfers, files=files, settings=settings):
                self.settings = settings or self.settings
                self.see_files(files)
                for row in transfers:
                    self._see_transfer(row)
            case Progress():
                self._see_progress(event)
            case Notice(problem=problem, fatal=True):
                for part in self._parts.values():
                    part.problem, part.state = problem, TransferState.NEEDS_USER

    def _see_first(self, event: Snapshot) -> None:
        self.settings = event.settings
        for row in event.transfers:
            if part := self._parts.get(row.id):
                part.before = part.traffic = _Traffic(row.received, row.again)

    def see_files(self, rows: Iterable[FileRow]) -> None:
        for row in rows:
            if self.asked_for(row):
                self._note_turn(self._rows.get(row.id), row)
                self._rows[row.id] = row
                self._note_end(row)
                if row.state not in FILE_RUNNING:
                    self._progress.pop(row.id, None)
                if row.state is FileState.WAITING and row.next_try is not None:
                    self.waiting = row.problem

    def _note_turn(self, before: FileRow | None, row: FileRow) -> None:
        """A file that was to come from a machine of the lab, and comes from the hub now."""
        if before is not None and before.file.is_of_lab and not row.file.is_of_lab:
            self._turned[row.id] = row.problem

    def _note_end(self, row: FileRow) -> None:
        part = self._parts[row.transfer]
        if row.state not in FILE_ENDED:
            # An answer may overtake an event: what is said in between is older than what is known.
            part.ended -= row.id in self._ended
            self._ended.discard(row.id)
            self._untold.pop(row.id, None)
            return
        part.ended += row.id not in self._ended
        self._ended.add(row.id)
        if row.id not in self._told:
            self._untold[row.id] = None

    def _see_transfer(self, row: TransferRow) -> None:
        if part := self._parts.get(row.id):
            part.state, part.problem = row.state, row.problem
            part.traffic = part.traffic.grown(row.received, row.again)

    def _see_progress(self, event: Progress) -> None:
        for one in event.transfers:
            if part := self._parts.get(one.transfer):
                part.rate, part.left = one.rate, one.left
                part.traffic = part.traffic.grown(one.received, one.again)
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
            self._repeated[problem.code if problem else None] += fresh

    # ---- counts ----

    @property
    def done(self) -> list[FileRow]:
        return [row for row in self._rows.values() if row.state is FileState.DONE]

    @property
    def lost(self) -> list[FileRow]:
        """Those that ended otherwise than whole."""
        return [row for row in self._rows.values() if row.state in (FileState.FAILED, FileState.SKIPPED)]

    @property
    def again_because(self) -> list[Code | None]:
        """Why, the reason of the most bytes first; None is a file that was stopped."""
        return [why for why, _ in self._repeated.most_common()]

    @property
    def unfinished(self) -> int:
        """Bytes on disk of files that are not whole and come in streams: the hub sends each from its start again."""
        open_states = (FileState.WAITING, FileState.FETCHING)
        rows = (row for row in self._rows.values() if row.file.origin is None)
        return sum(self.reached(row) for row in rows if row.state in open_states)

    @property
    def total(self) -> Total:
        """Of all wanted files: exact where known by now."""
        exact = {(row.transfer, row.file.key, row.file.path): row for row in self._rows.values()}
        sizes = []
        for transfer, part in self._parts.items():
            for key, file in part.wanted.items():
                row = exact.get((transfer, *key))
                sizes.append(file.size if row is None or row.size is None else SizeRange.exactly(row.size))
        return total_of(sizes)

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
        part = self._parts.get(row.transfer)
        return part is not None and (row.file.key, row.file.path) in part.wanted

    def newly_turned(self) -> dict[Code | None, tuple[Problem | None, int]]:
        """Files that the hub gives now in place of the lab's machine, since the last call: (why, how many)."""
        turned: dict[Code | None, tuple[Problem | None, int]] = {}
        for problem in self._turned.values():
            code = None if problem is None else problem.code
            turned[code] = problem, turned.get(code, (problem, 0))[1] + 1
        self._turned.clear()
        return turned

    def newly_ended(self) -> list[FileRow]:
        """The rows that have ended since the last call, each once."""
        ended = list(self._untold)
        self._untold.clear()
        self._told.update(ended)
        return [self._rows[key] for key in ended]


def total_of(sizes: Iterable[SizeRange]) -> Total:
    """The sum of sizes, each of which is known within a range or not at all."""
    low = high = unknown = 0
    for size in sizes:
        low, high, unknown = low + size.low, high + size.high, unknown + size.is_unknown
    return Total(SizeRange(low, high, ""), unknown)
