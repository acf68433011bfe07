"""Keeps two processes from writing to one file to be.

A worker may outlive its engine for a moment, making durable what it received, while the same command has been
started again; and two people may download into one shared folder. The lock is the system's, on NAME.part itself,
and ends with its holder. Where a file system knows no locks (some shares), nothing is kept from anybody, and the
journal's hashes are what finds the damage.

On Windows an open file could be neither renamed nor removed. There the lock is a mutex of the system, named after
the file's own number: it ends with its holder too, but keeps only this machine's processes apart.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aihub_desktop.disk.patience import patient_open
from aihub_desktop.domain.faults import Code, ProblemError

_BUSY: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES})


class Guard:
    """The right to write to NAME.part. Raises IN_USE where another has it, `OSError` where it cannot be opened."""

    def __init__(self, part: Path, *, fresh: bool = False) -> None:
        """`fresh` makes the file, and demands that it was missing; otherwise it must be there."""
        flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        descriptor = patient_open(part, flags | (os.O_CREAT | os.O_EXCL if fresh else 0))
        self._held: int | None = _hold(descriptor, part)
        if self._held is None:
            raise ProblemError(Code.IN_USE, path=str(part))

    def release(self) -> None:
        """Gives the right up; more than once does no harm."""
        held, self._held = self._held, None
        if held is not None:
            _let_go(held)


def _is_at(state: os.stat_result, part: Path) -> bool:
    """Whether it still is the file of that name: whoever held it before us may have put another in its place."""
    try:
        return os.path.samestat(state, os.lstat(part))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.CreateMutexW.restype = wintypes.HANDLE
    _kernel.CreateMutexW.argtypes = (ctypes.c_void_p, wintypes.BOOL, wintypes.LPCWSTR)
    for _name in ("WaitForSingleObject", "ReleaseMutex", "CloseHandle"):
        getattr(_kernel, _name).restype = wintypes.DWORD
    _kernel.WaitForSingleObject.argtypes = (wintypes.HANDLE, wintypes.DWORD)
    _kernel.ReleaseMutex.argtypes = _kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
    _ALREADY_EXISTS: Final = 183
    _FOR_EVER: Final = 0xFFFFFFFF
    # Whoever was refused had a handle, too, for a moment.
    _LOOKS: Final = 3
    _LOOK_SECONDS: Final = 0.02

    def _mutex(state: os.stat_result) -> tuple[int | None, bool]:
        """A handle of the mutex of that file, and whether nobody else had one."""
        ctypes.set_last_error(0)
        handle = _kernel.CreateMutexW(None, False, f"Global\\aihub-{state.st_dev:x}-{state.st_ino:x}")
        return handle, ctypes.get_last_error() != _ALREADY_EXISTS

    @contextlib.contextmanager
    def folder_held(folder: Path) -> Iterator[None]:
        """Waits for whoever holds the folder so, another process or another thread. For moments only."""
        handle, _ = _mutex(os.stat(folder))
        if handle is None:  # another person's: nobody may wait for it
            yield
            return
        _kernel.WaitForSingleObject(handle, _FOR_EVER)
        try:
            yield
        finally:
            _kernel.ReleaseMutex(handle)
            _kernel.CloseHandle(handle)

    def _hold(descriptor: int, part: Path) -> int | None:
        """It is there as long as a handle of it is open: that alone is the lock, whichever thread closes it."""
        state = os.fstat(descriptor)
        os.close(descriptor)
        for attempt in range(_LOOKS):
            time.sleep(_LOOK_SECONDS * attempt)
            handle, ours = _mutex(state)
            if handle is None or (ours and _is_at(state, part)):
                return handle
            _kernel.CloseHandle(handle)
            if ours:
                break
        return None

    def _let_go(held: int) -> None:
        _kernel.CloseHandle(held)

else:
    import fcntl

    @contextlib.contextmanager
    def folder_held(folder: Path) -> Iterator[None]:
        """Waits for whoever holds the folder so, another process or another thread. For moments only."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError):  # not every file system knows locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _hold(descriptor: int, part: Path) -> int | None:
        try:
            if _lock(descriptor) and _is_at(os.fstat(descriptor), part):
                return descriptor
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def _let_go(held: int) -> None:
        os.close(held)

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in _BUSY
        return True
