"""The transfers and, once someone looks, their files: what the engine says of them, brought into the tree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from aihub_desktop.domain.messages import Between, Changed, FileRow, FileRows, Progress, TransferRow
from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui.models.queue_filter import QueueFilter, hay_of
from aihub_desktop.gui.models.queue_rows import FileItem, QueueRows, Touched, TransferItem, runs
from aihub_desktop.gui.models.queue_tree import DETAIL_ROLE, FRACTION_ROLE, REPEAT_ROLE, ROW_ROLE, QueueTree
from aihub_desktop.gui.models.queue_words import HEADERS, QueueWords
from aihub_desktop.system.words import Words

__all__ = ["DETAIL_ROLE", "FRACTION_ROLE", "REPEAT_ROLE", "ROW_ROLE", "QueueModel"]

_LAYOUT: Final = "QList<QPersistentModelIndex>,QAbstractItemModel::LayoutChangeHint"
# Whoever keeps what is selected does so by rows then, and not by each of their cells.
_ROWS_ALONE: Final = QAbstractItemModel.LayoutChangeHint.VerticalSortHint


class QueueModel(QueueTree):
    """Rows come from the engine, whole; progress changes numbers in place. File rows are asked for in pages."""

    totals_changed = Signal()

    def __init__(self, words: Words, parent: QObject | None = None) -> None:
        super().__init__(words, parent)
        self.rate = 0.0
        self.between: Between | None = None  # seconds until everything is over that may run

    def speak(self, words: Words) -> None:
        self._words = QueueWords(words)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(HEADERS) - 1)

    # ---- what the engine says ----

    def fill(self, rows: list[TransferRow]) -> None:
        """All transfers anew."""
        self.beginResetModel()
        self._rows = QueueRows(rows, self._rows.filter)
        self.rate, self.between = 0.0, None
        self.endResetModel()
        self.totals_changed.emit()

    def change(self, event: Changed) -> None:
        """Rows that changed, came or went."""
        for transfer in event.removed:
            if (item := self._rows.get(transfer)) is not None:
                self._hide(item)
                self._rows.drop(transfer)  # not before: views ask for what they lose
        moved = False
        for row in event.transfers:
            item = self._rows.get(row.id)
            if item is None:
                self._rows.add(row)
            else:
                moved = moved or item.row.rank != row.rank
                self._replace(item, row)
        if moved:
            self._arrange()
        for row in event.transfers:
            self._settle(self._rows.items[row.id])
        self._tell_transfers(row.id for row in event.transfers)
        self._rows.note_why(event.files)
        self._change_files(event.files)
        self.totals_changed.emit()

    def progress(self, event: Progress) -> None:
        """Numbers of what moves; what is not named stands still."""
        self.rate, self.between = event.rate, event.between
        self._tell_transfers(self._rows.progress_transfers(event.transfers))
        self._tell_files(self._rows.progress_files(event.files))
        self.totals_changed.emit()

    def add_rows(self, transfer: int, offset: int, answer: FileRows) -> None:
        """A page of file rows. One that fits no longer is thrown away, and the one that fits is asked for."""
        item = self._rows.get(transfer)
        if item is None:
            return
        item.asked = False
        parent = self.index_of(transfer)
        if not parent.isValid():
            return
        if offset != len(item.files):
            self.fetch_on(transfer)
            return
        fresh = [row for row in answer.rows if row.id not in item.place]
        item.total = answer.total if fresh else offset
        if not fresh:
            return
        self.beginInsertRows(parent, offset, offset + len(fresh) - 1)
        item.files.extend(map(FileItem, fresh))
        item.number_files(offset)
        self.endInsertRows()

    def forget_question(self, transfer: int) -> None:
        """The page that was asked for will not come."""
        if (item := self._rows.get(transfer)) is not None:
            item.asked = False

    def stop(self) -> None:
        """The engine is gone: nothing moves, nothing that was asked will come."""
        self.rate, self.between = 0.0, None
        self._rows.rest()
        self._tell_transfers(self._rows.items)
        self.totals_changed.emit()

    # ---- what others ask ----

    @property
    def filter(self) -> QueueFilter:
        return self._rows.filter

    def narrow(self, wanted: QueueFilter) -> None:
        """Shows what fits, and asks for files anew."""
        if wanted == self._rows.filter:
            return
        self.beginResetModel()
        self._rows.sift(wanted)
        for item in self._rows.items.values():
            item.asked = False  # an answer to the old question fits by no offset, or is whole anyway
        self.endResetModel()
        self.totals_changed.emit()

    def transfers(self) -> list[TransferRow]:
        """All, in the order of the list, shown or not."""
        return [item.row for item in self._rows.in_order()]

    def shown(self) -> list[int]:
        """The transfers that are shown, from above."""
        return [item.row.id for item in self._rows.shown]

    def item(self, transfer: int) -> TransferItem | None:
        return self._rows.get(transfer)

    def file(self, transfer: int, file: int) -> FileItem | None:
        """A file whose row is here."""
        item = self._rows.get(transfer)
        place = None if item is None else item.place.get(file)
        return None if item is None or place is None else item.files[place]

    def unfinished(self, transfers: Iterable[int]) -> int:
        """Bytes that have to be received again if these transfers are stopped now."""
        items = (self._rows.get(key) for key in set(transfers))
        return sum(item.unfinished for item in items if item is not None)

    # ---- keeping the rows ----

    def _replace(self, item: TransferItem, row: TransferRow) -> None:
        if row.files != item.row.files:
            # Files were joined or replaced: the pages that are here may have gaps.
            self._forget_from(item, 0)
            item.forget_files(self._rows.filter)
        if (row.dataset, row.folder) != (item.row.dataset, item.row.folder):
            item.hay = hay_of(row)
        item.row = row
        if row.state is not TransferState.RUNNING and not row.finishing:
            item.rest()

    def _arrange(self) -> None:
        """Those shown, in the order of the list again."""
        self._rows.disorder()
        shown = self._rows.shown
        for place, item in enumerate(sorted(shown, key=lambda one: one.key)):
            if shown[place] is not item:
                old = shown.index(item, place)
                self.beginMoveRows(QModelIndex(), old, old, QModelIndex(), place)
                shown.insert(place, shown.pop(old))
                self._rows.number()
                self.endMoveRows()

    def _settle(self, item: TransferItem) -> None:
        """Shows it, or no more."""
        belongs = self._rows.belongs(item)
        if belongs and item.row.id not in self._rows.place:
            place = self._rows.place_for(item)
            self.beginInsertRows(QModelIndex(), place, place)
            self._rows.shown.insert(place, item)
            self._rows.number()
            self.endInsertRows()
        elif not belongs:
            self._hide(item)

    def _hide(self, item: TransferItem) -> None:
        if (place := self._rows.place.get(item.row.id)) is not None:
            self.beginRemoveRows(QModelIndex(), place, place)
            del self._rows.shown[place]
            self._rows.number()
            self.endRemoveRows()
            item.forget_files(self._rows.filter)

    def _change_files(self, rows: list[FileRow]) -> None:
        for transfer, moved in self._rows.moved_files(rows).items():
            self._arrange_files(self._rows.items[transfer], moved)
        stayed = []
        for row in rows:
            place = self._rows.change_file(row)
            if self._rows.filter or place is None:
                self._settle_file(row, place)
            else:
                stayed.append(row)
        touched: Touched = {}
        for row in stayed:
            touched.setdefault(row.transfer, set()).add(self._rows.items[row.transfer].place[row.id])
        self._tell_files(touched)

    def _arrange_files(self, item: TransferItem, moved: dict[int, FileRow]) -> None:
        """Those of a transfer, in their order again."""
        transfer = item.row.id
        above = [QPersistentModelIndex(self.index_of(transfer))]
        self.layoutAboutToBeChanged[_LAYOUT].emit(above, _ROWS_ALONE)  # type: ignore[index]
        held = [index for index in self.persistentIndexList() if index.internalId() == transfer]
        files = [item.files[index.row()] for index in held]
        for key, row in moved.items():
            item.files[item.place[key]].row = row
        item.sort_files()
        places = (item.place[file.row.id] for file in files)
        now = [self.createIndex(place, old.column(), transfer) for place, old in zip(places, held, strict=True)]
        self.changePersistentIndexList(held, now)
        self.layoutChanged[_LAYOUT].emit(above, _ROWS_ALONE)  # type: ignore[index]
        kept = len(item.files)
        while not item.is_complete and kept and item.files[kept - 1].row.id in moved:
            kept -= 1  # what stands last may belong behind files that are not here
        self._forget_from(item, kept)

    def _forget_from(self, item: TransferItem, first: int) -> None:
        if first < len(item.files):
            self.beginRemoveRows(self.index_of(item.row.id), first, len(item.files) - 1)
            for file in item.files[first:]:
                del item.place[file.row.id]
            del item.files[first:]
            self.endRemoveRows()

    def _settle_file(self, row: FileRow, place: int | None) -> None:
        """A file that changed under a filter may come, go, or stay; one that is not here may have moved to here."""
        item, parent = self._rows.get(row.transfer), self.index_of(row.transfer)
        if item is None or item.total is None or not parent.isValid():
            return  # its files were not asked for yet
        belongs = self._rows.filter.shows_file(row, item.hay)
        if belongs and place is not None:
            self._tell_files({row.transfer: {place}})
        elif belongs:
            at = item.place_for(row)
            is_in_sight = at < len(item.files) or item.is_complete
            if self._rows.filter:
                item.total += 1
            if is_in_sight:
                self.beginInsertRows(parent, at, at)
                item.files.insert(at, FileItem(row))
                item.number_files(at)
                self.endInsertRows()
        elif place is not None:
            self.beginRemoveRows(parent, place, place)
            del item.files[place], item.place[row.id]
            item.number_files(place)
            item.total -= 1
            self.endRemoveRows()

    def _tell_transfers(self, transfers: Iterable[int]) -> None:
        # One signal for each run of neighbours: a signal that spans untouched rows would repaint them all.
        places = (self._rows.place[key] for key in set(transfers) if key in self._rows.place)
        for first, last in runs(places):
            self.dataChanged.emit(self.createIndex(first, 0, 0), self.createIndex(last, len(HEADERS) - 1, 0))

    def _tell_files(self, touched: Touched) -> None:
        for transfer, places in touched.items():
            if transfer not in self._rows.place:
                continue
            for first, last in runs(places):
                self.dataChanged.emit(
                    self.createIndex(first, 0, transfer), self.createIndex(last, len(HEADERS) - 1, transfer)
                )
