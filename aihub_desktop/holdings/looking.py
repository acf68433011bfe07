"""One look at one file: is it there, and is it what was proved?"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.disk.target import leads_elsewhere
from aihub_desktop.domain.findings import Depth, Finding
from aihub_desktop.transport.ledger import Entry, Stamp

_BLOCK: Final = 1 << 20
# What is no longer than this is read by one call; the two that a file object costs more are felt with small files.
_SMALL: Final = 1 << 17
_MOST_FOLDERS: Final = 4096  # that are known by heart
# A pipe or a device that lies in a file's place is not waited for.
_FLAGS: Final = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT", "O_NONBLOCK")
)
_OPEN: Final = 128  # small files that are open at once, by all threads: some systems grant 256 to a program
_OUT: Final = frozenset({"", ".", ".."})
# A member of an enumeration takes as long to come by as a call.
_OK: Final = Finding.OK
_CHANGED: Final = Finding.CHANGED
_SKIPPED: Final = Finding.SKIPPED
_buffers: Final = threading.local()


class Expected(msgspec.Struct, frozen=True, gc=False):
    """What is to be found. `path` and `sha256` as the manifest has them.

    `entry`: all that the log tells of those bytes; `known`: what a look remembered of them.
    """

    path: str
    sha256: str
    entry: Entry | None = None
    known: Stamp | None = None


class Seen(msgspec.Struct, frozen=True, gc=False):
    """One file, as it is found out. `bytes` that were read for it; `stamp` of what lies there, None for nothing.

    `sha256`: what the manifest says; `entry`: all that the log tells of those bytes.
    """

    path: str
    finding: Finding
    bytes: int = 0
    stamp: Stamp | None = None
    sha256: str = ""
    entry: Entry | None = None

    @property
    def proof(self) -> str:
        """How it was proved when it was received, as the log tells of an unchanged one; "" for unknown."""
        return self.entry.proof if self.finding is _OK and self.entry is not None else ""

    @property
    def note(self) -> str:
        """Of the proof."""
        return self.entry.note if self.finding is _OK and self.entry is not None else ""


class Look:
    """Safe from any thread."""

    def __init__(self, root: Path, depth: Depth, stopped: Callable[[], bool], threads: int = 1) -> None:
        """`threads`: how many will ask."""
        self._root = str(root)
        self._lot = max(1, _OPEN // (2 * threads))
        self._deep = depth is Depth.DEEP
        self._stopped = stopped
        self._folders: dict[str, str | None] = {"": self._root}
        self.read = 0  # bytes, so far: for the eye, as several threads count without waiting for each other

    @staticmethod
    def shown(path: str) -> str:
        """As text that can be said: names of other programs need not be UTF-8."""
        return path if path.isprintable() else path.encode("utf-8", "backslashreplace").decode()

    def some(self, files: Sequence[Expected], start: int) -> list[Seen]:
        """As `at`, of one or more of `files` from `start` on.

        Small files that are there are opened, read and closed by lots, each step for all of a lot: with 1 KB in each
        it is the program that costs, not the bytes. Where anything is unusual in a lot, each is looked at by itself.
        """
        lot = files[start : start + self._lot]
        if seen := self._together(lot):
            return seen
        for one in lot:
            seen.append(self.at(one))
            if seen[-1].bytes > _SMALL:
                break  # the others may better be another thread's
        return seen

    def _together(self, lot: Sequence[Expected]) -> list[Seen]:
        """None where that is not the way."""
        paths = [one.path for one in lot]
        if not self._deep or sys.platform == "win32" or self._stopped() or not "".join(paths).isprintable():
            return []
        files: list[int] = []
        above = f"{self._root}/"
        try:
            if not self._are_safe(paths):
                return []
            files.extend(map(os.open, [above + path for path in paths], repeat(_FLAGS)))
            states = list(map(os.fstat, files))
            sizes = [state.st_size for state in states]
            if max(sizes) > _SMALL or {stat.S_IFMT(state.st_mode) for state in states} != {stat.S_IFREG}:
                return []
            data = list(map(os.read, files, [size + 1 for size in sizes]))
        except (OSError, ValueError):
            return []
        finally:
            for descriptor in files:
                os.close(descriptor)
        if list(map(len, data)) != sizes:
            return []
        stamps = list(map(Stamp, sizes, [state.st_mtime_ns for state in states]))
        return self._compared(lot, stamps, [digest.hexdigest() for digest in map(hashlib.sha256, data)])

    def _compared(self, lot: Sequence[Expected], stamps: Sequence[Stamp], digests: Sequence[str]) -> list[Seen]:
        paths, entries = [one.path for one in lot], [one.entry for one in lot]
        hashes, sizes = [one.sha256 for one in lot], [stamp.size for stamp in stamps]
        self.read += sum(sizes)
        findings: Iterable[Finding] = repeat(_OK)
        if digests != hashes or any(entries):
            findings = [
                _CHANGED if digest != one.sha256 or (one.entry is not None and _is_other(one.entry, stamp)) else _OK
                for digest, one, stamp in zip(digests, lot, stamps, strict=True)
            ]
        return list(map(Seen, paths, findings, sizes, stamps, hashes, entries))

    def _are_safe(self, paths: Sequence[str]) -> bool:
        """Raises `OSError`."""
        above, slash, _ = paths[0].rpartition("/")
        above_all = above + slash
        names = [path.removeprefix(above_all) for path in paths]
        if "/" in "".join(names):  # not all of them lie in one folder
            return all(map(self.path, paths))
        return bool(self._folders.get(above) or self._folder(above)) and _OUT.isdisjoint(names)

    def at(self, one: Expected) -> Seen:
        """What became of the file of a line. Never raises for what the disk says of it."""
        finding, count, stamp = _SKIPPED, 0, None
        if not self._stopped():
            path = None
            try:
                path = self.path(one.path)
                if path is None:
                    finding = Finding.UNSAFE
                elif self._deep:
                    finding, count, stamp = self._judged(path, one)
                else:
                    finding, stamp = _judged_quickly(path, one)
            except (FileNotFoundError, NotADirectoryError):
                finding = Finding.MISSING
            except OSError:
                finding, stamp = _unread(path)
        return Seen(self.shown(one.path), finding, count, stamp, one.sha256, one.entry)

    def path(self, text: str) -> str | None:
        """Where the file lies, spelled as the manifest has it; None for a path that must not be opened.

        Raises `OSError`.
        """
        folder, _, name = text.removeprefix("./").rpartition("/")
        if _leads_out(name) or text[0] == "/":
            return None
        above = self._folders.get(folder) or self._folder(folder)
        return None if above is None else f"{above}{os.sep}{name}"

    def _folder(self, text: str) -> str | None:
        """A folder on the way, looked at once in a run: nothing is written here that a link put there could catch."""
        known = self._folders
        if text in known:
            return known[text]
        folder, _, name = text.rpartition("/")
        above = None if not text or _leads_out(name) else self._folder(folder)
        path = None if above is None else os.path.join(above, name)
        if path is not None and leads_elsewhere(os.lstat(path)):
            path = None
        if len(known) >= _MOST_FOLDERS:
            known = self._folders = {"": self._root}
        known[text] = path
        return path

    def _judged(self, path: str, one: Expected) -> tuple[Finding, int, Stamp | None]:
        """The finding, how many bytes were read for it, and what lies there. Raises `OSError`.

        Opened first, then looked at: by its name another file could be met the second time.
        """
        if sys.platform == "win32" and not _is_plain(os.lstat(path)):
            return Finding.UNSAFE, 0, None  # nothing there keeps an open from following a link
        descriptor = os.open(path, _FLAGS)
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                return Finding.UNSAFE, 0, None
            size = state.st_size
            stamp = Stamp(size, state.st_mtime_ns)
            if one.entry is not None and _is_other(one.entry, stamp):
                return _CHANGED, 0, stamp
            data = os.read(descriptor, size + 1) if size <= _SMALL else b""
            if len(data) == size:
                self.read += size
                return (_OK if hashlib.sha256(data).hexdigest() == one.sha256 else _CHANGED), size, stamp
            if data:  # it has grown or shrunk since, or a network drive gives it bit by bit
                os.lseek(descriptor, 0, os.SEEK_SET)
            sha256, count = self._hashed(descriptor)
        finally:
            os.close(descriptor)
        return (_SKIPPED if sha256 is None else _OK if sha256 == one.sha256 else _CHANGED), count, stamp

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


def _judged_quickly(path: str, one: Expected) -> tuple[Finding, Stamp | None]:
    """By its size and time. Raises `OSError`."""
    state = os.lstat(path)
    if not _is_plain(state):
        return Finding.UNSAFE, None
    stamp = Stamp(state.st_size, state.st_mtime_ns)
    if one.entry is not None and _is_other(one.entry, stamp):
        return _CHANGED, stamp
    fits = one.entry is not None and one.entry.stamp.fits(stamp)
    return (_OK if fits or (one.known is not None and one.known.fits(stamp)) else Finding.UNPROVED), stamp


def _is_other(entry: Entry, stamp: Stamp) -> bool:
    """Whether the log alone tells that these are not the bytes that were proved."""
    return entry.size not in (None, stamp.size) or entry.broken == stamp


def _unread(path: str | None) -> tuple[Finding, Stamp | None]:
    """Of what could not be opened or read: a link is none of our files, of any other the stamp is worth knowing."""
    try:
        state = os.lstat(path) if path else None
    except OSError:
        state = None
    if state is None:
        return Finding.UNREADABLE, None
    return (Finding.UNREADABLE, Stamp.of(state)) if _is_plain(state) else (Finding.UNSAFE, None)


def _is_plain(state: os.stat_result) -> bool:
    return stat.S_ISREG(state.st_mode) and not (sys.platform == "win32" and leads_elsewhere(state))


def _leads_out(part: str) -> bool:
    if part in _OUT or "\0" in part:
        return True
    # On Windows a part may hold a whole path of its own.
    return sys.platform == "win32" and (Path(part).parts != (part,) or bool(Path(part).anchor))
