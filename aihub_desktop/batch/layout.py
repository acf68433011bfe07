"""Which bytes go onto which drive. Pure.

Files go whole onto the first drive that has room for them, the largest first, so that what is left is filled by small
ones. Only what fits nowhere whole, or is more than the file system takes, is cut into portions.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from aihub_desktop.batch.values import Portion
from aihub_desktop.domain.names import clash_key

PAYLOAD: Final = "data"
# Lines in lists, an entry in a folder: what a file takes besides its bytes.
_LINES: Final = 1536
_SMALLEST: Final = 1 << 20  # a portion below this is not worth its file
_LONGEST_NAME: Final = 200  # bytes; with ".portion-0001" and what a copy adds it stays below 255


class File(NamedTuple):
    """`place` is the text of a `SafePath`."""

    place: str
    size: int


@dataclass(slots=True)
class Room:
    """What a drive has left, in bytes. `spare`: kept for the bag's own lists. Rooms of one `drive` share what it has;
    0: a drive for itself.
    """

    free: int
    largest: int | None
    grain: int
    spare: int = 0
    drive: int = 0

    def takes(self, size: int) -> int:
        """What a file of this size takes up."""
        return -(-size // self.grain) * self.grain + _LINES

    @property
    def left(self) -> int:
        """The longest file for which there is room."""
        left = max(0, (self.free - self.spare - _LINES) // self.grain * self.grain)
        return left if self.largest is None else min(left, self.largest)

    def has_room(self, size: int) -> bool:
        return self.free - self.spare >= self.takes(size) and (self.largest is None or size <= self.largest)


class LackError(Exception):
    """The drives have no room for `lack` bytes."""

    def __init__(self, lack: int) -> None:
        super().__init__(lack)
        self.lack = lack


def laid_out(files: Sequence[File], rooms: Sequence[Room]) -> list[tuple[Portion, ...]]:
    """The portions of each file, in its order; their bags are numbers of rooms, from 1. Raises `LackError`."""
    names = Names()
    found: dict[int, tuple[Portion, ...]] = {}
    cut: list[int] = []
    for number in sorted(range(len(files)), key=lambda one: -files[one].size):
        size = files[number].size
        bag = next((at for at, room in enumerate(rooms) if room.has_room(size)), None)
        if bag is None:
            cut.append(number)
            continue
        _fill(rooms, bag, size)
        found[number] = (Portion(bag + 1, names.of(files[number].place), 0, size),)
    lack = 0
    for number in cut:
        cuts, short = _cut(files[number].size, rooms)
        lack += short
        found[number] = tuple(
            Portion(bag + 1, names.of(files[number].place, at), start, stop)
            for at, (bag, start, stop) in enumerate(cuts, 1)
        )
    if lack:
        raise LackError(lack)
    return [found[number] for number in range(len(files))]


def _fill(rooms: Sequence[Room], bag: int, size: int) -> None:
    taken, drive = rooms[bag].takes(size), rooms[bag].drive
    for number, room in enumerate(rooms):
        if number == bag or (drive and room.drive == drive):
            room.free -= taken


def _cut(size: int, rooms: Sequence[Room]) -> tuple[list[tuple[int, int, int]], int]:
    """(room, start, stop) of portions, and how many bytes found no room."""
    cuts, at = [], 0
    for bag, room in enumerate(rooms):
        while at < size:
            length = min(room.left, size - at)
            if length < min(_SMALLEST, size - at):
                break
            _fill(rooms, bag, length)
            cuts.append((bag, at, at + length))
            at += length
    return cuts, size - at if cuts else max(1, size)  # an empty file takes its lines, too


class Names:
    """Names below data/: those of the library, made different where a drive that knows no case would take two for one.

    No "%" is in them: the standard wants it written as %25, and tools differ in reading that.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(map(clash_key, taken))

    def of(self, place: str, number: int = 0) -> str:
        """`number`: of a portion, from 1; 0 for a whole file."""
        folder, _, name = place.replace("%", "_").rpartition("/")
        for name_ in _variants(_shortened(name)):
            shown = f"{name_}.portion-{number:04}" if number else name_
            path = f"{PAYLOAD}/{folder}/{shown}" if folder else f"{PAYLOAD}/{shown}"
            if (key := clash_key(path)) not in self._taken:
                self._taken.add(key)
                return path
        raise AssertionError("variants never end")


def _variants(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}~{number}"
        number += 1


def _shortened(name: str) -> str:
    raw = name.encode()
    if len(raw) <= _LONGEST_NAME:
        return name
    end = f"~{zlib.crc32(raw):08x}"
    return raw[: _LONGEST_NAME - len(end)].decode("utf-8", "ignore") + end
