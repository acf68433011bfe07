"""After a removal: what was done, and the way back. Nothing has to be asked before, then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QPaintEvent, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from aihub_desktop.gui import icons, keys
from aihub_desktop.gui.parts import ElidedLabel, Sign, paint_frame
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system.words import Words

_SHOWN_MS: Final = 20_000  # long enough for who works without a mouse; the engine keeps a removed download longer


class UndoBar(QFrame):
    """Stands for some seconds, or until something else can be taken back; `changed` tells when it comes and goes.

    Undo's keys work wherever `page` is seen.
    """

    changed = Signal()

    def __init__(self, page: QWidget) -> None:
        super().__init__(page)
        self._undo: Callable[[], None] | None = None
        self._text = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.button = QPushButton(autoDefault=False)
        self._close = QPushButton(flat=True, autoDefault=False)
        icons.dress(self.button, "undo")
        icons.dress(self._close, "cancel")
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID * 2, GRID // 2, GRID // 2, GRID // 2)
        row.setSpacing(GRID)
        row.addWidget(Sign("unlist", 16))
        row.addWidget(self._text, 1)
        row.addWidget(self.button)
        row.addWidget(self._close)
        self._timer = QTimer(self, singleShot=True, interval=_SHOWN_MS)
        self._timer.timeout.connect(self.forget)
        self.button.clicked.connect(self.take_back)
        self._close.clicked.connect(self.forget)
        self._shortcut = QShortcut(page)
        keys.bind(self._shortcut, "downloads", "undo")
        self._shortcut.activated.connect(self.take_back)
        self.forget()

    @property
    def text(self) -> str:
        return self._text.accessibleName()

    def speak(self, words: Words) -> None:
        self.button.setText(words.say("gui.undo.button"))
        self._close.setAccessibleName(words.say("gui.close"))
        self._close.setToolTip(words.say("gui.close"))

    def offer(self, text: str, undo: Callable[[], None]) -> None:
        self._undo = undo
        self._text.say(text)
        self.setAccessibleName(text)
        self.button.setAccessibleDescription(text)
        self._shortcut.setEnabled(True)
        self.show()
        self._timer.start()
        self.changed.emit()

    def take_back(self) -> None:
        undo = self._undo
        self.forget()
        if undo is not None:
            undo()

    def forget(self) -> None:
        """Nothing is offered any more."""
        self._undo = None
        self._timer.stop()
        self._shortcut.setEnabled(False)
        self.hide()
        self.changed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_frame(self)
