"""The rows of the queue that are known here: the structure, which knows nothing of Qt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from aihub_desktop.domain.messages import FileProgress, FileRow, TransferProgress, TransferRow
from aihub_desktop.domain.states import FileState, TransferState

Touched = dict[int, set[int]]  # transfer → places of its files


@dataclass(slots=True, eq=False)
class FileItem:
    row: FileRow
    rate: float = 0.0
    again: int = 0


@dataclass(slots=True, eq=False)
class TransferItem:
    row: TransferRow
    rate: float = 0.0
    left: float | None = None
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
            if (found := self._file(row.transfer, row.id)) is None:
                continue
            file, place = found
            file.row = row
            if row.state is not FileState.FETCHING:
                file.rate = 0.0
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
                touched.add(place)
            elif item.rate or item.left is not None:
                item.rate, item.left = 0.0, None
                touched.add(place)
        return touched

    def progress_files(self, reports: list[FileProgress]) -> Touched:
        touched: Touched = {}
        still = self._moving
        self._moving = {(progress.transfer, progress.file) for progress in reports}
        for transfer, key in still - self._moving:
            if found := self._file(transfer, key):
                found[0].rate = 0.0
                touched.setdefault(transfer, set()).add(found[1])
        for progress in reports:
            if found := self._file(progress.transfer, progress.file):
                file, place = found
                file.row = msgspec.structs.replace(file.row, bytes=progress.bytes)
                file.rate, file.again = progress.rate, progress.again
                touched.setdefault(progress.transfer, set()).add(place)
        return touched

    def rest(self) -> None:
        """Nothing moves, nothing that was asked will come."""
        self._moving.clear()
        for item in self.transfers:
            item.rate, item.left, item.asked = 0.0, None, False
            for file in item.files:
                file.rate = 0.0

    def _number(self) -> None:
        self.place = {item.row.id: place for place, item in enumerate(self.transfers)}

    def _file(self, transfer: int, file: int) -> tuple[FileItem, int] | None:
        item = self.get(transfer)
        place = None if item is None else item.place.get(file)
        return None if item is None or place is None else (item.files[place], place)


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
