"""One window for a state folder: a later start gives its words to the first, which comes to the front.

second start ── {"words": […], "token": "…"} and a line's end ──▶ first
second start ◀── "taken", then it ends ─────────────────────────── first

`aihub-desktop --quit` asks the first to leave in the same way, for installers: {"words": [], "leave": true}.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import sys
from pathlib import Path
from typing import Final

import msgspec
from PySide6.QtCore import QDeadlineTimer, QLockFile, QObject, QThread, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_WAIT_MS: Final = 5000  # a first that is still starting
_LEAVING_MS: Final = 60_000  # workers make durable what they have, on the slowest drive
_LONGEST: Final = 1 << 22  # more than any system's command line
_TAKEN: Final = b"taken\n"
# By these a desktop lets a program come to the front at a click that another one had.
_TOKENS: Final = ("XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID")


class _Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    words: list[str]
    token: str = ""
    leave: bool = False


class FrontDoor(QObject):
    """`called` brings the words of a later start, from the moment of `open` on; `dismissed` that one wants the end."""

    called = Signal(list)
    dismissed = Signal()

    def __init__(self, home: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # The lock alone says who is first; it goes with its process, however that ends.
        self._lock = QLockFile(str(home / "window.lock"))
        self._lock.setStaleLockTime(0)
        self._name = _name(home)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._welcome)

    def open(self) -> bool:
        """Whether this start is the first. Where the folder can hold no lock, every start is."""
        if not self._lock.tryLock(0) and self._lock.error() is QLockFile.LockError.LockFailedError:
            return False
        QLocalServer.removeServer(self._name)  # of one that was killed
        self._server.listen(self._name)
        return True

    def close(self) -> None:
        self._server.close()
        self._lock.unlock()

    def dismiss(self) -> bool:
        """Asks the first to leave, and waits for its end. True where nobody is left."""
        if self._lock.tryLock(0) or (self.knock([], leave=True) and self._lock.tryLock(_LEAVING_MS)):
            self._lock.unlock()
            return True
        return False

    def knock(self, words: list[str], *, leave: bool = False) -> bool:
        """Gives `words` to the first. False where it does not answer."""
        _let_it_rise()
        token = next((os.environ[name] for name in _TOKENS if os.environ.get(name)), "")
        patience, socket = QDeadlineTimer(_WAIT_MS), QLocalSocket()
        while not patience.hasExpired():
            socket.connectToServer(self._name)
            if socket.waitForConnected(min(200, patience.remainingTime())):
                break
            QThread.msleep(50)  # the first is still opening; there is no window yet that could freeze
        else:
            return False
        socket.write(msgspec.json.encode(_Call(words, token, leave)) + b"\n")
        answer = b""
        while not answer.endswith(b"\n") and socket.waitForReadyRead(max(0, patience.remainingTime())):
            answer += bytes(socket.readAll().data())
        return answer == _TAKEN

    def _welcome(self) -> None:
        while (caller := self._server.nextPendingConnection()) is not None:
            caller.readyRead.connect(lambda caller=caller: self._listen(caller))
            caller.disconnected.connect(caller.deleteLater)
            self._listen(caller)

    def _listen(self, caller: QLocalSocket) -> None:
        if not caller.canReadLine():
            if caller.bytesAvailable() > _LONGEST:
                caller.abort()
            return
        try:
            call = msgspec.json.decode(bytes(caller.readLine(_LONGEST).data()), type=_Call)
        except msgspec.DecodeError:
            caller.abort()
            return
        caller.write(_TAKEN)
        caller.flush()
        caller.disconnectFromServer()
        if call.token:
            os.environ[_TOKENS[0]] = call.token
        if call.leave:
            self.dismissed.emit()
        else:
            self.called.emit(call.words)


def _name(home: Path) -> str:
    """Of the socket: one for each person and folder, short enough for every system."""
    return f"aihub-desktop-{hashlib.sha256(f'{getpass.getuser()} {home}'.encode()).hexdigest()[:24]}"


def _let_it_rise() -> None:
    """On Windows only who was clicked last may let another come to the front."""
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415 - of one system only

        ctypes.windll.user32.AllowSetForegroundWindow(-1)
