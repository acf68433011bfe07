"""Bytes of a file onto a socket: by the system's own copying where there is one, never those of a file that changed.

The last bytes of an answer go out only after the file was looked at once more. So who got all that was announced got
what the file held all along; in any other case the connection ends before its time.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from collections.abc import Callable
from typing import Final

from aihub_desktop.sharing.limits import Limits
from aihub_desktop.sharing.offer import OpenedFile

_AT_ONCE: Final = 4 << 20
_READ: Final = 256 << 10  # where the system does not copy by itself
_KEPT_BACK: Final = 64 << 10
_MORE: Final = getattr(socket, "MSG_MORE", 0)  # the head goes with the first bytes, in one packet


class GoneError(Exception):
    """The file is no more what it was when the answer began."""


class TooSlowError(Exception):
    """The reader takes next to nothing."""


class Line:
    """A socket to a reader. `count` hears of every byte of a file that went out. Every method raises `OSError`."""

    def __init__(self, sock: socket.socket, limits: Limits, count: Callable[[int], None]) -> None:
        self._sock = sock
        self._limits = limits
        self._count = count

    def send(self, data: bytes) -> None:
        """Of our own words."""
        self._pushed(data)

    def send_file(self, head: bytes, file: OpenedFile, start: int, stop: int) -> None:
        """The head and then bytes start ≤ i < stop. Raises `GoneError`, `TooSlowError`."""
        last = max(start, stop - _KEPT_BACK)
        if start < last:
            self._pushed(head, _MORE)
            head = b""
            self._copied(file, start, last)
        rest = _read(file.descriptor, last, stop - last)
        if len(rest) != stop - last or not file.is_as_it_was():
            raise GoneError
        self._pushed(head + rest)
        self._count(len(rest))

    def _copied(self, file: OpenedFile, start: int, stop: int) -> None:
        pace = _Pace(self._limits)
        self._sock.settimeout(self._limits.window)
        while start < stop:
            sent = self._some(file.descriptor, start, min(stop - start, _AT_ONCE), pace)
            if sent == 0 or not file.is_as_it_was():
                raise GoneError
            start += sent
            self._count(sent)
            pace.moved(sent)

    def _some(self, descriptor: int, start: int, count: int, pace: _Pace) -> int:
        if sys.platform == "win32":
            return self._sock.send(_read(descriptor, start, min(count, _READ)))
        while True:
            try:
                return os.sendfile(self._sock.fileno(), descriptor, start, count)
            except BlockingIOError:
                if not _is_ready(self._sock, pace.left()):
                    raise TooSlowError from None

    def _pushed(self, data: bytes, flags: int = 0) -> None:
        self._sock.settimeout(self._limits.window)
        try:
            self._sock.sendall(data, flags)  # its time is that for all of it
        except TimeoutError:
            raise TooSlowError from None


class _Pace:
    """How much a reader took lately."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._began, self._bytes = time.monotonic(), 0

    def left(self) -> float:
        """Seconds until it has to have taken enough. Raises `TooSlowError`."""
        left = self._began + self._limits.window - time.monotonic()
        if left <= 0:
            raise TooSlowError
        return left

    def moved(self, count: int) -> None:
        self._bytes += count
        now = time.monotonic()
        if self._bytes >= self._limits.least:
            self._began, self._bytes = now, 0
        elif now - self._began > self._limits.window:
            raise TooSlowError


if sys.platform == "win32":

    def _read(descriptor: int, start: int, count: int) -> bytes:
        os.lseek(descriptor, start, os.SEEK_SET)
        return os.read(descriptor, count)

    def _is_ready(sock: socket.socket, seconds: float) -> bool:
        return True  # `send` waits by itself

else:

    def _is_ready(sock: socket.socket, seconds: float) -> bool:
        """Whether it takes bytes, within so many seconds."""
        ready = select.poll()  # `select.select` ends at a thousand descriptors
        ready.register(sock, select.POLLOUT)
        return bool(ready.poll(seconds * 1000))

    def _read(descriptor: int, start: int, count: int) -> bytes:
        return os.pread(descriptor, count, start)
