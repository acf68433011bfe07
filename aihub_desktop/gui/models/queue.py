"""The transfers and, once someone looks, their files: a tree of two levels, for Qt's views."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from aihub_desktop.domain.messages import Changed, FileRow, FileRows, Progress, TransferRow
from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui.models.queue_rows import FileItem, QueueRows, Repeat, Touched, TransferItem, runs
from aihub_desktop.gui.models.queue_words import (
    HEADERS,
    Column,
    QueueWords,
    file_fraction,
    file_left_to_repeat,
    fraction,
    left_to_repeat,
)
from aihub_desktop.system.words import Words

_NUMBERS: Final = (Column.SIZE, Column.SPEED, Column.LEFT)
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

FRACTION_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 1  # float 0..1, or None where nothing is known
ROW_ROLE: Final = FRACTION_ROLE + 1  # the `TransferRow` or `FileRow`
DETAIL_ROLE: Final = FRACTION_ROLE + 2  # the small line below a transfer's title; "" where a file has none
REPEAT_ROLE: Final = FRACTION_ROLE + 3  # float 0..1: how much of what is here has yet to pass by once more

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()


class QueueModel(QAbstractItemModel):
    """Rows come from the engine, whole; progress changes numbers in place. File rows are asked for in pages."""

    rows_wanted = Signal(int, int)  # transfer, offset
    totals_changed = Signal()

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = QueueWords(words)
        self._rows = QueueRows()
        self.rate = 0.0

    def speak(self, words: Words) -> None:
        self._words = QueueWords(words)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(HEADERS) - 1)

    # ---- what the engine says ----

    def fill(self, rows: list[TransferRow]) -> None:
        """All transfers anew."""
        self.beginResetModel()
        self._rows = QueueRows(rows)
        self.rate = 0.0
        self.endResetModel()
        self.totals_changed.emit()

    def change(self, event: Changed) -> None:
        """Rows that changed, came or went."""
        for transfer in event.removed:
            if (place := self._rows.place.get(transfer)) is not None:
                self.beginRemoveRows(QModelIndex(), place, place)
                self._rows.remove(place)
                self.endRemoveRows()
        known = self._rows.place
        old = {known[row.id]: row for row in event.transfers if row.id in known}
        new = [row for row in event.transfers if row.id not in known]
        for place, row in old.items():
            self._replace(self._rows.transfers[place], row)
        self._tell_transfers(old.keys())
        if new:
            first = len(self._rows.transfers)
            self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
            self._rows.append(new)
            self.endInsertRows()
        self._tell_files(self._rows.change_files(event.files))
        self.totals_changed.emit()

    def progress(self, event: Progress) -> None:
        """Numbers of what moves; what is not named stands still."""
        self.rate = event.rate
        self._tell_transfers(self._rows.progress_transfers(event.transfers))
        self._tell_files(self._rows.progress_files(event.files))
        self.totals_changed.emit()

    def add_rows(self, transfer: int, offset: int, answer: FileRows) -> None:
        """A page of file rows. One that fits no longer is thrown away, and the one that fits is asked for."""
        item = self._rows.get(transfer)
        if item is None:
            return
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
            item.files.append(FileItem(row))
        self.endInsertRows()

    def forget_question(self, transfer: int) -> None:
        """The page that was asked for will not come."""
        if (item := self._rows.get(transfer)) is not None:
            item.asked = False

    def stop(self) -> None:
        """The engine is gone: nothing moves, nothing that was asked will come."""
        self.rate = 0.0
        self._rows.rest()
        self._tell_transfers(range(len(self._rows.transfers)))
        self.totals_changed.emit()

    # ---- what others ask ----

    def transfers(self) -> list[TransferRow]:
        return [item.row for item in self._rows.transfers]

    def row_at(self, index: AnyIndex) -> TransferRow | FileRow | None:
        if not index.isValid():
            return None
        item = self._item(index)
        return item.files[index.row()].row if index.internalId() else item.row

    def unfinished(self, transfers: Iterable[int]) -> int:
        """Bytes that have to be received again if these transfers are stopped now."""
        wanted = set(transfers)
        return sum(item.unfinished for item in self._rows.transfers if item.row.id in wanted)

    def index_of(self, transfer: int, column: int = Column.NAME) -> QModelIndex:
        """Where a transfer stands; invalid for one that is gone."""
        place = self._rows.place.get(transfer)
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
            return len(self._rows.transfers)
        if parent.internalId() or parent.column() > 0:
            return 0
        return len(self._item(parent).files)

    def hasChildren(self, parent: AnyIndex = _NOWHERE) -> bool:
        if not parent.isValid():
            return bool(self._rows.transfers)
        return not parent.internalId() and parent.column() <= 0 and self._item(parent).row.files > 0

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return len(HEADERS)

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
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if index.column() in _NUMBERS else None
        item = self._item(index)
        if not index.internalId():
            of_transfer = _OF_TRANSFER.get(role)
            return of_transfer(self._words, item, index.column()) if of_transfer else None
        of_file = _OF_FILE.get(role)
        return of_file(self._words, item, item.files[index.row()], index.column()) if of_file else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(HEADERS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words.header(section)
        if role == Qt.ItemDataRole.TextAlignmentRole and section in _NUMBERS:
            return _RIGHT
        return None

    # ---- keeping the rows ----

    def _item(self, index: AnyIndex) -> TransferItem:
        transfer = int(index.internalId())
        return self._rows.transfers[self._rows.place[transfer] if transfer else index.row()]

    def _replace(self, item: TransferItem, row: TransferRow) -> None:
        if row.files != item.row.files:
            # Files were joined or replaced: the pages that are here may have gaps.
            if item.files:
                self.beginRemoveRows(self.index_of(row.id), 0, len(item.files) - 1)
                item.files, item.place = [], {}
                self.endRemoveRows()
            item.total = row.files
        item.row = row
        if row.state is not TransferState.RUNNING and not row.finishing:
            item.rate, item.left, item.unfinished, item.repeats = 0.0, None, 0, Repeat()

    def _tell_transfers(self, places: Iterable[int]) -> None:
        # One signal for each run of neighbours: a signal that spans untouched rows would repaint them all.
        for first, last in runs(places):
            self.dataChanged.emit(self.createIndex(first, 0, 0), self.createIndex(last, len(HEADERS) - 1, 0))

    def _tell_files(self, touched: Touched) -> None:
        for transfer, places in touched.items():
            for first, last in runs(places):
                self.dataChanged.emit(
                    self.createIndex(first, 0, transfer), self.createIndex(last, len(HEADERS) - 1, transfer)
                )


_OF_TRANSFER: Final[dict[int, Callable[[QueueWords, TransferItem, int], Any]]] = {
    int(Qt.ItemDataRole.DisplayRole): lambda words, item, column: words.text(item, column),
    int(Qt.ItemDataRole.ToolTipRole): lambda words, item, _: words.tip(item),
    int(Qt.ItemDataRole.AccessibleTextRole): lambda words, item, column: words.spoken(item, None, column),
    FRACTION_ROLE: lambda _words, item, _column: fraction(item.row),
    ROW_ROLE: lambda _words, item, _column: item.row,
    DETAIL_ROLE: lambda words, item, _: words.detail(item),
    REPEAT_ROLE: lambda _words, item, _column: left_to_repeat(item),
}

_OF_FILE: Final[dict[int, Callable[[QueueWords, TransferItem, FileItem, int], Any]]] = {
    int(Qt.ItemDataRole.DisplayRole): lambda words, _, file, column: words.file_text(file, column),
    int(Qt.ItemDataRole.ToolTipRole): lambda words, _item, file, _column: words.file_tip(file),
    int(Qt.ItemDataRole.AccessibleTextRole): lambda words, item, file, column: words.spoken(item, file, column),
    FRACTION_ROLE: lambda _words, _item, file, _column: file_fraction(file.row),
    ROW_ROLE: lambda _words, _item, file, _column: file.row,
    DETAIL_ROLE: lambda words, _item, file, _column: words.file_detail(file),
    REPEAT_ROLE: lambda _words, _item, file, _column: file_left_to_repeat(file),
}
