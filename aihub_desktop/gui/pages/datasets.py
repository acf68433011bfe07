"""The catalogue with its search, and beside it the chosen dataset."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QHBoxLayout,
    QHeaderView,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.messages import Add, Added, Configure
from aihub_desktop.domain.model import Dataset
from aihub_desktop.gui import heads, icons
from aihub_desktop.gui.chip import Chip
from aihub_desktop.gui.delegates import DatasetDelegate, NumberDelegate, StarDelegate
from aihub_desktop.gui.desk import Copy, Desk
from aihub_desktop.gui.key_dialog import KeyDialog
from aihub_desktop.gui.models import datasets
from aihub_desktop.gui.models.datasets import Range
from aihub_desktop.gui.pages.files import FilesPanel
from aihub_desktop.gui.parts import ElidedLabel, EmptyPlace, Rule, SearchField, Sign
from aihub_desktop.gui.theme import GRID

_PICTURES: Final = {Range.STARRED: "star", Range.RECENT: "datasets"}  # of ranges that have nothing yet


class DatasetView(QTreeView):
    """Space puts a star on the row, wherever the cell is, or takes it off."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        star = self.currentIndex().siblingAtColumn(datasets.STAR)
        if event.key() == Qt.Key.Key_Space and star.isValid():
            on = star.data(Qt.ItemDataRole.CheckStateRole) != Qt.CheckState.Checked
            wanted = Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
            self.model().setData(star, wanted, Qt.ItemDataRole.CheckStateRole)
        else:
            super().keyPressEvent(event)


