"""The lines of an object storage as they come, open, close, are ticked and filtered: a tree laid flat."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Any, Final

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import Shelf
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.gui.models.shelf import TAIL, Folder, ShelfTree
from aihub_desktop.gui.models.shelf_table import NAME, NOWHERE, AnyIndex, ShelfTable
from aihub_desktop.gui.models.tree import Sum
from aihub_desktop.system.words import Words

_AHEAD: Final = 600  # lines below what is seen from which the next page is asked for
_SLICE_SECONDS: Final = 0.005  # sifting at a stretch


class ShelfModel(ShelfTable):
    """`page_wanted` gives a `Folder` of `tree`; its page comes back by `add_page`, or `fail` says why not."""

    page_wanted = Signal(object)
    ticks_changed = Signal()
    sifted = Signal()  # a filter has taken effect

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(words, parent)
        self.filtering = ""
        self._sifting: Iterator[None] | None = None
        self._turn = QTimer(self, singleShot=True, interval=0)
        self._turn.timeout.connect(self._sift_on)

    def clear(self) -> None:
        """Another storage, of which nothing is known yet."""
        self._sifting, self.filtering = None, ""
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
        if folder.top is not self.tree.root:
            return
        old_tail = folder.has_tail
        fresh = tree.add(folder, page)
        if folder.is_open and tree.in_sight(folder):
            self._enter_lines(folder, fresh, old_tail)
        self.tell_above(folder)
        self.ticks_changed.emit()
        if self._sifting is not None:
            self._sifting = self.tree.sift(self.filtering)
            self._turn.start()

    def _enter_lines(self, folder: Folder, fresh: list[int], old_tail: bool) -> None:
        tree = self.tree
        # Below the lines that were there, before the tail.
        line = tree.line_of(folder) + 1 + folder.beneath - old_tail
        self._insert(line, folder, [folder] * len(fresh), fresh)
        line += len(fresh)
        if old_tail and not folder.has_tail:
            self._drop(line, 1, folder)
        elif folder.has_tail:
            self.tell(line, line)

    def _insert(self, line: int, folder: Folder, owners: list[Folder], at: list[int]) -> None:
        """Lines that belong below an open folder in sight."""
        if at:
            self.beginInsertRows(NOWHERE, line, line + len(at) - 1)
            self.tree.owners[line:line] = owners
            self.tree.at[line:line] = at
            self.tree.grow(folder, len(at))
            self.endInsertRows()

    def _drop(self, line: int, count: int, folder: Folder) -> None:
        if count:
            self.beginRemoveRows(NOWHERE, line, line + count - 1)
            del self.tree.owners[line : line + count], self.tree.at[line : line + count]
            self.tree.grow(folder, -count)
            self.endRemoveRows()

    def fail(self, folder: Folder, problem: Problem) -> None:
        """The page that was asked for does not come; `retry` asks again."""
        if folder.top is self.tree.root:
            folder.asked, folder.problem = False, problem
            self.tell_tail(folder)

    def retry(self, line: int) -> None:
        """Asks again where a problem stands."""
        folder = self.tree.owners[line]
        if self.tree.at[line] == TAIL and folder.problem is not None:
            self.ask(folder)
            self.tell(line, line)

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

    # ---- opening ----

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
            self.tell(line, line)
        if folder.next is None:
            self.ask(folder)

    def close_folder(self, folder: Folder) -> None:
        tree, above = self.tree, folder.parent
        if not folder.is_open or above is None:
            return
        if tree.in_sight(folder):
            line = tree.line_of(folder)
            self._drop(line + 1, folder.beneath, folder)
            self.tell(line, line)
        folder.is_open, folder.beneath = False, 0
        above.opened.discard(folder)

    # ---- ticks ----

    def sum(self) -> Sum:
        """What is ticked and known."""
        return self.tree.sum()

    def files(self, *, ticked: bool = False) -> list[RemoteFile]:
        """Those that are known, all or the ticked ones."""
        return self.tree.files(ticked=ticked)

    def tick(self, line: int, on: bool) -> None:
        tree = self.tree
        folder, place = tree.owners[line], tree.at[line]
        if place == TAIL:
            return
        tree.tick(folder, place, on)
        entry = folder.entries[place]
        below = entry.beneath if isinstance(entry, Folder) else 0
        self.tell(line, line + below)
        self.tell_above(folder)
        self.ticks_changed.emit()

    def tick_all(self, on: bool) -> None:
        """Everything that the filter shows."""
        self.tree.tick_all(self.tree.root, on)
        self.tell(0, len(self.tree.at) - 1)
        self.ticks_changed.emit()

    def untick_all(self) -> None:
        """Also what the filter hides."""
        text, self.filtering = self.filtering, ""
        for _ in self.tree.sift(""):
            pass
        self.tree.tick_all(self.tree.root, False)
        self._rebuild()
        self.filter(text)

    # ---- the filter ----

    @property
    def sifting(self) -> bool:
        """Whether a filter is still on its way."""
        return self._sifting is not None

    def filter(self, text: str) -> None:
        """Shows what has come and matches, with the folders that lead there. Takes effect with `sifted`."""
        if text.strip() != self.filtering.strip():
            self.filtering = text
            self._sifting = self.tree.sift(self.filtering)
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

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid() and index.column() == NAME and self.tree.at[index.row()] != TAIL:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def setData(self, index: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid() or index.column() != NAME:
            return False
        self.tick(index.row(), Qt.CheckState(value) == Qt.CheckState.Checked)
        return True
