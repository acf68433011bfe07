"""Whether the bytes of a zip lie in the right order, by what its directory says of where headers are.

The directory names, for each entry, the place of its local header. Where header and name stand there, the bytes are
in order as far as can be told without unpacking. A few thousand entries, evenly spread, are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from aihub_desktop.archives.volumes import Extent, Volumes
from aihub_desktop.archives.zipdirectory import Directory, count_volumes, entries, find_directory
from aihub_desktop.archives.zipformat import LOCAL_SIGNATURE, LOCAL_SIZE, bad
from aihub_desktop.domain.faults import Code, ProblemError

_SAMPLE: Final = 4096
# Names have two to five digits.
_MOST_VOLUMES: Final = 100_000


class Landmark(NamedTuple):
    """The local header of the entry `name` begins at `offset` of all bytes, and in this volume, from 0."""

    offset: int
    name: bytes
    volume: int = 0

    def stands_at(self, data: Volumes, offset: int) -> bool:
        if offset < 0 or offset + LOCAL_SIZE + len(self.name) > data.size:
            return False
        record = data.read(offset, LOCAL_SIZE + len(self.name))
        return record[:4] == LOCAL_SIGNATURE and record[LOCAL_SIZE:] == self.name


class Fit(StrEnum):
    """How the bytes lie."""

    RIGHT = "right"
    WRONG = "wrong"
    SPLIT = "split"  # the last volume of a set, right as far as headers lie in it
    UNTOLD = "untold"  # the last volume of a set whose directory begins in another one


def fit(extents: Sequence[Extent]) -> Fit:
    """Raises what the disk says."""
    own = 0
    try:
        with last_volume(extents) as data:
            own = len(data.starts) - 1
            marks = landmarks(data, find_directory(data))
            right = all(mark.stands_at(data, mark.offset) for mark in marks if mark.volume == own)
    except ProblemError as error:
        if error.problem.code is not Code.BAD_ARCHIVE:
            raise
        return Fit.UNTOLD if own else Fit.WRONG
    if not right:
        return Fit.WRONG
    return Fit.SPLIT if own else Fit.RIGHT


def last_volume(extents: Sequence[Extent]) -> Volumes:
    """Behind as many empty ones as it says are before it: they need not be here. Raises BAD_ARCHIVE."""
    with Volumes([extents]) as alone:
        count = count_volumes(alone)
    if count > _MOST_VOLUMES:
        raise bad(f"{count} volumes")
    return Volumes([*[()] * (count - 1), extents])


def landmarks(data: Volumes, directory: Directory, sample: int = _SAMPLE) -> Iterator[Landmark]:
    """Of about so many entries, evenly spread. The whole directory is read: it must be sound. Raises BAD_ARCHIVE."""
    step = max(1, directory.entries // sample)
    count = 0
    for count, entry in enumerate(entries(data, directory), 1):
        if count % step == 0:
            volume = entry.disk if len(data.starts) > 1 else 0
            if volume >= len(data.starts):
                raise bad("an entry in a volume that is none")
            yield Landmark(directory.place(entry, data.starts), entry.name, volume)
    if count & 0xFFFF != directory.entries & 0xFFFF:
        raise bad("the directory does not hold what it counts")
