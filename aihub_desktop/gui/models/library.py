"""The folders of the library as a table, those of one dataset together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication

from aihub_desktop.domain.holdings import HoldingRow, HoldingState
from aihub_desktop.domain.tasks import TASK_ENDED, TaskRow
from aihub_desktop.gui import theme
from aihub_desktop.gui.models.library_words import HEADERS, Column, LibraryWords
from aihub_desktop.gui.models.queue import DETAIL_ROLE, ROW_ROLE
from aihub_desktop.system.words import Words

SIGN_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 20  # the picture before a state, "" for none

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
_NUMBERS: Final = (Column.SIZE, Column.FILES)
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_SIGNS: Final = {HoldingState.DAMAGED: "warning", HoldingState.UNREADABLE: "warning", HoldingState.NEWER: "refresh"}
_ABSENT: Final = frozenset({HoldingState.AWAY, HoldingState.GONE})


class LibraryModel(QAbstractTableModel):
    """Rows come from the engine, whole."""

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = LibraryWords(words)
        self._rows: list[HoldingRow] = []
        self._tasks: dict[str, TaskRow] = {}  # the last of each folder

    def speak(self, words: Words) -> None:
        self._words = LibraryWords(words)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(HEADERS) - 1)
        self._tell(range(len(self._rows)))

    def fill(self, rows: Iterable[HoldingRow]) -> None:
        """All folders anew."""
        self.beginResetModel()
        self._rows = sorted(rows, key=self._order)
        self.endResetModel()

    def change(self, rows: Iterable[HoldingRow], removed: Iterable[int] = ()) -> None:
        """Folders that changed, came or went."""
        for number in removed:
            if (place := self.place_of(number)) is not None:
                self.beginRemoveRows(QModelIndex(), place, place)
                del self._rows[place]
                self.endRemoveRows()
        for row in rows:
            place = self.place_of(row.id)
            if place is not None and self._order(self._rows[place]) == self._order(row):
                self._rows[place] = row
                self._tell([place])
            else:
                self._put(row, place)

    def change_tasks(self, tasks: Iterable[TaskRow]) -> None:
        """The last task of each folder."""
        old, self._tasks = self._tasks, {task.folder: task for task in tasks}
        self._tell(place for place, row in enumerate(self._rows) if old.get(row.folder) != self._tasks.get(row.folder))

    def row(self, place: int) -> HoldingRow:
        return self._rows[place]

    def rows(self) -> list[HoldingRow]:
        return list(self._rows)

    def place_of(self, number: int) -> int | None:
        return next((place for place, row in enumerate(self._rows) if row.id == number), None)

    def task_of(self, row: HoldingRow) -> TaskRow | None:
        """The last task of its folder, over or not."""
        return self._tasks.get(row.folder)

    # ---- Qt ----

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(HEADERS)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        return self._of_row(row, self.task_of(row), index.column(), role)

    def _of_row(self, row: HoldingRow, task: TaskRow | None, column: int, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._words.text(row, task, column)
            case Qt.ItemDataRole.ToolTipRole:
                return f"{self._words.title(row)}\n{row.folder}\n{self._words.proved(row)}"
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._words.spoken(row, task, column)
            case Qt.ItemDataRole.TextAlignmentRole if column in _NUMBERS:
                return _RIGHT
            case Qt.ItemDataRole.ForegroundRole if row.state in _ABSENT:
                return theme.faint(QGuiApplication.palette())
        return self._own_role(row, task, column, role)

    @staticmethod
    def _own_role(row: HoldingRow, task: TaskRow | None, column: int, role: int) -> Any:
        if role == ROW_ROLE:
            return row
        if role == DETAIL_ROLE:
            return row.folder
        if role == SIGN_ROLE and column == Column.STATE:
            at_work = task is not None and task.state not in TASK_ENDED
            return "" if at_work else _SIGNS.get(row.state, "")
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(HEADERS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words.header(section)
        if role == Qt.ItemDataRole.TextAlignmentRole and section in _NUMBERS:
            return _RIGHT
        return None

    # ---- inside ----

    def _order(self, row: HoldingRow) -> tuple[str, str, str]:
        """By title; folders of one dataset are neighbours."""
        key = row.summary.dataset.key if row.summary else ""
        return self._words.title(row).casefold(), key, row.folder

    def _put(self, row: HoldingRow, old: int | None) -> None:
        if old is not None:
            self.beginRemoveRows(QModelIndex(), old, old)
            del self._rows[old]
            self.endRemoveRows()
        orders = [self._order(one) for one in self._rows]
        place = sum(order < self._order(row) for order in orders)
        self.beginInsertRows(QModelIndex(), place, place)
        self._rows.insert(place, row)
        self.endInsertRows()

    def _tell(self, places: Iterable[int]) -> None:
        for place in places:
            self.dataChanged.emit(self.index(place, 0), self.index(place, len(HEADERS) - 1))
