"""The right order of a tar whose pieces were joined in a wrong one.

Each header has a checksum and says where the next one lies. Where that is beyond a piece, the piece that follows is
the one that has a header at this very place. Two may have one there, so all ways to go on are followed, but of each
piece the headers are read once. What is found holds as far as headers tell: of the data in between there is no sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from aihub_desktop.archives.tarreader import is_header
from aihub_desktop.archives.volumes import Extent, Volumes
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.holdings.cuts import Placed, Puzzle, likely_lengths, textual
from aihub_desktop.sources.aihub.tarstream import BLOCK, LONGEST_TRAIL, Chunk, End, Kind, Member, TarReader

_MOST_PIECES: Final = 4096
# Of headers of one file, those that turned out to be none among them; and of these in the search, which has to look
# in vain for most of them.
_MOST_READS: Final = 4_000_000
_LEAST_SEARCHED: Final = 4_000
_ZEROS: Final = bytes(1 << 20)
_OVER: Final = -1

Order = tuple[Extent, ...]


class _TooManyError(Exception):
    """There are more ways than can be gone, or nobody waits for their end any more."""


class _Where(StrEnum):
    """How a chain of headers ends."""

    BEYOND = "beyond"  # the next one lies behind the bytes that were looked at
    ACROSS = "across"  # the next one, or what belongs to it, is cut off by their end
    OVER = "over"  # the tar's own end
    NOWHERE = "nowhere"  # there is no header where one must be


class _Chain:
    """Goes from header to header. Every read counts."""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self._stopped = stopped
        self._left = _MOST_READS
        self._block = memoryview(bytearray(BLOCK))

    def limit(self, reads: int) -> None:
        self._left = min(self._left, reads)

    def spend(self) -> None:
        """Raises `_TooManyError`."""
        self._left -= 1
        if self._left < 0 or (self._left % 256 == 0 and self._stopped()):
            raise _TooManyError

    def walk(self, data: Volumes, at: int, stop: int) -> tuple[_Where, int]:
        """From the header at `at` on: how it ends before `stop`, and where."""
        while at < stop:
            where, following = self.step(data, at, stop)
            if where is not _Where.BEYOND:
                return where, following
            at = following
        return _Where.BEYOND, at

    def step(self, data: Volumes, at: int, stop: int) -> tuple[_Where, int]:
        """One header with the records before it; BEYOND with the place of the next one."""
        reader, place = TarReader(), at
        while place + BLOCK <= stop:
            self.spend()
            data.read_into(place, self._block)
            if place == at and not self._may_begin():  # dear to find out for the reader, which looks for a reason
                return _Where.NOWHERE, at
            place += BLOCK
            try:
                events = list(reader.feed(self._block))
            except ProblemError:
                return _Where.NOWHERE, at
            if events:
                return _outcome(events[0], place)
        return _Where.ACROSS, at

    def _may_begin(self) -> bool:
        return is_header(bytes(self._block)) or not any(self._block)


def _outcome(event: Member | Chunk | End, place: int) -> tuple[_Where, int]:
    match event:
        case Member(kind=kind, size=size) if kind is not Kind.SPARSE:
            return _Where.BEYOND, place + size + -size % BLOCK
        case End():
            return _Where.OVER, place
        case _:
            return _Where.NOWHERE, place  # how much follows is told elsewhere


def right_order(
    path: Path, size: int, hints: Iterable[int] = (), stopped: Callable[[], bool] = lambda: False
) -> Order | None:
    """None where the headers lie in order already, where no order fits them or several do, or where there are too many
    to be tried. `hints`: lengths that pieces may have.

    Raises what the disk says (`ProblemError`).
    """
    try:
        return _right_order(path, likely_lengths(size, _MOST_PIECES, hints), size, _Chain(stopped))
    except _TooManyError:
        return None


def _right_order(path: Path, lengths: Sequence[int], size: int, chain: _Chain) -> Order | None:
    if not size:
        return None
    as_it_is = (Extent(path, 0, size),)
    if _is_in_order(as_it_is, chain):
        return None
    for extents in (extents for length in lengths for extents in textual(path, size, length)):
        if _is_in_order(extents, chain):
            return extents
    with Volumes([as_it_is]) as merged:
        chain.limit(_LEAST_SEARCHED + size // BLOCK)
        for length in lengths:
            if found := _Search(merged, chain, Puzzle(path, size, length)).run():
                return found.pop() if len(found) == 1 else None
    return None


def _is_in_order(extents: Order, chain: _Chain) -> bool:
    """Whether every header is where the one before it says, nothing but zeros lies behind the last, and no two pieces
    are without a header: of these nobody could say which is the first.
    """
    pieces, at = set[int](), 0
    with Volumes([extents]) as data:
        while True:
            pieces.add(at // extents[0].length)
            where, at = chain.step(data, at, data.size)
            if where is not _Where.BEYOND:
                break
        is_over = where is _Where.OVER and _is_trail(data, at, data.size)
    return is_over and len(pieces) >= len(extents) - 1


class _Way(NamedTuple):
    """Pieces in an order that headers allow; the last of them begins at `start` of the merged file. `at`: where in the
    file to be the next header lies, _OVER behind the end.
    """

    placed: Placed
    start: int
    at: int


class _Search:
    def __init__(self, merged: Volumes, chain: _Chain, puzzle: Puzzle) -> None:
        self._merged = merged
        self._chain = chain
        self._puzzle = puzzle
        self._known: dict[tuple[int, int], tuple[_Where, int]] = {}  # by the piece's start, and where in it

    def run(self) -> set[Order | None]:
        """At most two; None for an order in which not every piece has its place."""
        found: set[Order | None] = set()
        ways = [_Way(self._puzzle.begun(), 0, 0)]
        while ways and len(found) < 2:
            self._chain.spend()
            way = ways.pop()
            if way.at == _OVER and len(way.placed.slots) == self._puzzle.count:
                found.add(self._puzzle.solved(way.placed))
            else:
                ways.extend(self._onward(way))
        return found

    def _onward(self, way: _Way) -> Iterator[_Way]:
        if way.at == _OVER:
            yield from self._trails(way)
            return
        piece, number = way.at // self._puzzle.length, len(way.placed.slots)
        if piece < number:
            yield from self._through(way)
        elif piece < self._puzzle.count:
            for start, placed in self._puzzle.choices(way.placed, piece - number):
                yield from self._through(_Way(placed, start, way.at))

    def _through(self, way: _Way) -> Iterator[_Way]:
        """Through the last piece, in which the next header lies."""
        base, size = self._piece(way)
        where, inner = self._exit(way.start, size, way.at - base)
        match where:
            case _Where.BEYOND:
                yield way._replace(at=base + inner)
            case _Where.OVER:
                if _is_trail(self._merged, way.start + inner, way.start + size):
                    yield way._replace(at=_OVER)
            case _Where.ACROSS:
                yield from self._across(way, inner)

    def _exit(self, start: int, size: int, inner: int) -> tuple[_Where, int]:
        known = self._known.get((start, inner))
        if known is None:
            where, at = self._chain.walk(self._merged, start + inner, start + size)
            known = where, at - start
            if where is not _Where.NOWHERE:  # of these there are many
                self._known[start, inner] = known
        return known

    def _across(self, way: _Way, inner: int) -> Iterator[_Way]:
        """A header, or the long name before it, that is cut by the end of the piece."""
        base, size = self._piece(way)
        path = self._puzzle.path
        for start, placed in self._puzzle.choices(way.placed):
            following = self._puzzle.size_of(len(placed.slots) - 1)
            both = (Extent(path, way.start + inner, size - inner), Extent(path, start, following))
            with Volumes([both]) as data:
                where, at = self._chain.step(data, 0, data.size)
                if where is _Where.BEYOND:
                    yield _Way(placed, start, base + inner + at)
                elif where is _Where.OVER and _is_trail(data, at, data.size):
                    yield _Way(placed, start, _OVER)

    def _trails(self, way: _Way) -> Iterator[_Way]:
        """Zeros behind the end may fill one more piece."""
        for start, placed in self._puzzle.choices(way.placed):
            if _is_trail(self._merged, start, start + self._puzzle.size_of(len(placed.slots) - 1)):
                yield _Way(placed, start, _OVER)

    def _piece(self, way: _Way) -> tuple[int, int]:
        """(where it begins in the file to be, its size) of the last piece."""
        number = len(way.placed.slots) - 1
        return number * self._puzzle.length, self._puzzle.size_of(number)


def _is_trail(data: Volumes, at: int, stop: int) -> bool:
    """What writers fill the last record with."""
    if stop - at > LONGEST_TRAIL:
        return False
    while at < stop:
        count = min(len(_ZEROS), stop - at)
        if data.read(at, count) != _ZEROS[:count]:
            return False
        at += count
    return True
