"""The rows of the queue that are known here: the structure, which knows nothing of Qt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import FileProgress, FileRow, TransferProgress, TransferRow
from aihub_desktop.domain.model import HUB
from aihub_desktop.domain.states import FileState, TransferState

Touched = dict[int, set[int]]  # transfer → places of its files


@dataclass(slots=True, eq=False)
class FileItem:
    row: FileRow
    rate: float = 0.0
    again: int = 0
    repeat: int = 0  # bytes of its stream that will have passed by in the end; 0 while none does

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
    rate: float = 0.0
    left: float | None = None
    unfinished: int = 0  # bytes that have to be received again if it is stopped now
    repeats: Repeat = Repeat()
    files: list[FileItem] = field(default_factory=list)
    place: dict[int, int] = field(default_factory=dict)  # file id → row
    total: int = 0  # file rows there are to ask for
    asked: bool = False


class QueueRows:
    """Transfers in the order in which they were asked for; of each, the first pages of its files."""

    def __init__(self, rows: Iterable[TransferRow] = ()) -> None:
        self.transfers: list[TransferItem] = [TransferItem(row, total=row.files) for row in rows]
        self.place: dict[int, int] = {}
        self._moving: set[tuple[int, int]] = set()  # (transfer, file) that had a speed in the last report
        self._why: dict[int, Problem] = {}  # the last problem of files under way, also of those whose row is not here
        self._number()

    def append(self, rows: list[TransferRow]) -> None:
        self.transfers.extend(TransferItem(row, total=row.files) for row in rows)
        self._number()

    def remove(self, place: int) -> None:
        del self.transfers[place]
        self._number()

    def get(self, transfer: int) -> TransferItem | None:
        place = self.place.get(transfer)
        return None if place is None else self.transfers[place]

    def change_files(self, rows: list[FileRow]) -> Touched:
        """Rows that changed, of those that are here."""
        touched: Touched = {}
        for row in rows:
            if row.state is FileState.FETCHING and row.problem is not None:
                self._why[row.id] = row.problem
            else:
                self._why.pop(row.id, None)
            if (found := self._file(row.transfer, row.id)) is None:
                continue
            file, place = found
            file.row = row
            if row.state is not FileState.FETCHING:
                file.rate, file.again, file.repeat = 0.0, 0, 0
            touched.setdefault(row.transfer, set()).add(place)
        return touched

    def progress_transfers(self, reports: list[TransferProgress]) -> set[int]:
        """The places whose numbers changed: those that are named, and those that have come to rest."""
        touched = set()
        named = {progress.transfer: progress for progress in reports}
        for place, item in enumerate(self.transfers):
            progress = named.get(item.row.id)
            if progress is not None:
                item.row = msgspec.structs.replace(
                    item.row, bytes=progress.bytes, received=progress.received, again=progress.again
                )
                item.rate, item.left = progress.rate, progress.left
                item.unfinished = progress.unfinished if comes_in_streams(item.row) else 0
                touched.add(place)
            elif item.rate or item.left is not None or item.unfinished:
                item.rate, item.left, item.unfinished = 0.0, None, 0
                touched.add(place)
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
        for item in self.transfers:
            item.rate, item.left, item.asked, item.unfinished, item.repeats = 0.0, None, False, 0, Repeat()
            for file in item.files:
                file.rate, file.again, file.repeat = 0.0, 0, 0

    def _add_repeats(self, reports: list[FileProgress]) -> None:
        sums: dict[int, list[FileProgress]] = {}
        for progress in reports:
            if progress.again < progress.repeat:
                sums.setdefault(progress.transfer, []).append(progress)
        for item in self.transfers:
            item.repeats = Repeat()
            if many := sums.get(item.row.id):
                largest = max(many, key=lambda progress: progress.repeat)
                item.repeats = Repeat(
                    sum(progress.again for progress in many),
                    sum(progress.repeat for progress in many),
                    self._last_problem(largest),
                )

    def _last_problem(self, progress: FileProgress) -> Problem | None:
        found = self._file(progress.transfer, progress.file)
        return found[0].row.problem if found else self._why.get(progress.file)

    def _number(self) -> None:
        self.place = {item.row.id: place for place, item in enumerate(self.transfers)}

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
