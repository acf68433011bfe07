"""One folder of the library: what it is, what is at work on it, and its files."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.holdings import HoldingRow, HoldingState
from aihub_desktop.domain.model import HUB
from aihub_desktop.domain.tasks import TASK_ENDED, TaskKind, TaskRow, TaskState
from aihub_desktop.gui import flat_list
from aihub_desktop.gui.delegates import NumberDelegate, PlaceDelegate, SignDelegate
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.inside.entrance import has_inside
from aihub_desktop.gui.inside.left_out_dialog import LeftOutDialog
from aihub_desktop.gui.models.library_words import FileColumn, LibraryWords, share_of
from aihub_desktop.gui.parts import ElidedLabel, FaintLabel, LinkButton, Sign, bold
from aihub_desktop.gui.theme import GRID
from aihub_desktop.gui.tick_box import TickBox
from aihub_desktop.system.words import Words

_TOLD_ELSEWHERE = (TaskKind.VERIFY, TaskKind.DEEP)
_SCALE = 1000  # of the bar: a task of hours moves by less than a percent at a time


class TaskStrip(QFrame):
    """How far the task of a folder is, with a button that stops it; or what came of it. Hidden where there is none."""

    stop_wanted = Signal()
    left_out_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.bar = QProgressBar(textVisible=False)
        self.bar.setFixedHeight(6)
        self.stop = QPushButton(autoDefault=False)
        self.stop.clicked.connect(self.stop_wanted)
        self.left_out = QPushButton(autoDefault=False)
        self.left_out.clicked.connect(self.left_out_wanted)
        texts = QVBoxLayout()
        texts.setSpacing(GRID // 2)
        texts.addWidget(self._text)
        texts.addWidget(self.bar)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID * 2)
        row.addLayout(texts, 1)
        row.addWidget(self.left_out)
        row.addWidget(self.stop)
        self.hide()

    def speak(self, words: Words) -> None:
        self.stop.setText(words.say("gui.library.do.stop"))
        self.left_out.setText(words.say("gui.left-out.show"))

    @property
    def text(self) -> str:
        return self._text.accessibleName()

    def show_task(self, task: TaskRow | None, words: LibraryWords) -> None:
        text = "" if task is None else words.task(task)
        self.setVisible(bool(text))
        if task is None:
            return
        at_work = task.state not in TASK_ENDED
        share = share_of(task) if task.state is TaskState.RUNNING else None
        self._text.say(text)
        self.bar.setVisible(at_work)
        # A bar of which nobody knows the end moves to and fro.
        self.bar.setRange(0, 0 if at_work and share is None and task.state is TaskState.RUNNING else _SCALE)
        self.bar.setValue(round((share or 0) * _SCALE))
        self.bar.setAccessibleName(text)
        self.stop.setVisible(at_work)
        self.left_out.setVisible(not at_work and bool(task.refused or (task.archives and task.problem)))


class HoldingPanel(QWidget):
    """Shows `Library.chosen`. The wishes are those of `LibraryPage`."""

    look_wanted = Signal(str, str)
    unpack_wanted = Signal(str, object)
    release_wanted = Signal(str)  # the key of a dataset that was released anew

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._library = desk.library
        self._title = bold(QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True), 1.15)
        self._about = ElidedLabel(Qt.TextElideMode.ElideRight)
        self._proved = FaintLabel()
        self._proved.setWordWrap(True)
        self._sign, self._warning = Sign("warning", 16, warning=True), QLabel(textFormat=Qt.TextFormat.PlainText)
        self._warning.setWordWrap(True)
        self.release = LinkButton()
        self.strip = TaskStrip()
        self.damaged = TickBox()
        self.view = self._make_view()
        self.actions_by_name = {name: QAction(self) for name in ("look", "unpack", "folder")}
        self.look_button = QPushButton(autoDefault=False)
        self._lay_out()
        self._connect()
        self.speak()

    def _make_view(self) -> QTreeView:
        view = QTreeView()
        delegates = {
            FileColumn.NAME: PlaceDelegate, FileColumn.SIZE: NumberDelegate, FileColumn.FOUND: SignDelegate,
        }  # fmt: skip
        flat_list.prepare(view, self._library.files, delegates, FileColumn.NAME)
        # Else each of 100,000 rows would be measured.
        view.setUniformRowHeights(True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        return view

    def _lay_out(self) -> None:
        warning = QHBoxLayout()
        warning.setSpacing(GRID // 2)
        warning.addWidget(self._sign, alignment=Qt.AlignmentFlag.AlignTop)
        warning.addWidget(self._warning, 1)
        head = QHBoxLayout()
        head.setSpacing(GRID * 2)
        head.addWidget(self._title, 1)
        head.addWidget(self.damaged, alignment=Qt.AlignmentFlag.AlignVCenter)
        head.addWidget(self.look_button, alignment=Qt.AlignmentFlag.AlignVCenter)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 2, GRID + 4, GRID * 2, GRID)
        box.setSpacing(GRID // 2)
        box.addLayout(head)
        box.addWidget(self._about)
        box.addWidget(self._proved)
        box.addLayout(warning)
        box.addWidget(self.release)
        box.addWidget(self.strip)
        box.addSpacing(GRID // 2)
        box.addWidget(self.view, 1)
        box.addStretch(0)

    def _connect(self) -> None:
        self._library.chosen_changed.connect(self._show)
        self._library.changed.connect(self._show)
        self.release.clicked.connect(self._show_release)
        self.damaged.toggled.connect(self._filter)
        self.strip.stop_wanted.connect(self._stop)
        self.strip.left_out_wanted.connect(self._show_left_out)
        self.view.activated.connect(lambda _: self.actions_by_name["look" if self._archive() else "folder"].trigger())
        self.view.selectionModel().currentRowChanged.connect(lambda *_: self._fit_actions())
        self.view.customContextMenuRequested.connect(self._menu)
        for name, act in (("look", self._look), ("unpack", self._unpack), ("folder", self._open)):
            self.actions_by_name[name].triggered.connect(act)
        self.look_button.clicked.connect(self.actions_by_name["look"].trigger)

    def speak(self) -> None:
        say, metrics, header = self._desk.words.say, self.view.fontMetrics(), self.view.header()
        self.view.setAccessibleName(say("gui.library.files-view"))
        self.strip.speak(self._desk.words)
        for name, key in (("look", "gui.inside.do.look"), ("unpack", "gui.inside.do.unpack")):
            self.actions_by_name[name].setText(say(key))
        self.actions_by_name["folder"].setText(say("gui.library.do.folder"))
        self.look_button.setText(say("gui.inside.do.look"))
        self.release.setText(say("gui.library.do.release"))
        proof = max((self._desk.words.proof(proof) for proof in ("archive", "length")), key=len)
        samples = {
            FileColumn.SIZE: self._desk.words.size(996 << 30),
            FileColumn.PROOF: proof,
            FileColumn.FOUND: f"{say('gui.library.found.unproved')} {say('gui.library.column.found')[:4]}",
        }
        header.setMinimumSectionSize(GRID * 6)
        for column, sample in samples.items():
            header.resizeSection(column, metrics.horizontalAdvance(sample) + GRID * 3)
        self._show()

    def _show(self) -> None:
        row, words = self._library.chosen, LibraryWords(self._desk.words)
        if row is None:
            return
        self._title.setText(words.title(row))
        self._about.say(words.about(row))
        self._proved.setText(words.proved(row))
        warning = words.warning(row)
        if not warning and self._library.problem is not None:
            warning = " ".join(self._desk.words.problem(self._library.problem))
        self._warning.setText(warning)
        self._warning.setVisible(bool(warning))
        self._sign.setVisible(bool(warning))
        self.release.setVisible(row.state is HoldingState.NEWER and _key_of(row) != "")
        self._show_damage(row)
        self._fit_actions()
        self.strip.show_task(_worth_telling(self._library.running(row)), words)

    def _show_damage(self, row: HoldingRow) -> None:
        count = row.verdict.damaged if row.verdict else 0
        if not count and self.damaged.isChecked():
            self.damaged.setChecked(False)
        self.damaged.setText(self._desk.words.say("gui.library.damaged-only", n=count or ""))
        self.damaged.setVisible(count > 0)
        # The list of files lies on the drive.
        self.view.setVisible(row.state not in (HoldingState.AWAY, HoldingState.GONE))

    def _show_release(self) -> None:
        if (row := self._library.chosen) is not None:
            self.release_wanted.emit(_key_of(row))

    def _filter(self, damaged: bool) -> None:
        self._library.choose(self._library.chosen, damaged_only=damaged)

    def _stop(self) -> None:
        row = self._library.chosen
        task = None if row is None else self._library.running(row)
        if task is not None:
            self._library.stop(task, self._desk.refused.emit)

    # ---- one file ----

    def _file(self) -> tuple[str, str] | None:
        """The folder and the place of the file that is chosen."""
        row, file = self._library.chosen, self._library.files.file_at(self.view.currentIndex().row())
        return None if row is None or file is None else (row.folder, file.place)

    def _archive(self) -> tuple[str, str] | None:
        file = self._file()
        return file if file is not None and has_inside(file[1]) else None

    def _fit_actions(self) -> None:
        found = self._archive() is not None
        self.look_button.setEnabled(found)
        self.look_button.setVisible(self.view.isVisibleTo(self))
        for name in ("look", "unpack"):
            self.actions_by_name[name].setVisible(found)

    def _menu(self, place: QPoint) -> None:
        if self._file() is not None:
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addActions(list(self.actions_by_name.values()))
            menu.popup(self.view.viewport().mapToGlobal(place))

    def _look(self) -> None:
        if archive := self._archive():
            self.look_wanted.emit(*archive)

    def _unpack(self) -> None:
        if archive := self._archive():
            self.unpack_wanted.emit(archive[0], [archive[1]])

    def _open(self) -> None:
        if file := self._file():
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(os.path.join(*file)).parent)))

    def _show_left_out(self) -> None:
        row = self._library.chosen
        task = None if row is None else self._library.running(row)
        if task is not None:
            LeftOutDialog(self._desk, task, self).open()


def _worth_telling(task: TaskRow | None) -> TaskRow | None:
    """What a verification found stands elsewhere once it is over, and what a survey found in its own dialog."""
    if task is None or task.state not in TASK_ENDED:
        return task
    told = task.kind is TaskKind.SURVEY or (task.state is TaskState.DONE and task.kind in _TOLD_ELSEWHERE)
    return None if told else task


def _key_of(row: HoldingRow) -> str:
    """Of its dataset; "" where there is none, or a package, which the list shows otherwise."""
    dataset = row.summary.dataset if row.summary else None
    return "" if dataset is None or dataset.source != HUB or dataset.package else dataset.key
