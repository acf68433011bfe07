"""A zip read while it arrives: of every entry that can be followed, what its data unpack to. Pure, no I/O.

    local header ─▶ data ─▶ (descriptor) ─▶ local header … ─▶ directory: nothing more is looked at

What is noted is true whatever else the file holds: "here stands a header with this name, and so many bytes behind it
unpack to that length and that CRC". Whether it is what the directory says is for `ziparchive` to decide, which has to
read nothing again. Where the stream cannot be followed it simply ends; the archive is then read from disk as any other.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Generator
from typing import Final, TypeVar

import xxhash
from isal import igzip_lib, isal_zlib

from aihub_desktop.archives.inflate import FAILURES, PORTION, Method
from aihub_desktop.archives.zipformat import (
    DESCRIPTOR_SIGNATURE,
    LOCAL_SIGNATURE,
    LOCAL_SIZE,
    Local,
    local_length,
    parse_local,
)

# An entry that grows by more than this is left to the check, which holds up no network.
_GROWTH: Final = 32
_GROWTH_FREE: Final = 64 << 20
# What is noted of so many takes 160 MB. Of empty entries a stream can bring millions a second, and for ever.
MOST: Final = 4 << 20
# Where the end of the data is not known, what lies behind it is copied: so small steps are taken.
_STEP: Final = 16 << 10
_LOW: Final = 0xFFFFFFFF
# In front of the first header: marks of archives that were to be split.
_MARKS: Final = (b"PK00", b"PK\x07\x08")

T = TypeVar("T")
_Steps = Generator[None, None, T]  # stops where it needs more bytes


class Seen:
    """What was noted of each entry, in the order of their offsets; 39 bytes an entry."""

    def __init__(self) -> None:
        self._starts = array("Q")
        self._names = array("Q")
        self._lengths = array("I")
        self._methods = array("H")
        self._packed = array("Q")
        self._sizes = array("q")  # -1: not unpacked
        self._crcs = array("I")
        self._next = 0

    def __len__(self) -> int:
        return len(self._starts)

    def note(self, start: int, local: Local, packed: int, size: int, crc: int) -> None:
        """An entry with its header at `start`, behind all that were noted before."""
        self._starts.append(start)
        self._names.append(_short(local.name))
        self._lengths.append(local.length)
        self._methods.append(local.method)
        self._packed.append(packed)
        self._sizes.append(size)
        self._crcs.append(crc)

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

    def unpacks_to(self, number: int, packed: int, size: int, crc: int) -> bool:
        """Whether it was seen that `packed` bytes behind the header unpack to this."""
        return (self._packed[number], self._sizes[number], self._crcs[number]) == (packed, size, crc)


class ZipStream:
    """Fed with the bytes of a file in their order, from the first on, cut in any way. Notes `most` entries."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self.seen = Seen()
        self._view = memoryview(b"")  # what was fed
        self._place = 0  # how far it was read
        self._base = 0  # where it begins in the file
        self._reading: _Steps[None] | None = self._archive()
        next(self._reading)

    def feed(self, view: memoryview) -> None:
        """Nothing of `view` is kept."""
        if self._reading is None:
            return
        self._view, self._place = view, 0
        try:
            next(self._reading)
        except (StopIteration, *FAILURES):
            self._reading = None
        self._view, self._place = memoryview(b""), 0
        self._base += len(view)

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
        if local.method == Method.DEFLATED and not local.is_encrypted:
            return (yield from self._deflated(start, local))
        if local.has_descriptor:
            return False
        size, crc = -1, 0
        if local.method == Method.STORED and not local.is_encrypted:
            size, crc = local.packed, (yield from self._stored(local.packed))
        else:
            yield from self._skip(local.packed)
        self.seen.note(start, local, local.packed, size, crc)
        return True

    def _stored(self, size: int) -> _Steps[int]:
        crc = 0
        while size:
            part = yield from self._some(size)
            crc = isal_zlib.crc32(part, crc)
            size -= len(part)
        return crc

    def _deflated(self, start: int, local: Local) -> _Steps[bool]:
        unpacking = _Unpacking()
        began, left = self._at, local.packed
        while not unpacking.at_end and (left or local.has_descriptor):
            part = yield from self._some(_STEP if local.has_descriptor else left)
            left -= len(part)
            if not unpacking.take(part):
                return False
        if not local.has_descriptor:
            yield from self._skip(left)
            self.seen.note(start, local, local.packed, unpacking.size, unpacking.crc)
            return True
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


class _Unpacking:
    """The data of one deflated entry."""

    def __init__(self) -> None:
        self._decoder = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_DEFLATE)
        self._packed = 0
        self.size = 0
        self.crc = 0

    @property
    def at_end(self) -> bool:
        return self._decoder.eof

    @property
    def surplus(self) -> int:
        """Bytes of the last part that lie behind the end."""
        return len(self._decoder.unused_data)

    def take(self, part: memoryview) -> bool:
        """False where it grows too much. Raises one of `FAILURES`."""
        self._packed += len(part)
        data: memoryview | bytes = part
        while True:
            portion = self._decoder.decompress(data, PORTION)
            self.size += len(portion)
            self.crc = isal_zlib.crc32(portion, self.crc)
            if self.size > _GROWTH_FREE + _GROWTH * self._packed:
                return False
            if self._decoder.eof or self._decoder.needs_input:
                return True
            data = b""


def _short(name: bytes) -> int:
    return xxhash.xxh3_64_intdigest(name)
