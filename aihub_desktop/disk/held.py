"""A lock that says who holds it, and that the system gives up when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError

# Windows locks bytes against reading too, so the lock lies beyond the text that says who holds it.
_LOCKED_BYTE: Final = 1 << 20
# What `lock` says where another has it.
TAKEN: Final = frozenset({errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})


class Held:
    """The lock of the file `path`, held until `release`.

    Raises `busy` (facts "pid" and "path", of the folder that it is about) where another has it, and NOT_WRITABLE where
    nobody can.
    """

    def __init__(self, path: Path, busy: Code, folder: Path) -> None:
        # A link that somebody put there would have another file overwritten.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        try:
            self._handle = os.open(path, flags, 0o600)
        except OSError as error:
            raise ProblemError(Code.NOT_WRITABLE, path=str(path), why=error.strerror or "") from None
        try:
            lock(self._handle)
        except OSError as error:
            holder = os.read(self._handle, 32).decode("ascii", "replace").strip()
            os.close(self._handle)
            if error.errno in TAKEN:
                raise ProblemError(busy, pid=holder, path=str(folder)) from None
            raise ProblemError(Code.NOT_WRITABLE, path=str(path), why=error.strerror or "") from None
        self._note(f"{os.getpid()}\n")

    def release(self) -> None:
        self._note("")
        os.close(self._handle)

    def _note(self, text: str) -> None:
        # The lock holds without it, so a full disk must not keep its holder from starting.
        with contextlib.suppress(OSError):
            os.truncate(self._handle, 0)
            os.write(self._handle, text.encode())


def is_held(path: Path) -> bool:
    """Whether the lock of somebody, on whatever machine, is seen from here. Raises nothing."""
    try:
        handle = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        lock(handle)
    except OSError as error:
        return error.errno in TAKEN
    finally:
        os.close(handle)
    return False


if sys.platform == "win32":
    import msvcrt

    def lock(handle: int) -> None:
        """Raises `OSError`, with one of `TAKEN` where another has it."""
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            # Not every C library names the reason (wine's does not), and there is one alone.
            raise OSError(error.errno or errno.EACCES, os.strerror(errno.EACCES)) from None
        finally:
            os.lseek(handle, 0, os.SEEK_SET)

else:
    import fcntl

    def lock(handle: int) -> None:
        """Raises `OSError`, with one of `TAKEN` where another has it."""
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
