"""Makes many files durable at once, by whichever way costs less here and now.

Each file by itself ends in a flush of the drive for each: 0.1 ms on a quiet one, milliseconds on a busy one. The whole
file system at once is one flush for all, but waits for whatever else is being written there. So both are timed.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from aihub_desktop.disk.files import OpenFile

_FEW: Final = 8  # with fewer each by itself is always as good
_TRY_AGAIN: Final = 16  # batches after which the way that cost more is tried again
_WRITE: Final = 2  # SYNC_FILE_RANGE_WRITE


class Syncing:
    """Safe from any thread. What was learned holds for all files of the process, mostly of one drive."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._costs: dict[bool, float] = {}  # seconds a file, by whether all was synced at once
        self._count = 0

    def sync(self, files: Sequence[OpenFile]) -> list[OSError | None]:
        """The data and length of each file are durable when this returns, unless it has its error."""
        together = len(files) >= _FEW and _syncfs is not None and self._choose()
        began = time.monotonic()
        errors = _together(files) if together else _one_by_one(files)
        if len(files) >= _FEW:
            self._learn(together, (time.monotonic() - began) / len(files))
        return errors

    def _choose(self) -> bool:
        with self._lock:
            self._count += 1
            untried = [way for way in (True, False) if way not in self._costs]
            if untried:
                return untried[0]
            cheaper = self._costs[True] <= self._costs[False]
            return cheaper if self._count % _TRY_AGAIN else not cheaper

    def _learn(self, together: bool, cost: float) -> None:
        with self._lock:
            before = self._costs.get(together, cost)
            self._costs[together] = (before + cost) / 2


def sync_all(folder: Path) -> bool:
    """All that was written to the file system of `folder` is durable when this returns True, names too.

    False where this system cannot do that. Raises `OSError`.
    """
    if _syncfs is None:
        return False
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if _syncfs(descriptor) != 0:
            number = ctypes.get_errno() or errno.EIO
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)
    return True


def _one_by_one(files: Sequence[OpenFile]) -> list[OSError | None]:
    # Sent on their way together, they are there by the time that each is waited for: a quarter of the time (ext4).
    if _begin is not None:
        for file in files:
            _begin(file.fileno(), 0, 0, _WRITE)
    return [_synced(file) for file in files]


def _synced(file: OpenFile) -> OSError | None:
    try:
        file.sync()
    except OSError as error:
        return error
    return None


def _together(files: Sequence[OpenFile]) -> list[OSError | None]:
    assert _syncfs is not None
    if _syncfs(files[0].fileno()) == 0:
        return [None] * len(files)
    # Which file it was nobody tells here: each is asked for itself.
    return _one_by_one(files)


def _call(name: str, *kinds: type) -> Callable[..., int] | None:
    if not sys.platform.startswith("linux") or ctypes.sizeof(ctypes.c_void_p) != 8:
        return None
    found = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if found is not None:
        found.argtypes = list(kinds)
    return found


def _reports_errors() -> bool:
    """Before Linux 5.8 syncfs kept write errors to itself."""
    version = re.match(r"(\d+)\.(\d+)", platform.release()) if os.name == "posix" else None
    return version is not None and (int(version[1]), int(version[2])) >= (5, 8)


_begin: Final = _call("sync_file_range", ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
_syncfs: Final = _call("syncfs", ctypes.c_int) if _reports_errors() else None
SYNCING: Final = Syncing()
