"""Entries taken out of an archive: saved into a folder, or opened by the system's program for them."""

from __future__ import annotations

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.inside import MOST_TAKEN, EntryRow, TakenOut
from aihub_desktop.gui.inside.content import may_open
from aihub_desktop.gui.inside.look import Look
from aihub_desktop.gui.inside.opened import Opened


class Taking(QObject):
    """One thing at a time. `told` gives what came of saving, and where to."""

    changed = Signal()  # at work, or not any more
    told = Signal(TakenOut, str)
    failed = Signal(Problem)
    not_opened = Signal(EntryRow)  # for it might run something

    def __init__(self, look: Look, opened: Opened, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._look, self._opened = look, opened
        self.entries = 0  # that are being taken out

    def can_take(self, count: int) -> bool:
        """So many at once; more is for unpacking."""
        return not self.entries and 0 < count <= MOST_TAKEN

    def save(self, rows: list[EntryRow], folder: str) -> None:
        self._begin(len(rows))
        self._look.take(rows, folder, lambda taken: self._saved(taken, folder), self._fail)

    def open(self, row: EntryRow, head: bytes) -> None:
        """`head`: its first bytes, as far as they are known."""
        if not may_open(row.name, head):
            self.not_opened.emit(row)
            return
        try:
            folder = self._opened.folder()
        except OSError as error:
            self.failed.emit(Problem(Code.NOT_WRITABLE, {"why": error.strerror or ""}))
            return
        self._begin(1)
        self._look.take([row], str(folder), self._ready, self._fail)

    def stop(self) -> None:
        if self.entries:
            self._look.halt()

    def _begin(self, count: int) -> None:
        self.entries = count
        self.changed.emit()

    def _end(self) -> None:
        self.entries = 0
        self.changed.emit()

    def _saved(self, taken: TakenOut, folder: str) -> None:
        self._end()
        self.told.emit(taken, folder)

    def _ready(self, taken: TakenOut) -> None:
        self._end()
        if taken.files:
            QDesktopServices.openUrl(QUrl.fromLocalFile(taken.files[0].path))
        elif taken.problem is not None:
            self.failed.emit(taken.problem)
        else:
            self.failed.emit(Problem(Code.BAD_ARCHIVE))

    def _fail(self, problem: Problem) -> None:
        self._end()
        self.failed.emit(problem)
