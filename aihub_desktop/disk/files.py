"""What the disk does for us: reads and writes at offsets, durability, and its errors as problems."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aihub_desktop.disk.patience import patient_open
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.names import PART

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
# The folder, or the whole drive below it; ESTALE is how a network share says that.
_GONE: Final = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ESTALE})
_BLOCKED: Final = frozenset({errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ELOOP})
# A folder that cannot be opened or synced as a file is no failure: such file systems order renames themselves.
_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.EBADF, errno.EACCES, errno.EISDIR, errno.ENOTSUP, errno.ENOSYS})
_FLAGS: Final = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"))
_preadv: Final[Callable[[int, list[memoryview], int], int] | None] = getattr(os, "preadv", None)  # not of every system
_HASHED_AT_ONCE: Final = 1 << 20


def disk_problem(error: OSError, path: Path | None = None) -> Problem:
    """An error of the operating system as a problem of this machine. Facts: "why" (ENOSPC …), "path"."""
    number = error.errno or 0
    facts: dict[str, str | int] = {"why": errno.errorcode.get(number, type(error).__name__)}
    if name := str(path or error.filename or ""):
        facts["path"] = name
    if number in _FULL:
        return Problem(Code.DISK_FULL, facts)
    if number == errno.EFBIG:
        # The tree's rounded size left it open; the file system has its say only now.
        return Problem(Code.FILE_TOO_LARGE, facts | ({"name": Path(name).name.removesuffix(PART)} if name else {}))
    if number in _FORBIDDEN:
        return Problem(Code.NOT_WRITABLE, facts)
    if number in _BLOCKED:
        return Problem(Code.IN_THE_WAY, facts)
    if number in _GONE:
        # Whoever asks for what may be absent looks for that himself: here a folder was taken away.
        return Problem(Code.TARGET_MISSING, facts)
    return Problem(Code.DISK_ERROR, facts)


def disk_error(error: OSError, path: Path | None = None) -> ProblemError:
    return ProblemError.of(disk_problem(error, path))


def in_the_way(path: Path, why: str) -> ProblemError:
    return ProblemError(Code.IN_THE_WAY, path=str(path), why=why)


def plain_file(path: Path) -> os.stat_result | None:
    """The state of a regular file, None where nothing is. Raises `ProblemError` IN_THE_WAY for anything else."""
    try:
        state = os.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, path) from error
    if not stat.S_ISREG(state.st_mode):
        raise in_the_way(path, "not a file")
    return state


def modified_at(path: Path) -> int:
    """The time of the last write to a file, in nanoseconds since 1970; 0 where it is not told."""
    try:
        return os.lstat(path).st_mtime_ns
    except OSError:
        return 0


def sync_file(descriptor: int) -> None:
    """Data and length of the file are durable when this returns."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 - not there on Windows

        # fsync alone leaves the data in the drive's own memory there.
        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        except OSError:
            os.fsync(descriptor)
    elif sys.platform == "win32":
        os.fsync(descriptor)
    else:
        os.fdatasync(descriptor)


def sync_folder(folder: Path) -> None:
    """Names in the folder are durable when this returns. Windows has no such call and journals names itself."""
    if sys.platform == "win32":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NO_FOLDER_SYNC:
            return
        raise
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def make_folders(folder: Path) -> None:
    """The folder and those above it are there, with durable names, when this returns. Raises `OSError`."""
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def native(path: Path | str) -> Path:
    """The absolute path; on Windows in the form that may be longer than 260 signs."""
    text = os.path.abspath(path)
    if sys.platform == "win32" and not text.startswith("\\\\?\\"):
        text = "\\\\?\\UNC\\" + text[2:] if text.startswith("\\\\") else "\\\\?\\" + text
    return Path(text)


class OpenFile:
    """A file that is read and written at offsets. Symbolic links are not followed."""

    def __init__(self, path: Path, *, write: bool = True, create: bool = False, fresh: bool = False) -> None:
        """`create` makes the file if it is missing, `fresh` demands that it is. Raises `OSError`."""
        flags = (
            (os.O_RDWR if write else os.O_RDONLY) | (os.O_CREAT if create or fresh else 0) | (os.O_EXCL if fresh else 0)
        )
        self.path = path
        self._descriptor = patient_open(path, flags | _FLAGS)
        # Windows knows no write at an offset: the place is set and used under this lock.
        self._place = threading.Lock()
        self._closed = False

    def write_at(self, offset: int, view: memoryview) -> None:
        """Writes all of `view`, however little the system takes at once. Raises `OSError`."""
        while view:
            written = self.write_some(offset, view)
            offset += written
            view = view[written:]

    def write_some(self, offset: int, view: memoryview) -> int:
        """Writes as much of `view` as the system takes at once, a byte at least: how much. Raises `OSError`."""
        written = self._write(offset, view)
        if written <= 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self.path))
        return written

    def read_at(self, offset: int, view: memoryview) -> int:
        """How many bytes were there; 0 at the end. Raises `OSError`."""
        if sys.platform == "win32":
            with self._place:
                os.lseek(self._descriptor, offset, os.SEEK_SET)
                data = os.read(self._descriptor, len(view))
        elif _preadv is not None:
            # Straight into the buffer: a fresh MiB each time costs as much again as reading it.
            return _preadv(self._descriptor, [view], offset)
        else:
            data = os.pread(self._descriptor, len(view), offset)
        view[: len(data)] = data
        return len(data)

    def fileno(self) -> int:
        return self._descriptor

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def modified(self) -> int:
        """When it was last written to, in nanoseconds since 1970."""
        return os.fstat(self._descriptor).st_mtime_ns

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def sync(self) -> None:
        sync_file(self._descriptor)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            # What mattered was synced, and an error of the sync was heard.
            with contextlib.suppress(OSError):
                os.close(self._descriptor)

    def _write(self, offset: int, view: memoryview) -> int:
        if sys.platform == "win32":
            with self._place:
                os.lseek(self._descriptor, offset, os.SEEK_SET)
                return os.write(self._descriptor, view)
        return os.pwrite(self._descriptor, view, offset)


def hashed(path: Path) -> str:
    """SHA-256 of a file, "" where there is none. Raises `ProblemError`."""
    if plain_file(path) is None:
        return ""
    digest, buffer, at = hashlib.sha256(), memoryview(bytearray(_HASHED_AT_ONCE)), 0
    try:
        file = OpenFile(path, write=False)
        try:
            while count := file.read_at(at, buffer):
                digest.update(buffer[:count])
                at += count
        finally:
            file.close()
    except OSError as error:
        raise disk_error(error, path) from error
    return digest.hexdigest()
