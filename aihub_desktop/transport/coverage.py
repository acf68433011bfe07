"""Which bytes of a file are there: disjoint pieces in order. Pure."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from itertools import pairwise

from aihub_desktop.domain.model import Piece


def merged(pieces: Iterable[Piece]) -> list[tuple[int, int]]:
    """The spans that the pieces cover together, in order; touching ones are one."""
    spans: list[tuple[int, int]] = []
    for piece in sorted(pieces):
        if spans and piece.start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], piece.stop))
        elif piece.stop > piece.start:
            spans.append((piece.start, piece.stop))
    return spans


def coarser(spans: list[tuple[int, int]], most: int = 200) -> list[tuple[int, int]]:
    """Spans in order, no more than `most`: those that lie nearest to each other are joined. For the eye alone."""
    while len(spans) > most:
        gaps = sorted(after[0] - before[1] for before, after in pairwise(spans))
        near = gaps[len(spans) - most - 1]
        joined = spans[:1]
        for start, stop in spans[1:]:
            if start - joined[-1][1] <= near:
                joined[-1] = (joined[-1][0], stop)
            else:
                joined.append((start, stop))
        spans = joined
    return spans


def latest(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces in order, without those that a later one overlaps: a second claim to a byte ends the first."""
    kept = Coverage()
    for piece in pieces:
        for old in kept.within(piece.start, piece.stop):
            kept.remove(old)
        kept.add(piece)
    return kept.pieces()


class Coverage:
    """Disjoint pieces of one file."""

    def __init__(self, pieces: Iterable[Piece] = ()) -> None:
        self._pieces: list[Piece] = []
        self._bytes = 0
        for piece in pieces:
            self.add(piece)

    @property
    def bytes(self) -> int:
        return self._bytes

    @property
    def stop(self) -> int:
        """Where the last piece ends."""
        return self._pieces[-1].stop if self._pieces else 0

    def pieces(self) -> list[Piece]:
        return list(self._pieces)

    def add(self, piece: Piece) -> None:
        """Raises `ValueError` where the piece is empty or overlaps one that is there."""
        if not 0 <= piece.start < piece.stop or self.within(piece.start, piece.stop):
            raise ValueError(f"{piece.start}-{piece.stop} has no place here")
        insort(self._pieces, piece)
        self._bytes += piece.stop - piece.start

    def remove(self, piece: Piece) -> None:
        """Raises `ValueError` where it is not there."""
        index = self._index(piece.start)
        if index < 0 or self._pieces[index] != piece:
            raise ValueError(f"{piece.start}-{piece.stop} is not here")
        del self._pieces[index]
        self._bytes -= piece.stop - piece.start

    def at(self, offset: int) -> Piece | None:
        """The piece that holds this byte."""
        index = self._index(offset)
        if index >= 0 and self._pieces[index].stop > offset:
            return self._pieces[index]
        return None

    def next_start(self, offset: int) -> int | None:
        """Where the first piece after this byte begins."""
        index = self._index(offset) + 1
        return self._pieces[index].start if index < len(self._pieces) else None

    def within(self, start: int, stop: int) -> list[Piece]:
        """The pieces that share a byte with start ≤ i < stop."""
        index = max(0, self._index(start))
        found = []
        while index < len(self._pieces) and self._pieces[index].start < stop:
            if self._pieces[index].stop > start:
                found.append(self._pieces[index])
            index += 1
        return found

    def is_whole(self, size: int) -> bool:
        """Every byte from 0 to `size` is there, and none beyond."""
        return self._bytes == size and self.stop == size

    def _index(self, offset: int) -> int:
        return bisect_right(self._pieces, offset, key=lambda piece: piece.start) - 1
