"""Whether the bytes of a zip lie in the right order, by what its directory says of where headers are.

The directory names, for each entry, the place of its local header. Where header and name stand there, the bytes are
in order as far as can be told without unpacking. A few thousand entries, evenly spread, are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from aihub_desktop.archives.zipformat import (
    END64_SIZE,
    END_SIZE,
    ENTRY_SIGNATURE,
    ENTRY_SIZE,
    LOCAL_SIGNATURE,
    LOCAL_SIZE,
    LOCATOR_SIZE,
    LONGEST_TAIL,
    End,
    bad,
    entry_length,
    find_end,
    parse_end,
    parse_end64,
    parse_entry,
    parse_locator,
)
from aihub_desktop.domain.faults import Code, ProblemError

_SAMPLE: Final = 4096
_AHEAD: Final = 256 << 10


class Bytes(Protocol):
    """A run of bytes; `read` raises BAD_ARCHIVE beyond its ends."""

    size: int

    def read(self, offset: int, size: int) -> bytes: ...


class Landmark(NamedTuple):
    """The local header of the entry `name` begins at `offset`."""

    offset: int
    name: bytes

    def stands_at(self, data: Bytes, offset: int) -> bool:
        if offset < 0 or offset + LOCAL_SIZE + len(self.name) > data.size:
            return False
        record = data.read(offset, LOCAL_SIZE + len(self.name))
        return record[:4] == LOCAL_SIGNATURE and record[LOCAL_SIZE:] == self.name


class Fit(StrEnum):
    """How the bytes lie."""

    RIGHT = "right"
    WRONG = "wrong"
    SPLIT = "split"  # the last volume of a set: its headers lie in others


@dataclass(frozen=True, slots=True)
class Directory:
    """`start`: where it lies; `shift`: bytes in front of the archive that its offsets do not count."""

    start: int
    size: int
    entries: int
    shift: int
    is_split: bool


def fit(data: Bytes) -> Fit:
    """Raises what the disk says."""
    try:
        directory = read_directory(data)
        if directory.is_split:
            return Fit.SPLIT
        right = all(mark.stands_at(data, mark.offset) for mark in landmarks(data, directory))
    except ProblemError as error:
        if error.problem.code is not Code.BAD_ARCHIVE:
            raise
        return Fit.WRONG
    return Fit.RIGHT if right else Fit.WRONG


def read_directory(data: Bytes) -> Directory:
    """Raises `ProblemError` BAD_ARCHIVE where there is none at the end."""
    length = min(data.size, LONGEST_TAIL)
    at = data.size - length + find_end(data.read(data.size - length, length))
    end = parse_end(data.read(at, END_SIZE))
    if at >= LOCATOR_SIZE and (locator := parse_locator(data.read(at - LOCATOR_SIZE, LOCATOR_SIZE))) is not None:
        if locator.disks > 1:
            return Directory(0, 0, 0, 0, True)
        end, at = _wide(data, at, locator.offset)
    elif 0 < end.disk < 0xFFFF:
        return Directory(0, 0, 0, 0, True)
    start = at - end.size
    if start < end.offset or (end.entries and data.read(start, 4) != ENTRY_SIGNATURE):
        raise bad("the directory is broken")
    return Directory(start, end.size, end.entries, start - end.offset, False)


def _wide(data: Bytes, at: int, stated: int) -> tuple[End, int]:
    highest = at - LOCATOR_SIZE - END64_SIZE
    for place in (stated, highest):
        if 0 <= place <= highest and (wide := parse_end64(data.read(place, END64_SIZE))) is not None:
            return wide, place
    raise bad("no end of directory")


def landmarks(data: Bytes, directory: Directory) -> Iterator[Landmark]:
    """Of evenly spread entries. The whole directory is read: it must be sound. Raises BAD_ARCHIVE."""
    step = max(1, directory.entries // _SAMPLE)
    at, stop, ahead, number = directory.start, directory.start + directory.size, _Ahead(data), 0
    while at < stop:
        length = entry_length(ahead.read(at, ENTRY_SIZE)) if at + ENTRY_SIZE <= stop else 0
        if not length or at + length > stop:
            raise bad("the directory is broken")
        if number % step == 0:
            entry = parse_entry(ahead.read(at, length))
            yield Landmark(entry.offset + directory.shift, entry.name)
        at += length
        number += 1
    if number & 0xFFFF != directory.entries & 0xFFFF:
        raise bad("the directory does not hold what it counts")


class _Ahead:
    """Small reads in rising order, served from larger ones."""

    def __init__(self, data: Bytes) -> None:
        self._data = data
        self._start, self._ready = 0, b""

    def read(self, offset: int, size: int) -> bytes:
        if not (self._start <= offset and offset + size <= self._start + len(self._ready)):
            self._ready = self._data.read(offset, max(size, min(_AHEAD, self._data.size - offset)))
            self._start = offset
        return self._ready[offset - self._start : offset - self._start + size]
