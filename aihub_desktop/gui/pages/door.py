"""Where folders come onto the list of the library and leave it, above the list itself."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.holdings import HoldingRow
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.models.library_words import LibraryWords
from aihub_desktop.gui.pages.holding import TaskStrip
from aihub_desktop.gui.theme import GRID
from aihub_desktop.gui.undo_bar import UndoBar


class Door(QWidget):
    """`entered` gives the number of a folder that has come; `adopt_wanted` one that other tools filled.

    Takes no room while there is nothing to say.
    """

    entered = Signal(int)
    adopt_wanted = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._library = desk, desk.library
        self.undo = UndoBar(self)
        self.strip = TaskStrip()  # of an adoption whose folder is not on the list yet
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 2, 0, GRID * 2, 0)
        box.setSpacing(GRID)
        for widget in (self.undo, self.strip):
            box.addWidget(widget)
        self.strip.stop_wanted.connect(self._stop)
        self.undo.changed.connect(self._fit)
        self._library.changed.connect(self._show)
        self.speak()

    def speak(self) -> None:
        self.strip.speak(self._desk.words)
        self.undo.speak(self._desk.words)
        self._show()

    def pick(self) -> None:
        """Asks for a folder to `add`."""
        dialog = QFileDialog(self, self._desk.words.say("gui.library.pick"), self._desk.settings.folder)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.add)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def add(self, folder: str) -> None:
        """Puts a folder on the list. Of one that this program never filled, the files may be taken over."""

        def refused(problem: Problem) -> None:
            if problem.code is Code.NO_LEDGER:
                self.adopt_wanted.emit(folder)
            else:
                self._desk.refused.emit(problem)

        self._library.add(folder, lambda row: self.entered.emit(row.id), refused)

    def remove(self, row: HoldingRow) -> None:
        """Takes it off the list, and offers to take that back."""
        say = self._desk.words.say

        def removed() -> None:
            text = say("gui.library.removed", title=LibraryWords(self._desk.words).title(row))
            self.undo.offer(text, lambda: self._restore(row))

        self._library.remove(row, removed, self._desk.refused.emit)

    def _restore(self, row: HoldingRow) -> None:
        self._library.restore(row, lambda now: self.entered.emit(now.id), self._desk.refused.emit)

    def _stop(self) -> None:
        if task := self._library.homeless():
            self._library.stop(task, self._desk.refused.emit)

    def _show(self) -> None:
        self.strip.show_task(self._library.homeless(), LibraryWords(self._desk.words))
        self._fit()

    def _fit(self) -> None:
        layout = self.layout()
        is_empty = self.undo.isHidden() and self.strip.isHidden()
        if layout is not None:
            layout.setContentsMargins(GRID * 2, 0, GRID * 2, 0 if is_empty else GRID + 4)
