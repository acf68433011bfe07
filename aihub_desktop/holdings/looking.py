"""One look at one file: is it there, and is it what was proved?"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import threading
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.disk.target import leads_elsewhere
from aihub_desktop.domain.findings import Depth, Finding
from aihub_desktop.transport.ledger import Entry, ManifestLine, Stamp

_BLOCK: Final = 1 << 20
# What is no longer than this is read by one call; the two that a file object costs more are felt with small files.
_SMALL: Final = 1 << 17
_UNKNOWN_BYTES: Final = 1 << 18  # a guess at the length of a file of which nothing is told
_FLAGS: Final = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT", "O_NONBLOCK")
)
_buffers: Final = threading.local()


class Seen(msgspec.Struct, frozen=True, gc=False):
    """One file, as it is found out. `bytes` that were read for it; `stamp` of what lies there, None for nothing.

    `proof` and `note`: how it was proved when it was received, as the log tells of an unchanged one; "" for unknown.
    `sha256`: what the manifest says; `entry`: all that the log tells of those bytes.
    """

    path: str
    finding: Finding
    bytes: int = 0
    proof: str = ""
    note: str = ""
    stamp: Stamp | None = None
    sha256: str = ""
    entry: Entry | None = None


class Look:
    """Safe from any thread. `stories` and `times` by place in NFC: what the log tells, and what a look remembered."""

    def __init__(
        self,
        root: Path,
        depth: Depth,
        stories: Mapping[str, Entry],
        times: Mapping[str, tuple[str, Stamp]],
        stopped: Callable[[], bool],
    ) -> None:
        self._root = str(root)
        self._depth = depth
        self._stories = stories
        self._times = times
        self._stopped = stopped
        self._folders: dict[str, str | None] = {"": self._root}
        self.read = 0  # bytes, so far: for the eye, as several threads count without waiting for each other

    @staticmethod
    def shown(path: str) -> str:
        """As text that can be said: names of other programs need not be UTF-8."""
        return path if path.isprintable() else path.encode("utf-8", "backslashreplace").decode()

    def weight(self, line: ManifestLine) -> int:
        """About how many bytes are to be read for it."""
        if self._depth is Depth.QUICK:
            return 0
        entry = self._entry(line)
        return _UNKNOWN_BYTES if entry is None or entry.size is None else entry.size

    def at(self, line: ManifestLine) -> Seen:
        """What became of the file of a line. Never raises for what the disk says of it."""
        shown, entry = self.shown(line.path), self._entry(line)
        if self._stopped():
            return Seen(shown, Finding.SKIPPED, sha256=line.sha256, entry=entry)
        stamp, count = None, 0
        try:
            found = self._path(line.path)
            if found is None or not _is_plain(state := os.lstat(found)):
                return Seen(shown, Finding.UNSAFE, sha256=line.sha256, entry=entry)
            stamp = Stamp(state.st_size, state.st_mtime_ns)
            finding, count = self._judged(found, line, entry, stamp)
        except (FileNotFoundError, NotADirectoryError):
            finding, stamp = Finding.MISSING, None
        except OSError:
            finding = Finding.UNREADABLE
        told = (entry.proof, entry.note) if finding is Finding.OK and entry is not None else ("", "")
        return Seen(shown, finding, count, *told, stamp, line.sha256, entry)

    def _entry(self, line: ManifestLine) -> Entry | None:
        entry = self._stories.get(_place(line.path)) if self._stories else None
        return entry if entry is not None and entry.sha256 == line.sha256 else None

    def _path(self, text: str) -> str | None:
        """Where the file lies, spelled as the manifest has it; None for a path that must not be opened.

        Raises `OSError`.
        """
        folder, _, name = text.removeprefix("./").rpartition("/")
        above = None if text.startswith("/") else self._folder(folder)
        return None if above is None or _leads_out(name) else f"{above}{os.sep}{name}"

    def _folder(self, text: str) -> str | None:
        """A folder on the way, looked at once in a run: nothing is written here that a link put there could catch."""
        if text in self._folders:
            return self._folders[text]
        folder, _, name = text.rpartition("/")
        above = None if not text or _leads_out(name) else self._folder(folder)
        path = None if above is None else os.path.join(above, name)
        if path is not None and leads_elsewhere(os.lstat(path)):
            path = None
        self._folders[text] = path
        return path

    def _judged(self, path: str, line: ManifestLine, entry: Entry | None, stamp: Stamp) -> tuple[Finding, int]:
        """The finding, and how many bytes were read for it. Raises `OSError`."""
        if entry is not None and (entry.size not in (None, stamp.size) or entry.broken == stamp):
            return Finding.CHANGED, 0
        if self._depth is Depth.QUICK:
            return (Finding.OK if self._is_known(line, entry, stamp) else Finding.UNPROVED), 0
        sha256, count = self._sha256(path, stamp.size)
        if sha256 is None:
            return Finding.SKIPPED, count
        return (Finding.OK if sha256 == line.sha256 else Finding.CHANGED), count

    def _is_known(self, line: ManifestLine, entry: Entry | None, stamp: Stamp) -> bool:
        if entry is not None and entry.stamp.fits(stamp):
            return True
        sha256, known = self._times.get(_place(line.path), ("", stamp))
        return sha256 == line.sha256 and known.fits(stamp)

    def _sha256(self, path: str, size: int) -> tuple[str | None, int]:
        descriptor = os.open(path, _FLAGS)
        try:
            if size <= _SMALL:
                data = os.read(descriptor, size + 1)
                if len(data) <= size:
                    self.read += len(data)
                    return hashlib.sha256(data).hexdigest(), len(data)
                os.lseek(descriptor, 0, os.SEEK_SET)  # it has grown since
            return self._hashed(descriptor)
        finally:
            os.close(descriptor)

    def _hashed(self, descriptor: int) -> tuple[str | None, int]:
        if not hasattr(_buffers, "view"):
            _buffers.view = memoryview(bytearray(_BLOCK))
        view: memoryview = _buffers.view
        digest, total = hashlib.sha256(), 0
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            while count := file.readinto(view):
                if self._stopped():
                    return None, total
                digest.update(view[:count])
                total += count
                self.read += count
        return digest.hexdigest(), total


def _is_plain(state: os.stat_result) -> bool:
    return stat.S_ISREG(state.st_mode) and not (sys.platform == "win32" and leads_elsewhere(state))


def _leads_out(part: str) -> bool:
    if part in ("", ".", "..") or "\0" in part:
        return True
    # On Windows a part may hold a whole path of its own.
    return sys.platform == "win32" and (Path(part).parts != (part,) or bool(Path(part).anchor))


def _place(path: str) -> str:
    path = path.removeprefix("./")
    return path if path.isascii() else unicodedata.normalize("NFC", path)
