"""The program's own diary, all roles together, newest last: to read, to filter, to copy."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QFontDatabase, QGuiApplication, QTextCursor
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from aihub_desktop.gui import icons
from aihub_desktop.gui.aside import Aside
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.parts import FaintLabel, SearchField
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system.diagnostics import log_files

_TAIL: Final = 256 << 10  # bytes of each file
_MOST: Final = 5000  # lines


class LogDialog(QDialog):
    """Reads in a thread: the folder may lie on a share."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk, self._reader = desk, Aside()
        say = desk.words.say
        self._lines: list[str] = []
        self.setWindowTitle(say("gui.log.title"))
        self.resize(GRID * 110, GRID * 70)
        self.filter = SearchField()
        self.filter.setPlaceholderText(say("gui.log.filter"))
        self.filter.setAccessibleName(say("gui.log.filter"))
        self.text = QPlainTextEdit(readOnly=True)
        self.text.setAccessibleName(say("gui.log.title"))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._status = FaintLabel()
        self.refresh, self.copy, self.folder = (self._button(name) for name in ("refresh", "copy", "folder"))
        icons.dress(self.refresh, "refresh")
        icons.dress(self.copy, "copy")
        icons.dress(self.folder, "folder")
        self._lay_out()
        self.filter.typed.connect(lambda _: self._show())
        self.refresh.clicked.connect(self.load)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text.toPlainText()))
        self.folder.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(desk.home / "logs"))))
        self._reader.came.connect(self._take)
        self.load()

    def _button(self, name: str) -> QPushButton:
        return QPushButton(self._desk.words.say(f"gui.log.{name}"), autoDefault=False)

    def _lay_out(self) -> None:
        below = QHBoxLayout()
        below.setSpacing(GRID)
        below.addWidget(self._status, 1)
        for button in (self.refresh, self.copy, self.folder):
            below.addWidget(button)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 2, GRID * 2, GRID * 2, GRID * 2)
        box.setSpacing(GRID)
        box.addWidget(self.filter)
        box.addWidget(self.text, 1)
        box.addLayout(below)

    def load(self) -> None:
        self.refresh.setEnabled(False)
        self._reader.run(partial(tail, self._desk.home))

    def _take(self, lines: list[str]) -> None:
        self.refresh.setEnabled(True)
        self._lines = lines
        self._show()

    def _show(self) -> None:
        wanted = self.filter.text().casefold().strip()
        shown = [line for line in self._lines if wanted in line.casefold()] if wanted else self._lines
        self.text.setPlainText("\n".join(shown))
        self.text.moveCursor(QTextCursor.MoveOperation.End)
        self.text.moveCursor(QTextCursor.MoveOperation.StartOfLine)
        self._status.setText(self._desk.words.say("gui.log.lines", n=len(shown)))


def tail(home: Path) -> list[str]:
    """The last lines of all logs, by their time. A line without one, of a trace, stays behind the one before."""
    found: list[tuple[str, str]] = []
    for path in log_files(home):
        moment, role = "", path.name.partition(".")[0]
        for line in _last(path):
            moment = line[:23] if line[:4].isdigit() else moment
            found.append((moment, f"{role:<8} {line}"))
    found.sort(key=lambda each: each[0])
    return [line for _, line in found[-_MOST:]]


def _last(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL))
            lines = file.read(_TAIL).decode("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return lines[1:] if size > _TAIL else lines
