"""One folder of the library: what it is, what is at work on it, and its files."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.holdings import HoldingRow, HoldingState
from aihub_desktop.domain.tasks import TASK_ENDED, TaskKind, TaskRow, TaskState
from aihub_desktop.gui.delegates import NumberDelegate, PlaceDelegate, RowDelegate, SignDelegate
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.models.library_words import FileColumn, LibraryWords, share_of
from aihub_desktop.gui.parts import ElidedLabel, FaintLabel, Sign, bold
from aihub_desktop.gui.theme import GRID
from aihub_desktop.gui.tick_box import TickBox

_TOLD_ELSEWHERE = (TaskKind.VERIFY, TaskKind.DEEP)
_SCALE = 1000  # of the bar: a task of hours moves by less than a percent at a time


class TaskStrip(QFrame):
    """How far the task of a folder is, with a button that stops it; or what came of it. Hidden where there is none."""

    stop_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.bar = QProgressBar(textVisible=False)
        self.bar.setFixedHeight(6)
        self.stop = QPushButton(autoDefault=False)
        self.stop.clicked.connect(self.stop_wanted)
        texts = QVBoxLayout()
        texts.setSpacing(GRID // 2)
        texts.addWidget(self._text)
        texts.addWidget(self.bar)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID * 2)
        row.addLayout(texts, 1)
        row.addWidget(self.stop)
        self.hide()

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


class HoldingPanel(QWidget):
    """Shows `Library.chosen`."""

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
        self.strip = TaskStrip()
        self.damaged = TickBox()
        self.view = self._make_view()
        self._lay_out()
        self._connect()
        self.speak()

    def _make_view(self) -> QTreeView:
        view = QTreeView()
        view.setModel(self._library.files)
        view.setItemDelegate(RowDelegate(view))
        view.setItemDelegateForColumn(FileColumn.NAME, PlaceDelegate(view))
        view.setItemDelegateForColumn(FileColumn.SIZE, NumberDelegate(view))
        view.setItemDelegateForColumn(FileColumn.FOUND, SignDelegate(view))
        view.setRootIsDecorated(False)
        # Else each of 100,000 rows would be measured.
        view.setUniformRowHeights(True)
        view.setAllColumnsShowFocus(True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = view.header()
        header.setSectionsMovable(False)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(FileColumn.NAME, QHeaderView.ResizeMode.Stretch)
        return view

    def _lay_out(self) -> None:
        warning = QHBoxLayout()
        warning.setSpacing(GRID // 2)
        warning.addWidget(self._sign, alignment=Qt.AlignmentFlag.AlignTop)
        warning.addWidget(self._warning, 1)
        head = QHBoxLayout()
        head.setSpacing(GRID * 2)
        head.addWidget(self._title, 1)
        head.addWidget(self.damaged, alignment=Qt.AlignmentFlag.AlignBottom)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 2, GRID + 4, GRID * 2, GRID)
        box.setSpacing(GRID // 2)
        box.addLayout(head)
        box.addWidget(self._about)
        box.addWidget(self._proved)
        box.addLayout(warning)
        box.addWidget(self.strip)
        box.addSpacing(GRID // 2)
        box.addWidget(self.view, 1)
        box.addStretch(0)

    def _connect(self) -> None:
        self._library.chosen_changed.connect(self._show)
        self._library.changed.connect(self._show)
        self.damaged.toggled.connect(self._filter)
        self.strip.stop_wanted.connect(self._stop)
        self.view.doubleClicked.connect(lambda index: self._open(index.row()))

    def speak(self) -> None:
        say, metrics, header = self._desk.words.say, self.view.fontMetrics(), self.view.header()
        self.view.setAccessibleName(say("gui.library.files-view"))
        self.strip.stop.setText(say("gui.library.do.stop"))
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
        self._show_damage(row)
        self.strip.show_task(_worth_telling(self._library.running(row)), words)

    def _show_damage(self, row: HoldingRow) -> None:
        count = row.verdict.damaged if row.verdict else 0
        if not count and self.damaged.isChecked():
            self.damaged.setChecked(False)
        self.damaged.setText(self._desk.words.say("gui.library.damaged-only", n=count or ""))
        self.damaged.setVisible(count > 0)
        # The list of files lies on the drive.
        self.view.setVisible(row.state not in (HoldingState.AWAY, HoldingState.GONE))

    def _filter(self, damaged: bool) -> None:
        self._library.choose(self._library.chosen, damaged_only=damaged)

    def _stop(self) -> None:
        row = self._library.chosen
        task = None if row is None else self._library.running(row)
        if task is not None:
            self._library.stop(task, self._desk.refused.emit)

    def _open(self, place: int) -> None:
        row, file = self._library.chosen, self._library.files.file_at(place)
        if row is not None and file is not None:
            folder = Path(os.path.join(row.folder, file.place)).parent
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def _worth_telling(task: TaskRow | None) -> TaskRow | None:
    """What a verification found stands elsewhere once it is over, and what a survey found in its own dialog."""
    if task is None or task.state not in TASK_ENDED:
        return task
    told = task.kind is TaskKind.SURVEY or (task.state is TaskState.DONE and task.kind in _TOLD_ELSEWHERE)
    return None if told else task
