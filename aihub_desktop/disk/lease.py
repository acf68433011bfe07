"""The right to work in a folder that several machines see.

    FOLDER/lease    "TOKEN BEAT", written anew every few seconds by whoever has it; empty once it is given up

The system's lock on that file says it at once, also that its holder died. Where locks do not reach from one machine to
the other, a holder counts as dead once its beat has stood still for long. No clock is compared with another machine's.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aihub_desktop.disk.files import disk_error
from aihub_desktop.disk.held import TAKEN, lock
from aihub_desktop.domain.faults import Code, ProblemError

NAME: Final = "lease"
BEAT_SECONDS: Final = 5.0
# A share may show a file as it was half a minute ago, and a busy machine may miss a beat.
STILL_SECONDS: Final = 60.0
# Two may take over in the same moment: what one of them wrote last stands when both look again.
_SETTLE_SECONDS: Final = 3.0
_LONGEST: Final = 64


class Lease:
    """`locks_reach`: a lock that one machine holds was seen to keep the others out. For one thread."""

    def __init__(self, folder: Path, *, locks_reach: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = folder / NAME
        self._locks_reach = locks_reach
        self._clock = clock
        self._token = secrets.token_hex(8)
        self._handle: int | None = None
        self._beats = 0
        self._wrote_at: float | None = None
        self._seen = ("", 0.0)  # what another wrote, and since when it has stood so

    def take(self) -> bool:
        """Tries, and waits for nobody: to be called again, about once a second. Raises `ProblemError`."""
        try:
            if not self._has_lock():
                return False
            if self._locks_reach:
                self._write()
                return True
            return self._has_settled()
        except FileNotFoundError:
            self.release()  # cleared away meanwhile
            return False
        except OSError as error:
            raise disk_error(error, self._path) from error

    def beat(self) -> None:
        """Every `BEAT_SECONDS`. Raises `ProblemError` IN_USE where another has taken over."""
        try:
            if self._read().partition(" ")[0] != self._token:
                raise ProblemError(Code.IN_USE, path=str(self._path.parent))
            self._write()
        except OSError as error:
            raise disk_error(error, self._path) from error

    def release(self) -> None:
        """Gives up what is held or waited for; more than once does no harm."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        try:
            if self._wrote_at is not None and self._read().startswith(self._token):
                os.truncate(self._path, 0)
        except OSError:
            pass  # it stands still from now on
        finally:
            os.close(handle)

    def _has_lock(self) -> bool:
        if self._handle is not None:
            return True
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        handle = os.open(self._path, flags, 0o666)
        try:
            lock(handle)
        except OSError as error:
            if error.errno in TAKEN:
                os.close(handle)
                return False
            self._locks_reach = False  # this file system knows none
        self._handle = handle
        if os.path.samestat(os.fstat(handle), os.stat(self._path)):
            return True
        self.release()
        return False

    def _has_settled(self) -> bool:
        text, now = self._read(), self._clock()
        if text.startswith(self._token):
            return self._wrote_at is not None and now - self._wrote_at >= _SETTLE_SECONDS
        if text and text != self._seen[0]:
            self._seen = (text, now)
        elif not text or now - self._seen[1] >= STILL_SECONDS:
            self._write()
        return False

    def _read(self) -> str:
        # Opened anew each time: that is when a share asks whether what it remembers still holds.
        with self._path.open("rb") as file:
            return file.read(_LONGEST).decode("ascii", "replace").strip()

    def _write(self) -> None:
        self._beats += 1
        with self._path.open("r+b", buffering=0) as file:
            file.write(f"{self._token} {self._beats:10d}\n".encode())
        self._wrote_at = self._clock()
