"""Whether the bytes of a zip lie in the right order, by what its directory says of where headers are.

The directory names, for each entry, the place of its local header. Where header and name stand there, the bytes are
in order as far as can be told without unpacking. A few thousand entries, evenly spread, are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from aihub_desktop.archives.volumes import Volumes
from aihub_desktop.archives.zipdirectory import Directory, count_volumes, entries, find_directory
from aihub_desktop.archives.zipformat import LOCAL_SIGNATURE, LOCAL_SIZE, bad
from aihub_desktop.domain.faults import Code, ProblemError

_SAMPLE: Final = 4096


class Landmark(NamedTuple):
    """The local header of the entry `name` begins at `offset`."""

    offset: int
    name: bytes

    def stands_at(self, data: Volumes, offset: int) -> bool:
        if offset < 0 or offset + LOCAL_SIZE + len(self.name) > data.size:
            return False
        record = data.read(offset, LOCAL_SIZE + len(self.name))
        return record[:4] == LOCAL_SIGNATURE and record[LOCAL_SIZE:] == self.name


class Fit(StrEnum):
    """How the bytes lie."""

    RIGHT = "right"
    WRONG = "wrong"
    SPLIT = "split"  # the last volume of a set: its headers lie in others


def fit(data: Volumes) -> Fit:
    """Raises what the disk says."""
    try:
        if count_volumes(data) > 1:
            return Fit.SPLIT
        right = all(mark.stands_at(data, mark.offset) for mark in landmarks(data, find_directory(data)))
    except ProblemError as error:
        if error.problem.code is not Code.BAD_ARCHIVE:
            raise
        return Fit.WRONG
    return Fit.RIGHT if right else Fit.WRONG


def landmarks(data: Volumes, directory: Directory, sample: int = _SAMPLE) -> Iterator[Landmark]:
    """Of about so many entries, evenly spread. The whole directory is read: it must be sound. Raises BAD_ARCHIVE."""
    step = max(1, directory.entries // sample)
    count = 0
    for count, entry in enumerate(entries(data, directory), 1):
        if count % step == 0:
            yield Landmark(directory.place(entry, data.starts), entry.name)
    if count & 0xFFFF != directory.entries & 0xFFFF:
        raise bad("the directory does not hold what it counts")
