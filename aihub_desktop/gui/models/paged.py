"""Tables of which every row is there at once, while pages come as they are looked at."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

PAGE: Final = 500
_MOST_PAGES: Final = 40  # kept; those that were looked at longest ago are asked for again

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
R = TypeVar("R")


class PagedModel(QAbstractTableModel, Generic[R]):
    """`page_wanted` gives the offset of a page that is in sight. Pages of what was shown before are thrown away.

    What a cell says is for those below: `_of_row` and `_header`. `numbers`: columns with their texts at the right.
    """

    page_wanted = Signal(int)
    columns = 0
    numbers: tuple[int, ...] = ()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pages: dict[int, list[R]] = {}
        self._asked: set[int] = set()
        self._total = 0

    def clear(self) -> None:
        """Nothing is shown; nothing that was asked for fits any more."""
        self.beginResetModel()
        self._pages, self._asked, self._total = {}, set(), 0
        self.endResetModel()

    def begin(self) -> None:
        """Asks for the first page, by which the number of rows is known."""
        self.clear()
        self._ask(0)

    def renew(self) -> None:
        """What is known may be another by now; what is in sight stays until it is."""
        self._pages, self._asked = {}, set()
        self._ask(0)
        self._tell(0, self._total)

    def put(self, offset: int, rows: list[R], total: int) -> None:
        """A page has come."""
        self._asked.discard(offset)
        self._pages.pop(offset, None)
        self._pages[offset] = rows
        for oldest in list(self._pages)[: max(0, len(self._pages) - _MOST_PAGES)]:
            del self._pages[oldest]
        if total != self._total:
            self._resize(total)
        self._tell(offset, offset + len(rows))

    def fail(self, offset: int) -> None:
        """That page does not come. Whoever scrolls asks again."""
        self._asked.discard(offset)

    def row_at(self, row: int) -> R | None:
        """None while its page is not here."""
        page = self._pages.get(row - row % PAGE)
        place = row % PAGE
        return page[place] if page is not None and place < len(page) else None

    def retell(self) -> None:
        """The words are others."""
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, self.columns - 1)
        self._tell(0, self._total)

    # ---- Qt ----

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else self._total

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else self.columns

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= self._total:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if index.column() in self.numbers else None
        row = self.row_at(index.row())
        if row is None:
            if role == Qt.ItemDataRole.DisplayRole:
                self._ask(index.row() - index.row() % PAGE)
                return "" if index.column() else "…"
            return None
        return self._of_row(row, index.column(), role)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < self.columns:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._header(section)
        return _RIGHT if role == Qt.ItemDataRole.TextAlignmentRole and section in self.numbers else None

    # ---- of those below ----

    def _of_row(self, row: R, column: int, role: int) -> Any:
        raise NotImplementedError

    def _header(self, column: int) -> str:
        raise NotImplementedError

    # ---- inside ----

    def _ask(self, offset: int) -> None:
        if offset not in self._asked:
            self._asked.add(offset)
            self.page_wanted.emit(offset)

    def _resize(self, total: int) -> None:
        if total > self._total:
            self.beginInsertRows(QModelIndex(), self._total, total - 1)
            self._total = total
            self.endInsertRows()
        else:
            self.beginRemoveRows(QModelIndex(), total, self._total - 1)
            self._total = total
            self.endRemoveRows()

    def _tell(self, start: int, stop: int) -> None:
        if min(stop, self._total) > start:
            self.dataChanged.emit(self.index(start, 0), self.index(min(stop, self._total) - 1, self.columns - 1))
