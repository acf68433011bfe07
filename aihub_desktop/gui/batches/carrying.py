"""How a machine without a network gets what a batch names: the three commands, to be copied."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from aihub_desktop.domain.batchfile import SUFFIX
from aihub_desktop.gui import icons
from aihub_desktop.gui.parts import FaintLabel, LinkButton
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system.words import Words

_LINES: Final = 4  # of the field: one of the three may need two


def commands(batch: Path, folder: str) -> list[str]:
    """Request, bundle, import: there, here, there. `folder`: where the files lie here; what is there nobody knows."""
    request = batch.name.removesuffix(SUFFIX) + ".aihubrequest"
    return [
        _line("aihub", "batch", "request", batch.name, "--have", "DIR", "-o", request),
        _line("aihub", "batch", "bundle", request, "--to", "DRIVE", "--from", folder or "DIR"),
        _line("aihub", "batch", "import", "DRIVE", "--to", "DIR"),
    ]


def _line(*words: str) -> str:
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


class Carrying(QWidget):
    """Folded at first; `unfolded` tells that more or less room is needed."""

    unfolded = Signal(bool)

    def __init__(self, batch: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._batch, self._folder = batch, ""
        self.link = LinkButton()
        self.link.setCheckable(True)
        self._text = FaintLabel()
        self._text.setWordWrap(True)
        self.field = QPlainTextEdit(readOnly=True, tabChangesFocus=True)
        self.field.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.field.setFixedHeight(self.field.fontMetrics().lineSpacing() * _LINES + GRID + 4)
        self.copy = QPushButton(autoDefault=False)
        icons.dress(self.copy, "copy")
        self._inside = QWidget()
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.copy)
        inside = QVBoxLayout(self._inside)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(GRID)
        inside.addWidget(self._text)
        inside.addWidget(self.field)
        inside.addLayout(row)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(GRID // 2)
        box.addWidget(self.link)
        box.addWidget(self._inside)
        self._inside.hide()
        self.link.toggled.connect(self._unfold)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.field.toPlainText()))

    @property
    def needs(self) -> int:
        """How much higher it is unfolded, in pixels."""
        return self._inside.sizeHint().height() + GRID // 2

    def speak(self, words: Words) -> None:
        self.link.setText(words.say("gui.batch.carry.title"))
        self._text.setText(words.say("gui.batch.carry.text"))
        self.field.setAccessibleName(words.say("gui.batch.carry.commands"))
        self.copy.setText(words.say("gui.batch.carry.copy"))

    def show_folder(self, folder: str) -> None:
        self._folder = folder
        self.field.setPlainText("\n".join(commands(self._batch, folder)))

    def _unfold(self, on: bool) -> None:
        self._inside.setVisible(on)
        self.unfolded.emit(on)
