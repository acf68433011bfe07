"""Small round buttons: choices of which one holds, or short cuts."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QPushButton, QWidget

from aihub_desktop.gui import theme
from aihub_desktop.gui.theme import GRID


class Chip(QPushButton):
    """A pill. The one that holds has a frame of the accent and its words in bold."""

    def __init__(self, *, checkable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent, autoDefault=False, flat=True)
        self.setCheckable(checkable)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        # As wide as it is in bold: nothing moves where another one is chosen.
        strong = QFontMetrics(theme.resized(self.font(), 1.0, bold=self.isCheckable()))
        return QSize(strong.horizontalAdvance(self.text()) + GRID * 3, self.fontMetrics().height() + GRID)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette, holds = self.palette(), self.isChecked()
        accent, ground = theme.accent(palette), palette.color(QPalette.ColorRole.Window)
        lively = holds or self.isDown() or self.underMouse()
        painter.setPen(QPen(accent if lively else theme.mixed(palette.windowText().color(), ground, 0.35), 1.0))
        painter.setBrush(theme.mixed(accent, ground, 0.16 if holds or self.isDown() else 0.0))
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(area, area.height() / 2, area.height() / 2)
        if self.hasFocus():
            painter.setPen(QPen(accent, 2.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(1, 1, -1, -1), area.height() / 2 - 1, area.height() / 2 - 1)
        painter.setFont(theme.resized(self.font(), 1.0, bold=holds))
        group = QPalette.ColorGroup.Active if self.isEnabled() else QPalette.ColorGroup.Disabled
        painter.setPen(palette.color(group, QPalette.ColorRole.WindowText))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())
        painter.end()
