"""Lists of rows below each other, set up alike everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from PySide6.QtCore import QAbstractItemModel
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyledItemDelegate, QTreeView

from aihub_desktop.gui import heads
from aihub_desktop.gui.delegates import NumberDelegate, RowDelegate

C = TypeVar("C", bound=int)


def prepare(
    view: QTreeView, model: QAbstractItemModel, delegates: Mapping[C, type[QStyledItemDelegate]], *wide: C
) -> None:
    """`delegates` of single columns; the columns `wide` share what the others leave."""
    view.setModel(model)
    view.setItemDelegate(RowDelegate(view))
    for column, delegate in delegates.items():
        view.setItemDelegateForColumn(column, delegate(view))
    view.setRootIsDecorated(False)
    view.setAllColumnsShowFocus(True)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    header = view.header()
    heads.dress(header, *(column for column, delegate in delegates.items() if issubclass(delegate, NumberDelegate)))
    header.setSectionsMovable(False)
    header.setStretchLastSection(False)
    for column in wide:
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
