"""A box with a tick and words beside it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QCheckBox, QStyle, QStyleOptionButton

from aihub_desktop.gui import theme
from aihub_desktop.gui.delegates import paint_box

_PALE: Final = 0.4  # what cannot be changed looks as its words do


class TickBox(QCheckBox):
    """As the lists draw theirs: Qt's own style draws the frame too dark for dark."""

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not theme.is_plain_style():
            return
        option = QStyleOptionButton()
        self.initStyleOption(option)
        box = self.style().subElementRect(QStyle.SubElement.SE_CheckBoxIndicator, option, self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.fillRect(box, self.palette().window())
            painter.setOpacity(_PALE)
        paint_box(painter, QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), self.checkState(), self.palette())
        painter.end()
