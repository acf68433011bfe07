"""Shows what a batch wants against what a folder has, and downloads what is missing at one press."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Final

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from aihub_desktop.domain.batchfile import BatchFile
from aihub_desktop.domain.contents import traits_of, unpacked
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.findings import Standing
from aihub_desktop.domain.messages import DiskSpace, Space
from aihub_desktop.domain.model import HUB, Dataset, RemoteFile, SizeRange
from aihub_desktop.gui import flat_list, icons, keys, theme
from aihub_desktop.gui.batches.adding import Adding
from aihub_desktop.gui.batches.carrying import Carrying
from aihub_desktop.gui.batches.listing import Listing
from aihub_desktop.gui.batches.selection import sum_of
from aihub_desktop.gui.delegates import DatasetDelegate, NumberDelegate, SignDelegate
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.key_dialog import KeyDialog
from aihub_desktop.gui.models.batch import BatchColumn, BatchModel
from aihub_desktop.gui.pages.target import absolute, amount, base_folder, folder_name
from aihub_desktop.gui.parts import ElidedLabel, FaintLabel, Sign, bold
from aihub_desktop.gui.theme import GRID
from aihub_desktop.gui.tick_box import TickBox
from aihub_desktop.system import room
from aihub_desktop.system.room import Verdict
from aihub_desktop.system.words import Words

_TYPING_MS: Final = 400
_SOON_MS: Final = 50  # many lines may become known at once


class OpenDialog(QDialog):
    """`added` gives the number of the first download. Nothing begins before the button is pressed."""

    added = Signal(int)

    def __init__(self, desk: Desk, path: Path, batch: BatchFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk, self._path, self._batch = desk, path, batch
        self._space: DiskSpace | None = None
        self._problem: Problem | None = None  # of the folder, or of the wish to download
        self._is_over = False
        self._folded_height = 0
        self.listing = Listing(desk.link, desk.depot, batch, self)
        self._adding = Adding(desk.link, self.listing)  # what was begun goes on without the dialog
        self.model = BatchModel(desk.words, self.listing, self)
        self.view, self.folder = QTreeView(), QComboBox(editable=True)
        self.choose, self.refresh = QPushButton(autoDefault=False), QToolButton(autoRaise=True)
        icons.dress(self.choose, "folder")
        icons.dress(self.refresh, "refresh")
        self.unpack = TickBox()
        self.unpack.setChecked(batch.unpack)
        self.amount, self.room = bold(QLabel(wordWrap=True), 1.08), FaintLabel()
        self._sign = Sign("warning", 16, warning=True)
        self.carrying = Carrying(path)
        self.download, self.cancel = QPushButton(autoDefault=False), QPushButton(autoDefault=False)
        self._later = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._soon = QTimer(self, singleShot=True, interval=_SOON_MS)
        self._lay_out()
        self._speak()
        self._connect()
        self._offer_folders()
        self._show()

    def begin(self) -> None:
        """Opens, and asks what the batch comes to."""
        self.open()
        if self._desk.depot.known or not self._batch.addresses:
            self.listing.begin()
        else:
            self._desk.depot.changed.connect(self.listing.begin, Qt.ConnectionType.SingleShotConnection)
            self._desk.depot.load()

    def _lay_out(self) -> None:
        flat_list.prepare(
            self.view, self.model,
            {BatchColumn.WISH: DatasetDelegate, BatchColumn.FILES: NumberDelegate, BatchColumn.SIZE: NumberDelegate,
             BatchColumn.STATE: SignDelegate},
            BatchColumn.WISH,
        )  # fmt: skip
        self.view.setUniformRowHeights(True)
        self.view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.folder.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.folder.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        where = QHBoxLayout()
        where.setSpacing(GRID)
        self._label = QLabel()
        self._label.setBuddy(self.folder)
        where.addWidget(self._label)
        where.addWidget(self.folder, 1)
        where.addWidget(self.choose)
        verdict = QHBoxLayout()
        verdict.setSpacing(GRID // 2)
        verdict.addWidget(self._sign, alignment=Qt.AlignmentFlag.AlignTop)
        verdict.addWidget(self.room, 1)
        for label in (self.amount, self.room):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.room.setWordWrap(True)
        buttons = QDialogButtonBox()
        buttons.addButton(self.download, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.cancel, QDialogButtonBox.ButtonRole.RejectRole)
        self.download.setDefault(True)
        theme.primary(self.download)
        icons.dress(self.download, "downloads")
        self._title, self._file = ElidedLabel(Qt.TextElideMode.ElideRight), ElidedLabel()
        bold(self._title, 1.15)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 3, GRID * 3, GRID * 3, GRID * 2)
        box.setSpacing(GRID)
        head = QHBoxLayout()
        head.setSpacing(GRID)
        head.addWidget(self._title, 1)
        head.addWidget(self.refresh)
        box.addLayout(head)
        box.addWidget(self._file)
        box.addSpacing(GRID // 2)
        box.addWidget(self.view, 1)
        box.addSpacing(GRID // 2)
        box.addLayout(where)
        box.addWidget(self.unpack)
        box.addWidget(self.amount)
        box.addLayout(verdict)
        box.addWidget(self.carrying)
        box.addSpacing(GRID // 2)
        box.addWidget(buttons)
        self.resize(GRID * 120, GRID * 68)

    def _speak(self) -> None:
        words, say = self._desk.words, self._desk.words.say
        self.setWindowTitle(say("gui.batch.open.title"))
        self._title.say(self._batch.name or self._path.name)
        self._file.say(str(self._path))
        self.view.setAccessibleName(say("gui.batch.open.view"))
        self._label.setText(say("gui.target.label"))
        self.folder.setAccessibleName(say("gui.target.label"))
        self.choose.setText(say("gui.target.choose"))
        kept = self._batch.delete_archives  # by the command line alone
        self.unpack.setText(say("gui.batch.open.unpack-kept" if kept else "gui.target.unpack"))
        self.refresh.setToolTip(say("gui.datasets.refresh"))
        self.refresh.setAccessibleName(say("gui.datasets.refresh"))
        self.download.setText(say("gui.batch.open.download"))
        self.cancel.setText(say("gui.close"))
        self.carrying.speak(words)
        metrics, header = self.view.fontMetrics(), self.view.header()
        size = words.size_range(SizeRange(int(98.6 * 2**30), int(99.4 * 2**30), ""))
        header.resizeSection(BatchColumn.SIZE, metrics.horizontalAdvance(size) + GRID * 3)
        head = say("gui.batch.column.files")
        header.resizeSection(BatchColumn.STATE, GRID * 43)
        header.resizeSection(BatchColumn.FILES, metrics.horizontalAdvance(max("000,000", head, key=len)) + GRID * 3)

    def _connect(self) -> None:
        self.listing.done.connect(self._listed)
        self.listing.changed.connect(lambda _: self._soon.start())
        self._soon.timeout.connect(self._show)
        self.listing.weighed.connect(self._show)
        # A wish that failed to weigh ends the adding, too, which passes it on.
        self._adding.failed.connect(self._refuse)
        self._adding.done.connect(self._added)
        self.folder.editTextChanged.connect(self._typed)
        self._desk.library.changed.connect(self._offer_folders)
        self._later.timeout.connect(self._look)
        self.choose.clicked.connect(self._pick)
        self.refresh.clicked.connect(self._list_again)
        shortcut = QShortcut(self)
        keys.bind(shortcut, "everywhere", "refresh")
        shortcut.activated.connect(self.refresh.click)
        self.unpack.toggled.connect(lambda _: self._show())
        self.download.clicked.connect(self._download)
        self.cancel.clicked.connect(self.reject)
        self.carrying.unfolded.connect(self._fit)
        self.finished.connect(self._end)

    def _end(self) -> None:
        self._is_over = True  # an answer that comes later finds nobody
        self.listing.end()

    def _fit(self, unfolded: bool) -> None:
        if unfolded:
            self._folded_height = self.height()
        if (layout := self.layout()) is not None:
            layout.activate()
        more = self.carrying.needs if unfolded else 0
        self.resize(self.width(), self._folded_height + more)

    # ---- where to ----

    def _offer_folders(self) -> None:
        """One for it, and what the library holds, which may become known later. What was typed stays."""
        folders = list(dict.fromkeys([self._own_folder(), *(row.folder for row in self._desk.library.folders.rows())]))
        offered, typed = (
            [self.folder.itemText(place) for place in range(self.folder.count())],
            self.folder.currentText(),
        )
        if folders == offered or self._adding.busy:
            return
        is_ours = typed in ("", *offered[:1])
        with QSignalBlocker(self.folder):
            self.folder.clear()
            self.folder.addItems(folders)
            self.folder.setEditText(folders[0] if is_ours else typed)
        if self.folder.currentText() != typed:
            self._typed(self.folder.currentText())

    def _own_folder(self) -> str:
        """The batch's own, else where all of its datasets lie already, else one among the downloads."""
        if self._batch.to:
            return os.path.normpath(self._path.parent / os.path.expanduser(self._batch.to))
        library = self._desk.library
        homes = {library.home_of(Dataset(HUB, wish.key, "", wish.package)) for wish in self._batch.datasets}
        if len(homes) == 1 and "" not in homes:
            return homes.pop()
        name = folder_name(self._batch.name or self._path.stem) or self._path.stem
        return os.path.normpath(Path(base_folder(self._desk.settings.folder)) / name)

    @property
    def target(self) -> str:
        """The folder as it is typed, made absolute; "" for none."""
        return absolute(self.folder.currentText())

    def _typed(self, text: str) -> None:
        self.folder.setToolTip(text)
        self.listing.forget()
        self._space = self._problem = None
        self.carrying.show_folder(self.target)
        self.model.tell_all()
        self._later.start()
        self._show()

    def _pick(self) -> None:
        start = Path(self.target)
        while not start.is_dir() and start.parent != start:
            start = start.parent
        dialog = QFileDialog(self, self._desk.words.say("gui.target.pick"), str(start))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.folder.setEditText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _list_again(self) -> None:
        self._problem = None
        self.listing.begin()
        self.model.tell_all()
        self._show()

    def _listed(self) -> None:
        self.model.tell_all()
        self._look()

    def _look(self) -> None:
        """How the folder has it, and what is free there."""
        self._later.stop()
        folder = self.target
        if not folder or not self.listing.known:
            return
        self.listing.weigh(folder)
        self._desk.link.ask(Space(0, folder), DiskSpace, lambda space: self._spaced(folder, space))

    def _spaced(self, folder: str, space: DiskSpace) -> None:
        if not self._is_over and folder == self.target:
            self._space = space
            self._show()

    # ---- showing ----

    def _lacking(self) -> list[RemoteFile]:
        return [file for _, files in self.listing.parcels() for file in files]

    def _show(self) -> None:
        lacking = self._lacking()
        words, found = self._desk.words, Verdict("")
        if self._problem is not None:
            told = words.problem(self._problem)
            found = Verdict(f"{told.title}\n{told.advice}", warns=True)
        elif self._space is not None and lacking:
            found = _room(words, self._space, lacking, unpack=self.unpack.isChecked())
        self.amount.setText("" if self._problem is not None else _told(words, self.listing, lacking))
        self.room.setText(found.text)
        self.room.setVisible(bool(found.text))
        self._sign.setVisible(found.warns)
        self.download.setEnabled(bool(lacking) and bool(self.target) and not self._adding.busy)
        self.refresh.setEnabled(self.listing.known and not self._adding.busy)
        for widget in (self.folder, self.choose, self.unpack):
            widget.setEnabled(not self._adding.busy)

    def _refuse(self, problem: Problem) -> None:
        if not self._is_over:
            self._problem = problem
            self._show()

    # ---- downloading ----

    def _download(self) -> None:
        """Asks for the key first where there is none and something of the hub is to come."""
        if self._desk.key_known and not self._desk.key.origin and self.listing.needs_key:
            dialog = KeyDialog(self._desk, self)
            dialog.kept.connect(lambda _: self._begin())
            dialog.open()
        else:
            self._begin()

    def _begin(self) -> None:
        self._problem = None
        self._later.stop()
        self._adding.begin(self.target, unpack=self.unpack.isChecked())
        self._show()

    def _added(self, first: int) -> None:
        if self._is_over or not first:  # somebody else brought it meanwhile
            self._show()
            return
        self.accept()
        self.added.emit(first)

    # ---- colours ----

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        theme.calm(self.view)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "view"):
            theme.calm(self.view)


