"""Files opened for reading step by step from their folder down, so that no link on the way can lead out of it."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Final

from aihub_desktop.disk.target import leads_elsewhere

_FOLDER: Final = sum(getattr(os, name, 0) for name in ("O_RDONLY", "O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC"))
# Without O_NONBLOCK, a pipe that has a file's name would be waited for.
_FILE: Final = sum(
    getattr(os, name, 0)
    for name in ("O_RDONLY", "O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "O_BINARY", "O_NOINHERIT")
)  # fmt: skip


def open_below(root: Path, place: str) -> int:
    """A descriptor of the plain file `place` (parts joined by "/") below `root`, which may be a link itself.

    Raises `OSError`: `NotADirectoryError` or ELOOP for a link on the way, `FileNotFoundError` for what is no plain
    file, and for a place that would not lie below.
    """
    if not lies_below(place):
        raise FileNotFoundError(place)
    parts = place.split("/")
    descriptor = _by_path(root, parts) if sys.platform == "win32" else _by_steps(root, parts)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise FileNotFoundError(place)


def lies_below(place: str) -> bool:
    """Whether a place (parts joined by "/") names something below its folder, whatever lies there."""
    return not any(_is_no_part(part) for part in place.split("/"))


def _is_no_part(part: str) -> bool:
    return part in ("", ".", "..") or "\0" in part or (sys.platform == "win32" and any(sign in part for sign in ":\\"))


def _by_steps(root: Path, parts: list[str]) -> int:
    above = os.open(root, _FOLDER & ~getattr(os, "O_NOFOLLOW", 0))
    try:
        for part in parts[:-1]:
            below = os.open(part, _FOLDER, dir_fd=above)
            os.close(above)
            above = below
        return os.open(parts[-1], _FILE, dir_fd=above)
    finally:
        os.close(above)


def _by_path(root: Path, parts: list[str]) -> int:
    """Windows opens nothing relative to a folder: each step is looked at, and the file once more when it is open."""
    path = root
    for part in parts:
        path = path / part
        seen = os.lstat(path)
        if leads_elsewhere(seen):
            raise NotADirectoryError(str(path))
    descriptor = os.open(path, _FILE)
    opened = os.fstat(descriptor)
    if (opened.st_ino, opened.st_dev) == (seen.st_ino, seen.st_dev):
        return descriptor
    os.close(descriptor)
    raise FileNotFoundError(str(path))
