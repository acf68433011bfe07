"""Where the members of a tar lie, without reading their data: of 200 GB only the headers are looked at."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Final, NamedTuple

from aihub_desktop.archives.volumes import UnreadableError, Volumes
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.sources.aihub.tarstream import BLOCK, Kind, Member, TarReader

# Stands in for data that need not be read: the reader only counts it.
_FILLER: Final = memoryview(bytes(16 << 20))
_MEMBERS: Final = 1_000_000


class Spot(NamedTuple):
    """A plain file in the tar: `size` bytes from `at` on, of which `have` are there."""

    name: str
    at: int
    size: int
    have: int


class TarMap(NamedTuple):
    """`is_whole`: the tar's own end was seen. What follows a broken header is not looked at."""

    spots: list[Spot]
    is_whole: bool


def read_tar(path: Path) -> TarMap | None:
    """None for what is no tar. Raises what the disk says (`ProblemError`)."""
    with Volumes([path]) as data:
        return map_tar(data)


def map_tar(data: Volumes) -> TarMap | None:
    """The same of bytes that lie anywhere."""
    reader, spots, at = TarReader(), list[Spot](), 0
    block = memoryview(bytearray(BLOCK))
    try:
        while at + BLOCK <= data.size and not reader.at_end and len(spots) < _MEMBERS:
            data.read_into(at, block)
            at += BLOCK
            for member in [event for event in reader.feed(block) if isinstance(event, Member)]:
                if member.kind is Kind.FILE:
                    spots.append(Spot(member.name, at, member.size, max(0, min(member.size, data.size - at))))
                elif member.kind is Kind.SPARSE:
                    return TarMap(spots, False)
                at = _skip(reader, at, member.size, data.size)
    except UnreadableError:
        raise
    except ProblemError:
        if not spots:
            return None
    return TarMap(spots, reader.at_end) if spots or reader.at_end else None


def _skip(reader: TarReader, at: int, length: int, size: int) -> int:
    """Beyond the data and its padding."""
    stop = at + length + -length % BLOCK
    left = min(stop, size) - at
    while left > 0:
        part = _FILLER[:left]
        deque(reader.feed(part), maxlen=0)
        left -= len(part)
    return stop
