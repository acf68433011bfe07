"""Room on disk taken ahead of the bytes: a file system that knows what comes writes 1.3 times as fast (ext4).

Only Linux's own call is used. `posix_fallocate` writes zeros where a file system cannot reserve (FAT, network shares),
which would double the work of the slowest drives. The length of the file stays that of its bytes.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Final, cast

from aihub_desktop.disk.files import OpenFile

AHEAD: Final = 64 << 20  # at once: all at once is no faster, and takes room from others for hours
_LEAST: Final = 4 << 20  # less is not worth the call
_KEEP_SIZE: Final = 1


class Reserve:
    """The room of one file. Never fails: writing then finds out."""

    def __init__(self) -> None:
        self._until = 0
        self._start = self._stop = 0
        self._works = _fallocate is not None

    def expect(self, stop: int) -> None:
        """Bytes will come up to there: so the header of a member says."""
        self._until = stop

    def make_room(self, file: OpenFile, offset: int) -> None:
        """Bytes are written at `offset` next."""
        if not self._works or self._start <= offset < self._stop:
            return
        length = min(AHEAD, self._until - offset)
        if length >= _LEAST:
            self._start, self._stop = offset, offset + length
            self._works = _reserve(file.fileno(), offset, length)


def _reserve(descriptor: int, offset: int, length: int) -> bool:
    return _fallocate is not None and _fallocate(descriptor, _KEEP_SIZE, offset, length) == 0


def _found() -> Callable[[int, int, int, int], int] | None:
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_void_p) < 8:
        return None
    try:
        call = ctypes.CDLL(None).fallocate
    except (AttributeError, OSError):
        return None
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    return cast(Callable[[int, int, int, int], int], call)


_fallocate: Final = _found()
