"""Heads of columns whose words begin and end where those of the cells below them do."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHeaderView, QProxyStyle, QStyle, QStyleOption, QStyleOptionHeader, QWidget

from aihub_desktop.gui import theme
from aihub_desktop.gui.theme import GRID

NUMBER_ROOM: Final = GRID + GRID // 2  # behind a number that a column of words follows
_ROOM: Final = GRID // 2  # beside all others


class _Style(QProxyStyle):
    """Qt's own style leaves two pixels beside the words, less than the cells have."""

    def __init__(self, header: QHeaderView, numbers: tuple[int, ...]) -> None:
        super().__init__("fusion")
        self.setParent(header)
        self._numbers = numbers

    def pixelMetric(
        self, metric: QStyle.PixelMetric, option: QStyleOption | None = None, widget: QWidget | None = None
    ) -> int:
        if metric is QStyle.PixelMetric.PM_HeaderMargin:
            return _ROOM
        return super().pixelMetric(metric, option, widget)

    def drawControl(
        self,
        element: QStyle.ControlElement,
        option: QStyleOption,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        label = element is QStyle.ControlElement.CE_HeaderLabel
        if label and isinstance(option, QStyleOptionHeader) and option.section in self._numbers:
            option.rect = option.rect.adjusted(0, 0, _ROOM - NUMBER_ROOM, 0)
        super().drawControl(element, option, painter, widget)


def dress(header: QHeaderView, *numbers: int) -> None:
    """`numbers`: columns of a `NumberDelegate`. Styles of a system are left alone."""
    if theme.is_plain_style():
        header.setStyle(_Style(header, numbers))
