"""Whether there is a newer version: asked at most once a day, after a yes, by a run of the command line."""

from __future__ import annotations

import time
from typing import Final

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from aihub_desktop import __version__
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.releases import Release, release_of
from aihub_desktop.domain.settings import Switch
from aihub_desktop.gui.desk import Desk
from aihub_desktop.system import program, releases

_ASKED: Final = "releases/asked"  # seconds since 1970
_TOLD: Final = "releases/told"  # the last good answer, as it came
_DAY: Final = 24 * 3600
_LOOK_MS: Final = 30 * 60 * 1000  # a window may stay open for weeks


class Releases(QObject):
    """A check that fails says nothing and is made again a day later: nobody asked for it at that moment."""

    changed = Signal()

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._process: QProcess | None = None
        try:
            self.address = releases.address()
        except ProblemError:
            self.address = ""
        if self.address:
            desk.settings_changed.connect(self._look)
            timer = QTimer(self, interval=_LOOK_MS)
            timer.timeout.connect(self._look)
            timer.start()

    @property
    def busy(self) -> bool:
        return self._process is not None

    @property
    def newer(self) -> Release | None:
        """What was found to be newer than this; None as long as nobody wants to know."""
        if not self.address or self._desk.settings.updates is Switch.OFF:
            return None
        try:
            found = release_of(str(self._desk.preferences.value(_TOLD, "")).encode(), self.address)
        except ValueError:
            return None
        return found if found.is_newer_than(__version__) else None

    def end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.waitForFinished()

    def _look(self) -> None:
        if self._desk.settings.updates is Switch.OFF or self._process is not None or not self._is_due():
            return
        self._desk.preferences.setValue(_ASKED, int(time.time()))
        words = ("--home", str(self._desk.home), "--api-url", self._desk.hub, "version", "--check", "--json")
        command = program.command(*words)
        self._process = QProcess(self)
        self._process.finished.connect(self._take)
        self._process.errorOccurred.connect(lambda _: self._take(-1))  # what never began does not finish
        self._process.start(command[0], command[1:])

    def _is_due(self) -> bool:
        asked = str(self._desk.preferences.value(_ASKED, "0"))
        # A clock that was put back must not silence this for years.
        return not (asked.isascii() and asked.isdigit() and 0 <= time.time() - int(asked) < _DAY)

    def _take(self, code: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if code == 0:
            told = bytes(process.readAllStandardOutput().data()).decode("utf-8", errors="replace")
            self._desk.preferences.setValue(_TOLD, told)
            self.changed.emit()
        process.deleteLater()
