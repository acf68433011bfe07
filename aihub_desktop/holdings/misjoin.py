"""The right order of a zip whose pieces were joined in a wrong one.

The official script's pieces are NAME.part<byte offset>. A shell that sorts them as text joins .part10737418240 before
.part2147483648, so that from the eleventh piece of 1 GiB on the file is wrong: every byte is there, in another place.

    merged   | 0 | 1 | 10 | 11 | 12 | 2 | 3 | …        the last piece, which is shorter, ends somewhere in the middle:
                            end record ▲                there stands the zip's end record

First the order of text is tried with the usual length of a piece. Then the end record is looked for; it gives the
length of the pieces, and the directory before it says which local header belongs into which piece.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from aihub_desktop.archives.volumes import Extent, Volumes
from aihub_desktop.archives.zipdirectory import find_directory
from aihub_desktop.archives.zipformat import END64_SIZE, END_SIZE, LOCAL_SIGNATURE, LOCAL_SIZE, LOCATOR_SIZE, parse_end
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.holdings.cuts import MOST_PIECES, SMALLEST, USUAL_PIECES, Cut, Order, textual
from aihub_desktop.holdings.zipseams import Fit, Landmark, fit, landmarks, last_volume

_MOST_ENDS: Final = 64
_MOST_HEADERS: Final = 65_536
_MOST_ORDERS: Final = 4
_MARKS_A_PIECE: Final = 4
_BLOCK: Final = 4 << 20
_END: Final = b"PK\x05\x06"
_FULL: Final = 0xFFFFFFFF  # the place of the directory is told by a zip64 record


def right_orders(
    path: Path, size: int, hints: Iterable[int] = (), stopped: Callable[[], bool] = lambda: False
) -> list[tuple[Extent, ...]]:
    """The file's bytes in their right order; several where headers do not tell which, none where no order fits them.

    `hints`: lengths that pieces may have. That the CRCs are right is still to be proved. Raises what the disk says
    (`ProblemError`).
    """
    with Volumes([(Extent(path, 0, size),)]) as merged:
        for length in dict.fromkeys([*hints, *USUAL_PIECES]):
            if found := list(_textual(path, size, length)):
                return found
        return _searched(path, merged, stopped)


def _searched(path: Path, merged: Volumes, stopped: Callable[[], bool]) -> list[tuple[Extent, ...]]:
    """Of pieces of an unknown length. With few headers a wrong length may fit too, so all are tried."""
    found: dict[tuple[Extent, ...], None] = {}
    lengths = list(_lengths(merged.size, _Marks(merged, stopped)))
    for length, last in sorted(lengths, key=lambda one: one[0].bit_count() != 1):  # powers of two are likelier
        if stopped() or len(found) >= _MOST_ORDERS:
            break
        found |= dict.fromkeys(_textual(path, merged.size, length))
        found |= dict.fromkeys(_by_headers(path, merged, Cut(merged.size, length, last)))
    return list(found)[:_MOST_ORDERS]


def _textual(path: Path, size: int, length: int) -> Iterator[tuple[Extent, ...]]:
    return (extents for extents in textual(path, size, length) if _fits(extents))


def _fits(extents: tuple[Extent, ...]) -> bool:
    return fit(extents) in (Fit.RIGHT, Fit.SPLIT)


class _Marks:
    """Where end records and local headers stand in the merged file: it is read once, for both."""

    def __init__(self, merged: Volumes, stopped: Callable[[], bool]) -> None:
        self.merged = merged
        self.ends: list[int] = []  # where the archive would end
        self.headers: list[int] = []
        buffer = memoryview(bytearray(_BLOCK))
        carried = b""
        for at, part in merged.blocks(0, merged.size, buffer):
            if stopped():
                return
            # A signature may lie across two blocks.
            data = carried + bytes(part)
            self._search(data, at - len(carried))
            carried = data[-3:]

    def _search(self, data: bytes, base: int) -> None:
        for place in _places(data, _END):
            if len(self.ends) < _MOST_ENDS and (stop := self._end(base + place)) is not None:
                self.ends.append(stop)
        for place in _places(data, LOCAL_SIGNATURE):
            if len(self.headers) >= _MOST_HEADERS:
                break
            self.headers.append(base + place)

    def _end(self, at: int) -> int | None:
        """Where the file would end if this is its own end record and not that of a zip within it."""
        if at + END_SIZE > self.merged.size:
            return None
        record = self.merged.read(at, END_SIZE)
        end, behind = parse_end(record), END_SIZE + int.from_bytes(record[20:22], "little")
        # Between the directory and this record there may be the two of a zip64.
        rest = self.merged.size - end.offset - end.size - behind
        is_own = end.offset == _FULL or rest in (0, LOCATOR_SIZE + END64_SIZE)
        return at + behind if is_own and at + behind <= self.merged.size else None


def _places(data: bytes, signature: bytes) -> Iterator[int]:
    at = data.find(signature)
    while at >= 0:
        yield at
        at = data.find(signature, at + 1)


def _lengths(size: int, marks: _Marks) -> Iterator[tuple[int, int]]:
    """(length of the pieces, slot of the last one) that the places of the end records allow."""
    for end in reversed(marks.ends):
        if end == size:
            for length in _by_distances(size, marks):
                yield length, -(-size // length) - 1
            continue
        behind = size - end  # so many whole pieces lie behind the last one
        for number in range(1, min(MOST_PIECES, behind // SMALLEST) + 1):
            if behind % number == 0:
                length = behind // number
                before = (end - 1) // length
                if before + number + 1 <= MOST_PIECES:
                    yield length, before


def _by_distances(size: int, marks: _Marks) -> Iterator[int]:
    """The last piece is at the end: whole pieces changed places, so headers lie whole pieces off their own."""
    try:
        directory = find_directory(marks.merged)
        wanted = {mark.name: mark.offset for mark in landmarks(marks.merged, directory)}
    except ProblemError as error:
        if error.problem.code is not Code.BAD_ARCHIVE:
            raise
        # It reaches into the piece before, which lies elsewhere. Lengths are powers of two nearly always.
        yield from (1 << bits for bits in range(40, 11, -1) if 1 << bits < size)
        return
    distance = 0
    for at in marks.headers:
        if (offset := wanted.get(_name_at(marks.merged, at))) is not None:
            distance = math.gcd(distance, abs(at - offset))
    # Where every piece moved by two places or more, the distance is a multiple of the length.
    lengths = (distance // number for number in range(1, 65) if distance and distance % number == 0)
    yield from (length for length in lengths if SMALLEST <= length < size)


def _name_at(merged: Volumes, at: int) -> bytes:
    """The name in the local header at this place, b"" where it is cut off."""
    if at + LOCAL_SIZE > merged.size:
        return b""
    length = int.from_bytes(merged.read(at + 26, 2), "little")
    return merged.read(at + LOCAL_SIZE, min(length, merged.size - at - LOCAL_SIZE))


def _by_headers(path: Path, merged: Volumes, cut: Cut) -> Iterator[tuple[Extent, ...]]:
    """Each piece is where its local headers are."""
    for known in _with_directory(path, cut):
        order = _assigned(merged, cut, *known)
        if order is not None and _fits(extents := cut.extents(path, order)):
            yield extents


def _with_directory(path: Path, cut: Cut) -> Iterator[tuple[dict[int, int], list[Landmark]]]:
    """(slots of pieces, what the directory says), for each way to read the directory at the file's end.

    It lies in the last piece, or reaches into the one before, of which each slot is tried.
    """
    last, before = cut.count - 1, cut.count - 2
    tail = Extent(path, cut.start(cut.last), cut.rest)
    if (found := _landmarks(path, last * cut.length, (tail,))) is not None:
        yield {last: cut.last}, found
        return
    for slot in range(cut.count) if cut.count > 1 else ():
        if slot != cut.last:
            longer = (Extent(path, cut.start(slot), cut.length), tail)
            if (found := _landmarks(path, before * cut.length, longer)) is not None:
                yield {last: cut.last, before: slot}, found


def _landmarks(path: Path, ahead: int, tail: tuple[Extent, ...]) -> list[Landmark] | None:
    """What the directory says, if all of it lies in `tail`. Of what is ahead only the length counts."""
    try:
        with last_volume([Extent(path, 0, ahead), *tail]) as data:
            directory, own = find_directory(data), len(data.starts) - 1
            found = [mark for mark in landmarks(data, directory) if mark.volume == own]
            return found if directory.start >= ahead else None
    except ProblemError as error:
        if error.problem.code is not Code.BAD_ARCHIVE:
            raise
        return None


def _assigned(merged: Volumes, cut: Cut, known: dict[int, int], marks: list[Landmark]) -> Order | None:
    """The slot of each piece, None where a piece is nowhere. Pieces without a header of their own fill what is left."""
    inside: dict[int, list[Landmark]] = defaultdict(list)
    for mark in marks:
        piece, inner = divmod(mark.offset, cut.length)
        if len(inside[piece]) < _MARKS_A_PIECE and inner + LOCAL_SIZE + len(mark.name) <= cut.length:
            inside[piece].append(Landmark(inner, mark.name))
    order = dict(known)
    free = [slot for slot in range(cut.count) if slot not in order.values()]
    for piece in range(cut.count - 1):
        if piece in order or not inside.get(piece):
            continue
        slot = next((slot for slot in free if _holds(merged, cut.start(slot), inside[piece])), None)
        if slot is None:
            return None
        free.remove(slot)
        order[piece] = slot
    # In the order in which they lie: of several without a header the check of the CRCs has the last word.
    order |= dict(zip((piece for piece in range(cut.count) if piece not in order), free, strict=True))
    return [order[piece] for piece in range(cut.count)]


def _holds(merged: Volumes, start: int, marks: Sequence[Landmark]) -> bool:
    return all(mark.stands_at(merged, start + mark.offset) for mark in marks)
