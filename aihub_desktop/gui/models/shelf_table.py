"""An object storage as a table of lines, as Qt's views ask for it: what stands in a line, in words.

Qt's own tree view lays all its rows out anew, through Python, whenever some are added; a table does not. So open
folders put their lines into one list, and the delegate draws them indented.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.gui.models.shelf import TAIL, Folder, ShelfTree, Tick
from aihub_desktop.system.words import Words

NAME, SIZE = 0, 1
_HEADERS: Final = ("gui.shelf.column.name", "gui.shelf.column.size")
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

DEPTH_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 1  # int, 0 for buckets
OPEN_ROLE: Final = DEPTH_ROLE + 1  # bool, or None for what cannot be opened

AnyIndex = QModelIndex | QPersistentModelIndex
NOWHERE: Final = QModelIndex()
_STATES: Final = {
    Tick.OFF: Qt.CheckState.Unchecked,
    Tick.ON: Qt.CheckState.Checked,
    Tick.PARTLY: Qt.CheckState.PartiallyChecked,
}


class ShelfTable(QAbstractTableModel):
    """The lines of `tree`. What changes them is `ShelfModel`."""

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self.tree = ShelfTree()

    def speak(self, words: Words) -> None:
        self._words = words
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(_HEADERS) - 1)

    def folder_at(self, line: int) -> Folder | None:
        """The folder of a line; None for objects and tails."""
        entry = self.tree.entry(line)
        return entry if isinstance(entry, Folder) else None

    def line_above(self, line: int) -> int:
        """The line of the folder that holds a line; -1 for a bucket."""
        return self.tree.line_of(self.tree.owners[line])

    def tick_state(self, line: int) -> Qt.CheckState | None:
        place = self.tree.at[line]
        return None if place == TAIL else _STATES[Tick(self.tree.owners[line].ticks[place])]

    # ---- Qt ----

    def rowCount(self, parent: AnyIndex = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.tree.at)

    def columnCount(self, parent: AnyIndex = NOWHERE) -> int:
        return 0 if parent.isValid() else len(_HEADERS)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        # Asked for nine roles a cell at each paint, most of which it has nothing to say of.
        asked = _ROLES.get(role)
        if asked is None or not index.isValid() or index.row() >= len(self.tree.at):
            return None
        return asked(self, index.row(), index.column())

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(_HEADERS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words.say(_HEADERS[section])
        if role == Qt.ItemDataRole.TextAlignmentRole and section == SIZE:
            return _RIGHT
        return None

    # ---- texts ----

    def text(self, line: int, column: int) -> str:
        folder, entry = self.tree.owners[line], self.tree.entry(line)
        if entry is None:
            return self._tail_text(folder) if column == NAME else ""
        if column == NAME:
            # Between two slashes stands a name of no signs.
            return entry.name or "/" if isinstance(entry, Folder) else entry.key.removeprefix(folder.prefix)
        return self._size_text(entry)

    def _tail_text(self, folder: Folder) -> str:
        if folder.problem is not None and folder.parent is None:
            return self._words.say("gui.shelf.no-list")
        if folder.problem is not None:
            return self._words.say("gui.shelf.problem", problem=self._words.problem(folder.problem).title)
        if folder.complete:
            return self._words.say("gui.shelf.empty" if folder.parent is not None else "gui.shelf.no-buckets")
        return self._words.say("gui.shelf.loading", n=len(folder.entries) or "")

    def _size_text(self, entry: Folder | RemoteFile) -> str:
        if isinstance(entry, RemoteFile):
            return self._words.size_range(entry.size)
        if entry.next is None:
            return ""
        size = self._words.size(entry.bytes)
        return size if not entry.open_ends else self._words.say("gui.shelf.at-least", size=size)

    def tip(self, line: int) -> str:
        entry = self.tree.entry(line)
        if entry is None:
            problem = self.tree.owners[line].problem
            return "\n".join(self._words.problem(problem)) if problem is not None else ""
        return entry.path if isinstance(entry, Folder) else entry.key

    def spoken(self, line: int, column: int) -> str:
        entry = self.tree.entry(line)
        name, size = self.text(line, NAME), self.text(line, SIZE)
        if entry is None or column != NAME:
            return name if column == NAME else size
        if isinstance(entry, RemoteFile):
            return self._words.say("gui.files.spoken.file", name=name, size=size)
        kind = "open" if entry.is_open else "closed"
        return self._words.say(f"gui.shelf.spoken.{kind}", name=name, level=entry.depth + 1, size=size)

    def is_open(self, line: int) -> bool | None:
        folder = self.folder_at(line)
        return None if folder is None else folder.is_open

    # ---- telling ----

    def tell(self, first: int, last: int) -> None:
        if first >= 0 and last >= first:
            self.dataChanged.emit(self.index(first, NAME), self.index(last, SIZE))

    def tell_tail(self, folder: Folder) -> None:
        if folder.is_open and self.tree.in_sight(folder) and folder.has_tail:
            line = self.tree.line_of(folder) + folder.beneath
            self.tell(line, line)

    def tell_above(self, folder: Folder) -> None:
        place: Folder | None = folder
        while place is not None and place.parent is not None:
            if self.tree.in_sight(place):
                line = self.tree.line_of(place)
                self.tell(line, line)
            place = place.parent


_ROLES: Final[dict[int, Callable[[ShelfTable, int, int], Any]]] = {
    int(Qt.ItemDataRole.DisplayRole): lambda model, line, column: model.text(line, column),
    int(Qt.ItemDataRole.TextAlignmentRole): lambda _model, _line, column: _RIGHT if column == SIZE else None,
    int(Qt.ItemDataRole.CheckStateRole): lambda model, line, column: model.tick_state(line) if column == NAME else None,
    int(Qt.ItemDataRole.ToolTipRole): lambda model, line, _: model.tip(line),
    int(Qt.ItemDataRole.AccessibleTextRole): lambda model, line, column: model.spoken(line, column),
    DEPTH_ROLE: lambda model, line, _: model.tree.owners[line].depth + 1,
    OPEN_ROLE: lambda model, line, _: model.is_open(line),
}
