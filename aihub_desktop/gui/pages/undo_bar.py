"""After a removal: what was removed, that its files stay, and the way back."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QKeySequence, QPaintEvent, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from aihub_desktop.domain.messages import BringBack, Remove, TransferRow
from aihub_desktop.gui import icons
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.parts import ElidedLabel, Sign, paint_frame
from aihub_desktop.gui.theme import GRID

SECONDS = 15  # the engine waits for twice as long


class UndoBar(QFrame):
    """Stands for some seconds, or until the next removal. The engine keeps what was removed as long, and longer."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self._removed: list[int] = []
        self._text = ElidedLabel()
        self.undo = QPushButton(autoDefault=False)
        self.close_button = QPushButton(flat=True, autoDefault=False)
        icons.dress(self.undo, "undo")
        icons.dress(self.close_button, "cancel")
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID * 2, GRID // 2, GRID // 2, GRID // 2 + GRID)
        row.setSpacing(GRID)
        row.addWidget(Sign("remove", 16))
        row.addWidget(self._text, 1)
        row.addWidget(self.undo)
        row.addWidget(self.close_button)
        self._timer = QTimer(self, singleShot=True, interval=SECONDS * 1000)
        self._timer.timeout.connect(self.forget)
        self.undo.clicked.connect(self.take_back)
        self.close_button.clicked.connect(self.forget)
        self._shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Undo), parent, self.take_back)
        desk.lost.connect(lambda _: self.forget())
        self.forget()

    @property
    def text(self) -> str:
        return self._text.accessibleName()

    def speak(self) -> None:
        say = self._desk.words.say
        self.undo.setText(say("gui.undo.button"))
        self.close_button.setAccessibleName(say("gui.close"))
        self.close_button.setToolTip(say("gui.close"))

    def remove(self, rows: list[TransferRow]) -> None:
        """Takes ended transfers off the list."""
        keys = [row.id for row in rows]
        first = rows[0].dataset.title
        self._desk.link.tell(Remove(0, keys), lambda: self._offer(keys, first), refused=self._desk.refused.emit)

    def _offer(self, keys: list[int], title: str) -> None:
        self._removed = keys
        self._text.say(self._desk.words.say("gui.undo.text", title=title, n=len(keys), more=len(keys) - 1 or ""))
        self.setAccessibleName(self._text.accessibleName())
        self._shortcut.setEnabled(True)
        self.show()
        self._timer.start()

    def take_back(self) -> None:
        if self._removed:
            self._desk.link.tell(BringBack(0, self._removed), refused=self._desk.refused.emit)
        self.forget()

    def forget(self) -> None:
        """Nothing is offered any more."""
        self._timer.stop()
        self._removed = []
        self._shortcut.setEnabled(False)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_frame(self, below=GRID)
