"""The first start: what this is, the key, the folder – or the demo. One screen, and never again."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from aihub_desktop.domain.messages import DiskSpace, KeyState, Space
from aihub_desktop.gui import icons, theme
from aihub_desktop.gui.desk import WELCOMED, Desk
from aihub_desktop.gui.key_form import KeyForm
from aihub_desktop.gui.pages.target import base_folder
from aihub_desktop.gui.parts import FaintLabel, LinkButton, Rule, bold
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system import program

_WIDE: Final = GRID * 72


class Welcome(QWidget):
    """Stands in place of the pages until `over`."""

    over = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._demos: list[subprocess.Popen[bytes]] = []
        self._picture = QLabel()
        self._head, self._text = bold(QLabel(), 1.5), QLabel(wordWrap=True)
        self._key_head, self._folder_head = bold(QLabel(), 1.08), bold(QLabel(), 1.08)
        self._key_text, self._key_there, self._folder_text = (FaintLabel() for _ in range(3))
        for text in (self._key_text, self._key_there, self._folder_text):
            text.setWordWrap(True)
        self.key = KeyForm(desk)
        self.folder = QLineEdit(readOnly=True)
        self._choose, self.start = (QPushButton(autoDefault=False) for _ in range(2))
        self.demo, self.later = LinkButton(), LinkButton()
        icons.dress(self._choose, "folder")
        theme.primary(self.start)
        self.start.setMinimumHeight(self.start.fontMetrics().height() + GRID * 2)
        self._lay_out()
        self._connect()
        self.speak()

    def _lay_out(self) -> None:
        folder = QHBoxLayout()
        folder.setSpacing(GRID)
        folder.addWidget(self.folder, 1)
        folder.addWidget(self._choose)
        last = QHBoxLayout()
        last.setSpacing(GRID * 3)
        last.addWidget(self.demo)
        last.addStretch(1)
        last.addWidget(self.later)
        last.addWidget(self.start)
        head = QHBoxLayout()
        head.setSpacing(GRID * 2)
        head.addWidget(self._picture)
        head.addWidget(self._head, 1)
        body = QWidget()
        body.setFixedWidth(_WIDE)
        box = QVBoxLayout(body)
        box.setSpacing(GRID)
        box.addLayout(head)
        box.addWidget(self._text)
        for title, rows in (
            (self._key_head, (self._key_text, self.key, self._key_there)),
            (self._folder_head, (folder, self._folder_text)),
        ):
            box.addSpacing(GRID)
            box.addWidget(Rule())
            box.addSpacing(GRID)
            box.addWidget(title)
            for row in rows:
                box.addWidget(row) if isinstance(row, QWidget) else box.addLayout(row)
        box.addSpacing(GRID * 2)
        box.addLayout(last)
        # Centred by distances: an alignment would take from texts of several lines the height that they need.
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(body)
        middle.addStretch(1)
        outer = QVBoxLayout(self)
        outer.addStretch(1)
        outer.addLayout(middle)
        outer.addStretch(2)

    def _connect(self) -> None:
        self.start.clicked.connect(self._start)
        self.key.field.returnPressed.connect(self._start)
        self.later.clicked.connect(self.end)
        self.demo.clicked.connect(self._try_demo)
        self._choose.clicked.connect(self._pick)
        self.key.fits.connect(lambda _: self._enable())
        self.key.kept.connect(lambda _: self.end())
        self.key.unkeepable.connect(self._enable)
        self._desk.key_changed.connect(self._keyed)
        self._desk.settings_changed.connect(lambda _: self._show_folder())

    def speak(self) -> None:
        say = self._desk.words.say
        self._picture.setPixmap(icons.program_icon().pixmap(GRID * 6, GRID * 6))
        self._head.setText(say("gui.welcome.head"))
        self._text.setText(say("gui.welcome.text"))
        self._key_head.setText(say("gui.welcome.key"))
        self._key_text.setText(say("gui.key.text"))
        self._key_there.setText(say("gui.welcome.key-there"))
        self._folder_head.setText(say("gui.welcome.folder"))
        self.folder.setAccessibleName(say("gui.welcome.folder"))
        self._choose.setText(say("gui.target.choose"))
        self.demo.setText(say("gui.welcome.demo"))
        self.later.setText(say("gui.welcome.later"))
        self.start.setText(say("gui.welcome.start"))
        self.key.speak()
        self._keyed(self._desk.key)
        self._show_folder()

    # ---- the key ----

    def _keyed(self, state: KeyState) -> None:
        # One that is being tried at the hub may turn out to be none.
        there = bool(state.origin) and not self.key.field.text()
        self.key.setVisible(not there)
        self._key_text.setVisible(not there)
        self._key_there.setVisible(there)
        self._enable()

    def _enable(self) -> None:
        typed = bool(self.key.field.text())
        self.start.setEnabled(self.key.is_ready if typed else bool(self._desk.key.origin))

    def _start(self) -> None:
        if self.key.is_ready:
            self.key.keep(for_run=self.key.only_for_run)
        elif self.start.isEnabled():
            self.end()

    def end(self) -> None:
        """Goes, once. Whatever is still missing is asked for where it is needed."""
        if self.isHidden():
            return
        self.hide()
        self._desk.preferences.setValue(WELCOMED, True)
        self.over.emit()

    # ---- the folder ----

    def _show_folder(self) -> None:
        folder = base_folder(self._desk.settings.folder)
        self.folder.setText(folder)
        self.folder.setCursorPosition(0)
        self._folder_text.setText(self._desk.words.say("gui.welcome.folder-text"))
        if self._desk.link.running:
            self._desk.link.ask(Space(0, folder), DiskSpace, lambda space: self._spaced(folder, space))

    def _spaced(self, folder: str, space: DiskSpace) -> None:
        words = self._desk.words
        if folder == self.folder.text():
            self._folder_text.setText(words.say("gui.welcome.folder-free", free=words.size(space.free)))

    def _pick(self) -> None:
        dialog = QFileDialog(self, self._desk.words.say("gui.target.pick"), self.folder.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda folder: self._desk.configure(folder=folder))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    # ---- the demo ----

    def _try_demo(self) -> None:
        """A window of its own over a hub of its own; this one stays as it is. One at a time."""
        if any(demo.poll() is None for demo in self._demos):
            return
        quiet = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # on Windows a console would open else
        self._demos.append(
            subprocess.Popen(
                program.command("--lang", self._desk.words.language, "demo"), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, creationflags=quiet,
                start_new_session=sys.platform != "win32",
            )
        )  # fmt: skip