class DatasetsPage(QWidget):
    """`added` gives the number of the transfer that a download became."""

    added = Signal(int)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.search = SearchField()
        self.ranges = {each: Chip(checkable=True) for each in Range}
        self._group = QButtonGroup(self)
        for each, chip in self.ranges.items():
            self._group.addButton(chip, each)
        self.ranges[Range.ALL].setChecked(True)
        self.view = self._make_view()
        self.files = FilesPanel(desk)
        self._empty = EmptyPlace("search")
        self._stack = QStackedWidget()
        self._age = ElidedLabel(Qt.TextElideMode.ElideRight)
        self._sign = Sign("warning", 16, warning=True)
        self._refresh = QToolButton(autoRaise=True)
        icons.dress(self._refresh, "refresh")
        self._lay_out()
        self._connect()
        self.speak()

    def _make_view(self) -> DatasetView:
        view = DatasetView()
        view.setModel(self._desk.datasets)
        view.setItemDelegate(DatasetDelegate(view))
        view.setItemDelegateForColumn(datasets.STAR, StarDelegate(view))
        view.setItemDelegateForColumn(datasets.KEY, NumberDelegate(view))
        view.setRootIsDecorated(False)
        view.setUniformRowHeights(True)
        view.setAllColumnsShowFocus(True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setSortingEnabled(False)
        header = view.header()
        heads.dress(header, datasets.KEY)
        header.setSectionsMovable(False)
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setStretchLastSection(True)
        header.setSectionResizeMode(datasets.KEY, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(datasets.KEY, view.fontMetrics().horizontalAdvance("0") * 9)
        header.setSectionResizeMode(datasets.STAR, QHeaderView.ResizeMode.Fixed)
        header.setMinimumSectionSize(GRID * 3)
        header.resizeSection(datasets.STAR, GRID * 4)
        return view

    def _lay_out(self) -> None:
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._empty)
        foot = QHBoxLayout()
        foot.setSpacing(GRID // 2)
        foot.addWidget(self._sign)
        foot.addWidget(self._age, 1)
        foot.addWidget(self._refresh)
        left = QWidget()
        box = QVBoxLayout(left)
        box.setContentsMargins(GRID * 2, GRID * 2, GRID * 2, GRID)
        box.setSpacing(GRID)
        box.addWidget(self.search)
        chips = QHBoxLayout()
        chips.setSpacing(GRID - 2)
        for chip in self.ranges.values():
            chips.addWidget(chip)
        chips.addStretch(1)
        box.addLayout(chips)
        box.addWidget(self._stack, 1)
        box.addLayout(foot)
        right = QWidget()
        beside = QHBoxLayout(right)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(0)
        beside.addWidget(Rule(upright=True))
        beside.addWidget(self.files, 1)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(left)
        self.splitter.addWidget(right)
        self.splitter.setStretchFactor(0, 2)
        self.splitter.setStretchFactor(1, 3)
        left.setMinimumWidth(260)
        right.setMinimumWidth(400)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.splitter)

    def _connect(self) -> None:
        self.search.typed.connect(self._typed)
        self.search.left_down.connect(self._into_list)
        self.search.returnPressed.connect(self._into_list)
        self._group.idToggled.connect(self._narrowed)
        # Assistive technology selects rows without making them current.
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._chosen())
        self.view.activated.connect(lambda _: self.files.view.setFocus())
        self.view.header().sortIndicatorChanged.connect(self._desk.datasets.sort)
        self._refresh.clicked.connect(self.reload)
        self._empty.pressed.connect(self._help)
        self.files.wanted.connect(self._download)
        self._desk.catalogue_changed.connect(self._show)
        self._desk.datasets.modelReset.connect(self._find_again)
        self._desk.datasets.marked.connect(self._count)

    def speak(self) -> None:
        say = self._desk.words.say
        self.search.setPlaceholderText(say("gui.datasets.search"))
        self.search.setAccessibleName(say("gui.datasets.search"))
        self.search.setToolTip(say("gui.datasets.search-tip"))
        self.view.setAccessibleName(say("gui.datasets.view"))
        self._refresh.setToolTip(say("gui.datasets.refresh"))
        self._refresh.setAccessibleName(say("gui.datasets.refresh"))
        self.files.speak()
        self._show(self._desk.catalogue)
        self._count()

    def reload(self) -> None:
        """The list anew from the hub."""
        if not self._desk.catalogue.loading:
            self._desk.load_catalogue(refresh=True)

    def focus_search(self) -> None:
        """The search of the list; from there, that of the files."""
        field = self.files.filter if self.search.hasFocus() and self.files.filter.isVisible() else self.search
        field.setFocus()
        field.selectAll()

    def show_dataset(self, key: str) -> bool:
        """Chooses the dataset with this key, which no package has. False where the list has none."""
        self.search.clear()
        self.ranges[Range.ALL].setChecked(True)
        model = self._desk.datasets
        rows = ((row, model.dataset(row)) for row in range(model.rowCount()))
        row = next((row for row, one in rows if one.key == key and not one.package), None)
        if row is not None:
            self._mark(row)
            self.view.scrollTo(model.index(row, datasets.TITLE))
        return row is not None

    # ---- the list ----

    def _count(self) -> None:
        """How many the ranges have."""
        for each, chip in self.ranges.items():
            chip.setText(
                self._desk.words.say(f"gui.datasets.range.{each.name.lower()}", n=self._desk.datasets.count(each) or "")
            )
            chip.updateGeometry()

    def _narrowed(self, number: int, on: bool) -> None:
        if on:
            self._desk.datasets.narrow(Range(number))
            self._show(self._desk.catalogue)

    def _typed(self, text: str) -> None:
        self._desk.datasets.search(text)
        self._show(self._desk.catalogue)

    def _find_again(self) -> None:
        """After a reset the chosen dataset is marked again if it is still among the rows."""
        chosen = self._desk.chosen
        row = None if chosen is None else self._desk.datasets.row_of(chosen)
        if row is not None:
            self._mark(row)
        self._show(self._desk.catalogue)

    def _mark(self, row: int) -> None:
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.view.selectionModel().setCurrentIndex(self._desk.datasets.index(row, datasets.TITLE), flags)

    def _into_list(self) -> None:
        if self._desk.datasets.rowCount() == 0:
            return
        if not self.view.currentIndex().isValid():
            self._mark(0)
        self.view.setFocus()

    def _chosen(self) -> None:
        rows = self.view.selectionModel().selectedRows(datasets.TITLE)
        if len(rows) != 1:
            return
        dataset: Dataset = rows[0].data(datasets.DATASET_ROLE)
        if dataset != self._desk.chosen:
            self.files.choose(dataset)

    def _show(self, copy: Copy) -> None:
        words, model = self._desk.words, self._desk.datasets
        if model.rowCount():
            self._stack.setCurrentWidget(self.view)
        else:
            self._show_empty(copy)
        self._refresh.setEnabled(not copy.loading)
        self._sign.setVisible(copy.problem is not None and model.total > 0)
        if model.total == 0:
            self._age.say(words.say("gui.datasets.loading") if copy.loading else "")
        elif copy.problem is not None:
            title = words.problem(copy.problem).title
            self._age.say(words.say("gui.datasets.old", moment=words.moment(copy.asked_at), problem=title))
        else:
            narrowed = model.searching.strip() or model.range is not Range.ALL
            key = "gui.datasets.found" if narrowed else "gui.datasets.count"
            moment = words.moment(copy.asked_at) if copy.asked_at else ""
            self._age.say(words.say(key, n=model.rowCount(), all=model.total, moment=moment))

    def _show_empty(self, copy: Copy) -> None:
        words = self._desk.words
        if self._desk.datasets.total:
            self._show_no_hit(self._desk.datasets.searching.strip(), self._desk.datasets.range)
        elif copy.problem is not None:
            told = words.problem(copy.problem)
            self._empty.tell(told.title, told.advice, words.say("gui.cure.try-again"), "warning")
        else:
            self._empty.tell(words.say("gui.datasets.loading"), picture="refresh")
        self._stack.setCurrentWidget(self._empty)

    def _show_no_hit(self, text: str, shown: Range) -> None:
        say, name = self._desk.words.say, shown.name.lower()
        if shown is Range.ALL:
            self._empty.tell(say("gui.datasets.no-hit", text=text), "", say("gui.datasets.clear"), "search")
        elif text and self._desk.datasets.count(shown):
            self._empty.tell(
                say("gui.datasets.none.here", text=text), "", say("gui.datasets.none.search-all"), "search"
            )
        else:
            title, how = say(f"gui.datasets.none.{name}"), say(f"gui.datasets.none.{name}-how")
            self._empty.tell(title, how, say("gui.datasets.range.show-all"), _PICTURES[shown])

    def _help(self) -> None:
        model = self._desk.datasets
        if model.range is not Range.ALL:
            self.ranges[Range.ALL].setChecked(True)
        elif model.total:
            self.search.clear()
            self.search.setFocus()
        else:
            self.reload()

    # ---- downloading ----

    def _download(self, folder: str) -> None:
        """Asks for the key first where there is none; what was wished then goes on by itself."""
        if not folder or not self._desk.tree.sum().files:
            return
        if self._desk.key_known and not self._desk.key.origin:
            dialog = KeyDialog(self._desk, self)
            dialog.kept.connect(lambda _: self._add(folder))
            dialog.open()
        else:
            self._add(folder)

    def _add(self, folder: str) -> None:
        dataset = self._desk.chosen
        if dataset is None:
            return
        files, base = self._desk.tree.files(ticked=True), self.files.target.base()
        self._desk.link.ask(
            Add(0, dataset, files, folder, self.files.target.unpack), Added, self._was_added, self._desk.refused.emit
        )
        if base != self._desk.settings.folder:
            self._desk.link.tell(Configure(0, {"folder": base}), refused=self._desk.refused.emit)

    def _was_added(self, answer: Added) -> None:
        self._desk.marks.visit()
        self._desk.tree.untick_all()
        self.files.target.refresh()
        self.added.emit(answer.transfer)
