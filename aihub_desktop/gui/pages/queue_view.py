"""The table of the queue."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt
from PySide6.QtGui import QAccessible, QAccessibleTableModelChangeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeView, QWidget

from aihub_desktop.domain.messages import FileRow, TransferRow
from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui import heads
from aihub_desktop.gui.choice import Choice
from aihub_desktop.gui.delegates import ProgressDelegate, RowDelegate, TitleDelegate
from aihub_desktop.gui.models.queue import QueueModel
from aihub_desktop.gui.models.queue_tree import AnyIndex
from aihub_desktop.gui.models.queue_words import Column
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system.words import Words

# Transfers that are unfolded after another filter: those that were, and those some of whose files were looked for. Each
# row of a file is laid out anew then; with 100,000 of them the window would stand still.
_MOST_UNFOLDED: Final = 20


class QueueView(QTreeView):
    """Transfers that unfold into their files, which are asked for as they come into sight."""

    def __init__(self, queue: QueueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue = queue
        self.setModel(queue)
        self.setItemDelegate(RowDelegate(self))
        self.setItemDelegateForColumn(Column.NAME, TitleDelegate(self))
        self.setItemDelegateForColumn(Column.PROGRESS, ProgressDelegate(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        # Rows have two heights; by rows, only those in sight are measured, however many there are.
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAllColumnsShowFocus(True)
        self.setExpandsOnDoubleClick(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)  # of our own kind alone, as the model says
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setDragDropOverwriteMode(False)
        header = self.header()
        heads.dress(header)
        header.setSectionsMovable(False)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        self._unfolded: set[int] = set()  # by hand
        self._chosen: list[int] = []
        self._restores = False
        queue.modelAboutToBeReset.connect(self._remember)
        queue.modelReset.connect(self._restore)
        self.collapsed.connect(lambda index: self._note(index, unfolded=False))
        self.expanded.connect(lambda index: self._note(index, unfolded=True))
        self.expanded.connect(queue.fetchMore)
        queue.rowsInserted.connect(lambda parent, *_: self._fetch_on(parent))
        queue.rowsRemoved.connect(lambda parent, *_: self._fetch_on(parent))

    def speak(self, words: Words) -> None:
        """Names, and columns as wide as the language needs them."""
        self.setAccessibleName(words.say("gui.queue.view"))
        metrics, header = self.fontMetrics(), self.header()
        about = words.say("gui.queue.near", value=words.size(996 << 30))
        state = words.state(TransferState.RUNNING)
        samples = {
            Column.STATE: words.say("gui.queue.state-files", state=state, done=36, n=36),
            Column.SIZE: words.say("gui.queue.amount", here=words.size(996 << 30), all=about),
            Column.SPEED: words.speed(996 << 10),
            Column.LEFT: words.time_between((81 * 60, 94 * 60)),
        }
        header.setMinimumSectionSize(GRID * 6)
        header.resizeSection(Column.PROGRESS, metrics.horizontalAdvance("100%") + GRID * 10)
        for column, sample in samples.items():
            header.resizeSection(column, metrics.horizontalAdvance(sample) + GRID * 3)

    def choice(self) -> Choice:
        """What is selected."""
        rows = [self._queue.row_at(index) for index in self.selectionModel().selectedRows(Column.NAME)]
        transfers = [row for row in rows if isinstance(row, TransferRow)]
        whole = {row.id for row in transfers}
        return Choice(transfers, [row for row in rows if isinstance(row, FileRow) and row.transfer not in whole])

    def select(self, transfer: int) -> None:
        """Marks a transfer and brings it into sight."""
        index = self._queue.index_of(transfer)
        if index.isValid():
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.selectionModel().setCurrentIndex(index, flags)
            self.scrollTo(index)
            self.setFocus()

    def dataChanged(self, first: AnyIndex, last: AnyIndex, roles: Sequence[int] = ()) -> None:
        # No row ever changes its height here. The tree's own answer is to measure every row between the two, files of
        # unfolded transfers among them: with 100,000 rows that takes minutes.
        self.viewport().update()
        if QAccessible.isActive():
            event = QAccessibleTableModelChangeEvent(self, QAccessibleTableModelChangeEvent.ModelChangeType.DataChanged)
            event.setFirstRow(first.row())
            event.setLastRow(last.row())
            QAccessible.updateAccessibility(event)

    # ---- another filter, or another engine: what was unfolded and chosen stays so ----

    def _note(self, index: QModelIndex, *, unfolded: bool) -> None:
        row = self._queue.row_at(index)
        if isinstance(row, TransferRow) and not self._restores:
            (self._unfolded.add if unfolded else self._unfolded.discard)(row.id)

    def _remember(self) -> None:
        self._chosen = [row.id for row in self.choice().transfers]

    def _restore(self) -> None:
        self._restores = True
        hits = set(islice(self._queue.filter.hits, _MOST_UNFOLDED))
        wanted = [transfer for transfer in self._queue.shown() if transfer in self._unfolded or transfer in hits]
        for transfer in wanted[:_MOST_UNFOLDED]:
            self.setExpanded(self._queue.index_of(transfer), True)
        self._unfolded.difference_update(wanted[_MOST_UNFOLDED:])
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for transfer in self._chosen:
            index = self._queue.index_of(transfer)
            if index.isValid():
                self.selectionModel().select(index, flags)
        self._restores = False

    def _fetch_on(self, transfer: QModelIndex) -> None:
        # The view itself asks for more at its very end only.
        if transfer.isValid() and self.isExpanded(transfer):
            self._queue.fetchMore(transfer)
