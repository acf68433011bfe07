"""The right order of a gzip whose pieces were joined in a wrong one.

What was packed is unpacked piece by piece. At the end of a piece the others are tried, each with a copy of the state:
a wrong one fails within some ten thousand bytes, where its next block would begin. That the order is right says the
CRC of the whole at its end.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from aihub_desktop.archives.volumes import Extent, Volumes
from aihub_desktop.holdings.cuts import USUAL_PIECES, Placed, Puzzle, likely_lengths

_MOST_PIECES: Final = 1024
# States of 40 KB. What is further back was right for so long that it is not doubted any more.
_KEPT: Final = 64
# How much may be unpacked in the search for one order: where nothing but the CRC tells pieces apart, as with data that
# were only stored, there are too many to be tried.
_TIMES_ITS_SIZE: Final = 8
_AND: Final = 16 << 20
_PORTION: Final = 64 << 10
_MAGIC: Final = b"\x1f\x8b"
_UNPACKED: Final = 1 << 20
# Each is given up soon, at the first piece that nothing fits behind.
_MOST_LENGTHS: Final = 10


def right_order(
    path: Path,
    size: int,
    hints: Iterable[int] = (),
    stopped: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda count: None,
) -> tuple[Extent, ...] | None:
    """None where none is found. `hints`: lengths that pieces may have. Raises what the disk says (`ProblemError`)."""
    with Volumes([(Extent(path, 0, size),)]) as merged:
        reading = _Reading(merged, stopped, progress)
        lengths = likely_lengths(size, _MOST_PIECES, hints)
        first = {*hints, *USUAL_PIECES}
        for length in lengths:
            if length in first and (found := _solved(reading, Puzzle(path, size, length))):
                return found
        # The first wrong seam is not behind the place where it cannot be unpacked any more. If that is at once, the
        # first piece lies elsewhere.
        reach = reading.take(_Unpacked(), 0, size)
        reach = reach if reach > _PORTION else size
        others = [length for length in lengths if length not in first and length <= reach]
        for length in others[:_MOST_LENGTHS]:
            if found := _solved(reading, Puzzle(path, size, length)):
                return found
    return None


def begins_right(path: Path) -> bool:
    """Raises what the disk says (`ProblemError`)."""
    with Volumes([path]) as data:
        return data.size > len(_MAGIC) and data.read(0, len(_MAGIC)) == _MAGIC


class _Unpacked:
    """What has come out so far is not kept, only what tells how it goes on."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(31)  # only zlib can copy its state

    @property
    def is_over(self) -> bool:
        return self._decoder.eof

    def copy(self) -> _Unpacked:
        other = _Unpacked()
        other._decoder = self._decoder.copy()
        return other

    def feed(self, data: bytes) -> bool:
        """Whether it goes on like this."""
        try:
            while data:
                if self._decoder.eof:
                    data = data.lstrip(b"\0")
                    self._decoder = zlib.decompressobj(31) if data else self._decoder
                    if not data:
                        break
                self._decoder.decompress(data, _UNPACKED)
                data = self._decoder.unused_data if self._decoder.eof else self._decoder.unconsumed_tail
        except zlib.error:
            return False
        return True


class _Reading:
    def __init__(self, merged: Volumes, stopped: Callable[[], bool], progress: Callable[[int], None]) -> None:
        self._merged = merged
        self._stopped = stopped
        self._progress = progress
        self._left = merged.size

    def begin(self) -> None:
        self._left = _TIMES_ITS_SIZE * self._merged.size + _AND

    def take(self, unpacked: _Unpacked, start: int, stop: int) -> int:
        """Up to where it can be unpacked: `stop`, or near the place where it fails."""
        while start < stop:
            if self._left < 0 or self._stopped():
                return start
            data = self._merged.read(start, min(_PORTION, stop - start))
            self._left -= len(data)
            self._progress(len(data))
            if not unpacked.feed(data):
                return start + len(data) - 1
            start += len(data)
        return stop


def _solved(reading: _Reading, puzzle: Puzzle) -> tuple[Extent, ...] | None:
    reading.begin()
    # Of each piece what was there before it: a wrong one that is short may go well to its end.
    trail = deque([(_Unpacked(), puzzle.begun(), puzzle.choices(puzzle.begun()))], _KEPT)
    while trail:
        before, placed, choices = trail[-1]
        found = _following(reading, before, puzzle.size_of(len(placed.slots)), choices)
        if found is None:
            trail.pop()
        elif len(found[1].slots) < puzzle.count:
            trail.append((*found, puzzle.choices(found[1])))
        elif found[0].is_over and (order := puzzle.solved(found[1])) is not None:
            return order
    return None


def _following(
    reading: _Reading, before: _Unpacked, size: int, choices: Iterator[tuple[int, Placed]]
) -> tuple[_Unpacked, Placed] | None:
    """The next piece of those that were not tried yet, with the state behind it."""
    for start, placed in choices:
        trial = before.copy()
        if reading.take(trial, start, start + size) == start + size:
            return trial, placed
    return None
