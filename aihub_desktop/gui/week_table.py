"""The hours of a week as a table to paint in: by dragging, by the keyboard, by days and by hours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from aihub_desktop.domain.hours import DAYS, Week
from aihub_desktop.gui import theme
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system import pace
from aihub_desktop.system.words import Words

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
_CELL: Final = GRID * 5 // 2
_NAMED: Final = 3  # every third hour has its number above it
ON_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 1


class WeekModel(QAbstractTableModel):
    """A row for each day, a column for each hour."""

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self.hours: frozenset[int] = Week.parse("").allowed

    def speak(self, words: Words) -> None:
        self._words = words
        self.headerDataChanged.emit(Qt.Orientation.Vertical, 0, len(DAYS) - 1)

    def fill(self, hours: Iterable[int]) -> None:
        self.hours = frozenset(hours)
        self.dataChanged.emit(self.index(0, 0), self.index(len(DAYS) - 1, 23))

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(DAYS)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else 24

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        on = hour_of(index) in self.hours
        if role == ON_ROLE:
            return on
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            day, hour = pace.day(self._words, index.row()), index.column()
            key = "on" if on else "off"
            return self._words.say(f"gui.week.{key}", day=day, start=hour, stop=hour + 1)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation == Qt.Orientation.Vertical:
            return pace.day(self._words, section)
        return str(section) if section % _NAMED == 0 else ""


class WeekTable(QTableView):
    """`painted` gives the week as text, once a stroke is done. A week without any hour is taken back."""

    painted = Signal(str)

    def __init__(self, words: Words, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.week = WeekModel(words, self)
        self.setModel(self.week)
        self.setItemDelegate(_Cells(self))
        self._anchor: QModelIndex | None = None
        self._before: frozenset[int] = frozenset()
        self.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setFrameShape(QTableView.Shape.NoFrame)
        for bar in (self.setHorizontalScrollBarPolicy, self.setVerticalScrollBarPolicy):
            bar(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Base, Qt.GlobalColor.transparent)
        self.setPalette(palette)
        self._dress_headers()

    def _dress_headers(self) -> None:
        self.setHorizontalHeader(_Heads(Qt.Orientation.Horizontal, self))
        self.setVerticalHeader(_Heads(Qt.Orientation.Vertical, self))
        # The style would fill the corner between them; with a frame of its own it is not asked to.
        if (corner := self.findChild(QAbstractButton)) is not None:
            corner.setStyleSheet("QTableCornerButton::section { border: none; background: transparent; }")
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setMinimumSectionSize(_CELL)
            header.setDefaultSectionSize(_CELL)
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setSectionsClickable(True)
            header.setHighlightSections(False)
        self.verticalHeader().sectionClicked.connect(lambda day: self._flip(range(day * 24, day * 24 + 24)))
        self.horizontalHeader().sectionClicked.connect(lambda hour: self._flip(range(hour, 168, 24)))

    def speak(self, words: Words) -> None:
        self.week.speak(words)
        self.setAccessibleName(words.say("gui.week.name"))
        self.setAccessibleDescription(words.say("gui.week.how"))
        self.verticalHeader().setFixedWidth(
            max(QFontMetrics(self.font()).horizontalAdvance(pace.day(words, day)) for day in range(7)) + GRID * 2
        )
        self.setFixedSize(self.sizeHint())

    def sizeHint(self) -> QSize:
        return QSize(
            self.verticalHeader().width() + _CELL * 24 + 2,
            self.horizontalHeader().sizeHint().height() + _CELL * len(DAYS) + 2,
        )

    def show_week(self, text: str) -> None:
        """A setting, which can be read. Not while someone paints."""
        if self._anchor is None:
            self.week.fill(Week.parse(text).allowed)

    # ---- painting ----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if event.button() is not Qt.MouseButton.LeftButton or not index.isValid():
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.setCurrentIndex(index)
        self._anchor, self._before = index, self.week.hours
        self._stroke(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._anchor is not None and (index := self.indexAt(event.position().toPoint())).isValid():
            self._stroke(index)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._anchor is not None:
            self._anchor = None
            self._say(self._before)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        # The second press of a quick pair is a stroke like any other.
        self.mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            chosen = self.selectionModel().selectedIndexes() or [self.currentIndex()]
            self._flip([hour_of(index) for index in chosen], hour_of(self.currentIndex()))
        else:
            super().keyPressEvent(event)

    def _stroke(self, to: QModelIndex) -> None:
        """The rectangle from where the button went down, in the colour that its first cell did not have."""
        start = self._anchor
        if start is None:
            return
        days = range(min(start.row(), to.row()), max(start.row(), to.row()) + 1)
        hours = range(min(start.column(), to.column()), max(start.column(), to.column()) + 1)
        cells = {day * 24 + hour for day in days for hour in hours}
        self.week.fill(self._before - cells if hour_of(start) in self._before else self._before | cells)

    def _flip(self, cells: Iterable[int], deciding: int | None = None) -> None:
        """All off if they, or the deciding one, are on; else all on."""
        wanted, before = set(cells), self.week.hours
        off = wanted <= before if deciding is None else deciding in before
        self.week.fill(before - wanted if off else before | wanted)
        self._say(before)

    def _say(self, before: frozenset[int]) -> None:
        if not self.week.hours:
            self.week.fill(before)
        elif self.week.hours != before:
            self.painted.emit(Week(self.week.hours).text())


def hour_of(index: AnyIndex) -> int:
    """The hour of the week that a cell stands for."""
    return index.row() * 24 + index.column()


class _Heads(QHeaderView):
    """Plain words beside the cells, an hour's number at the line where it begins."""

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        palette = self.window().palette()
        painter.fillRect(rect, palette.window())
        painter.setPen(theme.faint(palette, QPalette.ColorRole.Window))
        painter.setFont(self.font())
        text = str(self.model().headerData(section, self.orientation()) or "")
        across = self.orientation() is Qt.Orientation.Horizontal
        side = Qt.AlignmentFlag.AlignLeft
        # A number of two digits is a little wider than its cell.
        area = rect.adjusted(1, 0, GRID, 0) if across else rect
        painter.drawText(area, int(side | Qt.AlignmentFlag.AlignVCenter), text)


class _Cells(QStyledItemDelegate):
    """Filled where the hour is allowed; a ring around what the keyboard stands on."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        view = option.widget
        palette = view.window().palette() if isinstance(view, QWidget) else option.palette
        window, ink = palette.color(QPalette.ColorRole.Window), palette.color(QPalette.ColorRole.WindowText)
        area = QRectF(option.rect).adjusted(0.5, 0.5, -1.5, -1.5)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on = bool(index.data(ON_ROLE))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.mixed(theme.accent(palette), window, 0.85) if on else theme.mixed(ink, window, 0.09))
        painter.drawRoundedRect(area, 3, 3)
        focused = isinstance(view, QWidget) and view.hasFocus()
        if focused and option.state & (QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_Selected):
            painter.setPen(ink)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        painter.restore()
