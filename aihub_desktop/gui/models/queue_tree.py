"""The queue as Qt's views see it: a tree of two levels, its cells, and rows that can be dragged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from PySide6.QtCore import QAbstractItemModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from aihub_desktop.domain.messages import FileRow, TransferRow
from aihub_desktop.domain.states import FileState
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
_FILES: Final = "application/x-aihub-desktop-files"  # each as TRANSFER:FILE

FRACTION_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 1  # float 0..1, or None where nothing is known
ROW_ROLE: Final = FRACTION_ROLE + 1  # the `TransferRow` or `FileRow`
DETAIL_ROLE: Final = FRACTION_ROLE + 2  # the small line below a transfer's title; "" where a file has none
REPEAT_ROLE: Final = FRACTION_ROLE + 3  # float 0..1: how much of what is here has yet to pass by once more
MARK_ROLE: Final = FRACTION_ROLE + 9  # the name of the picture before a transfer's title, "" for none

_COLUMNS: Final = len(HEADERS)
_DONE: Final = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemNeverHasChildren
_FILE: Final = _DONE | Qt.ItemFlag.ItemIsDragEnabled
_TRANSFER: Final = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsDragEnabled

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()


class QueueTree(QAbstractItemModel):
    """Reads the rows; who changes them is `QueueModel`."""

    rows_wanted = Signal(int, int)  # transfer, offset
    move_wanted = Signal(list, object)  # transfers, and the one before which they were dropped; None: at the end
    file_move_wanted = Signal(int, list, object)  # a transfer, files of it, and the one before which they were dropped

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = QueueWords(words)
        self._rows = QueueRows()
        self._dragged: frozenset[int] = frozenset()  # transfers of which files are dragged; none while transfers are

    def row_at(self, index: AnyIndex) -> TransferRow | FileRow | None:
        if not index.isValid():
            return None
        item = self._item(index)
        return item.files[index.row()].row if index.internalId() else item.row

    def index_of(self, transfer: int, column: int = Column.NAME) -> QModelIndex:
        """Where a transfer stands; invalid for one that is gone, or not shown."""
        place = self._rows.place.get(transfer)
        return QModelIndex() if place is None else self.createIndex(place, column, 0)

    def files(self, transfer: int) -> list[FileRow]:
        """Those whose rows are here, from above."""
        item = self._rows.get(transfer)
        return [] if item is None else [file.row for file in item.files]

    # ---- the shape ----

    def index(self, row: int, column: int, parent: AnyIndex = _NOWHERE) -> QModelIndex:
        # Asked for every row of a transfer that is unfolded: `hasIndex` would ask for both counts each time.
        if not parent.isValid():
            there, of = len(self._rows.shown), 0  # 0 marks a transfer
        elif parent.internalId() or parent.column() > 0:
            return QModelIndex()
        else:
            item = self._rows.shown[parent.row()]
            there, of = len(item.files), item.row.id  # a file's row has the number of its transfer, which never is 0
        return self.createIndex(row, column, of) if 0 <= row < there and 0 <= column < _COLUMNS else QModelIndex()

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
        """Of the first page alone: Qt's tree asks with every layout, and would have all of them, seen or not."""
        if not parent.isValid() or parent.internalId() or parent.column() > 0:
            return False
        item = self._item(parent)
        return not (item.asked or item.is_complete or item.files)

    def fetchMore(self, parent: AnyIndex) -> None:
        if self.canFetchMore(parent):
            self._fetch_on(self._item(parent))

    def fetch_on(self, transfer: int) -> None:
        """Asks for the next page of its files, unless it is asked for already or there is none."""
        if (item := self._rows.get(transfer)) is not None and not item.asked and not item.is_complete:
            self._fetch_on(item)

    def _fetch_on(self, item: TransferItem) -> None:
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
        """A transfer can be dragged and dropped between others. A drop on one means before it, as the marks say. Files
        that are not done are dropped between those of their transfer, or on it.
        """
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        if transfer := index.internalId():
            row = self._rows.items[transfer].files[index.row()].row
            return _DONE if row.state is FileState.DONE else _FILE
        is_target = self._dragged and self._rows.shown[index.row()].row.id in self._dragged
        return _TRANSFER | Qt.ItemFlag.ItemIsDropEnabled if is_target else _TRANSFER

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [_TRANSFERS, _FILES]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """Transfers; where there are none, files."""
        places = sorted({(int(index.internalId()), index.row()) for index in indexes if index.isValid()})
        transfers = [self._rows.shown[row].row.id for of, row in places if not of]
        files = [] if transfers else [(of, self._rows.items[of].files[row].row.id) for of, row in places]
        self._dragged = frozenset(of for of, _ in files)
        data = QMimeData()
        if files:
            data.setData(_FILES, " ".join(f"{of}:{file}" for of, file in files).encode())
        else:
            data.setData(_TRANSFERS, " ".join(map(str, transfers)).encode())
        return data

    def canDropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: AnyIndex) -> bool:
        if data.hasFormat(_FILES):
            return bool(self._dropped_files(data, parent))
        return data.hasFormat(_TRANSFERS) and not parent.isValid()

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: AnyIndex) -> bool:
        """False in any case: the engine says where everything stands now, and nothing is to be taken away here."""
        if files := self._dropped_files(data, parent):
            item = self._item(parent)
            if row < len(item.files) or item.is_complete:  # else nobody knows yet what comes behind
                before = item.files[max(0, row)].row.id if row < len(item.files) else None
                self.file_move_wanted.emit(item.row.id, files, before)
            return False
        words = bytes(data.data(_TRANSFERS).data()).split()
        # Whoever can put anything into a drag can put anything into ours.
        transfers = [int(word) for word in words if word.isdigit() and int(word) in self._rows.items]
        shown = self._rows.shown
        if transfers and not parent.isValid():
            before = shown[row].row.id if 0 <= row < len(shown) else None
            self.move_wanted.emit(transfers, before)
        return False

    def _dropped_files(self, data: QMimeData, parent: AnyIndex) -> list[int]:
        """Those that can be dropped there: files go into their own transfer."""
        if not parent.isValid() or parent.internalId():
            return []
        item = self._item(parent)
        pairs = (word.partition(b":") for word in bytes(data.data(_FILES).data()).split())
        named = [int(file) for of, _, file in pairs if of == str(item.row.id).encode() and file.isdigit()]
        return [file for file in named if file in item.place]

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
