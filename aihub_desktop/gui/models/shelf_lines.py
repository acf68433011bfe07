"""An object storage as a table of lines, for Qt's views: a tree laid flat.

Qt's own tree view lays all its rows out anew, through Python, whenever some are added; a table does not. So open
folders put their lines into one list, and the delegate draws them indented.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import Shelf
from aihub_desktop.domain.model import RemoteFile, SizeRange
from aihub_desktop.gui.models.shelf import TAIL, Folder, ShelfTree, Tick
from aihub_desktop.gui.models.tree import Sum
from aihub_desktop.system.words import Words

NAME, SIZE = 0, 1
_HEADERS: Final = ("gui.shelf.column.name", "gui.shelf.column.size")
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_AHEAD: Final = 600  # lines below what is seen from which the next page is asked for
_SLICE_SECONDS: Final = 0.005  # sifting at a stretch

DEPTH_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 1  # int, 0 for buckets
OPEN_ROLE: Final = DEPTH_ROLE + 1  # bool, or None for what cannot be opened

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
_STATES: Final = {
    Tick.OFF: Qt.CheckState.Unchecked,
    Tick.ON: Qt.CheckState.Checked,
    Tick.PARTLY: Qt.CheckState.PartiallyChecked,
}


class ShelfModel(QAbstractTableModel):
    """`page_wanted` gives a `Folder` of `tree`; its page comes back by `add_page`, or `fail` says why not."""

    page_wanted = Signal(object)
    ticks_changed = Signal()
    sifted = Signal()  # a filter has taken effect

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self.tree = ShelfTree()
        self._text = ""
        self._sifting: Iterator[None] | None = None
        self._turn = QTimer(self, singleShot=True, interval=0)
        self._turn.timeout.connect(self._sift_on)

    def speak(self, words: Words) -> None:
        self._words = words
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(_HEADERS) - 1)

    def clear(self) -> None:
        """Another storage, of which nothing is known yet."""
        self._sifting, self._text = None, ""
        self.beginResetModel()
        self.tree = ShelfTree()
        self.endResetModel()
        self.ticks_changed.emit()

    # ---- pages ----

    def ask(self, folder: Folder) -> None:
        """Asks for a folder's next page, unless that is under way or all is here."""
        if not folder.asked and not folder.complete:
            folder.asked, folder.problem = True, None
            self.page_wanted.emit(folder)

    def ask_near(self, first: int, last: int) -> None:
        """Lines `first` to `last` are seen: asks for what is missing there and a little below."""
        owners, at = self.tree.owners, self.tree.at
        stop = min(len(at), last + _AHEAD)
        line = first
        while TAIL in at[line:stop]:
            line = at.index(TAIL, line, stop)
            if owners[line].problem is None:
                self.ask(owners[line])
            line += 1

    def add_page(self, folder: Folder, page: Shelf) -> None:
        """What came of a folder. One of another tree is no longer of interest."""
        tree = self.tree
        if not self._is_ours(folder):
            return
        old_tail = folder.has_tail
        fresh = tree.add(folder, page)
        if folder.is_open and tree.in_sight(folder):
            self._enter_lines(folder, fresh, old_tail)
        self._tell_above(folder)
        self.ticks_changed.emit()
        if self._sifting is not None:
            self._begin_sift()

    def _enter_lines(self, folder: Folder, fresh: list[int], old_tail: bool) -> None:
        tree = self.tree
        # Below the lines that were there, before the tail.
        line = tree.line_of(folder) + 1 + folder.beneath - old_tail
        self._insert(line, folder, [folder] * len(fresh), fresh)
        line += len(fresh)
        if old_tail and not folder.has_tail:
            self._drop(line, 1, folder)
        elif folder.has_tail:
            self._tell(line, line)

    def _insert(self, line: int, folder: Folder, owners: list[Folder], at: list[int]) -> None:
        """Lines that belong below an open folder in sight."""
        if at:
            self.beginInsertRows(_NOWHERE, line, line + len(at) - 1)
            self.tree.owners[line:line] = owners
            self.tree.at[line:line] = at
            self.tree.grow(folder, len(at))
            self.endInsertRows()

    def _drop(self, line: int, count: int, folder: Folder) -> None:
        if count:
            self.beginRemoveRows(_NOWHERE, line, line + count - 1)
            del self.tree.owners[line : line + count], self.tree.at[line : line + count]
            self.tree.grow(folder, -count)
            self.endRemoveRows()

    def fail(self, folder: Folder, problem: Problem) -> None:
        """The page that was asked for does not come; `retry` asks again."""
        if self._is_ours(folder):
            folder.asked, folder.problem = False, problem
            self._tell_tail(folder)

    def retry(self, line: int) -> None:
        """Asks again where a problem stands."""
        folder = self.tree.owners[line]
        if self.tree.at[line] == TAIL and folder.problem is not None:
            self.ask(folder)
            self._tell(line, line)

    def add_bucket(self, name: str) -> Folder:
        """A bucket that the storage does not list, or the one that it does."""
        root = self.tree.root
        found = next((bucket for bucket in root.folders if bucket.name == name), None)
        if found is None:
            # The storage's own list is still to come, or does not come at all: that stays as it is.
            before, old_tail = (root.next, root.asked, root.problem), root.has_tail
            fresh = self.tree.add(root, Shelf([name], [], "more"))
            root.next, root.asked, root.problem = before
            self._enter_lines(root, fresh, old_tail)
            found = root.folders[-1]
        return found

    def _is_ours(self, folder: Folder) -> bool:
        while folder.parent is not None:
            folder = folder.parent
        return folder is self.tree.root

    # ---- opening ----

    def folder_at(self, line: int) -> Folder | None:
        """The folder of a line; None for objects and tails."""
        entry = self.tree.entry(line)
        return entry if isinstance(entry, Folder) else None

    def toggle(self, line: int) -> None:
        folder = self.folder_at(line)
        if folder is not None:
            self.close_folder(folder) if folder.is_open else self.open_folder(folder)

    def open_folder(self, folder: Folder) -> None:
        tree, above = self.tree, folder.parent
        if folder.is_open or above is None:
            return
        folder.is_open = True
        above.opened.add(folder)
        if tree.in_sight(folder):
            line = tree.line_of(folder)
            self._insert(line + 1, folder, *tree.lines_below(folder))
            self._tell(line, line)
        if folder.next is None:
            self.ask(folder)

    def close_folder(self, folder: Folder) -> None:
        tree, above = self.tree, folder.parent
        if not folder.is_open or above is None:
            return
        if tree.in_sight(folder):
            line = tree.line_of(folder)
            self._drop(line + 1, folder.beneath, folder)
            self._tell(line, line)
        folder.is_open, folder.beneath = False, 0
        above.opened.discard(folder)

    def line_above(self, line: int) -> int:
        """The line of the folder that holds a line; -1 for a bucket."""
        return self.tree.line_of(self.tree.owners[line])

    # ---- ticks ----

    def sum(self) -> Sum:
        """What is ticked and known."""
        tree = self.tree
        return Sum(tree.files_on, SizeRange(tree.bytes_on, tree.bytes_on, ""), tree.hidden_on())

    @property
    def ticked_ends(self) -> int:
        """Ticked folders of which not everything is known."""
        return self.tree.ticked_ends

    @property
    def unknown(self) -> int:
        """Ticked objects without a size: a storage tells all sizes."""
        return 0

    def files(self, *, ticked: bool = False) -> list[RemoteFile]:
        """Those that are known, all or the ticked ones."""
        found: list[RemoteFile] = []
        waiting = [self.tree.root]
        while waiting:
            folder = waiting.pop()
            waiting += folder.folders
            if folder.files_on or not ticked:
                pairs = zip(folder.entries, folder.ticks, strict=True)
                found += [each for each, on in pairs if isinstance(each, RemoteFile) and (on or not ticked)]
        return found

    def tick(self, line: int, on: bool) -> None:
        tree = self.tree
        folder, place = tree.owners[line], tree.at[line]
        if place == TAIL:
            return
        tree.tick(folder, place, on)
        entry = folder.entries[place]
        below = entry.beneath if isinstance(entry, Folder) else 0
        self._tell(line, line + below)
        self._tell_above(folder)
        self.ticks_changed.emit()

    def tick_all(self, on: bool) -> None:
        """Everything that the filter shows."""
        self.tree.tick_all(self.tree.root, on)
        self._tell(0, len(self.tree.at) - 1)
        self.ticks_changed.emit()

    def untick_all(self) -> None:
        """Also what the filter hides."""
        text, self._text = self._text, ""
        for _ in self.tree.sift(""):
            pass
        self.tree.tick_all(self.tree.root, False)
        self._rebuild()
        self.filter(text)

    def tick_state(self, line: int) -> Qt.CheckState | None:
        place = self.tree.at[line]
        return None if place == TAIL else _STATES[Tick(self.tree.owners[line].ticks[place])]

    # ---- the filter ----

    @property
    def filtering(self) -> str:
        return self._text

    @property
    def sifting(self) -> bool:
        """Whether a filter is still on its way."""
        return self._sifting is not None

    def filter(self, text: str) -> None:
        """Shows what has come and matches, with the folders that lead there. Takes effect with `sifted`."""
        if text.strip() != self._text.strip():
            self._text = text
            self._begin_sift()

    def _begin_sift(self) -> None:
        self._sifting = self.tree.sift(self._text)
        self._turn.start()

    def _sift_on(self) -> None:
        until = monotonic() + _SLICE_SECONDS
        while self._sifting is not None:
            if next(self._sifting, self) is self:
                self._sifting = None
                self._rebuild()
                self.sifted.emit()
            elif monotonic() > until:
                self._turn.start()
                return

    def _rebuild(self) -> None:
        self.beginResetModel()
        self.tree.rebuild()
        self.endResetModel()
        self.ticks_changed.emit()

    # ---- Qt ----

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.tree.at)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(_HEADERS)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid() and index.column() == NAME and self.tree.at[index.row()] != TAIL:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        # Asked for nine roles a cell at each paint, most of which it has nothing to say of.
        asked = _ROLES.get(role)
        if asked is None or not index.isValid() or index.row() >= len(self.tree.at):
            return None
        return asked(self, index.row(), index.column())

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid() or index.column() != NAME:
            return False
        self.tick(index.row(), Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

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

    def _tell(self, first: int, last: int) -> None:
        if first >= 0 and last >= first:
            self.dataChanged.emit(self.index(first, NAME), self.index(last, SIZE))

    def _tell_tail(self, folder: Folder) -> None:
        if folder.is_open and self.tree.in_sight(folder) and folder.has_tail:
            line = self.tree.line_of(folder) + folder.beneath
            self._tell(line, line)

    def _tell_above(self, folder: Folder) -> None:
        place: Folder | None = folder
        while place is not None and place.parent is not None:
            if self.tree.in_sight(place):
                line = self.tree.line_of(place)
                self._tell(line, line)
            place = place.parent


_ROLES: Final[dict[int, Callable[[ShelfModel, int, int], Any]]] = {
    int(Qt.ItemDataRole.DisplayRole): lambda model, line, column: model.text(line, column),
    int(Qt.ItemDataRole.TextAlignmentRole): lambda _model, _line, column: _RIGHT if column == SIZE else None,
    int(Qt.ItemDataRole.CheckStateRole): lambda model, line, column: model.tick_state(line) if column == NAME else None,
    int(Qt.ItemDataRole.ToolTipRole): lambda model, line, _: model.tip(line),
    int(Qt.ItemDataRole.AccessibleTextRole): lambda model, line, column: model.spoken(line, column),
    DEPTH_ROLE: lambda model, line, _: model.tree.owners[line].depth + 1,
    OPEN_ROLE: lambda model, line, _: model.is_open(line),
}
