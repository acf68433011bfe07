"""A zip read while it arrives: of every entry that can be followed, what its data unpack to. Pure, no I/O.

    local header ─▶ data ─▶ (descriptor) ─▶ local header … ─▶ directory: nothing more is looked at
                     └──▶ portions, to be unpacked by whoever has time: an entry's in order, entries beside each other

What is noted is true whatever else the file holds: "here stands a header with this name, and so many bytes behind it
unpack to that length and that CRC". Whether it is what the directory says is for `ziparchive` to decide, which has to
read nothing again. Where the stream cannot be followed it simply ends; the archive is then read from disk as any other.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Generator
from typing import Final, NamedTuple, TypeVar

import xxhash
from isal import igzip_lib, isal_zlib

from aihub_desktop.archives.inflate import FAILURES, PORTION, Method, at_once, is_small
from aihub_desktop.archives.zipformat import (
    DESCRIPTOR_SIGNATURE,
    LOCAL_SIGNATURE,
    LOCAL_SIZE,
    Local,
    local_length,
    parse_local,
)

# What grows by more than this, all entries so far together, is left to the check, which holds up no network.
_GROWTH: Final = 32
_GROWTH_FREE: Final = 64 << 20
# Packed: below, handing over costs more than it wins. Unpacked at once it takes 8 MB, whatever its header says.
_TINY: Final = 8 << 10
# What is noted of so many takes 160 MB. Of empty entries a stream can bring millions a second, and for ever.
MOST: Final = 4 << 20
# Where the end of the data is not known, what lies behind it is copied: so small steps are taken.
_STEP: Final = 16 << 10
_LOW: Final = 0xFFFFFFFF
# In front of the first header: marks of archives that were to be split.
_MARKS: Final = (b"PK00", b"PK\x07\x08")

T = TypeVar("T")
_UNKNOWN: Final = -1
_DAMAGED: Final = -2
_Steps = Generator[None, None, T]  # stops where it needs more bytes


class Seen:
    """What was noted of each entry, in the order of their offsets; 39 bytes an entry.

    One thread notes; several may `settle` meanwhile. Asked once all have ended.
    """

    def __init__(self) -> None:
        self._starts = array("Q")
        self._names = array("Q")
        self._lengths = array("I")
        self._methods = array("H")
        self._packed = array("Q")
        self._sizes = array("q")
        self._crcs = array("I")
        self._next = 0

    def __len__(self) -> int:
        return len(self._starts)

    def note(self, start: int, local: Local, packed: int, size: int = _UNKNOWN, crc: int = 0) -> int:
        """An entry with its header at `start`, behind all that were noted before. Returns its number."""
        self._starts.append(start)
        self._names.append(_short(local.name))
        self._lengths.append(local.length)
        self._methods.append(local.method)
        self._packed.append(packed)
        self._sizes.append(size)
        self._crcs.append(crc)
        return len(self._starts) - 1

    def settle(self, number: int, size: int, crc: int) -> None:
        """What was not known of an entry when it was noted."""
        self._crcs[number] = crc
        self._sizes[number] = size

    def find(self, start: int) -> int | None:
        """The number of the entry whose header begins there."""
        number = self._next
        if not (number < len(self._starts) and self._starts[number] == start):
            number = bisect_left(self._starts, start)
        if number < len(self._starts) and self._starts[number] == start:
            self._next = number + 1  # directories have the order of their entries, nearly always
            return number
        return None

    def header(self, number: int, name: bytes, method: int) -> int | None:
        """The length of its header, None where that names another entry or method."""
        same = self._names[number] == _short(name) and self._methods[number] == method
        return self._lengths[number] if same else None

    def damage(self, number: int) -> None:
        """What was not known of an entry when it was noted: it cannot be unpacked, or not to what its header says."""
        self._sizes[number] = _DAMAGED

    def is_open(self, number: int) -> bool:
        """Whether nothing was found out of what it unpacks to."""
        return self._sizes[number] == _UNKNOWN

    def unpacks_to(self, number: int, packed: int, size: int, crc: int) -> bool:
        """Whether it was seen that `packed` bytes behind the header unpack to this."""
        return (self._packed[number], self._sizes[number], self._crcs[number]) == (packed, size, crc)


class Portion(NamedTuple):
    """Data of a deflated entry. Portions of the same `entry` in their order, others in any, and by any thread."""

    entry: Deflated
    data: memoryview

    def unpack(self) -> None:
        self.entry.take(self.data)


class ZipStream:
    """Fed with the bytes of a file in their order, from the first on, cut in any way. Notes `most` entries."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self.seen = Seen()  # complete once all portions are unpacked
        self._view = memoryview(b"")  # what was fed
        self._place = 0  # how far it was read
        self._base = 0  # where it begins in the file
        self._portions: list[Portion] = []
        self._room = _GROWTH_FREE  # so much may come out of the next entry beyond its own share
        self._reading: _Steps[None] | None = self._archive()
        next(self._reading)

    def feed(self, view: memoryview) -> list[Portion]:
        """What is still to be unpacked of it; of `view` nothing else is kept."""
        if self._reading is None:
            return []
        self._view, self._place = view, 0
        try:
            next(self._reading)
        except (StopIteration, *FAILURES):
            self._reading = None
        self._view, self._place = memoryview(b""), 0
        self._base += len(view)
        portions, self._portions = self._portions, []
        return portions

    @property
    def is_over(self) -> bool:
        """Nothing more is looked at: the directory has come, or it cannot be followed."""
        return self._reading is None

    @property
    def _at(self) -> int:
        return self._base + self._place

    def _archive(self) -> _Steps[None]:
        head = yield from self._exactly(4)
        if head in _MARKS:
            head = yield from self._exactly(4)
        while head == LOCAL_SIGNATURE and len(self.seen) < self._most:
            start = self._at - 4
            head += yield from self._exactly(LOCAL_SIZE - 4)
            local = parse_local(head + (yield from self._exactly(local_length(head) - LOCAL_SIZE)))
            if not (yield from self._entry(start, local)):
                return
            head = yield from self._exactly(4)

    def _entry(self, start: int, local: Local) -> _Steps[bool]:
        """False where it cannot be known what follows it."""
        is_deflated = local.method == Method.DEFLATED and not local.is_encrypted
        if local.has_descriptor:
            return is_deflated and (yield from self._described(start, local))
        if local.method == Method.STORED and not local.is_encrypted:
            self.seen.note(start, local, local.packed, local.packed, (yield from self._stored(local.packed)))
            return True
        number = self.seen.note(start, local, local.packed)
        if not is_deflated or not self._may_grow(local):
            yield from self._skip(local.packed)
        elif local.packed:
            yield from self._deflated(Deflated(self.seen, number, local))
        else:
            self.seen.settle(number, 0, 0)
        return True

    def _may_grow(self, local: Local) -> bool:
        left = min(_GROWTH_FREE, self._room) + _GROWTH * local.packed - local.size
        if left >= 0:
            self._room = left
        return left >= 0

    def _deflated(self, entry: Deflated) -> _Steps[None]:
        while entry.left:
            portion = Portion(entry, (yield from self._some(entry.left)))
            entry.left -= len(portion.data)
            if entry.packed <= _TINY and entry.packed == len(portion.data):
                portion.unpack()
            else:
                self._portions.append(portion)

    def _stored(self, size: int) -> _Steps[int]:
        crc = 0
        while size:
            part = yield from self._some(size)
            crc = isal_zlib.crc32(part, crc)
            size -= len(part)
        return crc

    def _described(self, start: int, local: Local) -> _Steps[bool]:
        """A deflated entry whose end is not known, unpacked by the way. False where its descriptor is not as it is."""
        unpacking, began = _Unpacking(), self._at
        while not unpacking.at_end:
            unpacking.take((yield from self._some(_STEP)))
            if unpacking.size > _GROWTH_FREE + _GROWTH * (self._at - began):
                return False
        self._place -= unpacking.surplus
        packed = self._at - began
        self.seen.note(start, local, packed, unpacking.size, unpacking.crc)
        return (yield from self._descriptor(local, packed, unpacking))

    def _descriptor(self, local: Local, packed: int, unpacking: _Unpacking) -> _Steps[bool]:
        """What follows the data of an entry whose header did not know them. False where it is something else."""
        crc, size = unpacking.crc, unpacking.size
        head = yield from self._exactly(4)
        if head == DESCRIPTOR_SIGNATURE:
            head = yield from self._exactly(4)
        if head != crc.to_bytes(4, "little"):
            return False
        sizes = yield from self._exactly(8)
        if sizes == struct.pack("<2L", packed & _LOW, size & _LOW) and (size or not local.is_wide):
            return True
        return sizes == struct.pack("<Q", packed) and (yield from self._exactly(8)) == struct.pack("<Q", size)

    def _some(self, most: int) -> _Steps[memoryview]:
        """The next bytes, at least one."""
        while self._place == len(self._view):
            yield
        part = self._view[self._place : self._place + most]
        self._place += len(part)
        return part

    def _exactly(self, size: int) -> _Steps[bytes]:
        found = b""
        while len(found) < size:
            found += yield from self._some(size - len(found))
        return found

    def _skip(self, size: int) -> _Steps[None]:
        while size:
            size -= len((yield from self._some(size)))


