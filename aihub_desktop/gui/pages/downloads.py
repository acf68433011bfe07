"""The queue: what runs, what waits, what is done, and what needs the person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QStackedWidget,
    QToolBar,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.messages import Cancel, FileRow, Pause, Remove, Resume, Retry, TransferRow
from aihub_desktop.domain.states import TRANSFER_ENDED, TRANSFER_MAY_RUN, FileState, TransferState
from aihub_desktop.gui import icons
from aihub_desktop.gui.cures import Cure, cures_of, page_of
from aihub_desktop.gui.delegates import ProgressDelegate, RowDelegate, TitleDelegate
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.key_dialog import KeyDialog
from aihub_desktop.gui.models.queue_rows import in_trouble
from aihub_desktop.gui.models.queue_words import Column
from aihub_desktop.gui.parts import Banner, ElidedLabel, EmptyPlace
from aihub_desktop.gui.theme import GRID

_ACTIONS = ("pause", "resume", "retry", "cancel", "remove", "folder")
_FOR_ALL = ("pause-all", "resume-all")
_WIDE = 860  # pixels: below, buttons lose their words and the time left makes way


class Choice:
    """The selected rows, and what may be done with them."""

    def __init__(self, transfers: list[TransferRow], files: list[FileRow]) -> None:
        self.transfers = transfers
        self.files = files  # selected by themselves, not with their transfer

    def to_pause(self) -> list[int]:
        return [row.id for row in self.transfers if row.state in TRANSFER_MAY_RUN]

    def to_resume(self) -> list[int]:
        return [row.id for row in self.transfers if row.state in (TransferState.PAUSED, TransferState.NEEDS_USER)]

    def to_retry(self) -> list[int]:
        again = (TransferState.FAILED, TransferState.CANCELLED)
        return [row.id for row in self.transfers if row.state in again or (row.failed and row.state in TRANSFER_ENDED)]

    def files_to_retry(self) -> list[int]:
        return [row.id for row in self.files if row.state in (FileState.FAILED, FileState.SKIPPED)]

    def to_cancel(self) -> list[int]:
        return [row.id for row in self.transfers if row.state not in TRANSFER_ENDED]

    def files_to_cancel(self) -> list[int]:
        return [row.id for row in self.files if row.state not in (FileState.DONE, FileState.SKIPPED)]

    def to_remove(self) -> list[int]:
        return [row.id for row in self.transfers if row.state in TRANSFER_ENDED]


class DownloadsPage(QWidget):
    """Buttons act on the selected rows. The banner shows the problem of the selected row, else the first there is."""

    find_wanted = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.actions_by_name: dict[str, QAction] = {}
        self._bar, self._all_bar = QToolBar(), QToolBar()
        self.view = self._make_view()
        self.banner = Banner()
        self._told: object = None
        self._totals = ElidedLabel(Qt.TextElideMode.ElideRight)
        self._empty = EmptyPlace("downloads")
        self._stack = QStackedWidget()
        self._make_actions()
        self._lay_out()
        self._connect()
        self.speak()

    def _make_view(self) -> QTreeView:
        view = QTreeView()
        view.setModel(self._desk.queue)
        view.setItemDelegate(RowDelegate(view))
        view.setItemDelegateForColumn(Column.NAME, TitleDelegate(view))
        view.setItemDelegateForColumn(Column.PROGRESS, ProgressDelegate(view))
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        # Rows have two heights; by rows, only those in sight are measured, however many there are.
        view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setAllColumnsShowFocus(True)
        view.setExpandsOnDoubleClick(False)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header = view.header()
        header.setSectionsMovable(False)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        return view

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _WIDE
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if narrow else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        self._bar.setToolButtonStyle(style)
        self.view.setColumnHidden(Column.LEFT, narrow)

    def _fit_columns(self) -> None:
        words, metrics, header = self._desk.words, self.view.fontMetrics(), self.view.header()
        about = words.say("gui.queue.near", value=words.size(996 << 30))
        state = words.state(TransferState.RUNNING)
        samples = {
            Column.STATE: words.say("gui.queue.state-files", state=state, done=36, n=36),
            Column.SIZE: words.say("gui.queue.amount", here=words.size(996 << 30), all=about),
            Column.SPEED: words.speed(996 << 10),
            Column.LEFT: words.duration(23.9 * 3600),
        }
        header.setMinimumSectionSize(GRID * 6)
        header.resizeSection(Column.PROGRESS, metrics.horizontalAdvance("100 %") + GRID * 10)
        for column, sample in samples.items():
            header.resizeSection(column, metrics.horizontalAdvance(sample) + GRID * 3)

    def _make_actions(self) -> None:
        acts: dict[str, Callable[[], None]] = {
            "pause": self._pause, "resume": self._resume, "retry": self._retry, "cancel": self._cancel,
            "remove": self._remove, "folder": self._open_folder,
            "pause-all": lambda: self._desk.link.tell(Pause(0), refused=self._desk.refused.emit),
            "resume-all": lambda: self._desk.link.tell(Resume(0), refused=self._desk.refused.emit),
        }  # fmt: skip
        for name, act in acts.items():
            action = QAction(self)
            icons.dress(action, name.removesuffix("-all"))
            action.triggered.connect(act)
            self.actions_by_name[name] = action
        self.actions_by_name["remove"].setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        self.actions_by_name["folder"].setShortcut(QKeySequence("Ctrl+O"))
        for name in _ACTIONS:
            action = self.actions_by_name[name]
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            self.view.addAction(action)

    def _lay_out(self) -> None:
        for bar, names in ((self._bar, _ACTIONS), (self._all_bar, _FOR_ALL)):
            bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            bar.setIconSize(QSize(16, 16))
            bar.setMovable(False)
            for name in names:
                bar.addAction(self.actions_by_name[name])
        self._bar.insertSeparator(self.actions_by_name["folder"])
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
        box.addWidget(self.view, 1)
        box.addWidget(self._totals)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(full)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)

    def _connect(self) -> None:
        queue = self._desk.queue
        queue.totals_changed.connect(self._show)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._show())
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.doubleClicked.connect(self._double_clicked)
        self.view.expanded.connect(queue.fetchMore)
        queue.rowsInserted.connect(lambda parent, *_: self._fetch_on(parent))
        queue.rowsRemoved.connect(lambda parent, *_: self._fetch_on(parent))
        self._empty.pressed.connect(self.find_wanted)

    def speak(self) -> None:
        say = self._desk.words.say
        for name, action in self.actions_by_name.items():
            action.setText(say(f"gui.queue.do.{name}"))
            action.setToolTip(say(f"gui.queue.tip.{name}"))
        self._fit_columns()
        self.view.setAccessibleName(say("gui.queue.view"))
        self._bar.setAccessibleName(say("gui.queue.tools"))
        self._all_bar.setAccessibleName(say("gui.queue.tools-all"))
        self._empty.tell(say("gui.queue.empty.title"), say("gui.queue.empty.text"), say("gui.queue.empty.button"))
        self._told = None
        self._show()

    def select(self, transfer: int) -> None:
        """Marks a transfer and brings it into sight."""
        index = self._desk.queue.index_of(transfer)
        if index.isValid():
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.view.selectionModel().setCurrentIndex(index, flags)
            self.view.scrollTo(index)
            self.view.setFocus()

    # ---- showing ----

    def _show(self) -> None:
        rows = self._desk.queue.transfers()
        self._stack.setCurrentIndex(1 if rows else 0)
        choice = self._choice()
        enabled = {
            "pause": choice.to_pause(),
            "resume": choice.to_resume(),
            "retry": choice.to_retry() or choice.files_to_retry(),
            "cancel": choice.to_cancel() or choice.files_to_cancel(),
            "remove": choice.to_remove(),
            "folder": choice.transfers or choice.files,
            "pause-all": [row for row in rows if row.state in TRANSFER_MAY_RUN],
            "resume-all": [row for row in rows if row.state in (TransferState.PAUSED, TransferState.NEEDS_USER)],
        }
        for name, able in enabled.items():
            self.actions_by_name[name].setEnabled(bool(able))
        self._show_problem(rows, choice)
        self._show_totals(rows)

    def _show_totals(self, rows: list[TransferRow]) -> None:
        words = self._desk.words
        running = sum(row.state is TransferState.RUNNING for row in rows)
        waiting = sum(row.state is TransferState.QUEUED for row in rows)
        done = sum(row.state is TransferState.DONE for row in rows)
        rate = self._desk.queue.rate
        speed = words.speed(rate) if running and rate >= 1 else ""
        self._totals.say(words.say("gui.queue.totals", running=running, waiting=waiting, done=done, speed=speed))

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
        self.banner.tell(title, told.advice, [self._cure(cure, row) for cure in cures_of(problem)])

    def _cure(self, cure: Cure, row: TransferRow) -> tuple[str, Callable[[], None]]:
        acts: dict[Cure, Callable[[], None]] = {
            # The engine itself goes on with what waited for a key; a rejection may have had another reason.
            Cure.ENTER_KEY: lambda: KeyDialog(self._desk, self).open(),
            Cure.OPEN_PAGE: lambda: _open(QUrl(page_of(row.dataset))),
            Cure.OPEN_FOLDER: lambda: _open(QUrl.fromLocalFile(row.folder)),
            Cure.TRY_AGAIN: lambda: self._try_again(row),
        }
        return self._desk.words.say(f"gui.cure.{cure}"), acts[cure]

    def _choice(self) -> Choice:
        queue = self._desk.queue
        rows = [queue.row_at(index) for index in self.view.selectionModel().selectedRows(Column.NAME)]
        transfers = [row for row in rows if isinstance(row, TransferRow)]
        whole = {row.id for row in transfers}
        return Choice(transfers, [row for row in rows if isinstance(row, FileRow) and row.transfer not in whole])

    def _fetch_on(self, transfer: QModelIndex) -> None:
        # The view itself asks for more at its very end only.
        if transfer.isValid() and self.view.isExpanded(transfer):
            self._desk.queue.fetchMore(transfer)

    def _menu(self, place: QPoint) -> None:
        if not self.view.selectionModel().hasSelection():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in _ACTIONS:
            if self.actions_by_name[name].isEnabled():
                menu.addAction(self.actions_by_name[name])
        menu.popup(self.view.viewport().mapToGlobal(place))

    def _double_clicked(self, index: QModelIndex) -> None:
        if index.parent().isValid():
            self._open_folder()
        else:
            first = index.siblingAtColumn(Column.NAME)
            self.view.setExpanded(first, not self.view.isExpanded(first))

    # ---- doing ----

    def _pause(self) -> None:
        self._desk.link.tell(Pause(0, self._choice().to_pause()), refused=self._desk.refused.emit)

    def _resume(self) -> None:
        self._desk.link.tell(Resume(0, self._choice().to_resume()), refused=self._desk.refused.emit)

    def _retry(self) -> None:
        choice = self._choice()
        self._desk.link.tell(Retry(0, choice.to_retry(), choice.files_to_retry()), refused=self._desk.refused.emit)

    def _cancel(self) -> None:
        choice = self._choice()
        self._desk.link.tell(Cancel(0, choice.to_cancel(), choice.files_to_cancel()), refused=self._desk.refused.emit)

    def _remove(self) -> None:
        if gone := self._choice().to_remove():
            self._desk.link.tell(Remove(0, gone), refused=self._desk.refused.emit)

    def _open_folder(self) -> None:
        choice = self._choice()
        if choice.transfers:
            _open(QUrl.fromLocalFile(choice.transfers[0].folder))
        elif choice.files:
            above = self._desk.queue.transfer_at(self._desk.queue.index_of(choice.files[0].transfer))
            if above is not None:
                _open(QUrl.fromLocalFile(str((Path(above.folder) / choice.files[0].place).parent)))

    def _try_again(self, row: TransferRow) -> None:
        command = Resume(0, [row.id]) if row.state is TransferState.NEEDS_USER else Retry(0, [row.id])
        self._desk.link.tell(command, refused=self._desk.refused.emit)


def _troubled(row: TransferRow) -> bool:
    return in_trouble(row) and (row.problem is not None or row.failed > 0)


def _open(address: QUrl) -> None:
    QDesktopServices.openUrl(address)
