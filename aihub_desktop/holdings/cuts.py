"""How a file may have been cut into pieces, and the orders in which these may have been joined.

All pieces are of one length but for the last, which may be shorter, so where it came to lie moves those behind it:

    merged   | 0 | 1 | 10 | 11 | 2 | 3 | …      slots of one length, then the rest of the file in slot 3 (of piece 11),
                            ▲                   then slots of one length again
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from aihub_desktop.archives.volumes import Extent

# The hub's own.
USUAL_PIECES: Final = (1 << 30,)
# Below this a number behind ".part" is no offset (`routing`).
SMALLEST: Final = 4096
MOST_PIECES: Final = 50_000

Order = list[int]  # the slot in the merged file of each piece


class Cut:
    """A file cut into pieces of one length, the last of which, shorter or not, came to lie at slot `last`."""

    def __init__(self, size: int, length: int, last: int) -> None:
        self.length, self.last = length, last
        self.count = -(-size // length)
        self.rest = size - (self.count - 1) * length

    def start(self, slot: int) -> int:
        """Where the piece in this slot begins in the merged file."""
        return slot * self.length if slot <= self.last else (slot - 1) * self.length + self.rest

    def extents(self, path: Path, order: Sequence[int]) -> tuple[Extent, ...]:
        """`order[k]` is the slot of piece k."""
        sizes = [self.length] * (self.count - 1) + [self.rest]
        return tuple(Extent(path, self.start(slot), size) for slot, size in zip(order, sizes, strict=True))


def textual_orders(count: int, length: int) -> Iterator[Order]:
    """The slots of the pieces where their names were sorted as text: by byte offset, and by number if that differs."""
    orders = [sorted(range(count), key=lambda piece: str(piece * unit)) for unit in (length, 1)]
    for as_text in orders if orders[0] != orders[1] else orders[:1]:
        if as_text != list(range(count)):
            order = [0] * count
            for slot, piece in enumerate(as_text):
                order[piece] = slot
            yield order


def textual(path: Path, size: int, length: int) -> Iterator[tuple[Extent, ...]]:
    """What a merge in the order of text would have to be read as. Nothing for a length that no piece has."""
    if SMALLEST <= length < size and -(-size // length) <= MOST_PIECES:
        for order in textual_orders(-(-size // length), length):
            yield Cut(size, length, order[-1]).extents(path, order)


def likely_lengths(size: int, most_pieces: int, hints: Iterable[int] = ()) -> list[int]:
    """Those that may be meant, the hub's, then powers of two, the longer first. What was cut into longer pieces can be
    put right in halves of them, too.
    """
    powers = [1 << bits for bits in range(40, 15, -1)]
    return [
        length for length in dict.fromkeys([*hints, *USUAL_PIECES, *powers]) if length < size <= length * most_pieces
    ]


class Placed(NamedTuple):
    """The slots of the first pieces, None where any will do, and between which slots the last piece lies."""

    slots: tuple[int | None, ...]
    low: int
    high: int


class Puzzle:
    """The pieces of a file, put in order one after the other while it is not known yet where the last one lies."""

    def __init__(self, path: Path, size: int, length: int) -> None:
        self.path, self._size = path, size
        self.length = length
        self.count = -(-size // length)
        self.rest = size - (self.count - 1) * length
        self._shift = length - self.rest

    def begun(self) -> Placed:
        return Placed((), 0, self.count - 1)

    def size_of(self, piece: int) -> int:
        return self.rest if piece == self.count - 1 else self.length

    def choices(self, placed: Placed, skipped: int = 0) -> Iterator[tuple[int, Placed]]:
        """(where the next piece would begin in the merged file, what is placed then), the likeliest first. `skipped`:
        pieces before it of which any will do.
        """
        before = placed.slots + (None,) * skipped
        if len(before) >= self.count:
            return
        used, following = set(placed.slots), (before[-1] if before and before[-1] is not None else -1) + 1
        for turn in range(self.count):
            slot = (following + turn) % self.count  # mostly it lies behind the one before
            if slot not in used:
                for start, low, high in self._variants(slot, placed, is_last=len(before) == self.count - 1):
                    yield start, Placed((*before, slot), low, high)

    def _variants(self, slot: int, placed: Placed, *, is_last: bool) -> Iterator[tuple[int, int, int]]:
        start, low, high = slot * self.length, placed.low, placed.high
        if not self._shift:
            yield start, low, high
        elif is_last:
            if low <= slot <= high:
                yield start, slot, slot
        else:
            if slot < high:
                yield start, max(low, slot + 1), high
            if slot > low:
                yield start - self._shift, low, min(high, slot - 1)

    def solved(self, placed: Placed) -> tuple[Extent, ...] | None:
        """None where more than one piece could lie anywhere, or pieces are in one another's way."""
        slots = list(placed.slots) + [None] * (self.count - len(placed.slots))
        free = sorted(set(range(self.count)) - set(slots))
        if len(free) > 1 or (free and slots.count(None) != 1):
            return None
        order = [free[0] if slot is None else slot for slot in slots]
        if self._shift and not placed.low <= order[-1] <= placed.high:
            return None
        return Cut(self._size, self.length, order[-1]).extents(self.path, order)
