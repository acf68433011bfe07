"""Lists of rows below each other, set up alike everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyledItemDelegate, QTableView, QTreeView

from aihub_desktop.gui import heads
from aihub_desktop.gui.delegates import NumberDelegate, RowDelegate
from aihub_desktop.gui.theme import GRID

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


def plain(view: QTableView) -> None:
    """A table that is a list of rows: a tree asks for every row at once, a table for those in sight."""
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setTabKeyNavigation(False)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    rows, header = view.verticalHeader(), view.horizontalHeader()
    rows.hide()
    rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    rows.setDefaultSectionSize(view.fontMetrics().height() + GRID + 2)
    header.setHighlightSections(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
