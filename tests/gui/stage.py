"""The real window on a stage: a state folder, a hub, and waiting that listens instead of sleeping."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QEventLoop, QSettings, QTimer
from PySide6.QtWidgets import QApplication

from aihub_desktop.domain.messages import TransferRow
from aihub_desktop.domain.states import TransferState
from aihub_desktop.gui.app import Program
from aihub_desktop.gui.cures import Cure
from aihub_desktop.gui.desk import WELCOMED

PATIENCE: Final = 40.0  # seconds; a machine under load is slow, a deadlock is for ever


def wait_until(met: Callable[[], object], what: str = "", seconds: float = PATIENCE) -> None:
    """Lets the window live until `met`. Raises `AssertionError` naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    loop = QEventLoop()
    tick = QTimer(interval=10)
    tick.timeout.connect(lambda: loop.quit() if met() or time.monotonic() > deadline else None)
    if not met():
        tick.start()
        loop.exec()
        tick.stop()
    assert met(), f"not in {seconds} seconds: {what}"


def linger(seconds: float) -> None:
    """For pictures only: lets what moves move on."""
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, "time", seconds + 5)


class Stage:
    """A running program over `home`. `close` leaves no process behind."""

    def __init__(self, app: QApplication, home: Path, hub: str, language: str = "en", *, first: bool = False) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        if not first:
            settings = QSettings(str(home / "window.ini"), QSettings.Format.IniFormat)
            settings.setValue(WELCOMED, True)
            settings.sync()
        self.program = Program(app, home, hub, language)
        self.desk, self.window, self.link = self.program.desk, self.program.window, self.program.link
        self._gone = self._closed = False
        self.window.gone.connect(self._went)

    def _went(self) -> None:
        self._gone = True

    def start(self) -> Stage:
        self.program.start()
        return self

    def ready(self) -> Stage:
        """Waits for the catalogue and the word about the key."""
        wait_until(lambda: self.desk.datasets.total and not self.desk.catalogue.loading, "the catalogue")
        wait_until(lambda: self.desk.key_known, "the key's state")
        return self

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.window.leave()
        wait_until(lambda: self._gone, "the end of the engine")
        self.window.deleteLater()

    @property
    def gone(self) -> bool:
        return self._gone

    def choose(self, text: str) -> None:
        """Searches, and takes the first hit."""
        page = self.window.datasets
        page.search.setText(text)
        page.search.left_down.emit()
        wait_until(lambda: self.desk.tree.total().files and not self.desk.files.loading, f"the files of {text}")

    def row(self, transfer: int) -> TransferRow:
        return next(row for row in self.desk.queue.transfers() if row.id == transfer)

    def state(self, transfer: int) -> TransferState | None:
        return next((row.state for row in self.desk.queue.transfers() if row.id == transfer), None)

    def wait_for(self, transfer: int, *states: TransferState) -> TransferRow:
        wait_until(lambda: self.state(transfer) in states, f"{transfer} to be {states}, now {self._all()}")
        return self.row(transfer)

    def _all(self) -> list[tuple[int, TransferState, object]]:
        return [(row.id, row.state, row.problem) for row in self.desk.queue.transfers()]

    def download(self, folder: Path) -> int:
        """Presses the button, with what is ticked, into `folder`; the number of the transfer."""
        before = {row.id for row in self.desk.queue.transfers()}
        target = self.window.datasets.files.target
        target.set_folder(str(folder))
        assert target.button.isEnabled()
        target.button.click()
        wait_until(lambda: {row.id for row in self.desk.queue.transfers()} - before, "a new transfer")
        return max({row.id for row in self.desk.queue.transfers()} - before)


def press(stage: Stage, cure: Cure) -> None:
    """A button of the banner above the downloads."""
    wanted = stage.desk.words.say(f"gui.cure.{cure}")
    buttons = stage.window.downloads.banner.buttons()
    found = [button for button in buttons if button.text() == wanted]
    assert found, [button.text() for button in buttons]
    found[0].click()


def family(pid: int) -> list[int]:
    """A process and all below it, where the system tells (Linux); else the process alone."""
    below: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        below.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += below.get(found[-1], [])
    return found


if sys.platform == "win32":  # where os.kill(pid, 0) is a Ctrl-C

    def _runs(pid: int) -> bool:
        kernel = ctypes.WinDLL("kernel32")
        kernel.OpenProcess.restype = ctypes.c_void_p
        handle = ctypes.c_void_p(kernel.OpenProcess(0x100000, False, pid))  # SYNCHRONIZE
        if not handle:
            return False
        try:
            return bool(kernel.WaitForSingleObject(handle, 0) == 0x102)  # WAIT_TIMEOUT: it has not ended
        finally:
            kernel.CloseHandle(handle)


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet buried does not."""
    if sys.platform == "win32":
        return _runs(pid)
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not Path("/proc").is_dir()
