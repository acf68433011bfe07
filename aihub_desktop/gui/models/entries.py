"""The entries of one archive."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import QObject, Qt, Signal

from aihub_desktop.domain.inside import EntryRow, Order
from aihub_desktop.gui.inside.content import end_of
from aihub_desktop.gui.models.library import SIGN_ROLE
from aihub_desktop.gui.models.paged import PagedModel
from aihub_desktop.gui.models.queue import DETAIL_ROLE
from aihub_desktop.system.words import Words


class EntryColumn(IntEnum):
    NAME = 0
    SIZE = 1
    PACKED = 2
    KIND = 3


HEADERS: Final = tuple(f"gui.inside.column.{column.name.lower()}" for column in EntryColumn)


class EntriesModel(PagedModel[EntryRow]):
    """Pages come from the engine, which sorts, too: `order_wanted` tells how."""

    order_wanted = Signal(Order, bool)  # descending
    columns = len(EntryColumn)
    numbers = (EntryColumn.SIZE, EntryColumn.PACKED)

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = words

    def speak(self, words: Words) -> None:
        self._words = words
        self.retell()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        wanted = Order(EntryColumn(column).name.lower()) if 0 <= column < self.columns else Order.ARCHIVE
        self.order_wanted.emit(wanted, wanted is not Order.ARCHIVE and order == Qt.SortOrder.DescendingOrder)

    def text(self, row: EntryRow, column: int) -> str:
        match column:
            case EntryColumn.NAME:
                return row.name
            case EntryColumn.SIZE:
                return self._words.size(row.size)
            case EntryColumn.PACKED:
                return self._words.size(row.packed)
            case _ if row.closed is not None:
                return self._words.say(f"refusal.{row.closed}")
            case _:
                return end_of(row.name).upper()

    def _header(self, column: int) -> str:
        return self._words.say(HEADERS[column])

    def _spoken(self, row: EntryRow, column: int) -> str:
        text = self.text(row, column)
        if column == EntryColumn.NAME:
            return text
        return self._words.say("gui.library.spoken-cell", column=self._header(column), text=text)

    def _of_row(self, row: EntryRow, column: int, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self.text(row, column)
            case Qt.ItemDataRole.ToolTipRole:
                return row.name
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(row, column)
            case _ if role == DETAIL_ROLE:
                return ""
            case _ if role == SIGN_ROLE and column == EntryColumn.KIND:
                return "warning" if row.closed is not None else ""
        return None
