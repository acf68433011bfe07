"""The table of the queue."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from PySide6.QtCore import SIGNAL, QItemSelectionModel, QModelIndex, QObject, QPoint, Qt, QTimer
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
_MOST_UNFOLDED: Final = 10
# So many files of a transfer are known beyond those in sight. With each page the tree lays out all that it knows anew,
# so what nobody scrolls to stays with the engine.
_AHEAD: Final = 1000
_LAYOUT_CHANGED: Final = "layoutChanged(QList<QPersistentModelIndex>,QAbstractItemModel::LayoutChangeHint)"


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
        # Files that change places leave the tree's shape as it is, and its own answer is to lay out every row anew.
        QObject.disconnect(queue, SIGNAL(_LAYOUT_CHANGED), self, None)  # type: ignore[call-overload]
        queue.layoutChanged.connect(lambda: self.dataChanged(QModelIndex(), QModelIndex()))
        queue.modelAboutToBeReset.connect(self._remember)
        queue.modelReset.connect(self._restore)
        self.collapsed.connect(lambda index: self._note(index, unfolded=False))
        self.expanded.connect(lambda index: self._note(index, unfolded=True))
        self.expanded.connect(queue.fetchMore)
        self._moved_on = QTimer(self, singleShot=True, interval=0)
        self._moved_on.timeout.connect(self._fetch_on)
        bar = self.verticalScrollBar()
        for moved in (queue.rowsInserted, queue.rowsRemoved, bar.valueChanged, bar.rangeChanged):
            moved.connect(lambda *_: self._moved_on.start())

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

    # ---- files are asked for as they come into sight

    def _fetch_on(self) -> None:
        first = self.indexAt(QPoint(0, 0))
        if not first.isValid():
            return
        last = self.indexAt(QPoint(0, self.viewport().height() - 1))
        above, below = _place(first), _place(last) if last.isValid() else self._queue.rowCount() - 1
        for place in range(above, below + 1):
            transfer = self._queue.index(place, 0)
            seen = last.row() if place == below and last.parent().isValid() else -1
            known = self._queue.rowCount(transfer)
            if self.isExpanded(transfer) and (place < below or not last.isValid() or known - seen <= _AHEAD):
                self._queue.fetch_on(self._queue.shown()[place])


def _place(index: QModelIndex) -> int:
    """Of its transfer in the list."""
    return index.parent().row() if index.parent().isValid() else index.row()
