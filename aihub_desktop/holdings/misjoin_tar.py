"""The right order of a tar whose pieces were joined in a wrong one.

Each header has a checksum and says where the next one lies. Where that is beyond a piece, the piece that follows is
the one that has a header at this very place. Two may have one there, so all ways to go on are followed, but of each
piece the headers are read once. What is found holds as far as headers tell: of the data in between there is no sum.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from aihub_desktop.archives.volumes import Extent, UnreadableError, Volumes
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.holdings.cuts import Placed, Puzzle, likely_lengths, textual
from aihub_desktop.holdings.tarmap import map_tar
from aihub_desktop.sources.aihub.tarstream import BLOCK, LONGEST_TRAIL, End, Kind, Member, TarReader

_MOST_PIECES: Final = 4096
# Of one file: reads of headers, those that turned out to be none among them.
_MOST_READS: Final = 4_000_000
_ZEROS: Final = bytes(1 << 20)


class _TooManyError(Exception):
    """There are more ways than can be gone."""


class _Way(NamedTuple):
    """Pieces in an order that headers allow. The next header begins at `at` of the file to be; -1 behind the end."""

    placed: Placed
    at: int


def in_order(data: Volumes) -> bool:
    """Whether every header is where the one before it says, and nothing but zeros lies behind the last."""
    tar = map_tar(data)
    if tar is None or not tar.is_whole or not tar.spots:
        return False
    last = tar.spots[-1]
    return data.size - (last.at + last.size) <= LONGEST_TRAIL and _is_zero(data, last.at + last.size, data.size)


def right_order(path: Path, size: int, stopped: Callable[[], bool] = lambda: False) -> tuple[Extent, ...] | None:
    """None where no order fits the headers, where several do, or where there are too many to be tried.

    Raises what the disk says (`ProblemError`).
    """
    lengths = likely_lengths(size, _MOST_PIECES)
    for extents in (extents for length in lengths for extents in textual(path, size, length)):
        if stopped():
            return None
        with Volumes([extents]) as data:
            if in_order(data):
                return extents
    with Volumes([(Extent(path, 0, size),)]) as merged:
        budget = _Budget(merged, stopped)
        try:
            for length in lengths:
                found = list(_Search(budget, Puzzle(path, size, length)).run())
                if found:
                    return found[0] if len(found) == 1 else None
        except _TooManyError:
            pass
    return None
