"""What was just done, and a button that takes it back. Nothing has to be asked before, then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from aihub_desktop.gui import theme
from aihub_desktop.gui.parts import ElidedLabel
from aihub_desktop.gui.theme import GRID

_SHOWN_MS: Final = 20_000  # long enough for who works without a mouse


class UndoBar(QFrame):
    """Hidden while there is nothing to take back, which `changed` tells."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.button = QPushButton(autoDefault=False)
        self.button.clicked.connect(self._take_back)
        self._undo: Callable[[], None] | None = None
        self._timer = QTimer(self, singleShot=True, interval=_SHOWN_MS)
        self._timer.timeout.connect(self._expire)
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID * 2, GRID // 2, GRID // 2, GRID // 2)
        row.setSpacing(GRID * 2)
        row.addWidget(self._text, 1)
        row.addWidget(self.button)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.accessibleName()

    def offer(self, text: str, undo: Callable[[], None]) -> None:
        self._text.say(text)
        self.button.setAccessibleDescription(text)
        self._undo = undo
        self.show()
        self._timer.start()
        self.changed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.line(self.palette()))
        painter.setBrush(theme.side(self.palette()))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()

    def _take_back(self) -> None:
        undo = self._undo
        self._expire()
        if undo is not None:
            undo()

    def _expire(self) -> None:
        self._undo = None
        self._timer.stop()
        self.hide()
        self.changed.emit()
