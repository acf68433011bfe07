"""Batch files come in here, from wherever they are opened, and selections go out as such."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.messages import FileRow, TransferRow
from aihub_desktop.gui.batches.files import FOLDER, filter_of, read
from aihub_desktop.gui.batches.gathering import Gathering
from aihub_desktop.gui.batches.selection import Selection
from aihub_desktop.gui.desk import Desk

Tell = Callable[[str, str], None]


class Batches(QObject):
    """`added` hears of the first download that a batch became; `tell` says what led nowhere."""

    def __init__(self, desk: Desk, window: QWidget, added: Callable[[int], None], tell: Tell) -> None:
        super().__init__(window)
        self._desk, self._window, self._added, self._tell = desk, window, added, tell

    def open(self, path: Path) -> None:
        """Shows what it wants. Nothing is downloaded."""
        from aihub_desktop.gui.batches.open_dialog import OpenDialog  # noqa: PLC0415 - the first picture needs none

        try:
            batch = read(path)
        except ProblemError as error:
            self._tell(*self._desk.words.problem(error.problem))
            return
        self._desk.preferences.setValue(FOLDER, str(path.parent))
        dialog = OpenDialog(self._desk, path, batch, self._window)
        dialog.added.connect(self._added)
        dialog.begin()

    def ask(self) -> None:
        """By the system's dialog."""
        words = self._desk.words
        start = str(self._desk.preferences.value(FOLDER, ""))
        dialog = QFileDialog(self._window, words.say("gui.batch.open.pick"), start, filter_of(words))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: self.open(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def save(self, selection: Selection, unpack: bool = False) -> None:
        """`unpack`: what is proposed."""
        from aihub_desktop.gui.batches.save_dialog import SaveDialog  # noqa: PLC0415 - the first picture needs none

        SaveDialog(self._desk, selection, unpack=unpack, parent=self._window).open()

    def save_rows(self, whole: list[TransferRow], single: list[tuple[TransferRow, FileRow]]) -> None:
        """Of the queue: downloads, and single files with theirs."""
        unpack = any(row.unpack for row in (*whole, *(above for above, _ in single)))
        gathering = Gathering(self._desk.link, lambda found: self.save(found, unpack), self._desk.refused.emit)
        gathering.begin(whole, single)
