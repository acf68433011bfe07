"""Heads of columns whose words begin and end where those of the cells below them do."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHeaderView, QProxyStyle, QStyle, QStyleOption, QStyleOptionHeader, QWidget

from aihub_desktop.gui import theme
from aihub_desktop.gui.theme import GRID

NUMBER_ROOM: Final = GRID + GRID // 2  # behind a number that a column of words follows


class _Style(QProxyStyle):
    """Qt's own style leaves two pixels beside the words, less than the cells have."""

    def __init__(self, header: QHeaderView, numbers: tuple[int, ...]) -> None:
        super().__init__("fusion")
        self.setParent(header)
        self._numbers = numbers

    def pixelMetric(
        self, metric: QStyle.PixelMetric, option: QStyleOption | None = None, widget: QWidget | None = None
    ) -> int:
        if metric is not QStyle.PixelMetric.PM_HeaderMargin:
            return super().pixelMetric(metric, option, widget)
        return NUMBER_ROOM if self._has_numbers(option) else GRID // 2

    def sizeFromContents(
        self, kind: QStyle.ContentsType, option: QStyleOption, size: QSize, widget: QWidget | None = None
    ) -> QSize:
        found = super().sizeFromContents(kind, option, size, widget)
        if kind is QStyle.ContentsType.CT_HeaderSection and self._has_numbers(option):
            # The room beside a number is none above and below it.
            found.setHeight(found.height() - 2 * (NUMBER_ROOM - GRID // 2))
        return found

    def _has_numbers(self, option: QStyleOption | None) -> bool:
        return isinstance(option, QStyleOptionHeader) and option.section in self._numbers


def dress(header: QHeaderView, *numbers: int) -> None:
    """`numbers`: columns of a `NumberDelegate`. Styles of a system are left alone."""
    if theme.is_plain_style():
        header.setStyle(_Style(header, numbers))
