"""The chosen dataset: what it is, its files as a tree to tick, and where they shall go."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.model import Dataset, SizeRange
from aihub_desktop.gui import heads
from aihub_desktop.gui.batches.selection import Selection, of_dataset
from aihub_desktop.gui.cures import Cure, cures_of
from aihub_desktop.gui.delegates import TickDelegate
from aihub_desktop.gui.desk import Copy, Desk
from aihub_desktop.gui.models import file_tree
from aihub_desktop.gui.pages.card import DatasetCard
from aihub_desktop.gui.pages.picks import Picks
from aihub_desktop.gui.pages.target import TargetBar, own_folder
from aihub_desktop.gui.parts import Banner, EmptyPlace, LinkButton, SearchField
from aihub_desktop.gui.theme import GRID

_WIDE: Final = 480  # pixels: below, the keys make way for the names
_HIGH: Final = 660  # pixels: below, the table of contents makes way for the tree
_OPEN_AT_ONCE: Final = 60  # rows: a small tree is shown whole


class FileView(QTreeView):
    """Space ticks whatever is selected, wherever the cell is; Enter downloads."""

    entered_key = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        model = self.model()
        if event.key() == Qt.Key.Key_Space and isinstance(model, file_tree.FileTreeModel):
            rows = self._chosen(model)
            model.tick_rows(rows, any(model.tick_state(row) != Qt.CheckState.Checked for row in rows))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered_key.emit()
        else:
            super().keyPressEvent(event)

    def _chosen(self, model: file_tree.FileTreeModel) -> list[QModelIndex]:
        # By ranges: `selectedRows` asks for the parent of every row again and again, for 4,000 rows 88,000 times.
        selection = self.selectionModel().selection()
        spans = [(span.parent(), span.top(), span.bottom()) for span in map(selection.at, range(selection.count()))]
        return [
            model.index(row, file_tree.NAME, above) for above, first, last in spans for row in range(first, last + 1)
        ]


class FilesPanel(QWidget):
    """Everything about `Desk.chosen`. `wanted` gives the folder when the person wants the ticked files; `adopt_wanted`
    where some of them are on this machine already.
    """

    wanted = Signal(str)
    batch_wanted = Signal(Selection, bool)  # with whether archives are to be unpacked
    adopt_wanted = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._open: set[str] = set()  # paths of unfolded folders, which a filter must not lose
        self.card = DatasetCard(desk)
        self.picks = Picks(desk.tree)
        self.adopt = LinkButton()
        self.filter = SearchField()
        self._all, self._none = QPushButton(autoDefault=False), QPushButton(autoDefault=False)
        self.view = self._make_view()
        self.target = TargetBar(desk)
        self.banner = Banner()
        self._nothing, self._waiting = EmptyPlace("datasets"), EmptyPlace("refresh")
        self._failed, self._bare, self._no_hit = EmptyPlace("warning"), EmptyPlace("datasets"), EmptyPlace("search")
        self._stack, self._trees = QStackedWidget(), QStackedWidget()
        self._lay_out()
        self._connect()
        self.speak()

    def _make_view(self) -> FileView:
        view = FileView()
        view.setModel(self._desk.tree)
        view.setItemDelegate(TickDelegate(view))
        view.setUniformRowHeights(True)
        view.setAlternatingRowColors(False)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setIndentation(GRID * 2)
        header = view.header()
        heads.dress(header)
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        header.setSectionResizeMode(file_tree.NAME, QHeaderView.ResizeMode.Stretch)
        return view

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.view.setColumnHidden(file_tree.KEY, self.width() < _WIDE)
        self.card.composition.make_room(self.height() >= _HIGH)

    def _lay_out(self) -> None:
        picks = QHBoxLayout()
        picks.setSpacing(GRID)
        picks.addWidget(self.filter, 1)
        picks.addWidget(self._all)
        picks.addWidget(self._none)
        self._trees.addWidget(self.view)
        self._trees.addWidget(self._no_hit)
        self._page = QWidget()
        box = QVBoxLayout(self._page)
        box.setContentsMargins(GRID * 2, GRID * 2, GRID * 2, GRID * 2)
        box.setSpacing(GRID)
        box.addWidget(self.card)
        box.addWidget(self.adopt)
        box.addWidget(self.banner)
        box.addSpacing(GRID // 2)
        box.addLayout(picks)
        box.addWidget(self.picks)
        box.addWidget(self._trees, 1)
        box.addSpacing(GRID // 2)
        box.addWidget(self.target)
        for widget in (self._nothing, self._waiting, self._failed, self._bare, self._page):
            self._stack.addWidget(widget)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)

    def _connect(self) -> None:
        tree = self._desk.tree
        self._desk.files_changed.connect(self._show)
        self._desk.library.changed.connect(self._propose)
        self._desk.library.chosen_changed.connect(self._propose)
        self.filter.typed.connect(self._filter_typed)
        self.filter.left_down.connect(self._into_tree)
        self._all.clicked.connect(lambda: tree.tick(self.view.rootIndex(), True))
        self._none.clicked.connect(lambda: tree.tick(self.view.rootIndex(), False))
        self.card.reload_wanted.connect(self.reload)
        self._failed.pressed.connect(self._cure)
        self._no_hit.pressed.connect(self.filter.clear)
        self.adopt.clicked.connect(self.adopt_wanted)
        self.view.expanded.connect(lambda index: self._open.add(tree.path_of(index)))
        self.view.collapsed.connect(lambda index: self._open.discard(tree.path_of(index)))
        self.view.entered_key.connect(self.target.button.click)
        self.target.wanted.connect(self.wanted)
        self.target.batch_wanted.connect(self._give_batch)
        tree.modelReset.connect(self._unfold)

    def speak(self) -> None:
        say = self._desk.words.say
        self.card.speak()
        self.picks.speak(self._desk.words)
        self.adopt.setText(say("gui.adopt.open"))
        self.adopt.setToolTip(say("gui.adopt.text"))
        self.filter.setPlaceholderText(say("gui.files.filter"))
        self.filter.setAccessibleName(say("gui.files.filter"))
        self.view.setAccessibleName(say("gui.files.view"))
        self._nothing.tell(say("gui.files.nothing.title"), say("gui.files.nothing.text"))
        self._waiting.tell(say("gui.files.waiting"))
        self._no_hit.tell(say("gui.files.no-hit"), button=say("gui.datasets.clear"))
        self._fit_columns()
        self._name_picks()
        self.target.speak()
        self._show(self._desk.files)

    def reload(self) -> None:
        """Asks the hub for the tree anew; ticks stay."""
        if self._desk.chosen is not None:
            self._desk.choose(self._desk.chosen, refresh=True)

    def choose(self, dataset: Dataset) -> None:
        with QSignalBlocker(self.filter):
            self.filter.clear()
        self._open.clear()
        self._desk.choose(dataset)
        self._propose()

    def _propose(self) -> None:
        """Where it lies already it is to grow: another folder would have all of it received again."""
        if (dataset := self._desk.chosen) is not None:
            self.target.set_own(own_folder(dataset), self._desk.library.home_of(dataset))

    def _show(self, copy: Copy) -> None:
        dataset, empty = self._desk.chosen, self._desk.tree.total().files == 0
        if dataset is None:
            self._stack.setCurrentWidget(self._nothing)
        elif empty and copy.loading:
            self._stack.setCurrentWidget(self._waiting)
        elif empty and copy.problem is not None:
            told = self._desk.words.problem(copy.problem)
            self._failed.tell(told.title, told.advice, self._desk.words.say(f"gui.cure.{_likeliest(copy.problem)}"))
            self._stack.setCurrentWidget(self._failed)
        elif empty:
            self._bare.tell(self._desk.words.say("gui.files.bare"))
            self._stack.setCurrentWidget(self._bare)
        else:
            self._show_page(dataset, copy)

    def _show_page(self, dataset: Dataset, copy: Copy) -> None:
        self.card.show_dataset(dataset, loading=copy.loading)
        if copy.problem is not None:
            words = self._desk.words
            cure = (words.say(f"gui.cure.{_likeliest(copy.problem)}"), self._cure)
            self.banner.tell(
                words.problem(copy.problem).title,
                words.say("gui.files.old", moment=words.moment(copy.asked_at)),
                [cure],
            )
        else:
            self.banner.hide()
        self._stack.setCurrentWidget(self._page)

    def _cure(self) -> None:
        """The one thing to do about what went wrong."""
        problem = self._desk.files.problem
        if problem is not None and _likeliest(problem) is Cure.OPEN_PAGE:
            self.card.page.click()
        else:
            self.reload()

    def _fit_columns(self) -> None:
        words, metrics, header = self._desk.words, self.view.fontMetrics(), self.view.header()
        size = words.size_range(SizeRange(int(98.6 * 2**30), int(99.4 * 2**30), ""))
        key = words.say("gui.files.column.key")
        header.setMinimumSectionSize(GRID * 6)
        header.resizeSection(file_tree.SIZE, metrics.horizontalAdvance(size) + GRID * 3)
        header.resizeSection(
            file_tree.KEY, max(metrics.horizontalAdvance("0000000"), metrics.horizontalAdvance(key)) + GRID * 2
        )

    def _filter_typed(self, text: str) -> None:
        self._desk.tree.filter(text)
        found = self._desk.tree.content.shown_files() > 0 or not text
        self._trees.setCurrentWidget(self.view if found else self._no_hit)
        self._name_picks()

    def _name_picks(self) -> None:
        kind = "shown" if self._desk.tree.content.filter else "all"
        for button, act in ((self._all, "tick"), (self._none, "untick")):
            button.setText(self._desk.words.say(f"gui.files.{act}-{kind}"))

    def _unfold(self) -> None:
        """After a reset: what was open is open again; a small tree, or what a filter found, is open at once."""
        tree = self._desk.tree
        self._name_picks()
        self._trees.setCurrentWidget(self.view)
        folders = list(tree.folders())
        small = tree.content.shown_files() + len(folders) <= _OPEN_AT_ONCE
        with QSignalBlocker(self.view):
            for place, folder in enumerate(folders):
                if small or place == 0 or tree.path_of(folder) in self._open:
                    self.view.setExpanded(folder, True)

    def _give_batch(self) -> None:
        dataset, tree = self._desk.chosen, self._desk.tree
        if dataset is not None:
            self.batch_wanted.emit(of_dataset(dataset, tree.files(), tree.files(ticked=True)), self.target.unpack)

    def _into_tree(self) -> None:
        self.view.setFocus()
        if not self.view.currentIndex().isValid():
            first = self._desk.tree.index(0, 0)
            self.view.selectionModel().setCurrentIndex(
                first, QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            )


def _likeliest(problem: Problem) -> Cure:
    """To look at the page where the hub will not say more; for all else to ask again."""
    return Cure.OPEN_PAGE if Cure.OPEN_PAGE in cures_of(problem) else Cure.TRY_AGAIN
