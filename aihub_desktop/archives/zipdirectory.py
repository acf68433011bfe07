"""The directory of a zip on disk: where it lies, its entries one after the other, and whether they overlap."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import xxhash

from aihub_desktop.archives.volumes import Volumes
from aihub_desktop.archives.zipformat import (
    END64_SIZE,
    END_SIZE,
    ENTRY_SIGNATURE,
    ENTRY_SIZE,
    LOCATOR_SIZE,
    LONGEST_TAIL,
    End,
    Entry,
    Locator,
    bad,
    entry_length,
    find_end,
    parse_end,
    parse_end64,
    parse_entry,
    parse_locator,
)
from aihub_desktop.domain.faults import Code, ProblemError

_BLOCK: Final = 256 << 10  # more than the longest record, of 192 KiB


@dataclass(frozen=True, slots=True)
class Directory:
    """`start` and `stop` in the run of all volumes."""

    start: int
    stop: int
    entries: int
    counts_low_bits: bool  # the count is known by its low 16 bits only
    shift: int  # bytes put in front of the archive after its offsets were written

    def place(self, entry: Entry, starts: Sequence[int]) -> int:
        """Where its local header begins, in the run of all volumes; -1 for a volume that is not there."""
        disk = entry.disk if len(starts) > 1 else 0
        if disk >= len(starts):
            return -1
        return starts[disk] + entry.offset + self.shift


def find_directory(volumes: Volumes) -> Directory:
    """Raises `ProblemError` BAD_ARCHIVE, also where not all volumes are here."""
    end, at = _end(volumes)
    if end.disk + 1 != len(volumes.starts):
        raise bad(f"{end.disk + 1} volumes, {len(volumes.starts)} are here")
    if end.directory_disk > end.disk:
        raise bad("the directory is broken")
    stated = volumes.starts[end.directory_disk] + end.offset
    start = stated
    # Data may have been put in front of a single file, such as a program that unpacks it.
    if end.disk == 0 and end.entries and volumes.read(at - end.size, 4) == ENTRY_SIGNATURE:
        start = at - end.size
    if start < stated or start + end.size > at:
        raise bad("the directory is broken")
    return Directory(start, start + end.size, end.entries, end.entries <= 0xFFFF, start - stated)


def entries(volumes: Volumes, directory: Directory) -> Iterator[Entry]:
    """In the directory's order. Raises `ProblemError` BAD_ARCHIVE where it breaks off."""
    at, stop = directory.start, directory.stop
    while at < stop:
        block = volumes.read(at, min(_BLOCK, stop - at))
        done, ready = 0, len(block) - ENTRY_SIZE
        while done <= ready:
            length = entry_length(block, done)
            if done + length > len(block):
                break
            yield parse_entry(block, done)
            done += length
        if not done:
            raise bad("the directory is broken")
        at += done


def digest(volumes: Volumes, directory: Directory) -> str:
    """Of all that the directory says: another archive has another one."""
    found = xxhash.xxh3_128()
    for at in range(directory.start, directory.stop, _BLOCK):
        found.update(volumes.read(at, min(_BLOCK, directory.stop - at)))
    return found.hexdigest()


def count_volumes(volumes: Volumes) -> int:
    """How many volumes the archive has, as its last one tells."""
    end, _, locator = _tail(volumes)
    return max(end.disk + 1 if end.disk < 0xFFFF else 1, locator.disks if locator else 1)


class OverlapError(ProblemError):
    """No damage of one entry: what the whole archive is refused for."""


class Ranges:
    """The bytes of each entry, flat: writers put entries in order, so there is rarely anything to sort."""

    def __init__(self, room: int) -> None:
        """`room`: entries that share no bytes take up no more than this."""
        self._starts = array("Q")
        self._stops = array("Q")
        self._in_order = True
        self._last = 0
        self._left = room

    def add(self, start: int, stop: int) -> None:
        """Raises `OverlapError` where they overlap for sure: a thousand entries of one kernel would all be opened."""
        self._left -= stop - start
        if self._left < 0:
            raise OverlapError(Code.BAD_ARCHIVE, why="entries overlap")
        if start < self._last:
            self._in_order = False
        self._last = stop
        self._starts.append(start)
        self._stops.append(stop)

    def overlap(self) -> bool:
        if self._in_order:
            return False
        order = sorted(range(len(self._starts)), key=self._starts.__getitem__)
        return any(self._starts[later] < self._stops[earlier] for earlier, later in pairwise(order))


def _end(volumes: Volumes) -> tuple[End, int]:
    """The end record, the zip64 one if there is one, and where it begins."""
    end, at, locator = _tail(volumes)
    if locator is None:
        return end, at
    # Where it should be, and where it is if something was put in front.
    places = [volumes.starts[locator.disk] + locator.offset] if locator.disk < len(volumes.starts) else []
    highest = at - LOCATOR_SIZE - END64_SIZE
    for place in [*places, highest]:
        if 0 <= place <= highest:
            wide = parse_end64(volumes.read(place, END64_SIZE))
            if wide is not None:
                return wide, place
    raise bad("no end of directory")


def _tail(volumes: Volumes) -> tuple[End, int, Locator | None]:
    length = min(volumes.size, LONGEST_TAIL)
    at = volumes.size - length + find_end(volumes.read(volumes.size - length, length))
    end = parse_end(volumes.read(at, END_SIZE))
    locator = parse_locator(volumes.read(at - LOCATOR_SIZE, LOCATOR_SIZE)) if at >= LOCATOR_SIZE else None
    return end, at, locator