class Deflated:
    """An entry whose header told how long its data are, and what they may unpack to."""

    def __init__(self, seen: Seen, number: int, local: Local) -> None:
        self.packed = local.packed
        self.left = local.packed  # bytes of which no portion was made yet
        self._seen = seen
        self._number = number
        self._size = local.size
        self._ahead = local.packed  # bytes that were not unpacked yet
        self._unpacking: _Unpacking | None = None
        self._is_lost = False

    def take(self, data: memoryview) -> None:
        """What is damaged, or grows beyond what the header says, is not settled."""
        if self._is_lost:
            return
        self._ahead -= len(data)
        if self._unpacking is None:
            if not self._ahead and self._at_once(data):
                return
            self._unpacking = _Unpacking(self._size)
        try:
            self._unpacking.take(data)
        except FAILURES:
            self._is_lost, self._unpacking = True, None
            self._seen.damage(self._number)
            return
        if not self._ahead:
            self._seen.settle(self._number, self._unpacking.size, self._unpacking.crc)
            self._unpacking = None

    def _at_once(self, data: memoryview) -> bool:
        content = at_once(Method.DEFLATED, data, self._size) if is_small(self.packed, self._size) else None
        if content is None:
            return False
        self._seen.settle(self._number, len(content), isal_zlib.crc32(content))
        return True


class _Unpacking:
    """Deflated data, to their length and CRC."""

    def __init__(self, most: int | None = None) -> None:
        """`most`: bytes that they may come to."""
        self._decoder = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_DEFLATE)
        self._most = most
        self.size = 0
        self.crc = 0

    @property
    def at_end(self) -> bool:
        return self._decoder.eof

    @property
    def surplus(self) -> int:
        """Bytes of the last part that lie behind the end."""
        return len(self._decoder.unused_data)

    def take(self, part: memoryview) -> None:
        """What lies behind the end counts for nothing. Raises one of `FAILURES`."""
        data: memoryview | bytes = part
        while not self.at_end:
            portion = self._decoder.decompress(data, PORTION)
            self.size += len(portion)
            self.crc = isal_zlib.crc32(portion, self.crc)
            if self._most is not None and self.size > self._most:
                raise ValueError("longer than stated")
            if self._decoder.needs_input:
                return
            data = b""


def _short(name: bytes) -> int:
    return xxhash.xxh3_64_intdigest(name)
