"""Where each entry of an archive may lie: its safe place, or why it has none. Decides only; touches no disk."""

from __future__ import annotations

import fnmatch
import unicodedata
from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple

import xxhash

from aihub_desktop.archives.entry import Item, Kind
from aihub_desktop.archives.inside import why_closed
from aihub_desktop.domain.names import UnsafeNameError, clash_key, entry_path
from aihub_desktop.domain.unpacking import Refusal, Refused
from aihub_desktop.unpack.limits import is_bomb

_SHOWN: Final = 300
_JUNK_FOLDER: Final = "__MACOSX"
_JUNK_NAMES: Final = frozenset({".DS_Store"})


class Fate(NamedTuple):
    """`place`: below the folder that is unpacked to, "" for nowhere. `refused`: what is to be told of it."""

    place: str
    refused: Refused | None = None


NOTHING: Final = Fate("")


class Places:
    """Asked once for every entry, in the archive's order, so that the same entry gets the same place in every run."""

    def __init__(self, patterns: Sequence[str] = (), *, any_size: bool = False) -> None:
        """`any_size`: also what grows more than anything real does."""
        self._any_size = any_size
        self._patterns = [unicodedata.normalize("NFC", pattern) for pattern in patterns]
        self._taken = _Keys()
        self.left_out = 0  # files that no pattern wants
        self.tops: set[str] = set()  # at most two: there is one top folder, or there is not
        self.top_files = False

    def fate(self, item: Item) -> Fate:
        """NOTHING for a folder, and for what no pattern wants."""
        if _is_junk(item.name):
            return Fate("", Refused(_shown(item.name), Refusal.JUNK)) if item.kind is not Kind.FOLDER else NOTHING
        if item.kind is Kind.FOLDER:
            return NOTHING
        try:
            path, renamed = entry_path(item.name)
        except UnsafeNameError:
            return self._refused(item, Refusal.UNSAFE_NAME)
        return self._settled(item, str(path), renamed)

    def folder(self, item: Item) -> str:
        """The place of a folder that is wanted, "" for none."""
        if item.kind is not Kind.FOLDER or self._patterns or _is_junk(item.name):
            return ""
        try:
            path, _ = entry_path(item.name.rstrip("/\\"))
        except UnsafeNameError:
            return ""
        return str(path)

    def _settled(self, item: Item, path: str, renamed: bool) -> Fate:
        if not self._taken.add(clash_key(path)):
            path, renamed = _apart(path, item.number), True
            if not self._taken.add(clash_key(path)):
                return self._refused(item, Refusal.CLASH)
        if not self._wants(item.name):
            self.left_out += 1
            return NOTHING
        if (why := self._why_not(item)) is not None:
            return self._refused(item, why)
        self._see_top(path)
        return Fate(path, Refused(_shown(item.name), Refusal.RENAMED, path) if renamed else None)

    def _wants(self, name: str) -> bool:
        if not self._patterns:
            return True
        name = unicodedata.normalize("NFC", name.replace("\\", "/"))
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self._patterns)

    def _why_not(self, item: Item) -> Refusal | None:
        return why_closed(item) or (Refusal.BOMB if is_bomb(item) and not self._any_size else None)

    def _refused(self, item: Item, why: Refusal) -> Fate:
        if not self._wants(item.name):
            self.left_out += 1
            return NOTHING
        return Fate("", Refused(_shown(item.name), why))

    def _see_top(self, path: str) -> None:
        top, slash, _ = path.partition("/")
        if not slash:
            self.top_files = True
        elif len(self.tops) < 2:
            self.tops.add(top)


def _is_junk(name: str) -> bool:
    return name.startswith(_JUNK_FOLDER) or name.rpartition("/")[2] in _JUNK_NAMES


def _shown(name: str) -> str:
    return name[:_SHOWN].encode("utf-8", "backslashreplace").decode()


def _apart(path: str, number: int) -> str:
    """A name of its own for an entry whose name is another's on some system."""
    folder, slash, name = path.rpartition("/")
    stem, dot, end = name.rpartition(".")
    return f"{folder}{slash}{stem}~{number}{dot}{end}" if stem else f"{path}~{number}"


class _Keys:
    """A set of hashes, 8 bytes each and as much again: an archive may have a million names."""

    def __init__(self) -> None:
        self._table = array("Q", bytes(8 << 10))
        self._mask = (1 << 10) - 1
        self._count = 0

    def add(self, key: str) -> bool:
        """False if it was there."""
        value = xxhash.xxh3_64_intdigest(key.encode()) or 1
        if not self._put(value):
            return False
        self._count += 1
        if self._count * 3 > self._mask * 2:
            self._grow()
        return True

    def _put(self, value: int) -> bool:
        table, mask = self._table, self._mask
        at = value & mask
        while found := table[at]:
            if found == value:
                return False
            at = (at + 1) & mask
        table[at] = value
        return True

    def _grow(self) -> None:
        before = self._table
        self._mask = self._mask * 2 + 1
        self._table = array("Q", bytes(8 * (self._mask + 1)))
        for value in before:
            if value:
                self._put(value)