def _told(words: Words, listing: Listing, lacking: list[RemoteFile]) -> str:
    """What it comes to, as far as that is known."""
    if not listing.known:
        at = sum(line.known for line in listing.lines)
        return words.say("gui.batch.open.listing", at=min(at + 1, len(listing.lines)), n=len(listing.lines))
    if not listing.files():
        return words.say("gui.batch.open.nothing")
    counts = sum((line.counts() for line in listing.lines), Counter[Standing]())
    if not counts:
        return words.say("gui.batch.open.looking")
    if not lacking:
        return words.say("gui.batch.open.all-there", n=counts.total())
    there = counts[Standing.THERE] + counts[Standing.UNPROVED]
    return words.say(
        "gui.batch.open.lacking", sum=amount(words, sum_of(lacking)), there=there or "", all=counts.total()
    )


def _room(words: Words, space: DiskSpace, lacking: list[RemoteFile], *, unpack: bool) -> Verdict:
    """Whether it fits, and what it takes once unpacked."""
    size, peak = sum_of(lacking).size, None
    if unpack:
        grown = [unpacked(file, traits_of(file.path).part) for file in lacking]
        more = SizeRange(sum(one.low for one in grown), sum(one.high for one in grown), "")
        peak = room.peak(size, more)
    return room.verdict(words, space, size, room.too_large(space, lacking), peak)
