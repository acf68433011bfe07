"""Pausing, honestly: a stopped stream starts anew, so files under way are finished unless one says otherwise."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QWidget

from aihub_desktop.domain.messages import Pause, Resume, TransferRow
from aihub_desktop.gui.choice import Choice
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.parts import Sign, paint_frame
from aihub_desktop.gui.theme import GRID


class Pausing(QObject):
    """Three actions over the same rows: `plain` loses nothing, `finish` and `stop` say what they do.

    Where nothing would be lost, `plain` stops at once; else it finishes what runs, and the strip offers the rest.
    """

    def __init__(self, desk: Desk, plain: QAction, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self._choice = Choice([], [])
        self.plain, self.finish, self.stop = plain, QAction(self), QAction(self)
        self.menu = QMenu(parent)
        self.menu.addActions([self.finish, self.stop])
        plain.triggered.connect(self._pause)
        self.finish.triggered.connect(lambda: self._finish(self._choice))
        self.stop.triggered.connect(lambda: self._tell(self._choice.to_stop(), finish=False))

    def attach(self, button: QWidget | None) -> None:
        """Gives the plain action's button the menu beside it."""
        if isinstance(button, QToolButton):
            button.setMenu(self.menu)
            button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)

    def show(self, choice: Choice) -> None:
        """The rows to act on have changed, or what they cost."""
        self._choice = choice
        say, size = self._desk.words.say, self._desk.words.size
        lost = self._desk.queue.unfinished(choice.to_stop())
        self.plain.setEnabled(bool(choice.to_pause()))
        self.finish.setEnabled(bool(choice.to_finish()))
        self.stop.setEnabled(bool(choice.to_stop()))
        self.finish.setText(say("gui.pausing.finish"))
        self.stop.setText(say("gui.pausing.stop", size=size(lost) if lost else ""))

    def actions(self) -> list[QAction]:
        """Those to choose from, for a menu of its own."""
        if self._desk.queue.unfinished(self._choice.to_stop()):
            return [self.finish, self.stop]
        return [self.plain]

    def _pause(self) -> None:
        choice = self._choice
        if self._desk.queue.unfinished(choice.to_pause()):
            self._finish(choice)
        else:
            self._tell(choice.to_pause(), finish=False)

    def _finish(self, choice: Choice) -> None:
        """What comes in ranges loses nothing by a stop: to finish it would only keep the person waiting."""
        finish = choice.to_finish()
        self._tell([transfer for transfer in choice.to_pause() if transfer not in finish], finish=False)
        self._tell(finish, finish=True)

    def _tell(self, transfers: list[int], *, finish: bool) -> None:
        if transfers:
            self._desk.link.tell(Pause(0, transfers, finish), refused=self._desk.refused.emit)


class FinishStrip(QFrame):
    """Stands above the queue while files are brought to their end, with the ways out. `closing` says what follows."""

    close_wanted = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._transfers: list[int] = []
        self._closing = False
        self._text = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.stop, self.resume = (QPushButton(autoDefault=False) for _ in range(2))
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID * 2, GRID, GRID, GRID)
        row.setSpacing(GRID)
        row.addWidget(Sign("pause", 18))
        row.addWidget(self._text, 1)
        row.addWidget(self.resume)
        row.addWidget(self.stop)
        self.stop.clicked.connect(self._stop)
        self.resume.clicked.connect(self._resume)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def set_closing(self, closing: bool) -> None:
        """Whether the window closes once all is finished."""
        self._closing = closing
        self.show_rows(self._desk.queue.transfers())

    def show_rows(self, rows: list[TransferRow]) -> None:
        """Of these, those that are finishing."""
        finishing = [row for row in rows if row.finishing]
        self._transfers = [row.id for row in finishing]
        words = self._desk.words
        self.stop.setText(words.say("gui.finishing.close" if self._closing else "gui.finishing.stop"))
        self.resume.setText(words.say("gui.queue.do.resume"))
        self.setVisible(bool(finishing))
        if not finishing:
            return
        lost = self._desk.queue.unfinished(self._transfers)
        kind = "closing" if self._closing else "text"
        n = sum(row.running for row in finishing)
        self._text.setText(words.say(f"gui.finishing.{kind}", n=n, size=words.size(lost) if lost else ""))
        self.setAccessibleName(self._text.text())

    def _stop(self) -> None:
        if self._closing:
            self.close_wanted.emit()
        else:
            self._desk.link.tell(Pause(0, self._transfers), refused=self._desk.refused.emit)

    def _resume(self) -> None:
        self._desk.link.tell(Resume(0, self._transfers), refused=self._desk.refused.emit)

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_frame(self)
