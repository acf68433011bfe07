"""The list of pages at the window's left."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.gui import icons, theme
from aihub_desktop.gui.parts import FaintLabel
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system.words import Words

AnyIndex = QModelIndex | QPersistentModelIndex

_BADGE_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 1
_ICON_ROLE: Final = _BADGE_ROLE + 1
_NEEDS_ROLE: Final = _BADGE_ROLE + 2
_MOST: Final = 99  # more is said where there is room
_WIDTH: Final = GRID * 23


class Place(IntEnum):
    """The pages, from above."""

    DATASETS = 0
    STORAGE = 1
    DOWNLOADS = 2
    LIBRARY = 3
    SETTINGS = 4


class SideBar(QFrame):
    """Shows where one is, how many downloads are not over or, before that, need the person, and how fast they are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(_WIDTH)
        self.list = QListWidget()
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setItemDelegate(_Delegate(self.list))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.viewport().setAutoFillBackground(False)
        for place in Place:
            item = QListWidgetItem()
            item.setData(_ICON_ROLE, place.name.lower())
            self.list.addItem(item)
        self._speed = FaintLabel()
        self._speed.setContentsMargins(GRID * 2, 0, GRID, GRID + 4)
        self._badge_words = ""
        self.batch = QToolButton(autoRaise=True, toolButtonStyle=Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.batch.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.batch.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        icons.dress(self.batch, "batch")
        self.batch.setIconSize(QSize(16, 16))
        box = QVBoxLayout(self)
        box.setContentsMargins(0, GRID, 0, 0)
        box.addWidget(self.list, 1)
        low = QVBoxLayout()
        low.setContentsMargins(GRID * 2, 0, GRID + 1, GRID)
        low.addWidget(self.batch)
        box.addLayout(low)
        box.addWidget(self._speed)

    def speak(self, words: Words) -> None:
        self.list.setAccessibleName(words.say("gui.side.name"))
        self.batch.setText(words.say("gui.batch.open.button"))
        self.batch.setToolTip(words.say("gui.batch.open.tip"))
        for place in Place:
            self._item(place).setText(words.say(f"gui.side.{place.name.lower()}"))

    def set_downloads(self, words: Words, count: int, needs: int, speed: str) -> None:
        """`count` are not over, `needs` of them wait for the person."""
        item = self._item(Place.DOWNLOADS)
        # There is room for one number: for the one that asks for something, if there is one.
        badge = _count(needs or count)
        if (item.data(_BADGE_ROLE), item.data(_NEEDS_ROLE)) != (badge, needs > 0):
            item.setData(_BADGE_ROLE, badge)
            item.setData(_NEEDS_ROLE, needs > 0)
        spoken = words.say("gui.side.spoken-downloads", n=count, needs=needs or "")
        if item.data(Qt.ItemDataRole.AccessibleTextRole) != spoken:
            item.setData(Qt.ItemDataRole.AccessibleTextRole, spoken)
            item.setToolTip(spoken)
        self._speed.setText(speed)

    def _item(self, place: Place) -> QListWidgetItem:
        item = self.list.item(place)
        assert item is not None
        return item

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.side(self.palette()))
        painter.fillRect(self.width() - 1, 0, 1, self.height(), theme.line(self.palette()))
        painter.end()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()


class _Delegate(QStyledItemDelegate):
    """A pale pill behind the page that is shown, with a bar at its edge; a count at the right.

    The number of those that need the person has a sign and a frame: no colour alone tells it apart.
    """

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        return QSize(_WIDTH - GRID, option.fontMetrics.height() + GRID * 2 + 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        palette = option.palette
        area = option.rect.adjusted(GRID, 1, -GRID - 1, -1)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            accent = theme.accent(palette)
            painter.setBrush(theme.mixed(accent, theme.side(palette), 0.2 if chosen else 0.08))
            painter.drawRoundedRect(QRectF(area), 6, 6)
        if chosen:
            painter.setBrush(theme.accent(palette))
            painter.drawRoundedRect(QRectF(area.left(), area.top() + GRID, 3, area.height() - GRID * 2), 1.5, 1.5)
        if option.state & QStyle.StateFlag.State_HasFocus and option.state & QStyle.StateFlag.State_KeyboardFocusChange:
            painter.setPen(theme.accent(palette))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        self._content(painter, area, option, index, bold=chosen)
        painter.restore()

    @staticmethod
    def _content(painter: QPainter, area: QRect, option: QStyleOptionViewItem, index: AnyIndex, *, bold: bool) -> None:
        ink = option.palette.color(QPalette.ColorRole.WindowText)
        ratio = option.widget.devicePixelRatioF() if isinstance(option.widget, QWidget) else 1.0
        picture = icons.pixmap(str(index.data(_ICON_ROLE)), 18, ink, ratio)
        painter.drawPixmap(area.left() + GRID + 4, area.center().y() - 8, picture)
        font = theme.resized(QApplication.font(), 1.0, bold=bold)
        painter.setFont(font)
        painter.setPen(ink)
        metrics = QFontMetrics(font)
        badge = str(index.data(_BADGE_ROLE) or "")
        right = area.adjusted(GRID * 5, 0, -GRID - 2, 0)
        if badge and index.data(_NEEDS_ROLE):
            right.setRight(_draw_needs(painter, right, badge, option.palette, ratio) - 2)
        elif badge:
            painter.drawText(right, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), badge)
            right.setRight(right.right() - metrics.horizontalAdvance(badge) - GRID)
        shown = metrics.elidedText(str(index.data()), Qt.TextElideMode.ElideRight, right.width())
        painter.setFont(font)
        painter.setPen(ink)
        painter.drawText(right, int(Qt.AlignmentFlag.AlignVCenter), shown)


def _draw_needs(painter: QPainter, area: QRect, count: str, palette: QPalette, ratio: float) -> int:
    """A sign and a number at the right of `area`, framed; where the frame begins."""
    colour, size, inner = theme.warning(palette), 13, GRID // 2
    painter.setFont(theme.resized(QApplication.font(), 0.92, bold=True))
    wide = painter.fontMetrics().horizontalAdvance(count) + size + inner * 3
    high = painter.fontMetrics().height() + inner
    frame = QRectF(area.right() - wide + 1, area.center().y() - high / 2 + 1, wide, high).adjusted(0.5, 0.5, -0.5, -0.5)
    painter.setPen(colour)
    painter.setBrush(theme.mixed(colour, theme.side(palette), 0.14))
    painter.drawRoundedRect(frame, high / 2, high / 2)
    sign = icons.pixmap("warning", size, colour, ratio)
    painter.drawPixmap(round(frame.left()) + inner, area.center().y() - size // 2 + 1, sign)
    painter.setPen(palette.color(QPalette.ColorRole.WindowText))
    text = frame.adjusted(size + inner, 0, -inner, 0)
    painter.drawText(text, int(Qt.AlignmentFlag.AlignCenter), count)
    return round(frame.left())


def _count(number: int) -> str:
    return "" if not number else str(number) if number <= _MOST else f"{_MOST}+"
