"""Keeps two processes from writing to one file to be.

A worker may outlive its engine for a moment, making durable what it received, while the same command has been
started again; and two people may download into one shared folder. The lock is the system's, on NAME.part itself,
and ends with its holder. Where a file system knows no locks (some shares), nothing is kept from anybody, and the
journal's hashes are what finds the damage. Windows is not locked: see CONTRIBUTING, "Not shown yet".
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError

_BUSY: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES})


class Guard:
    """The right to write to NAME.part. Raises IN_USE where another has it, `OSError` where it cannot be opened."""

    def __init__(self, part: Path, *, fresh: bool = False) -> None:
        """`fresh` makes the file, and demands that it was missing; otherwise it must be there."""
        flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        self._descriptor: int | None = os.open(part, flags | (os.O_CREAT | os.O_EXCL if fresh else 0), 0o666)
        if not (_lock(self._descriptor) and _is_at(self._descriptor, part)):
            self.release()
            raise ProblemError(Code.IN_USE, path=str(part))
        if sys.platform == "win32":
            self.release()  # it holds nothing there, and a file that is open could not be removed

    def release(self) -> None:
        """Gives the right up; more than once does no harm."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _is_at(descriptor: int, part: Path) -> bool:
    """Whether it still is the file of that name: whoever held it before us may have put another in its place."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(part))
    except FileNotFoundError:
        return False


if sys.platform == "win32":

    @contextlib.contextmanager
    def folder_held(folder: Path) -> Iterator[None]:
        del folder
        yield

    def _lock(descriptor: int) -> bool:
        return True

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

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in _BUSY
        return True
