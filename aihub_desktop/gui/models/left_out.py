"""What an unpacking left out, entry by entry, with the reasons."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import QObject, Qt

from aihub_desktop.domain.unpacking import LeftOut, Refusal
from aihub_desktop.gui.models.library import SIGN_ROLE
from aihub_desktop.gui.models.paged import PagedModel
from aihub_desktop.gui.models.queue import DETAIL_ROLE
from aihub_desktop.system.words import Words

# Nothing is lost by these.
_HARMLESS: Final = frozenset({Refusal.RENAMED, Refusal.JUNK})


class LeftOutColumn(IntEnum):
    ENTRY = 0
    WHY = 1
    ARCHIVE = 2


HEADERS: Final = tuple(f"gui.left-out.column.{column.name.lower()}" for column in LeftOutColumn)


def cells(row: LeftOut, words: Words) -> list[str]:
    """The texts of a line, in the order of the columns."""
    if row.problem is not None:
        return [words.say("gui.left-out.whole"), words.problem(row.problem).title, row.archive]
    why = "" if row.why is None else words.say(f"refusal.{row.why}")
    return [row.name, f"{why}: {row.place}" if row.place else why, row.archive]


class LeftOutModel(PagedModel[LeftOut]):
    """Pages come from the engine."""

    columns = len(LeftOutColumn)

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = words

    def _header(self, column: int) -> str:
        return self._words.say(HEADERS[column])

    def _of_row(self, row: LeftOut, column: int, role: int) -> Any:
        text = cells(row, self._words)[column]
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.ToolTipRole:
                return text
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._words.say("gui.library.spoken-cell", column=self._header(column), text=text)
            case _ if role == DETAIL_ROLE:
                return ""
            case _ if role == SIGN_ROLE and column == LeftOutColumn.WHY:
                return "" if row.why in _HARMLESS else "warning"
        return None
