"""Closing the window while files are under way: what it costs, and finishing them first."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from aihub_desktop.domain.messages import Pause, Resume
from aihub_desktop.domain.states import TRANSFER_MAY_RUN, TransferState
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.models.queue_rows import comes_in_streams

_TO_RESUME: Final = "resume-at-start"


class Farewell(QObject):
    """Asks where closing costs something. `ready`: everything under way is finished, the window may close.

    Transfers that were paused for the sake of closing go on at the next start.
    """

    ready = Signal()
    waiting_changed = Signal(bool)

    def __init__(self, desk: Desk, window: QWidget) -> None:
        super().__init__(window)
        self._desk, self._window = desk, window
        self._waiting = False
        self._paused = False  # the engine has shown that nothing new is begun
        self.box: QMessageBox | None = None
        desk.queue.totals_changed.connect(self._watch)
        desk.found.connect(self._greet)

    def may_close(self) -> bool:
        """Whether to close now; else the question stands, and an answer may bring `ready`."""
        lost = self._lost()
        app = QGuiApplication.instance()
        # A session that ends gives no time for questions.
        if not lost or (isinstance(app, QGuiApplication) and app.isSavingSession()):
            return True
        if self.box is None:
            self.ask(lost)
        return False

    def _lost(self) -> int:
        return (
            self._desk.queue.unfinished(row.id for row in self._desk.queue.transfers())
            if self._desk.link.running
            else 0
        )

    def ask(self, lost: int) -> None:
        """Puts the question; `lost` bytes would have to be received again."""
        words = self._desk.words
        running = sum(row.running for row in self._desk.queue.transfers() if comes_in_streams(row))
        box = QMessageBox(
            QMessageBox.Icon.Question, words.say("gui.window.title"), words.say("gui.farewell.question", n=running),
            QMessageBox.StandardButton.NoButton, self._window,
        )  # fmt: skip
        box.setInformativeText(words.say("gui.farewell.text", size=words.size(lost)))
        finish = box.addButton(words.say("gui.farewell.finish"), QMessageBox.ButtonRole.AcceptRole)
        now = box.addButton(words.say("gui.farewell.now"), QMessageBox.ButtonRole.DestructiveRole)
        stay = box.addButton(words.say("gui.farewell.stay"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(finish)
        box.setEscapeButton(stay)
        finish.clicked.connect(self._finish_first)
        now.clicked.connect(self.ready)
        box.finished.connect(self._asked)
        self.box = box
        box.open()

    def _asked(self) -> None:
        if self.box is not None:
            self.box.deleteLater()
            self.box = None

    def _finish_first(self) -> None:
        rows = [row for row in self._desk.queue.transfers() if row.state in TRANSFER_MAY_RUN]
        self._remember([row.id for row in rows])
        self._paused = False
        self._set_waiting(True)
        # What comes in ranges loses nothing: it is stopped at once.
        for finish in (False, True):
            if transfers := [row.id for row in rows if comes_in_streams(row) is finish]:
                self._desk.link.tell(Pause(0, transfers, finish=finish), refused=self._desk.refused.emit)

    def _watch(self) -> None:
        if not self._waiting:
            return
        rows = self._desk.queue.transfers()
        begins = any(row.state in TRANSFER_MAY_RUN for row in rows)
        self._paused = self._paused or not begins
        if self._paused and begins:
            # Someone has resumed: they stay.
            self._remember([])
            self._set_waiting(False)
        elif self._paused and not any(row.finishing or row.running for row in rows):
            self._set_waiting(False)
            self.ready.emit()

    def _set_waiting(self, waiting: bool) -> None:
        self._waiting = waiting
        self.waiting_changed.emit(waiting)

    def _remember(self, transfers: list[int]) -> None:
        self._desk.preferences.setValue(_TO_RESUME, " ".join(map(str, transfers)))

    def _greet(self) -> None:
        kept = str(self._desk.preferences.value(_TO_RESUME, "")).split()
        if self._waiting or not kept:
            return
        self._remember([])
        paused = {str(row.id): row.id for row in self._desk.queue.transfers() if row.state is TransferState.PAUSED}
        if again := [paused[key] for key in kept if key in paused]:
            self._desk.link.tell(Resume(0, again))
