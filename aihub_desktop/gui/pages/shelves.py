"""Object storages: which there are, what lies in the chosen one, and where it shall go."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from typing import Final

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.model import S3, Dataset, RemoteFile
from aihub_desktop.domain.storage import Storage, container
from aihub_desktop.gui import icons
from aihub_desktop.gui.batches.selection import Selection, of_addresses
from aihub_desktop.gui.collecting import Collecting, whole_folders
from aihub_desktop.gui.cures import Cure
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.pages.target import TargetBar, folder_name
from aihub_desktop.gui.parts import Banner, ElidedLabel, EmptyPlace, FaintLabel, Rule, SearchField, bold
from aihub_desktop.gui.shelf_view import ShelfView
from aihub_desktop.gui.storage_dialog import StorageDialog
from aihub_desktop.gui.storage_list import StorageList
from aihub_desktop.gui.theme import GRID

_LIST_WIDTH: Final = GRID * 30


class ShelvesPanel(QWidget):
    """`wanted` gives dataset, files, folder and the folder that holds it, once for each bucket."""

    wanted = Signal(Dataset, list, str, str)
    batch_wanted = Signal(Selection)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._depot = desk, desk.depot
        self.list = StorageList()
        self.add, self.edit, self.remove = (QPushButton(autoDefault=False) for _ in range(3))
        self.none = EmptyPlace("storage")
        self._nothing = EmptyPlace("storage")
        self.shelf = _Shelf(desk)
        self._right, self._stack = QStackedWidget(), QStackedWidget()
        self._wanted: str | None = None  # the endpoint whose dialog is to open
        self._lay_out()
        self._connect()
        self.speak()

    @property
    def filter(self) -> SearchField:
        return self.shelf.filter

    @property
    def view(self) -> ShelfView:
        return self.shelf.view

    @property
    def target(self) -> TargetBar:
        return self.shelf.target

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        for button in (self.add, self.edit, self.remove):
            buttons.addWidget(button, 1)
        left = QWidget()
        box = QVBoxLayout(left)
        box.setContentsMargins(GRID * 2, GRID * 2, GRID * 2, GRID * 2)
        box.setSpacing(GRID)
        box.addWidget(self.list, 1)
        box.addLayout(buttons)
        self._right.addWidget(self._nothing)
        self._right.addWidget(self.shelf)
        right = QWidget()
        beside = QHBoxLayout(right)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(0)
        beside.addWidget(Rule(upright=True))
        beside.addWidget(self._right, 1)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(left)
        self.splitter.addWidget(right)
        self.splitter.setStretchFactor(0, 0)
        self.splitter.setStretchFactor(1, 1)
        left.setMinimumWidth(_LIST_WIDTH)
        right.setMinimumWidth(400)
        self._stack.addWidget(self.none)
        self._stack.addWidget(self.splitter)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)

    def _connect(self) -> None:
        self.add.clicked.connect(self._new)
        self.none.pressed.connect(self._help)
        self.edit.clicked.connect(self._change)
        self.remove.clicked.connect(self._ask_remove)
        self.list.chosen.connect(self._depot.choose)
        self.list.itemActivated.connect(lambda _: self.shelf.view.setFocus())
        self._depot.changed.connect(self._show)
        self._depot.chosen_changed.connect(self._show)
        self.shelf.change_wanted.connect(self._change)
        self.shelf.wanted.connect(self.wanted)
        self.shelf.batch_wanted.connect(self.batch_wanted)

    def speak(self) -> None:
        say = self._desk.words.say
        for button, act in ((self.add, "add-short"), (self.edit, "change-short"), (self.remove, "remove")):
            button.setText(say(f"gui.storage.{act}"))
        self.add.setAccessibleName(say("gui.storage.add"))
        self.edit.setAccessibleName(say("gui.storage.change"))
        self.remove.setAccessibleName(say("gui.storage.remove-name"))
        self.list.setAccessibleName(say("gui.storage.list"))
        self._nothing.tell(say("gui.storage.choose.title"), say("gui.storage.choose.text"))
        self.shelf.speak()
        self._show()

    def taken(self) -> None:
        """What was ticked is in the queue."""
        self.shelf.taken()

    def reload(self) -> None:
        """What is looked at, or the list, anew."""
        if self._depot.chosen is not None:
            self._depot.choose(self._depot.chosen)
        else:
            self._depot.load()

    def show_storage(self, endpoint: str) -> None:
        """The dialog, once it is known whether the storage of that endpoint is."""
        if self._depot.known:
            self.ask_for_storage(endpoint)
        else:
            self._wanted = endpoint
            self._depot.load()

    def ask_for_storage(self, endpoint: str = "") -> StorageDialog:
        """The dialog; with the storage of that endpoint, if it is known."""
        row = self._depot.row_of(endpoint) if endpoint else None
        dialog = StorageDialog(self._desk, self, row=row, endpoint=endpoint)
        dialog.kept.connect(self._kept)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._depot.known:
            self._depot.load()

    def _kept(self, storage: Storage) -> None:
        self.list.mark(storage.endpoint)
        self._depot.choose(storage)

    def _new(self) -> None:
        self.ask_for_storage()

    def _change(self) -> None:
        if (storage := self.list.storage() or self._depot.chosen) is not None:
            self.ask_for_storage(storage.endpoint)

    def _ask_remove(self) -> None:
        storage, say = self.list.storage(), self._desk.words.say
        if storage is None:
            return
        box = QMessageBox(
            QMessageBox.Icon.Question, say("gui.storage.remove-name"),
            say("gui.storage.remove-question", name=storage.name or storage.endpoint),
            QMessageBox.StandardButton.NoButton, self,
        )  # fmt: skip
        box.setInformativeText(say("gui.storage.remove-text"))
        yes = box.addButton(say("gui.storage.remove"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(say("gui.key.cancel"), QMessageBox.ButtonRole.RejectRole))
        yes.clicked.connect(lambda: self._depot.remove(storage.endpoint, self._desk.refused.emit))
        box.finished.connect(box.deleteLater)
        box.open()

    def _show(self) -> None:
        depot = self._depot
        self.list.fill(self._desk.words, depot.rows)
        self._stack.setCurrentWidget(self.splitter if depot.rows else self.none)
        self._right.setCurrentWidget(self._nothing if depot.chosen is None else self.shelf)
        for button in (self.edit, self.remove):
            button.setEnabled(self.list.storage() is not None)
        self._show_none()
        if depot.known and self._wanted is not None:
            endpoint, self._wanted = self._wanted, None
            self.ask_for_storage(endpoint)

    def _show_none(self) -> None:
        words, problem = self._desk.words, self._depot.problem
        if problem is not None:
            told = words.problem(problem)
            self.none.tell(told.title, told.advice, words.say("gui.cure.try-again"))
        elif not self._depot.known:
            self.none.tell(words.say("gui.storage.loading"))
        else:
            say = words.say
            self.none.tell(say("gui.storage.none.title"), say("gui.storage.none.text"), say("gui.storage.add"))

    def _help(self) -> None:
        if self._depot.problem is not None:
            self._depot.load()
        else:
            self.ask_for_storage()


class _Shelf(QWidget):
    """The chosen storage."""

    wanted = Signal(Dataset, list, str, str)
    batch_wanted = Signal(Selection)
    change_wanted = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._depot, self._model = desk, desk.depot, desk.depot.shelf
        self._title = bold(QLabel(textFormat=Qt.TextFormat.PlainText), 1.25)
        self._about = ElidedLabel(Qt.TextElideMode.ElideRight)
        self._bucket, self._refresh = QPushButton(autoDefault=False), QToolButton(autoRaise=True)
        icons.dress(self._refresh, "refresh")
        self.filter = SearchField()
        self._all, self._none = QPushButton(autoDefault=False), QPushButton(autoDefault=False)
        self._hint = FaintLabel()
        self.view, self._no_hit = ShelfView(self._model), EmptyPlace("search")
        self._lists = QStackedWidget()
        self._lists.addWidget(self.view)
        self._lists.addWidget(self._no_hit)
        self.banner = Banner()
        self.target = TargetBar(desk, self._model)
        self.collecting = Collecting(desk.link, self)
        self._as_batch = False  # what is collected is to be saved, not downloaded
        self.strip = _CollectStrip(desk)
        self._lay_out()
        self._connect()
        self.speak()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(GRID)
        head.addWidget(self._title, 1)
        head.addWidget(self._bucket)
        head.addWidget(self._refresh)
        picks = QHBoxLayout()
        picks.setSpacing(GRID)
        picks.addWidget(self.filter, 1)
        picks.addWidget(self._all)
        picks.addWidget(self._none)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 2, GRID * 2, GRID * 2, GRID * 2)
        box.setSpacing(GRID)
        box.addLayout(head)
        box.addWidget(self._about)
        box.addWidget(self.banner)
        box.addSpacing(GRID // 2)
        box.addLayout(picks)
        box.addWidget(self._hint)
        box.addWidget(self._lists, 1)
        box.addWidget(self.strip)
        box.addSpacing(GRID // 2)
        box.addWidget(self.target)
        self.strip.hide()
        self._hint.hide()

    def _connect(self) -> None:
        model = self._model
        self.filter.typed.connect(model.filter)
        self._no_hit.pressed.connect(self.filter.clear)
        self.filter.left_down.connect(self._into_list)
        model.sifted.connect(self._show_filter)
        model.modelReset.connect(self._show_filter)
        model.dataChanged.connect(lambda *_: self._show_problem())
        model.rowsRemoved.connect(lambda *_: self._show_problem())
        self._all.clicked.connect(lambda: model.tick_all(True))
        self._none.clicked.connect(lambda: model.tick_all(False))
        self._bucket.clicked.connect(self.ask_bucket)
        self._refresh.clicked.connect(lambda: self._depot.choose(self._depot.chosen))
        self._depot.chosen_changed.connect(self._chosen)
        self.view.entered_key.connect(self.target.button.click)
        self.view.retry_wanted.connect(model.retry)
        self.target.wanted.connect(lambda folder: self._collect(as_batch=False) if folder else None)
        self.target.batch_wanted.connect(lambda: self._collect(as_batch=True))
        self.collecting.progressed.connect(self.strip.tell)
        self.collecting.done.connect(self._collected)
        self.collecting.failed.connect(self._not_collected)
        self.strip.cancelled.connect(self._cancel)

    def speak(self) -> None:
        words, say = self._desk.words, self._desk.words.say
        self._bucket.setText(say("gui.storage.open-bucket"))
        for button in (self._refresh,):
            button.setToolTip(say("gui.storage.refresh"))
            button.setAccessibleName(say("gui.storage.refresh"))
        self.filter.setPlaceholderText(say("gui.files.filter"))
        self.filter.setAccessibleName(say("gui.files.filter"))
        self.view.setAccessibleName(say("gui.shelf.view"))
        self._no_hit.tell(say("gui.files.no-hit"), button=say("gui.datasets.clear"))
        self._hint.setText(say("gui.shelf.filter-hint"))
        self.view.set_size_sample(say("gui.shelf.at-least", size=words.size(996 << 30)))
        self.strip.speak()
        self.target.speak()
        self._show_head()
        self._show_filter()

    # ---- showing ----

    def _chosen(self) -> None:
        self.collecting.cancel()
        self._finish()
        self.filter.clear()
        self.banner.hide()
        storage = self._depot.chosen
        if storage is not None:
            self.target.set_own(folder_name(storage.name or storage.endpoint.partition("://")[2]) or "S3")
        self._show_head()

    def _show_head(self) -> None:
        storage, say = self._depot.chosen, self._desk.words.say
        if storage is None:
            return
        row = self._depot.row_of(storage.endpoint)
        self._title.setText(storage.name or storage.endpoint)
        access = say(f"gui.storage.by.{storage.access}", masked=row.masked if row else "", profile=storage.profile)
        self._about.say(" · ".join(filter(None, (storage.endpoint, storage.region, access))))

    def _show_filter(self) -> None:
        kind = "shown" if self._model.filtering else "all"
        for button, act in ((self._all, "tick"), (self._none, "untick")):
            button.setText(self._desk.words.say(f"gui.files.{act}-{kind}"))
        self._hint.setVisible(bool(self._model.filtering))
        found = self._model.rowCount() > 0 or not self._model.filtering
        self._lists.setCurrentWidget(self.view if found else self._no_hit)

    def _show_problem(self) -> None:
        """What keeps the storage's buckets from being listed. A folder's own problem stands in its line."""
        problem = self._model.tree.root.problem
        if problem is None:
            if not self.collecting.busy:
                self.banner.hide()
            return
        if not self.banner.isVisibleTo(self):
            self._tell(problem)

    def _tell(self, problem: Problem) -> None:
        words = self._desk.words
        told = words.problem(problem)
        say, code = words.say, problem.code
        actions = [(say(f"gui.cure.{Cure.TRY_AGAIN}"), lambda: self._depot.choose(self._depot.chosen))]
        if code in (Code.NO_ACCESS, Code.NO_CREDENTIALS):
            actions = [
                (say(f"gui.cure.{Cure.EDIT_STORAGE}"), self.change_wanted.emit),
                (say("gui.storage.open-bucket"), self.ask_bucket),
            ]
        advice = say("gui.storage.no-list") if code is Code.NO_ACCESS else told.advice
        self.banner.tell(told.title, advice, actions)

    def _into_list(self) -> None:
        self.view.setFocus()
        if not self.view.currentIndex().isValid() and self._model.rowCount():
            self.view.select_line(0)

    def ask_bucket(self) -> None:
        """For one that the storage does not list."""
        say = self._desk.words.say
        dialog = QInputDialog(self)
        dialog.setWindowTitle(say("gui.storage.open-bucket-title"))
        dialog.setLabelText(say("gui.storage.bucket-question"))
        dialog.setOkButtonText(say("gui.storage.open"))
        dialog.setCancelButtonText(say("gui.key.cancel"))
        dialog.textValueSelected.connect(self._open_bucket)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _open_bucket(self, text: str) -> None:
        name = text.strip().removeprefix("s3://").strip("/")
        if name and "/" not in name and " " not in name:
            self._depot.open_bucket(name)

    # ---- downloading ----

    def _collect(self, *, as_batch: bool) -> None:
        storage = self._depot.chosen
        if storage is None or self.collecting.busy:
            return
        self._as_batch = as_batch
        self.banner.hide()
        self.target.hold(True)
        self.collecting.begin(storage.endpoint, self._model.tree.root)
        self.strip.setVisible(self.collecting.busy)

    def _collected(self, by_bucket: dict[str, list[RemoteFile]]) -> None:
        self._finish()
        storage, folder = self._depot.chosen, self.target.folder()
        filled = {bucket: files for bucket, files in by_bucket.items() if files}
        if storage is None or not (folder or self._as_batch):
            return
        if not filled:
            say = self._desk.words.say
            self.banner.tell(say("gui.shelf.nothing-there"), "", [])
            return
        if self._as_batch:
            self._give_batch(filled)
            return
        for bucket, files in filled.items():
            place = folder if len(filled) == 1 else str(Path(folder) / (folder_name(bucket) or bucket))
            dataset = Dataset(S3, container(storage.endpoint, bucket), _title(bucket, files))
            # Below the folder each object keeps its whole key as path, however it was found.
            self.wanted.emit(dataset, list(map(_by_whole_key, files)), place, self.target.base())

    def _give_batch(self, filled: dict[str, list[RemoteFile]]) -> None:
        files = [_by_whole_key(file) for found in filled.values() for file in found]
        first = next(iter(filled))
        title = _title(first, filled[first]) if len(filled) == 1 else ", ".join(filled)
        self.batch_wanted.emit(of_addresses(title, files, whole_folders(self._model.tree.root)))

    def _not_collected(self, problem: Problem) -> None:
        self._finish()
        told = self._desk.words.problem(problem)
        self.banner.tell(told.title, told.advice, [])

    def _cancel(self) -> None:
        self.collecting.cancel()
        self._finish()

    def _finish(self) -> None:
        self.strip.hide()
        self.target.hold(False)

    def taken(self) -> None:
        """What was ticked is in the queue."""
        self._model.untick_all()
        self.target.refresh()


class _CollectStrip(QWidget):
    """Stands above the target while ticked folders are looked into."""

    cancelled = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._text = QLabel(textFormat=Qt.TextFormat.PlainText)
        self._bar = QProgressBar(textVisible=False)
        self._bar.setMaximumHeight(GRID)
        self.cancel = QPushButton(autoDefault=False)
        self.cancel.clicked.connect(self.cancelled)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID * 2)
        row.addWidget(self._text)
        row.addWidget(self._bar, 1)
        row.addWidget(self.cancel)

    @property
    def text(self) -> str:
        return self._text.text()

    def speak(self) -> None:
        self.cancel.setText(self._desk.words.say("gui.key.cancel"))

    def tell(self, done: int, of: int, files: int) -> None:
        """`done` of `of` folders are known; so many objects so far."""
        self._text.setText(self._desk.words.say("gui.shelf.collecting", at=done + 1, all=of, n=files))
        self._bar.setAccessibleName(self._text.text())
        # One folder says nothing of how far it is.
        self._bar.setRange(0, of if of > 1 else 0)
        self._bar.setValue(done)


def _by_whole_key(file: RemoteFile) -> RemoteFile:
    """With its key as path, where a listing gave the last part alone."""
    if file.path != file.key and file.key.endswith(f"/{file.path}"):
        return msgspec.structs.replace(file, path=file.key)
    return file


def _title(bucket: str, files: list[RemoteFile]) -> str:
    """The bucket, with the folder that all of them lie in, or the one object's key."""
    if len(files) == 1:
        return f"{bucket}/{files[0].key}"
    # What the first and the last in order share, all between them share too.
    first, last = (pick(file.key for file in files).split("/")[:-1] for pick in (min, max))
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "/".join([bucket, *(name for name, _ in same)])
