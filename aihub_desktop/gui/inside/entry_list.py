"""The entries of an archive as a list, with what finds one among them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.inside import EntryRow
from aihub_desktop.gui import flat_list, heads, theme
from aihub_desktop.gui.delegates import NumberDelegate, PlaceDelegate, RowDelegate, SignDelegate
from aihub_desktop.gui.inside.encodings import EncodingBox
from aihub_desktop.gui.inside.look import Look
from aihub_desktop.gui.models.entries import EntryColumn
from aihub_desktop.gui.parts import EmptyPlace, SearchField
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system.words import Words


class EntryView(QTableView):
    """What is typed goes to the search. A table, for a tree asks for each of its rows: 600,000 take it a second."""

    typed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        flat_list.plain(self)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        heads = self.horizontalHeader()
        heads.setSectionsMovable(False)
        # The third press on a head brings back the archive's own order.
        heads.setSortIndicatorClearable(True)
        heads.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:  # fmt: skip
        """Rows are what there is to choose: the first and the last of them, and no cell beside another."""
        match action:
            case QAbstractItemView.CursorAction.MoveHome:
                return self.model().index(0, 0)
            case QAbstractItemView.CursorAction.MoveEnd:
                return self.model().index(self.model().rowCount() - 1, 0)
            case QAbstractItemView.CursorAction.MoveLeft | QAbstractItemView.CursorAction.MoveRight:
                return self.currentIndex()
            case _:
                return super().moveCursor(action, modifiers)

    def keyboardSearch(self, search: str) -> None:
        if search.strip():
            self.typed.emit(search)


class EntryList(QWidget):
    """`chosen_changed`: other rows are chosen, or those that are have come."""

    chosen_changed = Signal()
    current_changed = Signal()
    activated = Signal()
    menu_wanted = Signal(QPoint)

    def __init__(self, look: Look, words: Words, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.search, self.encoding, self.view = SearchField(), EncodingBox(), EntryView()
        self._names, self._none = QLabel(), EmptyPlace("search")
        self._stack = QStackedWidget()
        self._prepare_view()
        self._lay_out()
        self._connect()
        self.speak(words)

    def _prepare_view(self) -> None:
        view, header = self.view, self.view.horizontalHeader()
        view.setModel(self._look.model)
        view.setItemDelegate(RowDelegate(view))
        view.setItemDelegateForColumn(EntryColumn.NAME, PlaceDelegate(view))
        view.setItemDelegateForColumn(EntryColumn.KIND, SignDelegate(view))
        for column in (EntryColumn.SIZE, EntryColumn.PACKED):
            view.setItemDelegateForColumn(column, NumberDelegate(view))
        view.setSortingEnabled(True)
        heads.dress(header, EntryColumn.SIZE, EntryColumn.PACKED)
        header.setSectionResizeMode(EntryColumn.NAME, QHeaderView.ResizeMode.Stretch)

    def _lay_out(self) -> None:
        self._names.setBuddy(self.encoding)
        top = QHBoxLayout()
        top.setSpacing(GRID)
        top.addWidget(self.search, 1)
        top.addSpacing(GRID)
        top.addWidget(self._names)
        top.addWidget(self.encoding)
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._none)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(GRID)
        box.addLayout(top)
        box.addWidget(self._stack, 1)

    def _connect(self) -> None:
        look, view = self._look, self.view
        self._none.pressed.connect(self.search.clear)
        look.listed.connect(self._listed)
        self.search.typed.connect(lambda text: look.want(find=text))
        self.search.left_down.connect(view.setFocus)
        self.encoding.chosen.connect(lambda name: look.want(encoding=name))
        view.typed.connect(self._type)
        view.activated.connect(lambda _: self.activated.emit())
        view.selectionModel().currentRowChanged.connect(lambda *_: self.current_changed.emit())
        view.selectionModel().selectionChanged.connect(lambda *_: self.chosen_changed.emit())
        view.customContextMenuRequested.connect(lambda at: self.menu_wanted.emit(view.viewport().mapToGlobal(at)))
        look.model.modelReset.connect(self.current_changed)

    def speak(self, words: Words) -> None:
        self.search.setPlaceholderText(words.say("gui.inside.search"))
        self.search.setAccessibleName(words.say("gui.inside.search"))
        self._names.setText(words.say("gui.inside.encoding.label"))
        self.encoding.speak(words)
        self.view.setAccessibleName(words.say("gui.inside.list"))
        self._none.tell(words.say("gui.inside.none"), button=words.say("gui.datasets.clear"))
        self._look.model.speak(words)
        self._fit_columns(words)

    def _fit_columns(self, words: Words) -> None:
        metrics, header = self.view.fontMetrics(), self.view.horizontalHeader()
        header.setMinimumSectionSize(GRID * 6)
        heads = (f"{words.say(f'gui.inside.column.{name}')}MM" for name in ("size", "packed"))
        number = max((words.size(996 << 20), *heads), key=metrics.horizontalAdvance)
        samples = {
            EntryColumn.SIZE: number, EntryColumn.PACKED: number,
            EntryColumn.KIND: f"{words.say('refusal.encrypted')}MM",
        }  # fmt: skip
        for column, sample in samples.items():
            header.resizeSection(column, metrics.horizontalAdvance(sample) + GRID * 2)

    # ---- what is chosen ----

    def rows(self) -> list[EntryRow]:
        """Those that are chosen, as far as they are here."""
        chosen = self.view.selectionModel().selectedRows()
        found = (self._look.model.row_at(index.row()) for index in chosen)
        return [row for row in found if row is not None]

    def count(self) -> int:
        """How many are chosen, however many that are."""
        return sum(part.height() for part in self.view.selectionModel().selection().toList())

    def current(self) -> EntryRow | None:
        index = self.view.currentIndex()
        return self._look.model.row_at(index.row()) if index.isValid() else None

    def _listed(self, total: int) -> None:
        self._stack.setCurrentIndex(0 if total else 1)
        self._none.button.setVisible(bool(self.search.text()))
        if total and not self.view.currentIndex().isValid():
            self.view.setCurrentIndex(self._look.model.index(0, 0))
        self.chosen_changed.emit()

    def _type(self, text: str) -> None:
        self.search.setFocus()
        self.search.setText(self.search.text() + text)

    # ---- colours ----

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        theme.calm(self.view)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "view"):
            theme.calm(self.view)
