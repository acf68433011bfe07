"""How cells are painted that are more than a line of text. What they say is the model's, also to a screen reader."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette, QPen
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView, QWidget

from aihub_desktop.domain.messages import FileRow, TransferRow
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.gui import icons, theme
from aihub_desktop.gui.heads import NUMBER_ROOM
from aihub_desktop.gui.models.addresses import TROUBLE_ROLE
from aihub_desktop.gui.models.datasets import FOUND_ROLE
from aihub_desktop.gui.models.file_tree import VOLUME_ROLE
from aihub_desktop.gui.models.library import SIGN_ROLE
from aihub_desktop.gui.models.queue_rows import in_trouble
from aihub_desktop.gui.models.queue_tree import DETAIL_ROLE, FRACTION_ROLE, MARK_ROLE, REPEAT_ROLE, ROW_ROLE
from aihub_desktop.gui.theme import GRID

AnyIndex = QModelIndex | QPersistentModelIndex

_BAR_HEIGHT: Final = 6
_LOUD_MARKS: Final = frozenset({"priority-high"})
_STAR: Final = 16
_BOX_STATES: Final = {
    Qt.CheckState.Unchecked: QStyle.StateFlag.State_Off,
    Qt.CheckState.Checked: QStyle.StateFlag.State_On,
    Qt.CheckState.PartiallyChecked: QStyle.StateFlag.State_NoChange,
}
_LIVELY: Final = frozenset(
    {TransferState.RUNNING, TransferState.DONE, FileState.FETCHING, FileState.CHECKING, FileState.DONE}
)


def _begin(painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex, delegate: QStyledItemDelegate) -> QColor:
    """Paints the row's own background and says in which colour to write on it."""
    delegate.initStyleOption(option, index)
    option.text = ""
    style = _style(option)
    style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, _widget(option))
    chosen = option.state & QStyle.StateFlag.State_Selected and _fills(option)
    return option.palette.color(QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text)


def _widget(option: QStyleOptionViewItem) -> QWidget | None:
    return option.widget if isinstance(option.widget, QWidget) else None


def _style(option: QStyleOptionViewItem) -> QStyle:
    widget = _widget(option)
    return widget.style() if widget is not None else QApplication.style()


def _fills(option: QStyleOptionViewItem) -> bool:
    # Windows 11 marks a chosen row by a pale wash that dark text stays readable on.
    return _style(option).objectName() not in ("windows11", "windowsvista")


def _fainter(option: QStyleOptionViewItem, ink: QColor) -> QColor:
    return theme.mixed(ink, option.palette.color(QPalette.ColorRole.Base), 0.68)


def _paint_with_note(
    painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex, delegate: QStyledItemDelegate, note: str
) -> None:
    """A cell whose text gives way in its middle to a few faint words at its right."""
    ink = _begin(painter, option, index, delegate)
    area = _style(option).subElementRect(QStyle.SubElement.SE_ItemViewItemText, option, _widget(option))
    area.adjust(GRID // 2 - 1, 0, -GRID // 2, 0)
    small = theme.resized(option.font, 0.88)
    side = int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
    painter.save()
    painter.setPen(_fainter(option, ink))
    painter.setFont(small)
    room = max(area.width() * 2 // 5, area.width() - option.fontMetrics.horizontalAdvance(str(index.data())) - GRID)
    shown = QFontMetrics(small).elidedText(note, Qt.TextElideMode.ElideRight, room)
    painter.drawText(area, side | int(Qt.AlignmentFlag.AlignRight), shown)
    painter.setPen(ink)
    painter.setFont(option.font)
    rest = area.width() - QFontMetrics(small).horizontalAdvance(shown) - GRID
    painter.drawText(area, side, option.fontMetrics.elidedText(str(index.data()), Qt.TextElideMode.ElideMiddle, rest))
    painter.restore()


class RowDelegate(QStyledItemDelegate):
    """Plain cells, with room between the lines and digits of equal width."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().initStyleOption(option, index)
        option.font = theme.tabular(option.font)
        if isinstance(option.widget, QTableView):
            # Rows are what there is to choose, and their colour says which: a frame around one cell says nothing.
            option.state &= ~QStyle.StateFlag.State_HasFocus

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        hint = super().sizeHint(option, index)
        return QSize(hint.width() + GRID, max(hint.height(), option.fontMetrics.height() + GRID + 2))


class TickDelegate(RowDelegate):
    """Boxes with ticks that are seen in light and dark alike; Qt's own style draws their frames too dark for dark.

    What a file is part of stands at its right.
    """

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        if volume := index.data(VOLUME_ROLE):
            _paint_with_note(painter, QStyleOptionViewItem(option), index, self, str(volume))
        else:
            super().paint(painter, option, index)
        if index.data(Qt.ItemDataRole.CheckStateRole) is not None and theme.is_plain_style():
            option = QStyleOptionViewItem(option)
            self.initStyleOption(option, index)
            self.check(painter, option)

    def check(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        """The box of an option that is filled in."""
        where = QStyle.SubElement.SE_ItemViewItemCheckIndicator
        box = _style(option).subElementRect(where, option, _widget(option))
        if not theme.is_plain_style():
            system = QStyleOptionViewItem(option)
            system.rect = box
            system.state |= _BOX_STATES[option.checkState]
            plain = QStyle.PrimitiveElement.PE_IndicatorItemViewItemCheck
            _style(option).drawPrimitive(plain, system, painter, _widget(option))
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_box(painter, QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), option.checkState, option.palette)
        painter.restore()


def paint_box(painter: QPainter, box: QRectF, state: Qt.CheckState, palette: QPalette) -> None:
    """A box with its tick, whose frame is seen on light and dark."""
    accent, base = theme.accent(QApplication.palette()), palette.color(QPalette.ColorRole.Base)
    empty = state is Qt.CheckState.Unchecked
    frame = theme.mixed(palette.color(QPalette.ColorRole.Text), base, 0.5) if empty else accent
    painter.setPen(frame)
    painter.setBrush(base if empty else accent)
    painter.drawRoundedRect(box, 3, 3)
    ink = QApplication.palette().color(QPalette.ColorRole.HighlightedText)
    painter.setPen(QPen(ink, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    left, top, width, height = box.left(), box.top(), box.width(), box.height()
    if state is Qt.CheckState.Checked:
        points = ((0.24, 0.52), (0.43, 0.71), (0.78, 0.31))
        painter.drawPolyline([QPointF(left + x * width, top + y * height) for x, y in points])
    elif state is Qt.CheckState.PartiallyChecked:
        middle = top + height / 2
        painter.drawLine(QPointF(left + width * 0.27, middle), QPointF(left + width * 0.73, middle))


class FoundDelegate(TickDelegate):
    """Addresses that gave no file stand in the colour of a warning; their words say why."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().initStyleOption(option, index)
        if index.data(TROUBLE_ROLE):
            ink = theme.warning(option.palette)
            option.palette.setColor(QPalette.ColorRole.Text, ink)
            option.palette.setColor(QPalette.ColorRole.HighlightedText, ink)


class TitleDelegate(RowDelegate):
    """A transfer's title with its folder below it; a file's name with its folder beside it, as far as there is room."""

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        hint = super().sizeHint(option, index)
        if index.parent().isValid():
            return hint
        small = QFontMetrics(theme.resized(option.font, 0.88)).height()
        return QSize(hint.width(), option.fontMetrics.height() + small + GRID * 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        option = QStyleOptionViewItem(option)
        ink = _begin(painter, option, index, self)
        painter.save()
        if index.parent().isValid():
            self._one_line(painter, option, index, ink)
        else:
            self._two_lines(painter, option, index, ink)
        painter.restore()

    def _two_lines(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex, ink: QColor) -> None:
        area = option.rect.adjusted(GRID // 2, GRID - 1, -GRID // 2, -GRID + 1)
        strong = theme.resized(option.font, 1.0, bold=True)
        painter.setPen(ink)
        row: TransferRow = index.data(ROW_ROLE)
        title, mark = area, str(index.data(MARK_ROLE) or "")
        if mark:
            size = QFontMetrics(strong).height() - 4
            tone = theme.accent(QApplication.palette()) if mark in _LOUD_MARKS else _fainter(option, ink)
            ratio = option.widget.devicePixelRatioF() if isinstance(option.widget, QWidget) else 1.0
            painter.drawPixmap(area.left(), area.top() + 2, icons.pixmap(mark, size, tone, ratio))
            title = area.adjusted(size + GRID // 2, 0, 0, 0)
        self._write(painter, title, str(index.data()), strong, Qt.AlignmentFlag.AlignTop)
        small = theme.resized(option.font, 0.88)
        below, text = area, str(index.data(DETAIL_ROLE))
        if in_trouble(row):
            size = QFontMetrics(small).height() - 2
            ratio = option.widget.devicePixelRatioF() if isinstance(option.widget, QWidget) else 1.0
            sign = icons.pixmap("warning", size, theme.warning(option.palette), ratio)
            painter.drawPixmap(area.left(), area.bottom() - size, sign)
            below = area.adjusted(size + GRID // 2, 0, 0, 0)
            text = QFontMetrics(small).elidedText(text, Qt.TextElideMode.ElideRight, below.width())
        else:
            painter.setPen(_fainter(option, ink))
        self._write(painter, below, text, small, Qt.AlignmentFlag.AlignBottom)

    def _one_line(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex, ink: QColor) -> None:
        area = option.rect.adjusted(GRID // 2, 0, -GRID // 2, 0)
        folder, _, name = str(index.data()).rpartition("/")
        painter.setPen(ink)
        used = self._write(painter, area, name, option.font, Qt.AlignmentFlag.AlignVCenter)
        rest = area.adjusted(used + GRID * 2, 0, 0, 0)
        news = str(index.data(DETAIL_ROLE))
        if (folder or news) and rest.width() > GRID * 5:
            painter.setPen(_fainter(option, ink))
            small = theme.resized(option.font, 0.88)
            # The nearest folder says most.
            side = Qt.TextElideMode.ElideRight if news else Qt.TextElideMode.ElideLeft
            near = QFontMetrics(small).elidedText(news or folder, side, rest.width())
            self._write(painter, rest, near, small, Qt.AlignmentFlag.AlignVCenter)

    @staticmethod
    def _write(painter: QPainter, area: QRect, text: str, font: QFont, side: Qt.AlignmentFlag) -> int:
        """One line of text that gives way in its middle; the width that it took."""
        metrics = QFontMetrics(font)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, area.width())
        painter.setFont(font)
        painter.drawText(area, int(side | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine), shown)
        return metrics.horizontalAdvance(shown)


class PlaceDelegate(TitleDelegate):
    """A file's name with its folder beside it, in tables without levels."""

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        return RowDelegate.sizeHint(self, option, index)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        option = QStyleOptionViewItem(option)
        ink = _begin(painter, option, index, self)
        painter.save()
        self._one_line(painter, option, index, ink)
        painter.restore()


class NumberDelegate(RowDelegate):
    """Numbers at the right, with room before a column of words that begins at its left."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        option = QStyleOptionViewItem(option)
        ink = _begin(painter, option, index, self)
        painter.save()
        painter.setPen(ink)
        painter.setFont(option.font)
        side = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(option.rect.adjusted(0, 0, -NUMBER_ROOM, 0), side, str(index.data()))
        painter.restore()


class SignDelegate(RowDelegate):
    """Words with a sign before them, where they want to be noticed."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        name = str(index.data(SIGN_ROLE) or "")
        if not name:
            super().paint(painter, option, index)
            return
        option = QStyleOptionViewItem(option)
        ink = _begin(painter, option, index, self)
        area = option.rect.adjusted(GRID // 2, 0, -GRID // 2, 0)
        size = option.fontMetrics.height()
        tone = theme.warning(option.palette) if name == "warning" else theme.accent(QApplication.palette())
        ratio = option.widget.devicePixelRatioF() if isinstance(option.widget, QWidget) else 1.0
        painter.save()
        painter.drawPixmap(area.left(), area.center().y() - size // 2, icons.pixmap(name, size, tone, ratio))
        painter.setPen(ink)
        painter.setFont(option.font)
        rest = area.adjusted(size + GRID // 2, 0, 0, 0)
        text = option.fontMetrics.elidedText(str(index.data()), Qt.TextElideMode.ElideRight, rest.width())
        painter.drawText(rest, int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), text)
        painter.restore()


class ProgressDelegate(RowDelegate):
    """A bar with its number beside it. Bars of what rests are grey; the state's column says so in words."""

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        hint = super().sizeHint(option, index)
        return QSize(option.fontMetrics.horizontalAdvance("100%") + 96, hint.height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        option = QStyleOptionViewItem(option)
        ink = _begin(painter, option, index, self)
        share = index.data(FRACTION_ROLE)
        if share is None:
            return
        area = option.rect.adjusted(GRID // 2, 0, -GRID // 2, 0)
        number = QFontMetrics(option.font).horizontalAdvance("100%")
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(ink)
        painter.setFont(option.font)
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(QRect(area.right() - number, area.top(), number + 1, area.height()), right, str(index.data()))
        bar = QRectF(area.left(), area.center().y() - _BAR_HEIGHT / 2 + 1, area.width() - number - GRID, _BAR_HEIGHT)
        filled, track = self._colours(option, index, ink)
        self._bar(painter, bar, 1.0, track)
        repeat = float(index.data(REPEAT_ROLE) or 0)
        if repeat > 0:
            self._bar(painter, bar, float(share), theme.mixed(filled, track, 0.45))
        if share > 0:
            self._bar(painter, bar, max(0.0, float(share) - repeat), filled)
        painter.restore()

    @staticmethod
    def _colours(option: QStyleOptionViewItem, index: AnyIndex, ink: QColor) -> tuple[QColor, QColor]:
        row: TransferRow | FileRow = index.data(ROW_ROLE)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        under = option.palette.color(QPalette.ColorRole.Highlight if chosen else QPalette.ColorRole.Base)
        lively = theme.accent(QApplication.palette())
        if chosen and under == lively:
            lively = ink
        moves = row.state in _LIVELY or (isinstance(row, TransferRow) and row.finishing)
        filled = lively if moves else theme.mixed(ink, under, 0.45)
        return filled, theme.mixed(ink, under, 0.16)

    @staticmethod
    def _bar(painter: QPainter, area: QRectF, share: float, colour: QColor) -> None:
        radius = area.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        # Narrower than it is high it would be no pill, and nothing is seen of a start.
        width = max(area.height(), area.width() * share)
        painter.drawRoundedRect(QRectF(area.left(), area.top(), width, area.height()), radius, radius)


class DatasetDelegate(RowDelegate):
    """A title, and at its right the folder that was found where the title has not the word."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        if folder := index.data(FOUND_ROLE):
            _paint_with_note(painter, QStyleOptionViewItem(option), index, self, str(folder))
        else:
            super().paint(painter, option, index)


class StarDelegate(RowDelegate):
    """A star that is full, or only its outline."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        option = QStyleOptionViewItem(option)
        ink = _begin(painter, option, index, self)
        starred = option.checkState is Qt.CheckState.Checked
        tone = (
            theme.accent(QApplication.palette()) if starred else theme.mixed(ink, option.palette.base().color(), 0.45)
        )
        ratio = option.widget.devicePixelRatioF() if isinstance(option.widget, QWidget) else 1.0
        box = QRect(0, 0, _STAR, _STAR)
        box.moveCenter(option.rect.center())
        painter.drawPixmap(box.topLeft(), icons.pixmap("starred" if starred else "star", _STAR, tone, ratio))

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().initStyleOption(option, index)
        option.features &= ~QStyleOptionViewItem.ViewItemFeature.HasCheckIndicator

    def editorEvent(
        self, event: QEvent, model: QAbstractItemModel, option: QStyleOptionViewItem, index: AnyIndex
    ) -> bool:
        """A click anywhere in the cell: the star is too small to be aimed at."""
        if event.type() is QEvent.Type.MouseButtonRelease:
            starred = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
            wanted = Qt.CheckState.Unchecked if starred else Qt.CheckState.Checked
            return model.setData(index, wanted, Qt.ItemDataRole.CheckStateRole)
        return False
