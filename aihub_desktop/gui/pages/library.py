"""The library: what was downloaded, whether it is still whole, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QItemSelectionModel, QPoint, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QMenu,
    QMessageBox,
    QSplitter,
    QStackedWidget,
    QToolBar,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.holdings import HoldingRow, HoldingState
from aihub_desktop.domain.messages import Discarded, Repaired
from aihub_desktop.domain.tasks import TASK_ENDED
from aihub_desktop.gui import flat_list, icons, keys
from aihub_desktop.gui.delegates import NumberDelegate, SignDelegate, TitleDelegate
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.dropping import dropped_folder, welcome
from aihub_desktop.gui.models.library_words import Column, LibraryWords
from aihub_desktop.gui.pages.door import Door
from aihub_desktop.gui.pages.holding import HoldingPanel
from aihub_desktop.gui.parts import Banner, EmptyPlace, Rule, gap
from aihub_desktop.gui.theme import GRID

_ACTIONS = ("folder", "verify", "unpack", "repair", "remove", "discard")
_ICONS = {"repair": "retry", "remove": "unlist", "discard": "remove"}
_WIDE = 860  # pixels: below, buttons lose their words and some columns make way
_ABSENT = (HoldingState.AWAY, HoldingState.GONE, HoldingState.UNREADABLE)


class LibraryPage(QWidget):
    """`added` gives the number of the download that a repair became.

    `look_wanted` gives a folder and the place of an archive in it; `unpack_wanted` a folder and the places of archives,
    None for all.
    """

    added = Signal(int)
    look_wanted = Signal(str, str)
    unpack_wanted = Signal(str, object)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._library = desk.library
        self.actions_by_name = {name: QAction(self) for name in (*_ACTIONS, "quick", "deep", "add")}
        self._bar, self._add_bar = QToolBar(), QToolBar()
        self._menu = QMenu(self)
        self.banner = Banner(closable=True)
        self.door = Door(desk)
        self.view = self._make_view()
        self.panel = HoldingPanel(desk)
        self._empty = EmptyPlace("library")
        self._stack = QStackedWidget()
        self._make_actions()
        self._lay_out()
        self._connect()
        self.speak()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _WIDE
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if narrow else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        self._bar.setToolButtonStyle(style)
        for column in (Column.FILES, Column.PROOF):
            self.view.setColumnHidden(column, narrow)

    def _make_view(self) -> QTreeView:
        view = QTreeView()
        delegates = {
            Column.NAME: TitleDelegate, Column.STATE: SignDelegate, Column.SIZE: NumberDelegate,
            Column.FILES: NumberDelegate,
        }  # fmt: skip
        flat_list.prepare(view, self._library.folders, delegates, Column.NAME)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setTextElideMode(Qt.TextElideMode.ElideRight)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        return view

    def _make_actions(self) -> None:
        acts: dict[str, Callable[[], None]] = {
            "folder": self._open_folder, "quick": lambda: self._verify(deep=False),
            "deep": lambda: self._verify(deep=True), "unpack": self._unpack, "repair": self._repair,
            "remove": self._remove, "discard": self._ask_discard, "add": self.door.pick,
        }  # fmt: skip
        for name, act in acts.items():
            self.actions_by_name[name].triggered.connect(act)
        for name in (*_ACTIONS, "add"):
            icons.dress(self.actions_by_name[name], _ICONS.get(name, name))
        self._menu.addActions([self.actions_by_name["quick"], self.actions_by_name["deep"]])
        self.actions_by_name["verify"].setMenu(self._menu)
        for name in ("remove", "folder"):
            keys.bind(self.actions_by_name[name], "downloads", name)
            self.actions_by_name[name].setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            self.view.addAction(self.actions_by_name[name])

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(GRID)
        for bar, names in ((self._bar, _ACTIONS), (self._add_bar, ("add",))):
            bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            bar.setIconSize(QSize(16, 16))
            bar.setMovable(False)
            for name in names:
                bar.addAction(self.actions_by_name[name])
                # By itself a tool bar's button is out of reach of the keyboard.
                bar.widgetForAction(self.actions_by_name[name]).setFocusPolicy(Qt.FocusPolicy.TabFocus)
            tools.addWidget(bar, 1 if bar is self._bar else 0)
        button = self._bar.widgetForAction(self.actions_by_name["verify"])
        if isinstance(button, QToolButton):
            # The small arrow of a button that is all menu stands below the line of the words.
            button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
            button.clicked.connect(button.showMenu)
            self._bar.insertWidget(self.actions_by_name["unpack"], gap())
        above = QWidget()
        box = QVBoxLayout(above)
        box.setContentsMargins(GRID * 2, GRID + 4, GRID * 2, GRID)
        box.setSpacing(GRID)
        box.addLayout(tools)
        box.addWidget(self.banner)
        box.addWidget(self.view, 1)
        below = QWidget()
        inner = QVBoxLayout(below)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        inner.addWidget(Rule())
        inner.addWidget(self.panel, 1)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(above)
        self.splitter.addWidget(below)
        self.splitter.setSizes([300, 400])
        self._below = below
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.splitter)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self._stack, 1)
        outer.addWidget(self.door)
        self.setAcceptDrops(True)

    def _connect(self) -> None:
        self.view.selectionModel().currentRowChanged.connect(lambda *_: self._chosen())
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.view.doubleClicked.connect(lambda _: self._open_folder())
        self._library.changed.connect(self._show)
        self._library.chosen_changed.connect(self._show)
        self._empty.pressed.connect(self.door.pick)
        self.door.entered.connect(self.mark)
        self.panel.look_wanted.connect(self.look_wanted)
        self.panel.unpack_wanted.connect(self.unpack_wanted)

    def speak(self) -> None:
        say = self._desk.words.say
        for name, action in self.actions_by_name.items():
            action.setText(say(f"gui.library.do.{name}"))
            if name not in ("quick", "deep"):
                action.setToolTip(say(f"gui.library.tip.{name}"))
        self.view.setAccessibleName(say("gui.library.view"))
        self._bar.setAccessibleName(say("gui.library.tools"))
        self._add_bar.setAccessibleName(say("gui.library.do.add"))
        self.banner.name_close(say("gui.close"))
        self._empty.tell(
            say("gui.library.empty.title"), say("gui.library.empty.text"), say("gui.library.empty.button")
        )  # fmt: skip
        self._fit_columns()
        self.door.speak()
        self.panel.speak()
        self._show()

    def _fit_columns(self) -> None:
        say, metrics, header = self._desk.words.say, self.view.fontMetrics(), self.view.header()
        state = max((say("gui.library.state.newer"), say("gui.library.state.away")), key=metrics.horizontalAdvance)
        samples = {
            Column.SIZE: self._desk.words.size(996 << 30),
            Column.FILES: "636,045",
            Column.WHEN: "2026-11-27",
            Column.PROOF: say("gui.library.proof.some", proof=say("gui.library.proof.archive"), n=9999),
            Column.STATE: f"{state}MM",
        }
        header.setMinimumSectionSize(GRID * 6)
        for column, sample in samples.items():
            header.resizeSection(column, metrics.horizontalAdvance(sample) + GRID * 3)

    # ---- showing ----

    def _row(self) -> HoldingRow | None:
        index = self.view.currentIndex()
        return self._library.folders.row(index.row()) if index.isValid() else None

    def _chosen(self) -> None:
        row = self._row()
        if row is None or self._library.chosen is None or row.id != self._library.chosen.id:
            self.panel.damaged.setChecked(False)
            self._library.choose(row)

    def _show(self) -> None:
        rows = self._library.folders.rows()
        self._stack.setCurrentIndex(1 if rows else 0)
        if rows and not self.view.currentIndex().isValid():
            self.mark(self._library.chosen.id if self._library.chosen else rows[0].id)
        row = self._row()
        self._below.setVisible(row is not None)
        task = None if row is None else self._library.running(row)
        here = row is not None and row.state not in _ABSENT
        free = here and (task is None or task.state in TASK_ENDED)
        summary = row.summary if row else None
        enabled = {
            "folder": here, "verify": free, "unpack": bool(free and summary and summary.archives),
            "repair": bool(free and row and row.state is HoldingState.DAMAGED), "remove": row is not None,
            "discard": bool(free and summary and summary.files),
        }  # fmt: skip
        for name, able in enabled.items():
            self.actions_by_name[name].setEnabled(able)

    def mark(self, number: int) -> None:
        """Chooses a folder of the list."""
        place = self._library.folders.place_of(number)
        if place is not None:
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            index = self._library.folders.index(place, Column.NAME)
            self.view.selectionModel().setCurrentIndex(index, flags)
            self.view.scrollTo(index)

    def show_folder(self, folder: str) -> None:
        """Chooses it, if it is on the list."""
        for row in self._library.folders.rows():
            if row.folder == folder:
                self.mark(row.id)

    def _show_menu(self, place: QPoint) -> None:
        if self._row() is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions([self.actions_by_name[name] for name in _ACTIONS if self.actions_by_name[name].isEnabled()])
        menu.popup(self.view.viewport().mapToGlobal(place))

    # ---- doing ----

    def _open_folder(self) -> None:
        row = self._row()
        if row is not None and row.state not in _ABSENT:
            QDesktopServices.openUrl(QUrl.fromLocalFile(row.folder))

    def _verify(self, *, deep: bool) -> None:
        if row := self._row():
            self._library.verify(row, deep=deep, refused=self._desk.refused.emit)

    def _repair(self) -> None:
        def asked(answer: Repaired) -> None:
            self._left(answer)
            self.added.emit(answer.transfer)

        if row := self._row():
            self._library.repair(row, asked, self._desk.refused.emit)

    def _left(self, answer: Repaired) -> None:
        """What cannot be had again is told here, where it stays broken."""
        words = self._desk.words
        if answer.left and answer.reason is not None:
            self.banner.tell(words.say("gui.library.left", n=answer.left), " ".join(words.problem(answer.reason)), [])
        else:
            self.banner.hide()

    def _remove(self) -> None:
        if row := self._row():
            self.door.remove(row)

    def _unpack(self) -> None:
        if row := self._row():
            self.unpack_wanted.emit(row.folder, None)

    def _ask_discard(self) -> None:
        row = self._row()
        if row is None or row.summary is None:
            return
        words = self._desk.words
        title, size = LibraryWords(words).title(row), words.size(row.summary.bytes)
        text = words.say("gui.library.ask.discard-text", folder=row.folder, n=row.summary.files, size=size)
        box = self._question(
            "gui.library.ask.discard-do", words.say("gui.library.ask.discard", title=title), text,
            lambda: self._library.discard(row, self._discarded, self._desk.refused.emit), destroys=True,
        )  # fmt: skip
        box.open()

    def _question(
        self, deed: str, question: str, text: str, then: Callable[[], None], *, destroys: bool = False
    ) -> QMessageBox:
        """With the deed and a way out, which is the default of what cannot be undone."""
        say, none = self._desk.words.say, QMessageBox.StandardButton.NoButton
        icon = QMessageBox.Icon.Warning if destroys else QMessageBox.Icon.Question
        box = QMessageBox(icon, say("gui.window.title"), question, none, self)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setInformativeText(text)
        role = QMessageBox.ButtonRole.DestructiveRole if destroys else QMessageBox.ButtonRole.AcceptRole
        yes = box.addButton(say(deed), role)
        no = box.addButton(say("gui.library.ask.cancel"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(no if destroys else yes)
        box.setEscapeButton(no)
        yes.clicked.connect(then)
        box.finished.connect(box.deleteLater)
        return box

    def _discarded(self, answer: Discarded) -> None:
        words = self._desk.words
        title = words.say("gui.library.discarded", n=answer.files, size=words.size(answer.bytes))
        if answer.kept:
            self.banner.tell(title, words.say("gui.library.kept", n=answer.kept), [])
        else:
            self.banner.hide()

    # ---- folders that are dragged here ----

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        welcome(event)

    def dropEvent(self, event: QDropEvent) -> None:
        if folder := dropped_folder(event.mimeData()):
            event.acceptProposedAction()
            self.door.add(folder)
