"""The wishes of a batch as a table: what each comes to, and how a folder has it."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from aihub_desktop.domain.batchfile import DatasetWish
from aihub_desktop.domain.findings import LACKING, Standing
from aihub_desktop.domain.model import SizeRange
from aihub_desktop.gui.batches.listing import Line, Listing
from aihub_desktop.gui.models.datasets import FOUND_ROLE
from aihub_desktop.gui.models.library import SIGN_ROLE
from aihub_desktop.system.words import Words

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class BatchColumn(IntEnum):
    WISH = 0
    FILES = 1
    SIZE = 2
    STATE = 3


_NUMBERS: Final = (BatchColumn.FILES, BatchColumn.SIZE)


class BatchModel(QAbstractTableModel):
    """Follows a listing."""

    def __init__(self, words: Words, listing: Listing, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words, self._listing = words, listing
        listing.changed.connect(lambda place: self._tell(place, place))
        listing.weighed.connect(self.tell_all)

    def tell_all(self) -> None:
        """Every line may stand otherwise now."""
        self._tell(0, len(self._listing.lines) - 1)

    def _tell(self, first: int, last: int) -> None:
        if 0 <= first <= last:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(BatchColumn) - 1))

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._listing.lines)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(BatchColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(BatchColumn):
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole and section in _NUMBERS:
            return _RIGHT
        return self._header(section) if role == Qt.ItemDataRole.DisplayRole else None

    def _header(self, section: int) -> str:
        return self._words.say(f"gui.batch.column.{BatchColumn(section).name.lower()}")

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        line, column = self._listing.lines[index.row()], BatchColumn(index.column())
        found: Any = None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                found = cell(line, column, self._words)
            case Qt.ItemDataRole.ToolTipRole:
                found = _tip(line, column, self._words)
            case Qt.ItemDataRole.AccessibleTextRole:
                text = cell(line, column, self._words)
                found = self._words.say("gui.library.spoken-cell", column=self._header(column), text=text)
            case Qt.ItemDataRole.TextAlignmentRole if column in _NUMBERS:
                found = _RIGHT
            case _ if role == FOUND_ROLE and column is BatchColumn.WISH:
                found = detail(line, self._words)
            case _ if role == SIGN_ROLE and column is BatchColumn.STATE:
                found = _sign(line)
        return found


def cell(line: Line, column: BatchColumn, words: Words) -> str:
    """The text of a cell."""
    match column:
        case BatchColumn.WISH:
            return line.name
        case BatchColumn.FILES:
            return f"{len(line.files):,}" if line.files else ""
        case BatchColumn.SIZE:
            return _size(line, words)
        case BatchColumn.STATE:
            return state(line, words)


def _size(line: Line, words: Words) -> str:
    known = [file.size for file in line.files if not file.size.is_unknown]
    if not known:
        return words.say("value.unknown") if line.files else ""
    return words.size_range(SizeRange(sum(one.low for one in known), sum(one.high for one in known), ""))


def state(line: Line, words: Words) -> str:
    """How the folder has it, or why that is not known."""
    if not line.known:
        return words.say("gui.batch.state.looking")
    if line.problem is not None:
        return words.problem(line.problem).title
    if not line.standings:
        return ""
    counts = line.counts()
    if counts[Standing.THERE] == len(line.standings) and not line.gone:
        return words.say("gui.batch.state.all-there")
    shown = [one for one in reversed(Standing) if counts[one]]  # what has to come first
    parts = [words.say(f"gui.batch.state.{one}", n=counts[one]) for one in shown]
    return " · ".join([*parts, words.say("gui.batch.state.gone", n=line.gone)] if line.gone else parts)


def detail(line: Line, words: Words) -> str:
    """Beside the name: the number of a dataset, and which of its files are meant."""
    wish = line.wish
    if not isinstance(wish, DatasetWish):
        return ""
    if wish.files:
        which = words.say("gui.batch.wish.keys", n=len(wish.files))
    else:
        which = ", ".join(wish.include) or words.say("gui.batch.wish.all")
    but = words.say("gui.batch.wish.but", patterns=", ".join(wish.exclude)) if wish.exclude else ""
    return " · ".join(filter(None, (wish.key, which, but)))


def _tip(line: Line, column: BatchColumn, words: Words) -> str:
    if column is BatchColumn.WISH:
        return "\n".join(filter(None, (line.name, detail(line, words))))
    if column is BatchColumn.STATE and line.problem is not None:
        told = words.problem(line.problem)
        return f"{told.title}\n{told.advice}"
    if column is BatchColumn.STATE and line.old is not None:
        return words.say("gui.batch.state.old", moment=words.moment(line.old))
    return cell(line, column, words)


def _sign(line: Line) -> str:
    if line.problem is not None or line.gone:
        return "warning"
    if not line.standings:
        return ""
    return "" if any(one in LACKING for one in line.standings) else "tick"
