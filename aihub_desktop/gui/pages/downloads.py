"""The queue: what runs, what waits, what is done, and what needs the person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPoint, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QToolBar, QVBoxLayout, QWidget

from aihub_desktop.domain.messages import BringBack, Cancel, Remove, Resume, Retry, TransferRow
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.domain.storage import split_container
from aihub_desktop.gui import icons, keys
from aihub_desktop.gui.address_dialog import AddressDialog
from aihub_desktop.gui.choice import Choice
from aihub_desktop.gui.cures import Cure, cures_of
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.homecoming import Homecoming
from aihub_desktop.gui.inside.entrance import has_inside
from aihub_desktop.gui.key_dialog import KeyDialog
from aihub_desktop.gui.models.queue_rows import in_trouble
from aihub_desktop.gui.models.queue_words import Column
from aihub_desktop.gui.pages.batching import Batching
from aihub_desktop.gui.pages.details import DetailsPanel
from aihub_desktop.gui.pages.ordering import Ordering
from aihub_desktop.gui.pages.pace_bar import PaceBar
from aihub_desktop.gui.pages.pausing import FinishStrip, Pausing
from aihub_desktop.gui.pages.queue_bar import QueueBar
from aihub_desktop.gui.pages.queue_view import QueueView
from aihub_desktop.gui.parts import Banner, EmptyPlace, gap
from aihub_desktop.gui.theme import GRID
from aihub_desktop.gui.undo_bar import UndoBar

_ACTIONS = ("pause", "resume", "retry", "cancel", "remove", "folder")
_FOR_ALL = ("pause-all", "resume-all")
_ICONS = {"remove": "unlist"}  # a bin would say that files go
_WIDE = 860  # pixels: below, buttons lose their words and the time left makes way
_LEAST_LIST = 330  # pixels of the page beside banner and details
_DETAILS = "downloads/details"


class DownloadsPage(QWidget):
    """Buttons act on the selected rows. The banner shows the problem of the selected row, else the first there is."""

    find_wanted = Signal()
    look_wanted = Signal(str, str)  # into an archive: its folder, its place there
    storage_wanted = Signal(str)  # the endpoint of a storage whose keys are in question

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.actions_by_name: dict[str, QAction] = {}
        self._bar, self._all_bar = QToolBar(), QToolBar()
        self.view = QueueView(desk.queue)
        self.banner = Banner()
        self._told: object = None
        self.strip = FinishStrip(desk)
        self.bar = QueueBar(desk)
        self._homecoming = Homecoming(desk, self)
        self.ordering = Ordering(desk, self.view)
        self.batching = Batching(desk, self.view)
        self.details = DetailsPanel(desk)
        self.pace = PaceBar(desk)
        self.undo = UndoBar(self)
        self._empty, self._no_hit = EmptyPlace("downloads"), EmptyPlace("search")
        self._stack, self._list = QStackedWidget(), QStackedWidget()
        self.pace.details.setChecked(desk.preferences.value(_DETAILS, "true") != "false")
        self._make_actions()
        self._lay_out()
        self._connect()
        self.speak()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _WIDE
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if narrow else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        self._bar.setToolButtonStyle(style)
        self.ordering.button.setToolButtonStyle(style)
        self.view.setColumnHidden(Column.LEFT, narrow)
        self._fit_details()

    def _fit_details(self) -> None:
        """The list comes first: where it would be left with too little, the details make way."""
        above = sum(each.sizeHint().height() for each in (self.banner, self.strip) if each.isVisibleTo(self))
        room = self.height() - above - self.details.height()
        self.details.setVisible(self.pace.details.isChecked() and room >= _LEAST_LIST)
        self.details.fit(self.width())

    def focus_filter(self) -> None:
        self.bar.field.setFocus()

    def _make_actions(self) -> None:
        acts: dict[str, Callable[[], None]] = {
            "resume": self._resume, "retry": self._retry, "cancel": self._cancel,
            "remove": self._remove, "folder": self._open_folder, "look": self._look,
            "resume-all": lambda: self._desk.link.tell(Resume(0), refused=self._desk.refused.emit),
        }  # fmt: skip
        for name in (*_ACTIONS, *_FOR_ALL, "look"):
            self.actions_by_name[name] = QAction(self)
        for name in (*_ACTIONS, *_FOR_ALL):
            icons.dress(self.actions_by_name[name], _ICONS.get(name, name.removesuffix("-all")))
        for name, act in acts.items():
            self.actions_by_name[name].triggered.connect(act)
        self.pausing = Pausing(self._desk, self.actions_by_name["pause"], self)
        self.pausing_all = Pausing(self._desk, self.actions_by_name["pause-all"], self)
        for name in ("remove", "folder", "pause", "look"):
            keys.bind(self.actions_by_name[name], "downloads", name)
        # The arrow beside a button is for the mouse.
        keys.bind(self.pausing.stop, "downloads", "stop")
        for action in (*(self.actions_by_name[name] for name in (*_ACTIONS, "look")), self.pausing.stop):
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            self.view.addAction(action)

    def _lay_out(self) -> None:
        for bar, names in ((self._bar, _ACTIONS), (self._all_bar, _FOR_ALL)):
            bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            bar.setIconSize(QSize(16, 16))
            bar.setMovable(False)
            if (layout := bar.layout()) is not None:
                layout.setSpacing(GRID // 4)
            for name in names:
                bar.addAction(self.actions_by_name[name])
                # By itself a tool bar's button is out of reach of the keyboard.
                bar.widgetForAction(self.actions_by_name[name]).setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.pausing.attach(self._bar.widgetForAction(self.actions_by_name["pause"]))
        self.pausing_all.attach(self._all_bar.widgetForAction(self.actions_by_name["pause-all"]))
        self._bar.insertWidget(self.actions_by_name["resume"], gap())
        self._all_bar.insertWidget(self.actions_by_name["resume-all"], gap())
        self._bar.insertSeparator(self.actions_by_name["folder"])
        self._bar.addWidget(self.ordering.button)
        self._bar.addWidget(self.batching.button)
        self._list.addWidget(self.view)
        self._list.addWidget(self._no_hit)
        tools = QHBoxLayout()
        tools.setSpacing(GRID)
        tools.addWidget(self._bar, 1)
        tools.addWidget(self._all_bar)
        full = QWidget()
        box = QVBoxLayout(full)
        box.setContentsMargins(GRID * 2, GRID + 4, GRID * 2, GRID)
        box.setSpacing(GRID)
        box.addLayout(tools)
        box.addWidget(self.banner)
        box.addWidget(self.strip)
        box.addWidget(self.bar)
        box.addWidget(self._list, 1)
        box.addWidget(self.details)
        box.addWidget(self.pace)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(full)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self._stack, 1)
        below = QHBoxLayout()
        below.addWidget(self.undo)
        outer.addLayout(below)
        # Without it there is no distance either.
        self.undo.changed.connect(
            lambda: below.setContentsMargins(GRID * 2, 0, GRID * 2, 0 if self.undo.isHidden() else GRID)
        )

    def _connect(self) -> None:
        queue = self._desk.queue
        queue.totals_changed.connect(self._show)
        self._desk.lost.connect(lambda _: self.undo.forget())  # what the engine kept of them went with it
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._show())
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.doubleClicked.connect(self._double_clicked)
        self._desk.settings_changed.connect(lambda _: self._show())
        self._empty.pressed.connect(self.find_wanted)
        self._no_hit.pressed.connect(self.bar.clear)
        self.bar.narrowed.connect(self._show)
        self.bar.field.left_down.connect(self.view.setFocus)
        self.pace.details.toggled.connect(self._details_toggled)

    def speak(self) -> None:
        say = self._desk.words.say
        for name, action in self.actions_by_name.items():
            action.setText(say(f"gui.queue.do.{name}"))
            action.setToolTip(say(f"gui.queue.tip.{name}"))
        # On the bar, where every word takes room, the picture says the rest.
        self.actions_by_name["folder"].setIconText(say("gui.details.folder"))
        self.view.speak(self._desk.words)
        for part in (self.bar, self.ordering, self.batching, self.details, self.pace):
            part.speak()
        self.undo.speak(self._desk.words)
        self._no_hit.tell(say("gui.filter.no-hit"), "", say("gui.filter.show-all"))
        self._bar.setAccessibleName(say("gui.queue.tools"))
        self._all_bar.setAccessibleName(say("gui.queue.tools-all"))
        self._empty.tell(say("gui.queue.empty.title"), say("gui.queue.empty.text"), say("gui.queue.empty.button"))
        self._told = None
        self._show()

    # ---- showing ----

    def _show(self) -> None:
        rows = self._desk.queue.transfers()
        self._stack.setCurrentIndex(1 if rows else 0)
        choice = self.view.choice()
        self.pausing.show(choice)
        self.pausing_all.show(Choice(rows, []))
        self.ordering.show(choice)
        self.batching.show(choice)
        enabled = {
            "resume": choice.to_resume(),
            "retry": choice.to_retry() or choice.files_to_retry(),
            "cancel": choice.to_cancel() or choice.files_to_cancel(),
            "remove": choice.to_remove(),
            "folder": choice.transfers or choice.files,
            "look": self._archive(),
            "resume-all": [row for row in rows if row.state in (TransferState.PAUSED, TransferState.NEEDS_USER)],
        }
        for name, able in enabled.items():
            self.actions_by_name[name].setEnabled(bool(able))
        self._show_problem(rows, choice)
        self.strip.show_rows(rows)
        self.bar.show_rows(rows)
        self.pace.show_rows(rows)
        self._list.setCurrentIndex(0 if self._desk.queue.rowCount() or not self._desk.queue.filter else 1)
        self._fit_details()
        self.details.show_choice(choice)

    def _show_problem(self, rows: list[TransferRow], choice: Choice) -> None:
        row = next(filter(_troubled, (*choice.transfers, *rows)), None)
        # Told once; the same words again would take the keyboard's focus from their buttons.
        news = row and (row.id, row.state, row.problem, row.failed)
        if news == self._told:
            return
        self._told = news
        if row is None:
            self.banner.hide()
            return
        words = self._desk.words
        problem = row.problem
        if problem is None:
            title = words.say("gui.queue.failed.title", n=row.failed, title=row.dataset.title)
            self.banner.tell(title, words.say("gui.queue.failed.text"), [self._cure(Cure.TRY_AGAIN, row)])
            return
        told = words.problem(problem)
        title = words.say("gui.queue.needs", title=row.dataset.title, problem=told.title)
        self.banner.tell(title, told.advice, [self._cure(cure, row) for cure in cures_of(problem, row.dataset.source)])

    def _cure(self, cure: Cure, row: TransferRow) -> tuple[str, Callable[[], None]]:
        acts: dict[Cure, Callable[[], None]] = {
            # The engine itself goes on with what waited for a key; a rejection may have had another reason.
            Cure.ENTER_KEY: lambda: KeyDialog(self._desk, self).open(),
            Cure.OPEN_PAGE: lambda: self._homecoming.send_to_page(row),
            Cure.OPEN_FOLDER: lambda: _open(QUrl.fromLocalFile(row.folder)),
            Cure.TRY_AGAIN: lambda: self._try_again(row),
            Cure.TRY_NOW: lambda: self._try_again(row),
            Cure.BEGIN_ANEW: lambda: self._try_again(row),
            Cure.EDIT_STORAGE: lambda: self.storage_wanted.emit(split_container(row.dataset.key)[0]),
            Cure.NEW_ADDRESS: lambda: AddressDialog(self._desk, row, self).open(),
        }
        return self._desk.words.say(f"gui.cure.{cure}"), acts[cure]

    def _menu(self, place: QPoint) -> None:
        if not self.view.selectionModel().hasSelection():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in ("look", *_ACTIONS):
            if self.actions_by_name[name].isEnabled():
                menu.addActions(self.pausing.actions() if name == "pause" else [self.actions_by_name[name]])
        if self.ordering.button.isEnabled():
            menu.addSeparator()
            menu.addActions(self.ordering.menu.actions())
        menu.addSeparator()
        menu.addAction(self.batching.action)
        menu.popup(self.view.viewport().mapToGlobal(place))

    def _double_clicked(self, index: QModelIndex) -> None:
        if index.parent().isValid():
            (self._look if self._archive() else self._open_folder)()
        else:
            first = index.siblingAtColumn(Column.NAME)
            self.view.setExpanded(first, not self.view.isExpanded(first))

    # ---- doing ----

    def _resume(self) -> None:
        self._desk.link.tell(Resume(0, self.view.choice().to_resume()), refused=self._desk.refused.emit)

    def _retry(self) -> None:
        choice = self.view.choice()
        self._desk.link.tell(Retry(0, choice.to_retry(), choice.files_to_retry()), refused=self._desk.refused.emit)

    def _cancel(self) -> None:
        choice = self.view.choice()
        self._desk.link.tell(Cancel(0, choice.to_cancel(), choice.files_to_cancel()), refused=self._desk.refused.emit)

    def _remove(self) -> None:
        choice = self.view.choice()
        if gone := choice.to_remove():
            titles = [row.dataset.title for row in choice.transfers if row.id in gone]
            self._desk.link.tell(Remove(0, gone), lambda: self._removed(gone, titles), refused=self._desk.refused.emit)

    def _removed(self, gone: list[int], titles: list[str]) -> None:
        text = self._desk.words.say("gui.undo.text", title=titles[0], n=len(gone), more=len(gone) - 1 or "")
        back = BringBack(0, gone)
        self.undo.offer(text, lambda: self._desk.link.tell(back, refused=self._desk.refused.emit))

    def _details_toggled(self, wanted: bool) -> None:
        self._desk.preferences.setValue(_DETAILS, "true" if wanted else "false")
        self._fit_details()

    def _open_folder(self) -> None:
        choice = self.view.choice()
        if choice.transfers:
            _open(QUrl.fromLocalFile(choice.transfers[0].folder))
        elif choice.files:
            file = choice.files[0]
            above = self._desk.queue.row_at(self._desk.queue.index_of(file.transfer))
            if isinstance(above, TransferRow):
                _open(QUrl.fromLocalFile(str((Path(above.folder) / file.place).parent)))

    def _archive(self) -> tuple[str, str] | None:
        """The folder and the place of the archive that is chosen, if it is whole."""
        choice = self.view.choice()
        file = choice.files[0] if len(choice.files) == 1 and not choice.transfers else None
        if file is None or file.state is not FileState.DONE or not has_inside(file.place):
            return None
        above = self._desk.queue.row_at(self._desk.queue.index_of(file.transfer))
        return (above.folder, file.place) if isinstance(above, TransferRow) else None

    def _look(self) -> None:
        if archive := self._archive():
            self.look_wanted.emit(*archive)

    def _try_again(self, row: TransferRow) -> None:
        command = Resume(0, [row.id]) if row.state is TransferState.NEEDS_USER else Retry(0, [row.id])
        self._desk.link.tell(command, refused=self._desk.refused.emit)


def _troubled(row: TransferRow) -> bool:
    return in_trouble(row) and (row.problem is not None or row.failed > 0)


def _open(address: QUrl) -> None:
    QDesktopServices.openUrl(address)
