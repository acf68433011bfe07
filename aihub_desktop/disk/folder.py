"""A folder that is held open, so that thousands of files in it cost no look at all that lies above them."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Final

from aihub_desktop.disk.patience import remove

_OPEN: Final = sum(getattr(os, name, 0) for name in ("O_RDONLY", "O_DIRECTORY", "O_CLOEXEC"))
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_FRESH: Final = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"))
)
_SETS_TIMES: Final = os.utime in os.supports_fd


class OpenFolder:
    """A context manager. Windows knows no such thing: there its path stands for it. Raises `OSError`."""

    def __init__(self, path: Path, *, may_be_link: bool = False) -> None:
        self.path = path
        self._start = f"{path}{os.sep}"
        flags = _OPEN | (0 if may_be_link else _NO_LINK)
        self.descriptor = None if sys.platform == "win32" else os.open(path, flags)

    def __enter__(self) -> OpenFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def at(self, name: str) -> str:
        """The name for a call that is given `descriptor`, too."""
        return name if self.descriptor is not None else os.path.join(self.path, name)

    def write(self, name: str, data: bytes, modified: int) -> int:
        """A new file with all of `data` and the time `modified`; the time that it has, as `give_time` tells it.

        Raises `OSError`, `FileExistsError` among them; of the file nothing is left then.
        """
        # By its whole path: who watches this process would not be told the folder of another one.
        file = os.open(self._start + name, _FRESH, 0o666)
        try:
            written = os.write(file, data)
            while written < len(data):
                written += os.write(file, data[written:])
            if _SETS_TIMES:
                modified = give_time(file, modified)
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(file)
            with contextlib.suppress(OSError):
                self.remove(name)
            raise
        os.close(file)
        return modified if _SETS_TIMES else give_time(self.path / name, modified)

    def remove(self, name: str) -> None:
        if self.descriptor is None:
            remove(self.path / name)
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=self.descriptor)


def give_time(file: int | Path, modified: int) -> int:
    """When the file was last written to, from now on; in nanoseconds since 1970, 0 for no other time than it has.

    The time that it has then. One that cannot be set is no failure: not every file system holds every time.
    """
    if modified:
        with contextlib.suppress(OSError, OverflowError):
            os.utime(file, ns=(modified, modified))
            return modified
    return os.stat(file).st_mtime_ns
