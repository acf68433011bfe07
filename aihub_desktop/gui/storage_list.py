"""The storages a person has entered: name, and below it where it is."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPalette
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QStyle, QStyleOptionViewItem, QWidget

from aihub_desktop.domain.messages import StorageRow
from aihub_desktop.domain.storage import Storage
from aihub_desktop.gui import theme
from aihub_desktop.gui.delegates import AnyIndex, RowDelegate
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system.words import Words

_STORAGE_ROLE: Final = int(Qt.ItemDataRole.UserRole) + 1
_WHERE_ROLE: Final = _STORAGE_ROLE + 1
_ITEM: Final = QStyle.ControlElement.CE_ItemViewItem


class StorageList(QListWidget):
    """`chosen` gives the storage that a person picks."""

    chosen = Signal(Storage)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setItemDelegate(_Delegate(self))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.currentItemChanged.connect(self._picked)

    def fill(self, words: Words, rows: list[StorageRow]) -> None:
        """These storages; the one that is marked stays so."""
        marked = self.storage()
        self.blockSignals(True)
        self.clear()
        for row in rows:
            item = QListWidgetItem(row.storage.name or where(row.storage))
            item.setData(_STORAGE_ROLE, row.storage)
            item.setData(_WHERE_ROLE, where(row.storage))
            spoken = words.say("gui.storage.spoken", name=item.text(), endpoint=row.storage.endpoint)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, spoken)
            item.setToolTip(f"{item.text()}\n{row.storage.endpoint}")
            self.addItem(item)
            if marked is not None and row.storage.endpoint == marked.endpoint:
                self.setCurrentItem(item)
        self.blockSignals(False)

    def storage(self) -> Storage | None:
        """The one that is marked."""
        item = self.currentItem()
        found: Storage | None = None if item is None else item.data(_STORAGE_ROLE)
        return found

    def mark(self, endpoint: str) -> None:
        for place in range(self.count()):
            item = self.item(place)
            if item is not None and item.data(_STORAGE_ROLE).endpoint == endpoint:
                self.setCurrentItem(item)

    def _picked(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(_STORAGE_ROLE))


def where(storage: Storage) -> str:
    """Its host, and the port where it is an odd one."""
    return storage.endpoint.partition("://")[2]


class _Delegate(RowDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        hint = super().sizeHint(option, index)
        small = QFontMetrics(theme.resized(option.font, 0.88)).height()
        return QSize(GRID * 10, hint.height() + small + GRID // 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        option = QStyleOptionViewItem(option)
        self.initStyleOption(option, index)
        name, option.text = str(index.data()), ""
        if option.widget is not None:
            option.widget.style().drawControl(_ITEM, option, painter, option.widget)
        area = option.rect.adjusted(GRID, GRID - 2, -GRID // 2, -GRID + 2)
        ink = option.palette.color(QPalette.ColorRole.Text)
        painter.save()
        painter.setPen(ink)
        _write(painter, area, name, theme.resized(option.font, 1.0, bold=True), Qt.AlignmentFlag.AlignTop)
        painter.setPen(theme.mixed(ink, option.palette.color(QPalette.ColorRole.Base), 0.68))
        _write(
            painter, area, str(index.data(_WHERE_ROLE)), theme.resized(option.font, 0.88), Qt.AlignmentFlag.AlignBottom
        )
        painter.restore()


def _write(painter: QPainter, area: QRect, text: str, font: QFont, side: Qt.AlignmentFlag) -> None:
    painter.setFont(font)
    shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideMiddle, area.width())
    painter.drawText(area, int(side | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine), shown)
