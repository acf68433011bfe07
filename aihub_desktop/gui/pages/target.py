"""Where to, how much, does it fit: the bar below the tree, with the button that starts the download."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, Protocol

from PySide6.QtCore import QStandardPaths, Qt, QTimer, Signal, SignalInstance
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from aihub_desktop.domain.messages import DiskSpace, Space
from aihub_desktop.domain.model import Dataset, RemoteFile
from aihub_desktop.domain.names import UnsafeNameError, safe_path
from aihub_desktop.domain.settings import Settings
from aihub_desktop.gui import icons, theme
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.models.tree import Sum
from aihub_desktop.gui.parts import ElidedLabel, FaintLabel, LinkButton, Sign, bold
from aihub_desktop.gui.theme import GRID
from aihub_desktop.gui.tick_box import TickBox
from aihub_desktop.system import room
from aihub_desktop.system.room import Verdict
from aihub_desktop.system.words import Words

_LONGEST_BYTES: Final = 120  # leaves room for the hub's own long paths below it
_TYPING_MS: Final = 250
_UNPACK: Final = "unpack"  # of the preferences


class Basket(Protocol):
    """What is to be downloaded: a model with ticks."""

    @property
    def ticks_changed(self) -> SignalInstance: ...

    def sum(self) -> Sum: ...

    def files(self, *, ticked: bool = False) -> list[RemoteFile]: ...


def own_folder(dataset: Dataset) -> str:
    """A folder name for a dataset: its key and its title, fit for every system."""
    return folder_name(f"{dataset.key} {dataset.title}") or re.sub(r"[^0-9A-Za-z]", "_", dataset.key) or "_"


def folder_name(text: str) -> str:
    """A folder name made of a text, fit for every system; "" where nothing of it is."""
    found = "_".join(re.sub(r'[\s/\\<>:"|?*\x00-\x1f\x7f]+', " ", text).split())
    while len(found.encode()) > _LONGEST_BYTES:
        found = found[:-1]
    try:
        return str(safe_path(found.rstrip("._")))
    except UnsafeNameError:
        return ""


def absolute(text: str) -> str:
    """A folder as it was typed, made absolute; "" for none. A "~" that names nobody stays as it is."""
    text = text.strip()
    return os.path.abspath(os.path.expanduser(text)) if text else ""


def base_folder(configured: str) -> str:
    """Where datasets go by default: the last choice, else a folder of our own among the downloads."""
    if configured:
        return configured
    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DownloadLocation)
    return str(Path(place or Path.home()) / "AI Hub")


def amount(words: Words, total: Sum) -> str:
    """How much is ticked."""
    if not total.files:
        return words.say("gui.target.unknown", n=total.ends) if total.ends else words.say("gui.target.nothing")
    hidden = words.say("gui.target.hidden", n=total.hidden) if total.hidden else ""
    size = words.size_range(total.size)
    if unknown := total.unknown:
        size = words.say("gui.target.sizes-unknown", size=size if total.size.high else "", n=unknown)
    text = words.say("gui.target.sum", n=total.files, size=size, hidden=hidden)
    return words.say("gui.target.and-unknown", sum=text, n=total.ends) if total.ends else text


class TargetBar(QWidget):
    """Shows the folder and the sum of the ticks against the free space. `wanted` gives the folder; `batch_wanted`: what
    is ticked is to be saved as a batch file.

    `basket` holds the ticks, by default the files of the chosen dataset.
    """

    wanted = Signal(str)
    batch_wanted = Signal()

    def __init__(self, desk: Desk, basket: Basket | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._basket: Basket = desk.tree if basket is None else basket
        self._own = ""  # the last part of the folder, as long as it is ours
        self._home = ""  # the folder that has files of it already
        self._suggested = ""
        self._held = False
        self._space: DiskSpace | None = None
        self._floor = desk.settings.floor_bytes  # by which the space was told
        self._sum = self._basket.sum()
        self._label = QLabel()
        self._folder = QLineEdit()
        self._label.setBuddy(self._folder)
        self._choose = QPushButton(autoDefault=False)
        icons.dress(self._choose, "folder")
        self._amount = ElidedLabel(Qt.TextElideMode.ElideRight)
        bold(self._amount, 1.08)
        self._peak = ElidedLabel(Qt.TextElideMode.ElideRight)
        self._free = FaintLabel()
        self._free.setWordWrap(True)
        self._sign = Sign("warning", 16, warning=True)
        self.unpacking = TickBox()
        self.unpacking.setChecked(bool(desk.preferences.value(_UNPACK, False, bool)))
        self.batch = LinkButton()
        self.button = QPushButton(autoDefault=True)
        self.button.setDefault(True)
        theme.primary(self.button)
        icons.dress(self.button, "downloads")
        self.button.setMinimumHeight(self.button.fontMetrics().height() + GRID * 2)
        self._later = QTimer(self, singleShot=True, interval=_TYPING_MS)
        self._lay_out()
        self._connect()
        self.speak()

    def _lay_out(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(GRID)
        first.addWidget(self._label)
        first.addWidget(self._folder, 1)
        first.addWidget(self._choose)
        free = QHBoxLayout()
        free.setSpacing(GRID // 2)
        free.addWidget(self._sign, alignment=Qt.AlignmentFlag.AlignTop)
        free.addWidget(self._free, 1)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self._amount)
        texts.addLayout(free)
        unpacking = QHBoxLayout()
        unpacking.setSpacing(GRID * 2)
        unpacking.addWidget(self.unpacking)
        unpacking.addWidget(self._peak, 1)
        unpacking.addWidget(self.batch)
        second = QHBoxLayout()
        second.setSpacing(GRID * 2)
        second.addLayout(texts, 1)
        second.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignVCenter)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(GRID + 4)
        box.addLayout(first)
        box.addLayout(unpacking)
        box.addLayout(second)

    def _connect(self) -> None:
        self._folder.textEdited.connect(self._edited)
        self._folder.textChanged.connect(lambda _: self._later.start())
        self._later.timeout.connect(self._ask_space)
        self._choose.clicked.connect(self._pick)
        self.button.clicked.connect(lambda: self.wanted.emit(self.folder()))
        self.batch.clicked.connect(self.batch_wanted)
        self.unpacking.toggled.connect(self._unpacking_chosen)
        self._basket.ticks_changed.connect(self._count)
        self._desk.settings_changed.connect(self._configured)

    def speak(self) -> None:
        say = self._desk.words.say
        self._label.setText(say("gui.target.label"))
        self._folder.setAccessibleName(say("gui.target.label"))
        self._choose.setText(say("gui.target.choose"))
        self.button.setText(say("gui.target.download"))
        self.unpacking.setText(say("gui.target.unpack"))
        self.batch.setText(say("gui.batch.save.button"))
        self.batch.setToolTip(say("gui.batch.save.tip"))
        self._show()

    def folder(self) -> str:
        """The folder as it is typed, made absolute; "" for none."""
        return absolute(self._folder.text())

    @property
    def verdict(self) -> str:
        """What is said of the drive."""
        return self._free.text()

    @property
    def peak(self) -> str:
        """What is said of all that the files take up once they are unpacked, "" for nothing."""
        return self._peak.accessibleName()

    @property
    def unpack(self) -> bool:
        """Whether archives are to be unpacked once all is here."""
        return self.unpacking.isChecked()

    def base(self) -> str:
        """The folder without the part that belongs to this dataset: where the next one will go beside it.

        Where this one goes to those it has already, the next one goes where it would have gone.
        """
        folder = Path(self.folder())
        if str(folder) == self._home:
            return base_folder(self._desk.settings.folder)
        return str(folder.parent) if self._own and folder.name == self._own else str(folder)

    def set_own(self, name: str, home: str = "") -> None:
        """Suggests `home`, where files of it lie already, else a folder of this name among the downloads.

        What was typed for another one goes, and for this one stays.
        """
        is_other = name != self._own
        is_elsewhere = home != self._home and self._folder.text() == self._suggested
        self._own, self._home = name, home
        if is_other or is_elsewhere:
            self._suggest()

    def _configured(self, settings: Settings) -> None:
        if not self._folder.text():
            self._suggest()
        if settings.floor_bytes != self._floor:
            self._floor = settings.floor_bytes
            self._ask_space()

    def refresh(self) -> None:
        """Asks for the free space anew."""
        self._ask_space()

    def _suggest(self) -> None:
        if self._own:
            self._suggested = self._home or str(Path(base_folder(self._desk.settings.folder)) / self._own)
            self.set_folder(self._suggested)

    def set_folder(self, folder: str) -> None:
        self._folder.setText(folder)
        self._folder.setToolTip(folder)
        # The end of a path says more than its beginning; while it has the focus, the person decides.
        if self._folder.hasFocus():
            self._folder.end(False)
        else:
            self._folder.setCursorPosition(0)

    def _unpacking_chosen(self, on: bool) -> None:
        self._desk.preferences.setValue(_UNPACK, on)
        self._show()

    def _edited(self) -> None:
        self._space = None
        self._folder.setToolTip(self._folder.text())
        self._show()

    def _pick(self) -> None:
        start = self.base()
        while start and not Path(start).is_dir() and Path(start).parent != Path(start):
            start = str(Path(start).parent)
        dialog = QFileDialog(self, self._desk.words.say("gui.target.pick"), start)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self._picked)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _picked(self, folder: str) -> None:
        here = Path(folder)
        self.set_folder(str(here if here.name == self._own or str(here) == self._home else here / self._own))

    def _ask_space(self) -> None:
        if folder := self.folder():
            self._desk.link.ask(
                Space(0, folder), DiskSpace, lambda space: self._spaced(folder, space), lambda _: self.show_space(None)
            )

    def _spaced(self, folder: str, space: DiskSpace) -> None:
        if folder == self.folder():
            self.show_space(space)

    def show_space(self, space: DiskSpace | None) -> None:
        """What is known of the folder's drive, None for nothing."""
        self._space = space
        self._show()

    def _count(self) -> None:
        self._sum = self._basket.sum()
        self._show()

    def _show(self) -> None:
        words, total = self._desk.words, self._sum
        self._amount.say(amount(words, total))
        peak = room.peak(total.size, total.unpacked) if self.unpack else None
        self._peak.say(words.say("room.peak", size=words.size_range(peak)) if peak else "")
        found = self._judge(total)
        self._free.setText(found.text)
        self._sign.setVisible(found.warns)
        any_ticked = bool(total.files or total.ends) and not self._held
        self.button.setEnabled(any_ticked and bool(self.folder()))
        self.batch.setEnabled(any_ticked)

    def hold(self, held: bool) -> None:
        """Whether the button has to wait for something."""
        self._held = held
        self._show()

    def _judge(self, total: Sum) -> Verdict:
        if self._space is None:
            return Verdict("")
        # Only where files have a longest length is it worth the walk through all of them.
        limited = self._space.largest is not None
        large = room.too_large(self._space, self._basket.files(ticked=True)) if limited else 0
        peak = room.peak(total.size, total.unpacked) if self.unpack else None
        return room.verdict(self._desk.words, self._space, total.size, large, peak)
