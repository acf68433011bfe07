"""The queue as Qt's views see it: a tree of two levels, its cells, and transfers that can be dragged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from PySide6.QtCore import QAbstractItemModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from aihub_desktop.domain.messages import FileRow, TransferRow
from aihub_desktop.gui.models.queue_rows import FileItem, QueueRows, TransferItem
from aihub_desktop.gui.models.queue_words import (
    HEADERS,
    Column,
    QueueWords,
    file_fraction,
    file_left_to_repeat,
    fraction,
    left_to_repeat,
    mark,
)
from aihub_desktop.system.words import Words

_NUMBERS: Final = (Column.SIZE, Column.SPEED, Column.LEFT)
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_TRANSFERS: Final = "application/x-aihub-desktop-transfers"

FRACTION_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 1  # float 0..1, or None where nothing is known
ROW_ROLE: Final = FRACTION_ROLE + 1  # the `TransferRow` or `FileRow`
DETAIL_ROLE: Final = FRACTION_ROLE + 2  # the small line below a transfer's title; "" where a file has none
REPEAT_ROLE: Final = FRACTION_ROLE + 3  # float 0..1: how much of what is here has yet to pass by once more
MARK_ROLE: Final = FRACTION_ROLE + 9  # the name of the picture before a transfer's title, "" for none

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()


class QueueTree(QAbstractItemModel):
    """Reads the rows; who changes them is `QueueModel`."""

    rows_wanted = Signal(int, int)  # transfer, offset
    move_wanted = Signal(list, object)  # transfers, and the one before which they were dropped; None: at the end

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = QueueWords(words)
        self._rows = QueueRows()

    def row_at(self, index: AnyIndex) -> TransferRow | FileRow | None:
        if not index.isValid():
            return None
        item = self._item(index)
        return item.files[index.row()].row if index.internalId() else item.row

    def index_of(self, transfer: int, column: int = Column.NAME) -> QModelIndex:
        """Where a transfer stands; invalid for one that is gone, or not shown."""
        place = self._rows.place.get(transfer)
        return QModelIndex() if place is None else self.createIndex(place, column, 0)

    # ---- the shape ----

    def index(self, row: int, column: int, parent: AnyIndex = _NOWHERE) -> QModelIndex:
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        # 0 marks a transfer; a file's row carries the number of its transfer, which never is 0.
        return self.createIndex(row, column, self._item(parent).row.id if parent.isValid() else 0)

    def parent(self, index: AnyIndex = _NOWHERE) -> QModelIndex:  # type: ignore[override]
        return self.index_of(int(index.internalId())) if index.isValid() and index.internalId() else QModelIndex()

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        if not parent.isValid():
            return len(self._rows.shown)
        if parent.internalId() or parent.column() > 0:
            return 0
        return len(self._item(parent).files)

    def hasChildren(self, parent: AnyIndex = _NOWHERE) -> bool:
        if not parent.isValid():
            return bool(self._rows.shown)
        return not parent.internalId() and parent.column() <= 0 and self._item(parent).total != 0

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return len(HEADERS)

    def canFetchMore(self, parent: AnyIndex) -> bool:
        if not parent.isValid() or parent.internalId() or parent.column() > 0:
            return False
        item = self._item(parent)
        return not item.asked and not item.is_complete

    def fetchMore(self, parent: AnyIndex) -> None:
        if self.canFetchMore(parent):
            item = self._item(parent)
            item.asked = True
            self.rows_wanted.emit(item.row.id, len(item.files))

    # ---- the cells ----

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

    # ---- dragging ----

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        """A transfer can be dragged and dropped between others. A drop on one means before it, as the marks say."""
        flags = super().flags(index)
        if not index.isValid():
            return flags | Qt.ItemFlag.ItemIsDropEnabled
        return flags if index.internalId() else flags | Qt.ItemFlag.ItemIsDragEnabled

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [_TRANSFERS]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        places = sorted({index.row() for index in indexes if index.isValid() and not index.internalId()})
        data = QMimeData()
        data.setData(_TRANSFERS, " ".join(str(self._rows.shown[place].row.id) for place in places).encode())
        return data

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: AnyIndex) -> bool:
        """False in any case: the engine says where everything stands now, and nothing is to be taken away here."""
        words = bytes(data.data(_TRANSFERS).data()).split()
        # Whoever can put anything into a drag can put anything into ours.
        transfers = [int(word) for word in words if word.isdigit() and int(word) in self._rows.items]
        shown = self._rows.shown
        if transfers and not parent.isValid():
            before = shown[row].row.id if 0 <= row < len(shown) else None
            self.move_wanted.emit(transfers, before)
        return False

    def _item(self, index: AnyIndex) -> TransferItem:
        transfer = int(index.internalId())
        return self._rows.items[transfer] if transfer else self._rows.shown[index.row()]


_OF_TRANSFER: Final[dict[int, Callable[[QueueWords, TransferItem, int], Any]]] = {
    int(Qt.ItemDataRole.DisplayRole): lambda words, item, column: words.text(item, column),
    int(Qt.ItemDataRole.ToolTipRole): lambda words, item, _: words.tip(item),
    int(Qt.ItemDataRole.AccessibleTextRole): lambda words, item, column: words.spoken(item, None, column),
    FRACTION_ROLE: lambda _words, item, _column: fraction(item.row),
    ROW_ROLE: lambda _words, item, _column: item.row,
    DETAIL_ROLE: lambda words, item, _: words.detail(item),
    REPEAT_ROLE: lambda _words, item, _column: left_to_repeat(item),
    MARK_ROLE: lambda _words, item, _column: mark(item.row),
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
