"""What holds for every input: nothing is written outside its folder, it ends soon, and it needs little memory."""

from __future__ import annotations

import contextlib
import faulthandler
import mmap
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TextIO

# An input that takes longer ends the process, wherever it hangs: a loop within C hears of no signal.
HANG_SECONDS: Final = 60.0
# Of processor time, not traced. Inputs are at most some dozen KB: what takes this for them takes hours for a real file.
SLOW_SECONDS: Final = 0.4
# Resident; buffers of 1 MiB and the decoder of one entry are honest needs.
MEMORY_BYTES: Final = 96 << 20
_ADDRESS_SPACE: Final = 3 << 30
_HEAD: Final = 8

# Events of `sys.audit` that change a file system: how many of their first arguments are paths.
_CHANGES: Final = {
    **{"os.mkdir": 1, "os.remove": 1, "os.rmdir": 1, "os.truncate": 1, "os.chmod": 1, "os.chown": 1, "os.utime": 1},
    **{"os.rename": 2, "os.link": 2, "os.symlink": 1, "shutil.rmtree": 1, "os.mkfifo": 1, "os.mknod": 1},
}
# Those that tell the open folder of each path behind everything else.
_RELATIVE: Final = frozenset({"os.mkdir", "os.remove", "os.rmdir", "os.utime", "os.rename", "os.link"})
_NEVER: Final = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect", "socket.bind")
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class OutsideError(AssertionError):
    """Something was to be done outside the folder of the run."""


class Fence:
    """Refuses whatever a run would change outside of `folder`. A hook of Python stays for ever: one a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._inside = os.path.realpath(folder)
        self._is_up = False
        self._broken = ""
        sys.addaudithook(self._hear)

    @contextlib.contextmanager
    def up(self) -> Iterator[None]:
        """Raises `OutsideError` at the end also where the run has swallowed it."""
        self._broken = ""
        self._is_up = True
        try:
            yield
        finally:
            self._is_up = False
        if self._broken:
            raise OutsideError(self._broken)

    def clear(self) -> None:
        """The folder is there, and empty."""
        if self.folder.exists():
            if not any(self.folder.iterdir()):
                return
            shutil.rmtree(self.folder)
        self.folder.mkdir()

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_up:
            return
        if event in _NEVER:
            self._refuse(f"{event} {arguments!r:.200}")
        elif event == "open":
            path, mode, flags = arguments
            writes = any(sign in mode for sign in "wax+") if isinstance(mode, str) else bool(flags & _WRITING)
            if writes:
                self._look(event, path)
        elif event in _CHANGES:
            count = _CHANGES[event]
            folders = arguments[-count:] if event in _RELATIVE else (-1,) * count
            for path, folder in zip(arguments[1:2] if event == "os.symlink" else arguments, folders, strict=False):
                self._look(event, path, folder)

    def _look(self, event: str, path: Any, folder: int = -1) -> None:
        """`folder`: an open one that a path is relative to, -1 for where the process is."""
        if isinstance(path, int):  # an open file, whose opening was looked at
            return
        start = os.getcwd() if folder == -1 else _path_of(folder)
        parent, name = os.path.split(os.path.normpath(os.path.join(start, os.fsdecode(path))))
        real = os.path.join(os.path.realpath(parent), name).removeprefix("\\\\?\\")
        if not f"{real}{os.sep}".startswith(self._inside + os.sep):
            self._refuse(f"{event} {real[:200]}")

    def _refuse(self, what: str) -> None:
        self._broken = self._broken or what
        raise OutsideError(what)


def _path_of(folder: int) -> str:
    if sys.platform != "darwin":
        return os.readlink(f"/proc/self/fd/{folder}")
    import fcntl  # noqa: PLC0415 - not there on Windows

    return os.fsdecode(fcntl.fcntl(folder, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))


class Clock:
    """Ends the process with a traceback if one run hangs. Whoever started it finds the input in `record`."""

    def __init__(self, record: Path, longest: int, traceback: TextIO) -> None:
        record.write_bytes(bytes(_HEAD + longest))
        with record.open("r+b") as file:
            self._record = mmap.mmap(file.fileno(), 0)
        self._traceback = traceback
        self._set_at = 0.0

    def begin(self, data: bytes) -> None:
        self._record[:_HEAD] = len(data).to_bytes(_HEAD, "little")
        self._record[_HEAD : _HEAD + len(data)] = data
        now = time.monotonic()
        if now - self._set_at > 1:  # setting it costs a thread
            faulthandler.dump_traceback_later(HANG_SECONDS, exit=True, file=self._traceback)
            self._set_at = now

    def end(self) -> None:
        faulthandler.cancel_dump_traceback_later()


def recorded(record: Path) -> bytes:
    """The input of the run that ended its process."""
    data = record.read_bytes()
    return data[_HEAD : _HEAD + int.from_bytes(data[:_HEAD], "little")]


def limit_memory() -> None:
    """What asks for gigabytes at once gets a `MemoryError`, instead of the machine's last page."""
    if sys.platform == "linux":
        import resource  # noqa: PLC0415 - not there on Windows

        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))


def peak_memory() -> int:
    """Bytes that this process has held at most; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0
    import resource  # noqa: PLC0415 - not there on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10
