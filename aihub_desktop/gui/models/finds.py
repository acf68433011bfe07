"""What was found in a folder of other tools, as a table: what needs an eye stands first."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from aihub_desktop.domain.adoption import Fate, FoundFile, Lot, Origin, State
from aihub_desktop.gui.models.library import SIGN_ROLE
from aihub_desktop.gui.models.queue import DETAIL_ROLE
from aihub_desktop.system.words import Words

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_NOTED: Final = frozenset({Lot.WRONG, Lot.PARTIAL})


class FindColumn(IntEnum):
    NAME = 0
    SIZE = 1
    STATE = 2
    DEED = 3


class FindsModel(QAbstractTableModel):
    """`arrange` says what is wished; the deeds follow."""

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self._rows: list[FoundFile] = []
        self._moves = self._sets_aside = self._is_over = False

    def fill(self, rows: list[FoundFile], *, is_over: bool) -> None:
        """All anew; `is_over`: the last column tells what came of it."""
        self.beginResetModel()
        self._rows, self._is_over = rows, is_over
        self.endResetModel()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(FindColumn) - 1)

    @property
    def shown(self) -> list[FoundFile]:
        return self._rows

    def arrange(self, *, moves: bool, sets_aside: bool) -> None:
        self._moves, self._sets_aside = moves, sets_aside
        if self._rows:
            self.dataChanged.emit(
                self.index(0, FindColumn.DEED), self.index(len(self._rows) - 1, FindColumn.DEED)
            )  # fmt: skip

    # ---- Qt ----

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(FindColumn)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        return self._of_row(self._rows[index.row()], FindColumn(index.column()), role)

    def _of_row(self, row: FoundFile, column: FindColumn, role: int) -> Any:
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self.text(row, column)
            case Qt.ItemDataRole.ToolTipRole:
                return self._tip(row)
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._words.say("gui.adopt.spoken", column=self._header(column), text=self.text(row, column))
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if column is FindColumn.SIZE else None
            case _ if role == SIGN_ROLE and column is FindColumn.STATE and _is_noted(row):
                return "warning"
        return "" if role in (DETAIL_ROLE, SIGN_ROLE) else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(FindColumn):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._header(FindColumn(section))
        if role == Qt.ItemDataRole.TextAlignmentRole and section == FindColumn.SIZE:
            return _RIGHT
        return None

    # ---- words ----

    def text(self, row: FoundFile, column: FindColumn) -> str:
        match column:
            case FindColumn.NAME:
                return row.place or row.path
            case FindColumn.SIZE:
                return self._words.size(row.size) if row.size else ""
            case FindColumn.STATE:
                return self._state(row)
            case FindColumn.DEED:
                return self._fate(row) if self._is_over else self._deed(row)

    def _header(self, column: FindColumn) -> str:
        name = "fate" if column is FindColumn.DEED and self._is_over else column.name.lower()
        return self._words.say(f"gui.adopt.column.{name}")

    def _state(self, row: FoundFile) -> str:
        if row.state is State.WHOLE and row.origin in (Origin.PIECES, Origin.TAR):
            return self._words.say(f"gui.adopt.state.{row.origin}")
        return self._words.say(f"gui.adopt.state.{row.state}")

    def _deed(self, row: FoundFile) -> str:
        deed = str(row.lot)
        if row.bars and self._sets_aside:
            deed = "aside"
        elif row.lot is Lot.ELSEWHERE and self._moves and row.is_movable:
            deed = "moved"
        return self._words.say(f"gui.adopt.deed.{deed}")

    def _fate(self, row: FoundFile) -> str:
        if row.bars and self._sets_aside:
            return self._words.say("gui.adopt.deed.aside")
        return self._deed(row) if row.fate is None else self._words.say(f"gui.adopt.fate.{row.fate}")

    def _tip(self, row: FoundFile) -> str:
        lines = [row.place or row.path]
        if row.place and row.path != row.place:
            lines.append(self._words.say("gui.adopt.found-as", path=row.path))
        if row.problem is not None:
            lines.append(self._words.problem(row.problem).title)
        return "\n".join(lines)


def _is_noted(row: FoundFile) -> bool:
    """Whether a person should look at it."""
    return row.lot in _NOTED or (row.fate is not None and row.fate is not Fate.ADOPTED)
