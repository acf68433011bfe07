"""The rows of the queue that are known here: the structure, which knows nothing of Qt."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import Between, FileProgress, FileRow, TransferProgress, TransferRow
from aihub_desktop.domain.model import HUB
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.gui.models.queue_filter import QueueFilter, hay_of
from aihub_desktop.gui.search import Haystack

Touched = dict[int, set[int]]  # transfer → places of its files


@dataclass(slots=True, eq=False)
class FileItem:
    row: FileRow
    rate: float = 0.0
    again: int = 0
    repeat: int = 0  # bytes of its stream that will have passed by in the end; 0 while none does

    @property
    def key(self) -> tuple[int, int]:
        """By which files stand in their transfer."""
        return self.row.rank, self.row.id

    @property
    def repeats(self) -> bool:
        """Whether what comes now is on disk already."""
        return self.again < self.repeat


@dataclass(frozen=True, slots=True)
class Repeat:
    """What the streams of a transfer repeat at present: bytes passed, of how many; `why` of the largest of them."""

    passed: int = 0
    repeat: int = 0
    why: Problem | None = None


@dataclass(slots=True, eq=False)
class TransferItem:
    row: TransferRow
    hay: Haystack
    rate: float = 0.0
    between: Between | None = None
    unfinished: int = 0  # bytes that have to be received again if it is stopped now
    repeats: Repeat = Repeat()
    whys: dict[str, Problem | None] = field(default_factory=dict)  # why bytes came again since the window opened
    files: list[FileItem] = field(default_factory=list)
    place: dict[int, int] = field(default_factory=dict)  # file id → row
    total: int | None = None  # file rows there are to ask for; None while nobody has counted those that are shown
    asked: bool = False

    @classmethod
    def of(cls, row: TransferRow, shown: QueueFilter) -> TransferItem:
        return cls(row, hay_of(row), total=None if shown else row.files)

    @property
    def key(self) -> tuple[int, int]:
        """By which transfers stand in the list."""
        return self.row.rank, self.row.id

    @property
    def is_complete(self) -> bool:
        return self.total is not None and len(self.files) >= self.total

    def place_for(self, row: FileRow) -> int:
        """Where it belongs among the files that are here."""
        return bisect_left(self.files, (row.rank, row.id), key=lambda file: file.key)

    def sort_files(self) -> None:
        """By their ranks, which have changed."""
        self.files.sort(key=lambda file: file.key)
        self.number_files(0)

    def forget_files(self, shown: QueueFilter) -> None:
        self.files, self.place = [], {}
        self.total = None if shown else self.row.files

    def number_files(self, first: int) -> None:
        """Places anew, from this one on."""
        for place in range(first, len(self.files)):
            self.place[self.files[place].row.id] = place

    def rest(self) -> None:
        """Nothing of it moves."""
        self.rate, self.between, self.unfinished, self.repeats = 0.0, None, 0, Repeat()


class QueueRows:
    """Transfers in the order of the list, those among them that are shown, and of each the first pages of its files."""

    def __init__(self, rows: Iterable[TransferRow] = (), shown: QueueFilter | None = None) -> None:
        self.filter = shown or QueueFilter()
        self.items: dict[int, TransferItem] = {row.id: TransferItem.of(row, self.filter) for row in rows}
        self.shown: list[TransferItem] = []
        self.place: dict[int, int] = {}  # transfer → row among those shown
        self._order: list[TransferItem] | None = None
        self._moving: set[tuple[int, int]] = set()  # (transfer, file) that had a speed in the last report
        self._why: dict[int, Problem] = {}  # the last problem of files under way, also of those whose row is not here
        self.sift(self.filter)

    def sift(self, shown: QueueFilter) -> None:
        """All of them by another filter. Pages that are here belong to the old one."""
        self.filter = shown
        for item in self.items.values():
            item.forget_files(shown)
        chosen = (item for item in self.items.values() if self.belongs(item))
        self.shown = sorted(chosen, key=lambda item: item.key)
        self.number()

    def belongs(self, item: TransferItem) -> bool:
        return not self.filter or self.filter.shows(item.row, item.hay)

    def add(self, row: TransferRow) -> None:
        self.items[row.id] = TransferItem.of(row, self.filter)
        self._order = None

    def drop(self, transfer: int) -> None:
        self._order = None
        del self.items[transfer]

    def disorder(self) -> None:
        """Ranks have changed."""
        self._order = None

    def in_order(self) -> list[TransferItem]:
        """All, shown or not."""
        if self._order is None:
            self._order = sorted(self.items.values(), key=lambda item: item.key)
        return self._order

    def place_for(self, item: TransferItem) -> int:
        """Where it belongs among those shown."""
        return bisect_left(self.shown, item.key, key=lambda one: one.key)

    def number(self) -> None:
        self.place = {item.row.id: place for place, item in enumerate(self.shown)}

    def get(self, transfer: int) -> TransferItem | None:
        return self.items.get(transfer)

    def note_why(self, rows: list[FileRow]) -> None:
        """Why files under way came to a stop before, whether their rows are here or not."""
        for row in rows:
            if row.state is FileState.FETCHING and row.problem is not None:
                self._why[row.id] = row.problem
            else:
                self._why.pop(row.id, None)

    def moved_files(self, rows: list[FileRow]) -> dict[int, dict[int, FileRow]]:
        """Those that are here and have another place now, by transfer and number."""
        found: dict[int, dict[int, FileRow]] = {}
        for row in rows:
            if (known := self._file(row.transfer, row.id)) is not None and known[0].row.rank != row.rank:
                found.setdefault(row.transfer, {})[row.id] = row
        return found

    def change_file(self, row: FileRow) -> int | None:
        """Takes a row in the place of the old one; where that is, None if it is not here."""
        if (found := self._file(row.transfer, row.id)) is None:
            return None
        file, place = found
        file.row = row
        if row.state is not FileState.FETCHING:
            file.rate, file.again, file.repeat = 0.0, 0, 0
        return place

    def progress_transfers(self, reports: list[TransferProgress]) -> set[int]:
        """The transfers whose numbers changed: those that are named, and those that have come to rest."""
        touched = set()
        named = {progress.transfer: progress for progress in reports}
        for key, item in self.items.items():
            progress = named.get(key)
            if progress is not None:
                item.row = msgspec.structs.replace(
                    item.row, bytes=progress.bytes, received=progress.received, again=progress.again
                )
                item.rate, item.between = progress.rate, progress.between
                item.unfinished = progress.unfinished if comes_in_streams(item.row) else 0
                touched.add(key)
            elif item.rate or item.between is not None or item.unfinished:
                item.rate, item.between, item.unfinished = 0.0, None, 0
                touched.add(key)
        return touched

    def progress_files(self, reports: list[FileProgress]) -> Touched:
        self._add_repeats(reports)
        touched: Touched = {}
        still = self._moving
        self._moving = {(progress.transfer, progress.file) for progress in reports}
        for transfer, key in still - self._moving:
            if found := self._file(transfer, key):
                found[0].rate, found[0].again, found[0].repeat = 0.0, 0, 0
                touched.setdefault(transfer, set()).add(found[1])
        for progress in reports:
            if found := self._file(progress.transfer, progress.file):
                file, place = found
                file.row = msgspec.structs.replace(file.row, bytes=progress.bytes)
                file.rate, file.again, file.repeat = progress.rate, progress.again, progress.repeat
                touched.setdefault(progress.transfer, set()).add(place)
        return touched

    def rest(self) -> None:
        """Nothing moves, nothing that was asked will come."""
        self._moving.clear()
        for item in self.items.values():
            item.rest()
            item.asked = False
            for file in item.files:
                file.rate, file.again, file.repeat = 0.0, 0, 0

    def _add_repeats(self, reports: list[FileProgress]) -> None:
        sums: dict[int, list[FileProgress]] = {}
        for progress in reports:
            if progress.again < progress.repeat:
                sums.setdefault(progress.transfer, []).append(progress)
        for key, item in self.items.items():
            if many := sums.get(key):
                largest = max(many, key=lambda progress: progress.repeat)
                item.repeats = Repeat(
                    sum(progress.again for progress in many),
                    sum(progress.repeat for progress in many),
                    self._last_problem(largest),
                )
                for progress in many:
                    why = self._last_problem(progress)
                    item.whys.setdefault("" if why is None else why.code, why)
            elif item.repeats.repeat:
                item.repeats = Repeat()

    def _last_problem(self, progress: FileProgress) -> Problem | None:
        found = self._file(progress.transfer, progress.file)
        return found[0].row.problem if found else self._why.get(progress.file)

    def _file(self, transfer: int, file: int) -> tuple[FileItem, int] | None:
        item = self.get(transfer)
        place = None if item is None else item.place.get(file)
        return None if item is None or place is None else (item.files[place], place)


def comes_in_streams(row: TransferRow) -> bool:
    """Whether a stop costs what came of a file: the hub's files come from their start only, all others in ranges."""
    return row.dataset.source == HUB


def runs(places: Iterable[int]) -> list[tuple[int, int]]:
    """Neighbours together: (first, last) of each unbroken run."""
    found: list[tuple[int, int]] = []
    for place in sorted(places):
        if found and place == found[-1][1] + 1:
            found[-1] = (found[-1][0], place)
        else:
            found.append((place, place))
    return found


def in_trouble(row: TransferRow) -> bool:
    """Whether the person has to do something before it goes on."""
    return row.state in (TransferState.NEEDS_USER, TransferState.FAILED)
