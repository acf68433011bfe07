"""The transfers and, once someone looks, their files: a tree of two levels."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

import msgspec
from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from aihub_desktop.domain.messages import Changed, FileProgress, FileRow, FileRows, Progress, TransferRow
from aihub_desktop.domain.model import SizeRange
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.system.words import Words


class Column(IntEnum):
    NAME = 0
    PROGRESS = 1
    STATE = 2
    SIZE = 3
    SPEED = 4
    LEFT = 5


_HEADERS: Final = tuple(f"gui.queue.column.{column.name.lower()}" for column in Column)
_NUMBERS: Final = (Column.SIZE, Column.SPEED, Column.LEFT)
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

FRACTION_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 1  # float 0..1, or None where nothing is known
ROW_ROLE: Final = FRACTION_ROLE + 1  # the `TransferRow` or `FileRow`
DETAIL_ROLE: Final = FRACTION_ROLE + 2  # the small line below a transfer's title

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()


@dataclass(slots=True, eq=False)
class _File:
    row: FileRow
    rate: float = 0.0
    again: int = 0


@dataclass(slots=True, eq=False)
class _Transfer:
    row: TransferRow
    rate: float = 0.0
    left: float | None = None
    files: list[_File] = field(default_factory=list)
    place: dict[int, int] = field(default_factory=dict)  # file id → row
    total: int = 0  # file rows there are to ask for
    asked: bool = False


class QueueModel(QAbstractItemModel):
    """Rows come from the engine, whole; progress changes numbers in place. File rows are asked for in pages."""

    rows_wanted = Signal(int, int)  # transfer, offset
    totals_changed = Signal()

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self._transfers: list[_Transfer] = []
        self._place: dict[int, int] = {}
        self._moving: set[tuple[int, int]] = set()  # (transfer, file) that had a speed in the last report
        self.rate = 0.0

    def speak(self, words: Words) -> None:
        self._words = words
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(_HEADERS) - 1)

    # ---- what the engine says ----

    def fill(self, rows: list[TransferRow]) -> None:
        """All transfers anew."""
        self.beginResetModel()
        self._transfers = [_Transfer(row, total=row.files) for row in rows]
        self._number()
        self._moving.clear()
        self.rate = 0.0
        self.endResetModel()
        self.totals_changed.emit()

    def change(self, event: Changed) -> None:
        """Rows that changed, came or went."""
        for transfer in event.removed:
            self._remove(transfer)
        new = [row for row in event.transfers if row.id not in self._place]
        old = {self._place[row.id]: row for row in event.transfers if row.id in self._place}
        for place, row in old.items():
            self._replace(place, row)
        self._tell_transfers(old.keys())
        self._append(new)
        self._change_files(event.files)
        self.totals_changed.emit()

    def progress(self, event: Progress) -> None:
        """Numbers of what moves; what is not named stands still."""
        self.rate = event.rate
        self._progress_transfers(event)
        self._progress_files(event.files)
        self.totals_changed.emit()

    def add_rows(self, transfer: int, offset: int, answer: FileRows) -> None:
        """A page of file rows. One that fits no longer is thrown away, and the one that fits is asked for."""
        if transfer not in self._place:
            return
        item = self._transfers[self._place[transfer]]
        item.asked = False
        parent = self.index_of(transfer)
        if offset != len(item.files):
            self.fetchMore(parent)
            return
        fresh = [row for row in answer.rows if row.id not in item.place]
        item.total = answer.total if fresh else offset
        if not fresh:
            return
        self.beginInsertRows(parent, offset, offset + len(fresh) - 1)
        for row in fresh:
            item.place[row.id] = len(item.files)
            item.files.append(_File(row))
        self.endInsertRows()

    def forget_question(self, transfer: int) -> None:
        """The page that was asked for will not come."""
        if transfer in self._place:
            self._transfers[self._place[transfer]].asked = False

    def stop(self) -> None:
        """The engine is gone: nothing moves, nothing that was asked will come."""
        self.rate = 0.0
        self._moving.clear()
        for item in self._transfers:
            item.rate, item.left, item.asked = 0.0, None, False
            for file in item.files:
                file.rate = 0.0
        self._tell_transfers(range(len(self._transfers)))
        self.totals_changed.emit()

    # ---- what others ask ----

    def transfers(self) -> list[TransferRow]:
        return [item.row for item in self._transfers]

    def row_at(self, index: AnyIndex) -> TransferRow | FileRow | None:
        if not index.isValid():
            return None
        item = self._item(index)
        return item.files[index.row()].row if index.internalId() else item.row

    def transfer_at(self, index: AnyIndex) -> TransferRow | None:
        """The transfer of a row, or that a file's row belongs to."""
        return self._item(index).row if index.isValid() else None

    def index_of(self, transfer: int, column: int = Column.NAME) -> QModelIndex:
        """Where a transfer stands; invalid for one that is gone."""
        place = self._place.get(transfer)
        return QModelIndex() if place is None else self.createIndex(place, column, 0)

    # ---- Qt ----

    def index(self, row: int, column: int, parent: AnyIndex = _NOWHERE) -> QModelIndex:
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        # 0 marks a transfer; a file's row carries the number of its transfer, which never is 0.
        return self.createIndex(row, column, self._item(parent).row.id if parent.isValid() else 0)

    def parent(self, index: AnyIndex = _NOWHERE) -> QModelIndex:  # type: ignore[override]
        return self.index_of(int(index.internalId())) if index.isValid() and index.internalId() else QModelIndex()

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        if not parent.isValid():
            return len(self._transfers)
        if parent.internalId() or parent.column() > 0:
            return 0
        return len(self._item(parent).files)

    def hasChildren(self, parent: AnyIndex = _NOWHERE) -> bool:
        if not parent.isValid():
            return bool(self._transfers)
        return not parent.internalId() and parent.column() <= 0 and self._item(parent).row.files > 0

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return len(_HEADERS)

    def canFetchMore(self, parent: AnyIndex) -> bool:
        if not parent.isValid() or parent.internalId() or parent.column() > 0:
            return False
        item = self._item(parent)
        return not item.asked and len(item.files) < item.total

    def fetchMore(self, parent: AnyIndex) -> None:
        if self.canFetchMore(parent):
            item = self._item(parent)
            item.asked = True
            self.rows_wanted.emit(item.row.id, len(item.files))

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        item = self._item(index)
        file = item.files[index.row()] if index.internalId() else None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._file_text(file, index.column()) if file else self._text(item, index.column())
            case Qt.ItemDataRole.TextAlignmentRole if index.column() in _NUMBERS:
                return _RIGHT
            case Qt.ItemDataRole.ToolTipRole:
                return self._file_tip(file) if file else self._tip(item)
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(item, file, index.column())
            case _:
                return self._own_role(item, file, role)

    def _own_role(self, item: _Transfer, file: _File | None, role: int) -> Any:
        if role == FRACTION_ROLE:
            return _file_fraction(file.row) if file else fraction(item.row)
        if role == ROW_ROLE:
            return file.row if file else item.row
        if role == DETAIL_ROLE:
            return None if file else self._detail(item.row)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(_HEADERS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words.say(_HEADERS[section])
        if role == Qt.ItemDataRole.TextAlignmentRole and section in _NUMBERS:
            return _RIGHT
        return None

    # ---- keeping the rows ----

    def _item(self, index: AnyIndex) -> _Transfer:
        transfer = int(index.internalId())
        return self._transfers[self._place[transfer] if transfer else index.row()]

    def _number(self) -> None:
        self._place = {item.row.id: place for place, item in enumerate(self._transfers)}

    def _append(self, rows: list[TransferRow]) -> None:
        if not rows:
            return
        first = len(self._transfers)
        self.beginInsertRows(QModelIndex(), first, first + len(rows) - 1)
        self._transfers.extend(_Transfer(row, total=row.files) for row in rows)
        self._number()
        self.endInsertRows()

    def _remove(self, transfer: int) -> None:
        place = self._place.get(transfer)
        if place is None:
            return
        self.beginRemoveRows(QModelIndex(), place, place)
        del self._transfers[place]
        self._number()
        self.endRemoveRows()

    def _replace(self, place: int, row: TransferRow) -> None:
        item = self._transfers[place]
        if row.files != item.row.files:
            # Files were joined or replaced: the pages that are here may have gaps.
            self._drop_files(item)
            item.total = row.files
        item.row = row
        if row.state is not TransferState.RUNNING:
            item.rate, item.left = 0.0, None

    def _drop_files(self, item: _Transfer) -> None:
        if item.files:
            self.beginRemoveRows(self.index_of(item.row.id), 0, len(item.files) - 1)
            item.files, item.place = [], {}
            self.endRemoveRows()

    def _change_files(self, rows: list[FileRow]) -> None:
        touched: dict[int, set[int]] = {}
        for row in rows:
            found = self._file(row.transfer, row.id)
            if found is None:
                continue
            file, place = found
            file.row = row
            if row.state is not FileState.FETCHING:
                file.rate = 0.0
            touched.setdefault(row.transfer, set()).add(place)
        for transfer, places in touched.items():
            self._tell_files(transfer, places)

    def _file(self, transfer: int, file: int) -> tuple[_File, int] | None:
        above = self._place.get(transfer)
        if above is None:
            return None
        item = self._transfers[above]
        place = item.place.get(file)
        return None if place is None else (item.files[place], place)

    def _progress_transfers(self, event: Progress) -> None:
        touched = set()
        named = {progress.transfer: progress for progress in event.transfers}
        for place, item in enumerate(self._transfers):
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
        self._tell_transfers(touched)

    def _progress_files(self, files: list[FileProgress]) -> None:
        touched: dict[int, set[int]] = {}
        still = self._moving
        self._moving = {(progress.transfer, progress.file) for progress in files}
        for transfer, key in still - self._moving:
            if found := self._file(transfer, key):
                found[0].rate = 0.0
                touched.setdefault(transfer, set()).add(found[1])
        for progress in files:
            if found := self._file(progress.transfer, progress.file):
                file, place = found
                file.row = msgspec.structs.replace(file.row, bytes=progress.bytes)
                file.rate, file.again = progress.rate, progress.again
                touched.setdefault(progress.transfer, set()).add(place)
        for transfer, places in touched.items():
            self._tell_files(transfer, places)

    def _tell_transfers(self, places: Any) -> None:
        # One signal for each run of neighbours: a signal that spans untouched rows would repaint them all.
        for first, last in _runs(places):
            self.dataChanged.emit(self.createIndex(first, 0, 0), self.createIndex(last, len(_HEADERS) - 1, 0))

    def _tell_files(self, transfer: int, places: set[int]) -> None:
        for first, last in _runs(places):
            self.dataChanged.emit(
                self.createIndex(first, 0, transfer), self.createIndex(last, len(_HEADERS) - 1, transfer)
            )

    # ---- in words ----

    def _text(self, item: _Transfer, column: int) -> str:
        row = item.row
        match column:
            case Column.NAME:
                return row.dataset.title
            case Column.PROGRESS:
                return percent(fraction(row))
            case Column.STATE:
                return self._state(row)
            case Column.SIZE:
                return self._amount(row.bytes, SizeRange(row.low, row.high, ""))
            case Column.SPEED:
                return self._words.speed(item.rate) if item.rate >= 1 else ""
            case _:
                return self._left(item)

    def _left(self, item: _Transfer) -> str:
        if item.left is None or item.row.state is not TransferState.RUNNING:
            return ""
        # Odd seconds of a long wait would pretend to know.
        return self._words.duration(item.left if item.left < 60 else round(item.left / 60) * 60)

    def _state(self, row: TransferRow) -> str:
        text = self._words.state(row.state)
        if row.state is TransferState.RUNNING or (row.failed and row.state is TransferState.DONE):
            return self._words.say("gui.queue.state-files", state=text, done=row.done, n=row.files - row.skipped)
        return text

    def _detail(self, row: TransferRow) -> str:
        return self._words.problem(row.problem).title if in_trouble(row) and row.problem else row.folder

    def _file_text(self, file: _File, column: int) -> str:
        row = file.row
        match column:
            case Column.NAME:
                return row.place or row.file.path
            case Column.PROGRESS:
                return percent(_file_fraction(row))
            case Column.STATE:
                return self._file_state(file)
            case Column.SIZE:
                return self._file_amount(row)
            case Column.SPEED:
                return self._words.speed(file.rate) if file.rate >= 1 else ""
            case _:
                return ""

    def _file_state(self, file: _File) -> str:
        row = file.row
        if row.problem is not None and row.state in (FileState.FAILED, FileState.WAITING):
            key = "gui.queue.again-at" if row.next_try is not None else "gui.queue.reason"
            moment = self._words.moment(row.next_try)[-5:] if row.next_try is not None else ""
            return self._words.say(key, problem=self._words.problem(row.problem).title, time=moment)
        if row.state is FileState.FETCHING and file.again > row.bytes * 0.02 and file.again > 1 << 20:
            return self._words.say("gui.queue.passing", state=self._words.state(row.state))
        return self._words.state(row.state)

    def _file_amount(self, row: FileRow) -> str:
        exact = row.file.size if row.size is None else SizeRange(row.size, row.size, "")
        return self._words.size(exact.high) if row.state is FileState.DONE else self._amount(row.bytes, exact)

    def _amount(self, here: int, size: SizeRange) -> str:
        if 0 < size.low <= here:
            return self._words.size(here)
        # The range is in the tool tip: here it would leave no room for anything else.
        whole = self._words.size((size.low + size.high) // 2)
        if size.low < size.high:
            whole = self._words.say("gui.queue.near", value=whole)
        return self._words.say("gui.queue.amount", here=self._words.size(here), all=whole) if here > 0 else whole

    def _tip(self, item: _Transfer) -> str:
        row = item.row
        size = self._words.size_range(SizeRange(row.low, row.high, ""))
        lines = [row.dataset.title, row.folder, self._words.say("gui.queue.tip.sum", n=row.files, size=size)]
        if item.row.problem is not None:
            lines.extend(self._words.problem(item.row.problem))
        return "\n".join(lines)

    def _file_tip(self, file: _File) -> str:
        row = file.row
        exact = row.file.size if row.size is None else SizeRange(row.size, row.size, "")
        lines = [row.place or row.file.path, self._words.size_range(exact)]
        if file.row.problem is not None:
            lines.extend(self._words.problem(file.row.problem))
        if file.row.sha256:
            lines.append(f"SHA-256 {file.row.sha256}")
            lines.append(self._words.proof(file.row.proof))
        return "\n".join(line for line in lines if line)

    def _spoken(self, item: _Transfer, file: _File | None, column: int) -> str:
        text = self._file_text(file, column) if file else self._text(item, column)
        if column != Column.NAME:
            return self._words.say("gui.queue.spoken.cell", column=self._words.say(_HEADERS[column]), text=text)
        state = self._file_text(file, Column.STATE) if file else self._text(item, Column.STATE)
        share = self._file_text(file, Column.PROGRESS) if file else self._text(item, Column.PROGRESS)
        return self._words.say("gui.queue.spoken.name", name=text, state=state, percent=share)


def in_trouble(row: TransferRow) -> bool:
    """Whether the person has to do something before it goes on."""
    return row.state in (TransferState.NEEDS_USER, TransferState.FAILED)


def fraction(row: TransferRow) -> float | None:
    """How much of a transfer is here, 0 to 1. Only a transfer that is done is whole."""
    if row.state is TransferState.DONE and not row.failed:
        return 1.0
    return _share(row.bytes, row.low, row.high)


def _file_fraction(row: FileRow) -> float | None:
    if row.state is FileState.DONE:
        return 1.0
    return _share(row.bytes, row.file.size.low if row.size is None else row.size, row.size or row.file.size.high)


def _share(here: int, low: int, high: int) -> float | None:
    middle = (low + high) / 2
    return min(0.999, here / middle) if middle > 0 else None


def percent(share: float | None) -> str:
    """Rounded down: what is not whole never reads as 100 %."""
    return "" if share is None else f"{int(share * 100)} %"


def _runs(places: Any) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for place in sorted(places):
        if runs and place == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs
