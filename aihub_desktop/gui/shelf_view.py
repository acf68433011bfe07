"""The table that shows an object storage as a tree: arrows, ticks, the keyboard, and pages as they come into sight."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPalette, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyle, QStyleOptionViewItem, QTableView, QWidget

from aihub_desktop.gui import flat_list, heads
from aihub_desktop.gui.delegates import AnyIndex, TickDelegate
from aihub_desktop.gui.models.shelf import TAIL
from aihub_desktop.gui.models.shelf_lines import ShelfModel
from aihub_desktop.gui.models.shelf_table import DEPTH_ROLE, NAME, OPEN_ROLE, SIZE
from aihub_desktop.gui.theme import GRID

_STEP: Final = GRID * 2 + 2  # one level
_ARROW: Final = GRID * 2 + 2


def _indent(index: AnyIndex) -> int:
    return int(index.data(DEPTH_ROLE) or 0) * _STEP + _ARROW + GRID // 2


class ShelfView(QTableView):
    """Space ticks what is selected, the arrows open and close, Enter downloads."""

    entered_key = Signal()
    retry_wanted = Signal(int)

    def __init__(self, model: ShelfModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shelf = model
        self.setModel(model)
        self.setItemDelegate(ShelfDelegate(self))
        flat_list.plain(self)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.verticalHeader().setMinimumSectionSize(GRID)
        header = self.horizontalHeader()
        heads.dress(header)
        header.setSectionsClickable(False)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(GRID * 6)
        self._looking = QTimer(self, singleShot=True, interval=0)
        self._looking.timeout.connect(self._look)
        self.verticalScrollBar().valueChanged.connect(lambda _: self._looking.start())
        for news in (model.rowsInserted, model.rowsRemoved, model.modelReset):
            news.connect(self._look_later)

    def set_size_sample(self, text: str) -> None:
        """The widest that a size may be."""
        self.horizontalHeader().resizeSection(SIZE, self.fontMetrics().horizontalAdvance(text) + GRID * 3)

    def select_line(self, line: int) -> None:
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().setCurrentIndex(self._shelf.index(line, NAME), flags)

    def _look_later(self, *_: object) -> None:
        self._looking.start()

    def _look(self) -> None:
        """What is in sight is asked for, where it has not come yet."""
        count = self._shelf.rowCount()
        if count and self.isVisible():
            first, last = self.rowAt(0), self.rowAt(self.viewport().height() - 1)
            self._shelf.ask_near(max(0, first), last if last >= 0 else count - 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._looking.start()

    # ---- the mouse ----

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if event.button() is Qt.MouseButton.LeftButton and index.isValid() and index.column() == NAME:
            left = self.visualRect(index).left() + _indent(index) - _ARROW
            if index.data(OPEN_ROLE) is not None and left <= event.position().x() < left + _ARROW:
                self._shelf.toggle(index.row())
                return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        # Two quick clicks on a box or an arrow are two clicks.
        if index.isValid() and event.position().x() > self.visualRect(index).left() + _indent(index) + GRID * 3:
            self._activate(index)
        else:
            self.mousePressEvent(event)

    def _activate(self, index: QModelIndex) -> None:
        if self._shelf.tree.at[index.row()] == TAIL:
            self.retry_wanted.emit(index.row())
        else:
            self._shelf.toggle(index.row())

    # ---- the keyboard ----

    def keyPressEvent(self, event: QKeyEvent) -> None:
        line = self.currentIndex().row()
        match event.key():
            case Qt.Key.Key_Space:
                self._tick_selected()
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self._enter(line)
            case Qt.Key.Key_Right if line >= 0:
                self._right(line)
            case Qt.Key.Key_Left if line >= 0:
                self._left(line)
            case _:
                super().keyPressEvent(event)

    def _enter(self, line: int) -> None:
        if line >= 0 and self._shelf.tree.at[line] == TAIL:
            self.retry_wanted.emit(line)
        else:
            self.entered_key.emit()

    def _tick_selected(self) -> None:
        lines = [index.row() for index in self.selectionModel().selectedRows(NAME)]
        on = any(self._shelf.tick_state(line) not in (None, Qt.CheckState.Checked) for line in lines)
        for line in lines:
            self._shelf.tick(line, on)

    def _right(self, line: int) -> None:
        is_open = self._shelf.is_open(line)
        if is_open is False:
            self._shelf.toggle(line)
        elif is_open:
            self.select_line(line + 1)

    def _left(self, line: int) -> None:
        if self._shelf.is_open(line):
            self._shelf.toggle(line)
        elif (above := self._shelf.line_above(line)) >= 0:
            self.select_line(above)


class ShelfDelegate(TickDelegate):
    """The line's own background over its whole width, then arrow, box and text at their depth."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        widget = option.widget
        if index.column() != NAME or not isinstance(widget, QWidget):
            super().paint(painter, option, index)
            return
        # By hand: the delegates above ask the model three times over, which is felt while scrolling.
        style, option = widget.style(), QStyleOptionViewItem(option)
        self.initStyleOption(option, index)
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, widget)
        indent = _indent(index)
        is_open = index.data(OPEN_ROLE)
        if is_open is not None:
            self._arrow(painter, option, option.rect.left() + indent - _ARROW, is_open=bool(is_open))
        option.rect = option.rect.adjusted(indent, 0, 0, 0)
        if option.features & QStyleOptionViewItem.ViewItemFeature.HasCheckIndicator:
            self.check(painter, option)
        area = style.subElementRect(QStyle.SubElement.SE_ItemViewItemText, option, widget).adjusted(3, 0, -3, 0)
        chosen = option.state & QStyle.StateFlag.State_Selected
        painter.setPen(option.palette.color(QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text))
        painter.setFont(option.font)
        text = option.fontMetrics.elidedText(option.text, option.textElideMode, area.width())
        painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), text)

    def editorEvent(self, event: QEvent, model: object, option: QStyleOptionViewItem, index: AnyIndex) -> bool:
        if index.column() == NAME:
            option = QStyleOptionViewItem(option)
            option.rect = option.rect.adjusted(_indent(index), 0, 0, 0)
        return bool(super().editorEvent(event, model, option, index))  # type: ignore[arg-type]

    def initStyleOption(self, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        super().initStyleOption(option, index)
        ticks = option.features & QStyleOptionViewItem.ViewItemFeature.HasCheckIndicator
        if not ticks and index.column() == NAME:
            faint = option.palette.color(QPalette.ColorRole.PlaceholderText)
            option.palette.setColor(QPalette.ColorRole.Text, faint)
            option.palette.setColor(QPalette.ColorRole.HighlightedText, faint)

    @staticmethod
    def _arrow(painter: QPainter, option: QStyleOptionViewItem, left: int, *, is_open: bool) -> None:
        """The style's own, as in every other tree."""
        arrow = QStyleOptionViewItem(option)
        arrow.rect = QRect(left, option.rect.top(), _ARROW, option.rect.height())
        arrow.state |= QStyle.StateFlag.State_Children
        if is_open:
            arrow.state |= QStyle.StateFlag.State_Open
        option.widget.style().drawPrimitive(QStyle.PrimitiveElement.PE_IndicatorBranch, arrow, painter, option.widget)
